"""The views are pure: a model in, components out."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import msgspec
import pytest
from dash.development.base_component import Component

from app.accounts import Viewer
from app.labels import WORDS, Lang, dictionary, word
from app.pages import desk
from app.views import candidates, case, daily, daily_charts, daily_tables, frame
from app.views import map as map_view
from app.views.directory import directory
from app.views.look import Look
from app.views.report import Report, ahead_of
from geo.grids import load
from streams import assignment, recommend, scoring
from streams.matters import load_matters
from streams.model import Case, Clock, Entry, Patrol, State
from streams.organisation import load_organisation
from streams.recommend import Candidate, Reason
from streams.register import load_register

ROOT = Path(__file__).resolve().parents[2]
TOWN = ROOT / "data" / "towns" / "wanghai"
TZ = ZoneInfo("Asia/Shanghai")
NOON = int(datetime(2026, 11, 18, 12, tzinfo=TZ).timestamp() * 1000)
MINUTE = 60_000


def a_case(**fields: object) -> Case:
    """An accepted case of noon whose clock to respond runs for 30 minutes."""
    known: dict[str, object] = {
        "no": "GP-20261118-0001",
        "state": State.ACCEPTED,
        "version": 3,
        "matter": "fire",
        "priority": 1,
        "origin": "device",
        "received": NOON,
        "grid": "G1",
        "lon": 119.2,
        "lat": 34.9,
        "post": "post",
        "clocks": (Clock("respond", NOON, NOON + 30 * MINUTE), Clock("handle", NOON, NOON + 240 * MINUTE)),
    }
    return Case(**(known | fields))  # type: ignore[arg-type]


def a_look(found: Case, lang: Lang = "zh", people: int = 2) -> Look:
    """The case with its log and some candidates."""
    parts = {"arrival": 40.0, "grid": 9.0, "free": 10.0, "skill": 15.0, "load": 5.0, "rest": 5.0, "position_age": 4.0}
    ranked = tuple(
        (
            Candidate(f"P-{i}", sum(parts.values()) - 10 * i, parts, 800.0 + i, 3.0),
            Patrol(f"P-{i}", f"甲{i}", f"A{i}", "person", "Q1", "D1", "post"),
        )
        for i in range(people)
    )
    log = tuple(
        Entry(NOON + i * 1000, "rule", "rule", act, "", "", i) for i, act in enumerate(("report", "verify", "accept"))
    )
    matter = load_matters(ROOT / "data" / "matters.toml").matters["fire"]
    return Look(
        lang=lang,
        case=found,
        log=log,
        matter=matter,
        candidates=ranked,
        names={"G1": "一网格"},
        place="一网格",
        limit="处置 4 小时",
        lead="综合执法中队",
        module="",
        tz=TZ,
        load={},
    )


def texts(component: object) -> str:
    """Everything a component says."""
    if isinstance(component, Component):
        children = component.children if hasattr(component, "children") else None
        return texts(children)
    if isinstance(component, list | tuple):
        return " ".join(texts(each) for each in component)
    return "" if component is None else str(component)


def test_every_word_is_there_in_both_languages_with_the_same_holes() -> None:
    """A word has Chinese and English, and what is filled into the one is filled into the other."""
    for key, (zh, en) in WORDS.items():
        assert zh, key
        assert en or key in ("unit_case", "heat_open"), key
        if en:
            assert set(re.findall(r"{\w+}", zh)) == set(re.findall(r"{\w+}", en)), key


def test_every_word_the_scripts_ask_for_exists() -> None:
    """No script of the pages asks for a word that is not in the dictionary."""
    known = dictionary("zh")
    for script in (ROOT / "assets").rglob("*.js"):
        for key in re.findall(r'(?<![\w.])t\("([a-z_0-9]+)"[,)]', script.read_text(encoding="utf-8")):
            assert key in known, f"{script.name}: {key}"


def test_the_eight_steps_mark_what_is_done_and_what_waits() -> None:
    """An accepted case has three steps done and waits for its dispatch."""
    items = case.steps(a_look(a_case())).children.children
    assert [item.className for item in items[:5]] == ["done", "done", "done", "current", ""]
    assert "12:00" in texts(items[1])


def test_a_fix_that_is_missing_is_named() -> None:
    """A case in no grid says that the grid is missing; the person comes with the dispatch."""
    fixes = {name: how for name, _, how in case.six_fixes(a_look(a_case(grid=None)))}
    assert fixes["grid"] == "missing"
    assert fixes["person"] == "with"
    assert "缺“定格”" in texts(case.six(a_look(a_case(grid=None))))


def test_the_tightest_running_clock_counts_down() -> None:
    """The head shows the clock that runs out first, and none when all have stopped."""
    head = case.countdown(a_look(a_case())).to_plotly_json()["props"]
    assert head["data-due"] == str(NOON + 30 * MINUTE)
    stopped = a_case(clocks=(Clock("respond", NOON, NOON + 1, done=NOON),))
    assert "data-due" not in case.countdown(a_look(stopped)).to_plotly_json()["props"]


def test_at_most_four_candidates_are_shown_and_the_first_is_chosen() -> None:
    """Six can go: four cards, the best one chosen, only its reasons visible."""
    made = candidates.suggestions(a_look(a_case(), people=6)).to_plotly_json()["props"]["children"]
    cards, reasons = made[1].children, made[2:]
    assert [card.to_plotly_json()["props"]["aria-checked"] for card in cards] == ["true", "false", "false", "false"]
    assert [block.hidden for block in reasons] == [False, True, True, True]


def test_without_a_place_nobody_is_suggested_and_the_reason_is_said() -> None:
    """Patrols are on duty, but a case without a place, or in no grid, shows one sentence and no card; one word each."""
    nowhere, outside = a_look(a_case(grid=None, lon=None, lat=None)), a_look(a_case(grid=None))
    assert word("none_unplaced", "zh") in texts(candidates.suggestions(nowhere))
    assert word("none_outside", "zh") in texts(candidates.suggestions(outside))
    assert case.six_fixes(nowhere)[0][1] == "位置未知"
    assert case.six_fixes(outside)[0][1] == "不在任何网格"


def out(reason: Reason, away: float | None, n: int) -> tuple[Candidate, Patrol]:
    """Somebody who cannot be sent."""
    patrol = Patrol(f"X-{n}", f"乙{n}", f"B{n}", "person", "Q1", "D1", "post")
    return Candidate(patrol.id, 50.0, {}, away, away, reason), patrol


def test_who_cannot_be_sent_is_listed_with_the_reason() -> None:
    """How many for each reason, and the nearest three by name with theirs; whoever has no place comes last."""
    four = (out("lost", None, 1), out("busy", 300.0, 2), out("off_duty", 900.0, 3), out("busy", 500.0, 4))
    look = msgspec.structs.replace(a_look(a_case()), excluded=four)
    (block,) = candidates.cannot_go(look)
    said = texts(block)
    assert word("cannot_go", "zh", n=4) in said
    assert f"{word('out_busy', 'zh')} 2" in said
    assert [name for name in ("乙2", "乙4", "乙3", "乙1") if name in said] == ["乙2", "乙4", "乙3"]
    assert texts(candidates.suggestions(look)).endswith(said)
    assert candidates.cannot_go(a_look(a_case())) == []


def test_every_reason_has_its_word() -> None:
    """Of not being sent, of going without, and of the parts of the points, in both languages."""
    for reason in (*get_args(recommend.Reason), *get_args(assignment.LeftReason)):
        assert not reason or f"out_{reason}" in WORDS or f"left_{reason}" in WORDS, reason
    assert list(candidates.WHY) == list(recommend.POINTS)
    assert set(candidates.WHY.values()) <= set(WORDS)


@pytest.mark.parametrize(
    ("points", "key"), [(15.0, "in_grid"), (9.0, "in_district"), (4.5, "in_squad"), (0.0, "far_grid")]
)
def test_the_tag_says_how_a_candidate_belongs_to_the_place(points: float, key: str) -> None:
    """In the grid, of the district, of the squad: lit; of none: dim."""
    look = a_look(a_case(), people=1)
    one, patrol = look.candidates[0]
    tag = candidates.tags(look, msgspec.structs.replace(one, parts=one.parts | {"grid": points}), patrol)[0]
    assert (texts(tag), tag.className) == (word(key, "zh"), "no" if key == "far_grid" else "")


def test_the_way_says_whether_it_is_along_roads() -> None:
    """A distance by road is named so, one from the straight line is marked as reckoned, none is a dash."""
    look = a_look(a_case())
    one = look.candidates[0][0]
    assert candidates.way(look, one) == word("way_straight", "zh", km="0.8")
    assert candidates.way(look, msgspec.structs.replace(one, by_road=True)) == word("way_by_road", "zh", km="0.8")
    assert candidates.way(look, msgspec.structs.replace(one, metres=None)) == "—"


def test_the_log_is_whole_and_names_who_wrote() -> None:
    """Eight entries are eight lines; a source, a rule and an account are said in words, not by their ids."""
    log = tuple(Entry(NOON + i, "supervisor", "supervisor", "verify", "", "", i) for i in range(8))
    look = msgspec.structs.replace(a_look(a_case()), log=log, names={"hotline-12345": "12345热线"})
    assert texts(case.evidence(look)).count("值班长") == 8
    assert look.who("hotline-12345") == "12345热线"
    assert look.who("rule") == "规则自动"
    assert look.who("li.ming") == "li.ming"


def test_a_case_with_a_picture_shows_it_beside_its_log() -> None:
    """The inspector of a case with a picture is built, and the picture opens by itself."""
    found = json.loads(json.dumps(case.evidence(a_look(a_case(image="/media/0a"))).to_plotly_json(), default=plain))
    assert '"src": "/media/0a"' in json.dumps(found)


def plain(component: Component) -> object:
    """A component as JSON."""
    return component.to_plotly_json()


def test_nobody_to_send_is_said() -> None:
    """Without a candidate there is a sentence, not an empty space."""
    assert word("none_suggested", "en") in texts(candidates.suggestions(a_look(a_case(), "en", people=0)))


def test_the_inspector_shows_no_whole_telephone_number() -> None:
    """Text and log are masked for those who may read them, and empty for a leader and for nobody in particular."""
    said = "邻居垃圾，电话 13812345678"
    found = a_case(text=said, contact="19912341234")
    log = (Entry(NOON, "hotline-12345", "source", "report", "", "reported", 1, text=said),)
    operator, leader = Viewer("o", "operator"), Viewer("l", "leader")
    assert desk.case_for(found, operator).text == "邻居垃圾，电话 138****5678"
    assert desk.case_for(found, operator).contact == "199****1234"
    assert desk.log_for(log, operator)[0].text == "邻居垃圾，电话 138****5678"
    for reader in (leader, None):
        hidden = desk.case_for(found, reader)
        assert (hidden.text, hidden.contact, desk.log_for(log, reader)[0].text) == ("", "", "")


def test_documents_cannot_end_their_script() -> None:
    """A name that contains a closing script tag stays data."""
    made = frame.documents("zh", {"name": "</script><b>"})[1]
    assert "</script" not in made.children
    assert json.loads(made.children)["name"] == "</script><b>"


def test_the_directory_names_everything_and_holds_no_phone_number() -> None:
    """Names in the language asked for; what is personal is not in the page."""
    org = load_organisation(TOWN / "org.toml")
    register = load_register(TOWN / "devices.csv", TOWN / "patrols.csv", TOWN / "sources.csv")
    made = directory(
        "en", load(TOWN / "grids.geojson"), load_matters(ROOT / "data" / "matters.toml"), register, org, "Asia/Shanghai"
    )
    assert made["states"]["accepted"] == "To dispatch"
    assert len(made["devices"]) == 220
    assert made["site"] == "Wanghai"
    assert made["departments"]["police"] == "Police Station"
    assert made["squads"]["Q2"] == "Squad 2"
    known = [*register.patrols.values(), *org.persons.values()]
    assert not any(one.phone and one.phone in json.dumps(made) for one in known)


def test_the_map_fits_its_grids() -> None:
    """The centre lies in the middle of the bounds, and half the panel shows at one zoom less."""
    (lon, lat), zoom = map_view.fit((119.0, 34.0, 120.0, 35.0), 1000, 1000)
    assert lon == 119.5
    assert lat == pytest.approx(34.5, abs=0.01)
    assert map_view.fit((119.0, 34.0, 120.0, 35.0), 500, 500)[1] == pytest.approx(zoom - 1, abs=0.01)


def a_report(cases: list[Case], *, before: bool = False) -> Report:
    """The report of the day of noon, read at 13:00."""
    now = datetime.fromtimestamp(NOON / 1000, UTC) + timedelta(hours=1)
    begin = datetime(2026, 11, 18, tzinfo=TZ)
    start, end = (round(each.timestamp() * 1000) for each in (begin, begin + timedelta(days=1)))
    figures = scoring.figures(cases, begin, now, {"fire": "police"})
    return Report(
        lang="zh",
        day=date(2026, 11, 18),
        now=now,
        today=True,
        site="望海镇",
        figures=figures,
        before=figures if before else None,
        cases=tuple(cases),
        names={},
        titles={"fire": "火情"},
        leads={"police": "派出所"},
        online=[("cameras", 131, 134)],
        squads=[("一中队", 19, 24)],
        tz=TZ,
        ahead=ahead_of(cases, start, end, figures.at, {"fire": "police"}),
    )


def test_a_day_without_cases_says_so_and_invents_nothing() -> None:
    """No case: one sentence, dashes with their reason, no comparison."""
    said = texts(daily.page(a_report([]), ""))
    assert "这一天没有案件" in said
    assert "当日没有到期案件" in said
    assert "昨日" not in said


def test_the_report_says_what_is_overdue_and_by_how_long() -> None:
    """A case whose 30 minutes to respond ended half an hour ago is overdue by 0:30."""
    said = texts(daily.page(a_report([a_case()]), ""))
    assert "还有 1 件超时未结" in said
    assert "+0:30" in said
    assert "火情" in said


def test_what_still_has_time_is_not_counted_as_late() -> None:
    """On a running day the rate is of what is decided; one case with time left gives no rate, and says so."""
    report = a_report([a_case()])
    assert daily.decided_rate(report.figures) is None
    assert "1 件未到时" in texts(daily.kpis(report))


def test_nothing_decided_gives_no_rate_anywhere() -> None:
    """What falls due still has time: a dash and 未到时 in tile, rates and tables, never 0.00 % nor "none fell due"."""
    clocks = (Clock("respond", NOON, NOON + MINUTE, done=NOON), Clock("handle", NOON, NOON + 240 * MINUTE))
    report = a_report([a_case(clocks=clocks)])
    for part in (
        daily.kpis(report),
        daily_charts.rates(report),
        daily_tables.grids(report),
        daily_tables.departments(report),
    ):
        said = texts(part)
        assert "0.00%" not in said
        assert "未到时" in said
    assert texts(daily_charts.rates(report)).count("未到时") == 3  # handle, on time, closing; respond was kept
    assert texts(daily_charts.rates(report)).count("当日没有到期案件") == 1  # no clock to arrive
    assert "100%" in texts(daily_charts.rates(report))


def test_the_busiest_hour_is_named_without_widening_its_column() -> None:
    """The label stands at the height of its bar, outside the flow."""
    said = [each for each in daily_charts.hourly(a_report([a_case()]))._traverse() if getattr(each, "style", None)]
    assert any(texts(each) == "12 时 1 件" and each.style["bottom"] == "25.00%" for each in said)
