"""`grids`: check and build grid sets from any GIS file that GeoPandas reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.errors import BadSetting

if TYPE_CHECKING:
    from geo.sources import Columns

app = typer.Typer(no_args_is_help=True, help="Grid sets: check them, build them from GIS files.")

Files = Annotated[list[Path], typer.Argument(help="One file, or one a level, top first.", show_default=False)]
Code = Annotated[list[str] | None, typer.Option("--code", help="Column of the code; a,b,c: one a level, top first.")]
NameColumn = Annotated[list[str] | None, typer.Option("--name", help="Column of the name; a,b,c as for the codes.")]
NameEn = Annotated[list[str] | None, typer.Option("--name-en", help="Column of the English name; likewise.")]
Parent = Annotated[list[str] | None, typer.Option("--parent", help="Column of the parent's code; likewise.")]
Level = Annotated[str, typer.Option("--level", help="Column of the level.")]
Kind = Annotated[str, typer.Option("--kind", help="Column of the kind (general or dedicated).")]
District = Annotated[str, typer.Option("--district", help="Column of the patrol area.")]
Chief = Annotated[str, typer.Option("--chief", help="Column of the grid chief.")]


@app.command()
def check(
    files: Files, code: Code = None, name: NameColumn = None, name_en: NameEn = None, parent: Parent = None,
    level: Level = "level", kind: Kind = "kind", district: District = "district", chief: Chief = "chief",
) -> None:  # fmt: skip
    """Say every gap, overlap, sliver, orphan, multi-parent and invalid ring with its place and size. Exit 1 when
    there is one."""
    from app import config
    from geo import check as checking

    columns = _columns(code, name, name_en, parent, level, kind, district, chief)
    found = checking.check(files, columns)
    lang = config.load().lang
    for finding in found:
        typer.echo(f"{finding.kind}\t{finding.text(lang)}")
    if found:
        typer.echo(f"{len(found)} finding{'s' if len(found) > 1 else ''}.", err=True)
        raise typer.Exit(1)
    typer.echo("Nothing found: on every level the grids tile their parents.")


@app.command()
def build(
    files: Files,
    out: Annotated[Path, typer.Option("--out", "-o", help="The grid set to write (GeoJSON).", show_default=False)],
    code: Code = None, name: NameColumn = None, name_en: NameEn = None, parent: Parent = None,
    level: Level = "level", kind: Kind = "kind", district: District = "district", chief: Chief = "chief",
) -> None:  # fmt: skip
    """Write the grid set of the files: what GRIDPOST_GRIDS names."""
    from geo import grids

    found = grids.build(files, _columns(code, name, name_en, parent, level, kind, district, chief))
    if not out.resolve().parent.is_dir():
        raise BadSetting(f"-o is {str(out)!r}, but there is no folder {out.parent}: make it first.")
    grids.write(found, out)
    levels = [sum(grid.level == n and grid.kind == "general" for grid in found.grids) for n in (1, 2, 3, 4)]
    counts = " / ".join(str(count) for count in levels if count)
    typer.echo(f"{out}: {counts} grids by level, {len(found.dedicated)} dedicated.")


def _columns(
    code: list[str] | None, name: list[str] | None, name_en: list[str] | None, parent: list[str] | None,
    level: str, kind: str, district: str, chief: str,
) -> Columns:  # fmt: skip
    from geo.sources import Columns

    return Columns(
        codes=_each(code, "code"), names=_each(name, "name"), names_en=_each(name_en, "name_en"),
        parents=_each(parent, "parent"), level=level, kind=kind, district=district, chief=chief,
    )  # fmt: skip


def _each(given: list[str] | None, otherwise: str) -> tuple[str, ...]:
    """The columns of an option that is given several times, or once with commas."""
    return tuple(column for each in given or (otherwise,) for column in each.split(","))
