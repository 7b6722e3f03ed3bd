"""`/api/v1/export/…` and `/api/v1/daily.pdf`: what `gridpost export` writes, for whoever may see cases.

A contact never leaves this way, not even for an administrator; telephone numbers in texts are masked, and who reads no
free text gets none. A selection that is too large for one answer is refused with its size: the command line has no
such limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.background import BackgroundTask

from app.accounts import Viewer
from app.api import centre_of
from app.centre import Centre, open_archive
from app.labels import Lang
from app.listing import viewer_of
from streams.errors import Refused

if TYPE_CHECKING:
    from app.exporting.selection import Selection

PLAIN = re.compile(r"[^0-9A-Za-z-]")
MOST_ROWS = 500_000
MOST_OF = {"xlsx": 100_000}
"""A cell of a workbook is made one by one, which takes its time."""
router = APIRouter(tags=["export"])

Text = Annotated[str, Query(max_length=2000)]
Language = Annotated[str, Query(pattern="zh|en", description="zh or en; the site's language when none is given")]


@router.get("/api/v1/export/{kind}.{form}")
def export(
    request: Request, kind: str, form: str,
    first: Annotated[str, Query(alias="from", description="a local day, or an instant")] = "",
    last: Annotated[str, Query(alias="to", description="a local day, included, or an instant, not included")] = "",
    grid: Text = "", patrol: Text = "", case: Text = "", matter: Text = "", state: Text = "", department: Text = "",
    of: Annotated[str, Query(alias="kind", max_length=200, description="events: report, alert …; acts: which")] = "",
    lang: Language | None = None,
) -> Response:  # fmt: skip
    """Cases, events, acts or tracks as csv, xlsx, geojson, gpkg, parquet or (tracks) gpx. Filters take several values
    with commas. 413 when the selection is too large."""
    from app.exporting.selection import select
    from app.exporting.writing import formats

    centre, viewer = centre_of(request), viewer_of(request)
    filters = {"grid": grid, "patrol": patrol, "case": case, "matter": matter, "state": state,
               "department": department, "kind": of}  # fmt: skip
    selection = select(kind, centre.grids, centre.settings.tz, filters, first, last)
    if form not in formats(kind):
        raise Refused("unknown_format", f"{form!r} is no format of {kind}: use {', '.join(formats(kind))}")
    name = _name(centre, kind, first, last, form)
    return _answer(centre, selection, form, cast(Lang, lang or centre.settings.lang), viewer, name)


@router.get("/api/v1/daily.pdf")
def daily(
    request: Request, day: Annotated[date | None, Query(description="a local day; today when none is given")] = None,
    lang: Language | None = None,
) -> Response:  # fmt: skip
    """The daily report as PDF, A4: the figures of /daily."""
    from app.report import collected
    from app.report_pdf import pdf

    centre = centre_of(request)
    shown = day or centre.now().astimezone(centre.settings.tz).date()
    made = pdf(collected(shown, cast(Lang, lang or centre.settings.lang)))
    name = f"gridpost-{centre.settings.site}-daily-{shown.isoformat()}.pdf"
    return Response(made, media_type="application/pdf", headers=_named(name, inline=True))


def _answer(
    centre: Centre, selection: Selection, form: str, lang: Lang, viewer: Viewer, name: str
) -> Response:
    """The selection as a file that is sent while it is read, or, in a format that needs one, made first."""
    from app.exporting.names import names
    from app.exporting.rows import Seen, opened
    from app.exporting.writing import MEDIA, TEXT, write

    seen = Seen(free=viewer.audience == "full", contacts=False)
    with ExitStack() as open_now:
        rows = open_now.enter_context(
            opened(open_archive(centre), selection, centre.now(), names(centre, lang), seen)
        )
        found, most = rows.count(), MOST_OF.get(form, MOST_ROWS)
        if found > most:
            return _too_many(found, most)
        if form in TEXT:
            left = open_now.pop_all()  # what is open now is closed when the last piece has left

            def pieces() -> Iterator[bytes]:
                with left:
                    yield from TEXT[form](rows, lang)

            return StreamingResponse(pieces(), media_type=MEDIA[form], headers=_named(name))
        folder = TemporaryDirectory(prefix="gridpost-")
        path = Path(folder.name) / f"export.{form}"
        write(rows, lang, form, path)
    return FileResponse(
        path, media_type=MEDIA[form], headers=_named(name), background=BackgroundTask(folder.cleanup)
    )


def _name(centre: Centre, kind: str, first: str, last: str, form: str) -> str:
    """A name that says what the file is, in signs that every system takes."""
    span = "_".join(dict.fromkeys(PLAIN.sub("", part) for part in (first, last) if part))
    return "-".join(filter(None, ("gridpost", centre.settings.site, kind, span))) + f".{form}"


def _named(name: str, *, inline: bool = False) -> dict[str, str]:
    return {"Content-Disposition": f'{"inline" if inline else "attachment"}; filename="{name}"'}


def _too_many(found: int, most: int) -> Response:
    zh = f"选中 {found:,} 行，一次最多导出 {most:,} 行：请缩短时间或加筛选，或在服务器上运行 gridpost export。"
    en = (
        f"The selection has {found:,} rows, at most {most:,} are sent at once: take a shorter span or a filter, or run "
        "gridpost export on the server."
    )
    return JSONResponse(
        {"error": "too_many_rows", "message_zh": zh, "message_en": en, "rows": found, "most": most}, 413
    )
