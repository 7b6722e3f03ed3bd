"""`simulate`: only the simulated town, against the configured broker; or a whole day of it, played at once."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.servers import stop_on_signals
from streams.errors import BadSetting

if TYPE_CHECKING:
    from app.config import Settings
    from streams.simulator import Town

log = logging.getLogger("gridpost")


def simulate(
    speed: Annotated[float, typer.Option(help="The town's time against ours.", min=0.01, max=1000)] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same town.")] = 1,
    by_hand: Annotated[
        list[str] | None, typer.Option(help="A patrol whose tasks a person answers on /field; may be repeated.")
    ] = None,
    operators: Annotated[
        int, typer.Option(help="So many simulated operators work at the desk, with a supervisor and a leader.", min=0)
    ] = 0,
    url: Annotated[str, typer.Option(help="Where the centre's API is, for the operators.")] = "",
    day: Annotated[
        datetime | None, typer.Option(help="Play this past day as fast as it goes, and say what came of it.",
                                      formats=["%Y-%m-%d"])
    ] = None,
) -> None:  # fmt: skip
    """The simulated town: officers, cameras, sensors and residents publish over MQTT, and patrols answer tasks."""
    from app import config, logs

    settings = config.load()
    logs.set_up(settings.log_format)
    if day is None:
        _live(settings, speed, seed, by_hand or (), operators, url)
    else:
        _play(settings, day, seed, operators or 2)


def _live(settings: Settings, speed: float, seed: int, by_hand: Sequence[str], operators: int, url: str) -> None:
    from app import logs
    from app.centre import wall_clock
    from app.embedding import with_servers
    from app.media import keep
    from streams.codec import local_day
    from streams.simulated_memory import Memory
    from streams.simulated_picture import PICTURE
    from streams.simulator import Place, Town
    from streams.simulator import simulate as run

    place = Place.load(settings.grids.parent)
    stop = threading.Event()
    stop_on_signals(stop)
    with with_servers(settings, redis=operators > 0) as whole:
        assert whole.mqtt_url is not None
        memory, begins = Memory(whole.state_dir / "town.json"), wall_clock()
        town = Town(
            place, site=whole.site, seed=seed, start=begins, speed=speed, timezone=whole.timezone,
            opening=not memory.opened(local_day(begins, whole.tz)), by_hand=by_hand,
        )  # fmt: skip
        town.resume(memory.tasks, begins)
        keep(PICTURE, whole.media_dir)  # what officers send with their feedback
        log.info("%s lives on %s", whole.site, logs.without_password(whole.mqtt_url))
        with _crew(whole, town, url, operators, seed, stop):
            count = run(
                town, whole.mqtt_url, site=whole.site, stop=stop, now=wall_clock,
                keep=lambda: memory.keep(town, local_day(begins, whole.tz)),
            )  # fmt: skip
    log.info("the town rests after %d messages", count)


def _play(settings: Settings, day: datetime, seed: int, operators: int) -> None:
    from app.centre import wall_clock
    from app.playing import played

    if day.date() >= wall_clock().astimezone(settings.tz).date():
        raise BadSetting(f"--day {day.date()} is not over yet: name a past day, as 2025-11-19")
    logging.getLogger("streams").setLevel(logging.WARNING)
    for line in played(settings, day.date(), seed=seed, operators=operators, tell=_aside):
        typer.echo(line)


def _aside(line: str) -> None:
    """How far it is, beside the answer."""
    typer.echo(line, err=True)


def _crew(whole: Settings, town: Town, url: str, operators: int, seed: int, stop: threading.Event
          ) -> contextlib.AbstractContextManager[None]:  # fmt: skip
    if not operators:
        return contextlib.nullcontext()
    from app.centre import open_centre
    from app.operators import at_work

    host = "127.0.0.1" if whole.host in ("0.0.0.0", "::", "") else whole.host
    address = url or f"http://{f'[{host}]' if ':' in host else host}:{whole.port}"
    return at_work(open_centre(whole), town, address, operators, seed, stop)
