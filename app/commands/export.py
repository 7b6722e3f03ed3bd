"""`export`: any selection of what the site keeps, as a file; and the daily report as PDF."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from app.centre import Centre
    from app.exporting.selection import Selection
    from app.labels import Lang

log = logging.getLogger("gridpost")
KINDS = ("cases", "events", "acts", "tracks", "daily")
TOLD = 100_000

Kind = Annotated[str, typer.Argument(help=f"One of {', '.join(KINDS)}.")]
Out = Annotated[Path, typer.Option("-o", "--output", help="The file; its ending names the format: .csv .xlsx .geojson "
                                   ".gpkg .parquet, tracks also .gpx; daily .pdf.")]  # fmt: skip
From = Annotated[str, typer.Option("--from", help="A local day (2026-11-22), or an instant (2026-11-22T08:00+08:00; "
                                   "without an offset the site's time).")]  # fmt: skip
To = Annotated[str, typer.Option("--to", help="A local day, included, or an instant, not included.")]
Grid = Annotated[str, typer.Option(help="Only in these grids or below them; several with commas, as in all filters.")]
Lang_ = Annotated[str, typer.Option("--lang", help="zh or en; the site's language when none is given.")]
Contacts = Annotated[bool, typer.Option("--with-contacts", help="With residents' contacts and unmasked texts: for an "
                                        "administrator, who is named by --as and gives the password.")]  # fmt: skip
As = Annotated[str, typer.Option("--as", help="The administrator's account, for --with-contacts.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


def export(
    kind: Kind,
    output: Out,
    first: From = "",
    last: To = "",
    grid: Grid = "",
    patrol: Annotated[str, typer.Option(help="Only of these patrols.")] = "",
    case: Annotated[str, typer.Option(help="Only of these cases, by number.")] = "",
    matter: Annotated[str, typer.Option(help="Only of these matters, by key.")] = "",
    state: Annotated[str, typer.Option(help="Cases in these states; acts that led to them.")] = "",
    department: Annotated[str, typer.Option(help="Only cases of these departments.")] = "",
    of: Annotated[str, typer.Option("--kind", help="Events: report, alert, …; acts: which.")] = "",
    day: Annotated[str, typer.Option(help="The day of the daily report; today when none is given.")] = "",
    lang: Lang_ = "",
    force: Annotated[bool, typer.Option("--force", help="Replace the file when there is one.")] = False,
    with_contacts: Contacts = False,
    account: As = "",
    password_stdin: FromStdin = False,
) -> None:
    """Write cases, events, acts or tracks as CSV, Excel, GeoJSON, GeoPackage, GeoParquet or GPX; or `daily`, the daily
    report as PDF."""
    from app import config
    from app.centre import open_centre
    from app.embedding import with_servers
    from app.exporting.selection import select
    from app.exporting.writing import ending, whole

    filters = {"grid": grid, "patrol": patrol, "case": case, "matter": matter, "state": state,
               "department": department, "kind": of}  # fmt: skip
    _check(kind, lang, day, any((first, last, *filters.values(), with_contacts)))
    form = ending(kind, output)
    with with_servers(config.load(), mqtt=False) as settings, whole(output, force=force) as path:
        centre = open_centre(settings)
        tongue: Lang = "en" if (lang or settings.lang) == "en" else "zh"
        if kind == "daily":
            _daily(centre, day, tongue, path)
            typer.echo(f"Wrote the daily report to {output}.", err=True)
            return
        by = _administrator(centre, account, password_stdin) if with_contacts else ""
        selection = select(kind, centre.grids, settings.tz, filters, first, last)
        rows = _rows(centre, selection, tongue, form, path, bool(by))
    if by:
        log.warning("%s exported %d %s with contacts to %s", by, rows, kind, output)
    typer.echo(f"Wrote {rows:,} {kind} to {output}.", err=True)


def _check(kind: str, lang: str, day: str, selected: bool) -> None:
    """What Typer cannot know: which options go with which kind."""
    if kind not in KINDS:
        raise typer.BadParameter(f"{kind!r} cannot be exported: use {', '.join(KINDS)}", param_hint="KIND")
    if lang not in ("", "zh", "en"):
        raise typer.BadParameter(f"{lang!r} is no language: use zh or en", param_hint="--lang")
    if day and kind != "daily":
        raise typer.BadParameter(f"--day is for daily: say --from and --to for {kind}", param_hint="--day")
    if selected and kind == "daily":
        raise typer.BadParameter("the daily report is of a whole day: say only --day", param_hint="KIND")


def _rows(centre: Centre, selection: Selection, lang: Lang, form: str, path: Path, contacts: bool) -> int:
    """Write the selection; returns how many rows."""
    from app.centre import open_archive
    from app.exporting.names import names
    from app.exporting.rows import Seen, opened
    from app.exporting.writing import write

    progress = _Progress()
    seen = Seen(free=True, contacts=contacts)
    with opened(
        open_archive(centre), selection, centre.now(), names(centre, lang), seen, progress
    ) as rows:
        write(rows, lang, form, path)
    progress.end()
    return progress.rows


class _Progress:
    """How many rows have passed, on stderr: one line that moves, or, in a log, one each hundred thousand."""

    def __init__(self) -> None:
        self.rows, self._told = 0, 0
        self._moves = sys.stderr.isatty()

    def __call__(self, more: int) -> None:
        self.rows += more
        if self._moves:
            typer.echo(f"\r{self.rows:,} rows", nl=False, err=True)
        elif self.rows - self._told >= TOLD:
            self._told = self.rows
            typer.echo(f"{self.rows:,} rows", err=True)

    def end(self) -> None:
        """Take the moving line away."""
        if self._moves:
            typer.echo("\r" + " " * 30 + "\r", nl=False, err=True)


def _daily(centre: Centre, day: str, lang: Lang, path: Path) -> None:
    from datetime import date

    from app.report import collected
    from app.report_pdf import pdf

    try:
        shown = date.fromisoformat(day) if day else centre.now().astimezone(centre.settings.tz).date()
    except ValueError:
        raise typer.BadParameter(f"{day!r} is no day: give one such as 2026-11-22", param_hint="--day") from None
    path.write_bytes(pdf(collected(shown, lang)))


def _administrator(centre: Centre, account: str, stdin: bool) -> str:
    """The name of the administrator who stands for contacts leaving the site; refused for anybody else."""
    from app.accounts import AccountRefused

    if not account:
        raise typer.BadParameter("name the administrator's account with --as", param_hint="--with-contacts")
    password = sys.stdin.readline().rstrip("\n") if stdin else typer.prompt("Password", hide_input=True, err=True)
    found = centre.accounts.sign_in(account, password, centre.now())
    if found is not None:
        centre.accounts.sign_out(found[0])
    if found is None or found[1].role != "administrator":
        raise AccountRefused("Contacts are exported only by an administrator: the name, password or role is wrong.")
    return found[1].name
