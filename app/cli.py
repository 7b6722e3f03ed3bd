"""The command line. Each command is a few lines here; what it does lives in `app.commands`.

Exit codes: 0 fine, 1 the work failed, 2 wrong usage (a setting too). An error is one sentence on stderr, never a
traceback; the log of a server has the rest.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

from app import children
from app.bench.command import bench
from app.commands import archive, cases, demo, draw, export, grids, replay, serve, servers, simulate, users, what_if
from geo.errors import GeoError
from streams.errors import BadSetting, GridpostError

app = typer.Typer(
    name="gridpost", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Gridpost 网格哨: the command-and-dispatch dashboard for towns cut into grids.",
)  # fmt: skip


@app.callback()
def common(
    end_with_stdin: Annotated[bool, typer.Option("--end-with-stdin", hidden=True)] = False,
) -> None:
    """Gridpost 网格哨: the command-and-dispatch dashboard for towns cut into grids."""
    if end_with_stdin:
        children.end_with_stdin()


app.command()(demo.demo)
app.command()(serve.serve)
app.command()(servers.ingest)
app.command()(servers.clock)
app.command()(simulate.simulate)
app.command()(replay.replay)
app.command()(draw.draw)
app.command()(servers.doctor)
app.command()(export.export)
app.command()(what_if.what_if)
app.command()(bench)
app.add_typer(archive.app, name="archive")
app.add_typer(cases.app, name="cases")
app.add_typer(grids.app, name="grids")
app.add_typer(users.app, name="users")


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        code = app(standalone_mode=False)
    except typer.Abort:
        code = 128 + signal.SIGINT
    except TyperException as error:
        said = error.format_message().rstrip(".")
        code = _say(f"{said}: `gridpost --help` shows what there is.", 2) if said else 2
    except BadSetting as error:
        code = _say(str(error), 2)
    except (GridpostError, GeoError) as error:
        code = _say(str(error), 1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read our output has gone
        code = 1
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    except Exception as error:  # noqa: BLE001  the last net of the command line: a sentence, and the rest on request
        code = _say(_of(error), 1)
    sys.exit(code if isinstance(code, int) else 0)


def _of(error: Exception) -> str:
    import redis  # here: who only asks for --help does not wait for it

    if isinstance(error, redis.RedisError):
        return f"Redis does not answer ({error}): check GRIDPOST_REDIS_URL and that it runs."
    return f"{type(error).__name__}: {error}. This is a fault of gridpost; please report it."


def _say(sentence: str, code: int) -> int:
    typer.echo(f"gridpost: {sentence}", err=True)
    return code


if __name__ == "__main__":
    main()
