"""How long each kind is kept, and the deletion of personal data before that."""

from __future__ import annotations

import re

from streams.errors import BadSetting

KINDS = ("events", "tracks", "acts", "cases", "changes", "journal", "snapshots", "contacts")
"""What there is (`schema.py` says of what columns; a setting is read without loading Arrow)."""
KEEP_DAYS = {"tracks": 180, "contacts": 90, "journal": 180, "snapshots": 180}
"""How long a kind is kept unless the settings say otherwise; what is not named is kept for ever."""
KEEP_FORM = "kinds with their days, such as tracks=180,contacts=90 (kinds that are not named are kept for ever)"
LEAST_DAYS = 2
"""A day is frozen after it is over: what is kept shorter would go before."""
_PART = re.compile(r"([a-z]+)=([0-9]{1,5})", re.ASCII)


def parse_keep(text: str) -> dict[str, int]:
    """Kind -> days of a setting such as `tracks=180,contacts=90`; raises BadSetting, naming what is wrong."""
    found = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        match = _PART.fullmatch(part)
        if match is None or match[1] not in KINDS:
            raise BadSetting(f"{part!r} says of no kind how long it is kept: write kind=days, of {', '.join(KINDS)}")
        if int(match[2]) < LEAST_DAYS:
            raise BadSetting(f"{part!r} is too short: keep at least {LEAST_DAYS} days")
        found[match[1]] = int(match[2])
    return found


DONE_AGAIN = ("events", "tracks", "acts", "journal")
"""Kinds without which a day cannot be done again."""
OLD_S = 300
"""An archive that has kept nothing for so long, though there was something, is said to be behind."""
DEFAULT_KEEP = ",".join(f"{kind}={days}" for kind, days in KEEP_DAYS.items())
