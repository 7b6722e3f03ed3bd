"""`simulate`: only the simulated town, against the configured broker."""

from __future__ import annotations

import logging
import threading
from typing import Annotated

import typer

from app import config, logs
from app.centre import wall_clock
from app.commands.servers import stop_on_signals
from app.embedding import with_servers
from streams.simulator import Place, Town
from streams.simulator import simulate as run

log = logging.getLogger("gridpost")


def simulate(
    speed: Annotated[float, typer.Option(help="The town's time against ours.", min=0.01, max=1000)] = 1.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same town.")] = 1,
) -> None:
    """The simulated town: officers, cameras, sensors and residents publish over MQTT, and patrols answer tasks."""
    settings = config.load()
    logs.set_up(settings.log_format)
    place = Place.load(settings.grids.parent)
    stop = threading.Event()
    stop_on_signals(stop)
    with with_servers(settings, redis=False) as whole:
        assert whole.mqtt_url is not None
        town = Town(
            place, site=whole.site, seed=seed, start=wall_clock(), speed=speed, timezone=whole.timezone
        )
        log.info("%s lives on %s", whole.site, logs.without_password(whole.mqtt_url))
        count = run(town, whole.mqtt_url, site=whole.site, stop=stop, now=wall_clock)
    log.info("the town rests after %d messages", count)
