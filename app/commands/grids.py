"""`grids`: check and build grid sets."""
from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="Grid sets: check them, build them from GIS files.")
