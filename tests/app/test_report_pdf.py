"""The daily report on paper says what /daily says, with letters that are in the file."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pypdfium2
import pytest
from fastapi.testclient import TestClient
from msgspec.structs import replace

from app import report_fonts
from app.centre import Centre
from app.labels import WORDS, Lang, word
from app.pages import daily as page
from app.report import Printed, collected
from app.report_fonts import BOLD, FILES, REGULAR, width
from app.report_paper import wrapped
from app.report_pdf import pdf, said
from app.views import daily
from app.views.report import Report
from streams.errors import Refused
from streams.model import State
from tests.app.conftest import alert, report
from tests.app.test_views import a_case, a_report


def read(made: bytes) -> tuple[list[str], Any]:
    """The text of every page, without spaces, and the document."""
    found = pypdfium2.PdfDocument(made)
    return [re.sub(r"\s", "", each.get_textpage().get_text_range()) for each in found], found


def cases(many: int, **fields: object) -> Report:
    """A report of that many cases."""
    return a_report([replace(a_case(**fields), no=f"GP-20261118-{n:04d}") for n in range(many)])


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_paper_says_what_the_page_says(lang: Lang) -> None:
    """Sentence, six figures, sums, rates, what is overdue: every text of the page is on paper, each number too."""
    shown = replace(cases(9), lang=lang, hash="ab" * 32, sealed=12)
    pages, _ = read(pdf(Printed(shown, 3)))
    text = "".join(pages)
    spoken = [said(daily.headline(shown)), said(daily.foot(shown).children[0])]
    spoken += [said(part) for cell in daily.kpis(shown).children for part in cell.children]
    for each in spoken:
        for line in each.split("\n"):
            assert re.sub(r"\s", "", line) in text
    assert "ab" * 32 in text
    for key in ("cohort_came_in", "cohort_fell_due", "cohort_closed"):
        assert re.sub(r"\s", "", word(key, lang)) in text, "each figure names its cohort"
    assert ("第3版" if lang == "zh" else "version3") in text


def test_every_page_has_its_number_and_nothing_outside_its_margins() -> None:
    """A4; what is drawn stays inside the margins, also where tables go on over the page."""
    shown = a_report([replace(a_case(), no=f"GP-{n}", grid=f"G{n}") for n in range(30)])
    many = {f"G{n}": f"很长的网格名称第{n}网格" for n in range(30)} | {"dept": "部门"}
    pages, document = read(pdf(Printed(replace(shown, names=many), 0)))
    assert len(pages) > 1
    for n, text in enumerate(pages, 1):
        assert f"第{n}页/共{len(pages)}页" in text
        assert tuple(round(each) for each in document[n - 1].get_size()) == (595, 842)
        drawn = [each.get_bounds() for each in document[n - 1].get_objects()]
        assert drawn
        assert min(each[0] for each in drawn) >= 42
        assert max(each[2] for each in drawn) <= 595 - 42


def test_the_letters_are_in_the_file() -> None:
    """Every font of the PDF is embedded, so it looks the same where no Chinese font is installed."""
    made = pdf(Printed(cases(3), 0))
    assert made.count(b"/FontFile2") >= 2
    assert made.count(b"/FontFile2") == made.count(b"/Type /FontDescriptor")
    assert len(made) < 500_000


def test_a_day_without_cases_is_a_report_too() -> None:
    """It says so, with dashes for what has no value."""
    pages, _ = read(pdf(Printed(a_report([]), 0)))
    assert "这一天没有案件" in pages[0]
    assert "当日没有到期案件" in pages[0]


@pytest.mark.parametrize("state", list(State), ids=lambda state: str(state.value))
def test_a_case_in_any_state_can_be_printed(state: State) -> None:
    """Whatever the views show for it."""
    assert pdf(Printed(cases(2, state=state), 0)).startswith(b"%PDF")


def test_our_fonts_have_every_word_of_the_pages() -> None:
    """No word of the product can be printed as a missing letter, in either weight; nor a name of GB 2312."""
    fonts = report_fonts._fonts()
    signs = {sign for both in WORDS.values() for text in both for sign in text if sign.isprintable()}
    for name in FILES:
        lacking = {sign for sign in signs if ord(sign) not in fonts[name].face.charToGlyph}
        assert not lacking, name
    for sign in "堃喆珺赟瀚望海镇柘汪":
        assert ord(sign) in fonts[REGULAR].face.charToGlyph


def test_a_sign_that_bold_lacks_is_taken_from_regular() -> None:
    """And one that nobody has is a mark, never an error or a gap."""
    assert report_fonts.runs("望堃", BOLD) == [(BOLD, "望"), (REGULAR, "堃")]
    assert "".join(text for _, text in report_fonts.runs("a\U0001f600b\x07", REGULAR)) in ("a〓b ", "a\U0001f600b ")


def test_lines_break_where_a_reader_expects_it() -> None:
    """Chinese anywhere but before a closing sign, Latin at spaces; a long hash is cut; nothing is lost."""
    text = "流入 120 件，派遣 71 件，结案 24 件。Closed on time " + "ab12" * 30
    lines = wrapped(text, REGULAR, 10, 120)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(width(line, REGULAR, 10) <= 132 for line in lines)
    assert not any(line[0] in "，。" for line in lines)


def test_the_server_gives_the_pdf_of_its_day(
    centre: Centre, web: TestClient, as_role: Callable[[str], dict[str, str]], open_now: None
) -> None:
    """To who may see /daily, with its figures; a day that is not kept is refused, not replaced by another."""
    for each in (report(), alert()):
        assert web.post("/api/v1/events", json=each, headers=as_role("operator")).status_code < 300
    today = centre.now().astimezone(centre.settings.tz).date()
    leader = as_role("leader")
    answer = web.get(f"/api/v1/daily.pdf?day={today}&lang=zh", headers=leader)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert f"gridpost-{centre.settings.site}-daily-{today}.pdf" in answer.headers["content-disposition"]
    text = "".join(read(answer.content)[0])
    assert re.sub(r"\s", "", said(daily.headline(page.collect(today, "zh"))).split("\n")[0]) in text
    assert web.get("/api/v1/daily.pdf").status_code == 401
    refused = web.get(f"/api/v1/daily.pdf?day={today + timedelta(days=1)}", headers=leader)
    assert refused.status_code == 422
    assert refused.json()["error"] == "unknown_day"
    with pytest.raises(Refused, match="there is no report of"):
        collected(today - timedelta(days=400), "zh")


def test_the_page_offers_the_day_as_files(centre: Centre, open_now: None) -> None:
    """PDF, Excel and CSV of the very day, in the language of the page."""
    today = centre.now().astimezone(centre.settings.tz).date()
    day = today - timedelta(days=2)
    links = [each.href for each in page.exports(day, "en").children[1].children]
    assert links == [
        f"/api/v1/daily.pdf?day={day}&lang=en",
        f"/api/v1/export/cases.xlsx?from={day}&to={day}&lang=en",
        f"/api/v1/export/cases.csv?from={day}&to={day}&lang=en",
    ]
