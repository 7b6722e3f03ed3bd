"""What every screen shows, folded from the stream of changes. Pure: it never asks a clock, Redis or the network.

Each web process keeps one. A change is applied to it and comes back as what the listeners must hear. Applying a
change twice, or one that the loaded state already holds, does no harm: a position older than the known one, or an
older version of a case, changes nothing. Nothing here is personal: cases come without contact and free text, so
there is one encoding for all audiences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from streams.ledger import Change
from streams.model import Case
from streams.workflow import OPEN

TRAIL_MS = 10 * 60 * 1000
TRAIL_STEP_MS = 15 * 1000
ALERTS_KEPT = 200
PERSONAL = ("contact", "text")
EVENT_NAMES = {"cases": "case", "alerts": "alert", "devices": "device", "notices": "notice"}

Item = dict[str, Any]
_decode = msgspec.json.Decoder(list[Item]).decode


class Outgoing(NamedTuple):
    """What listeners must hear: the event's name and its items."""

    event: str
    items: list[Item]


class Snapshot:
    """The state of one site as the screens see it, and the id of the last change in it. `picture` gives the address
    under which browsers get an image, None for one that they may not see. `drawn`: trails as JSON, in place of
    `trails`, of a picture that nobody folds on."""

    def __init__(self, picture: Callable[[str | None], str | None] = lambda image: image) -> None:
        self.id = "0-0"
        self._picture = picture
        self.patrols: dict[str, Item] = {}
        self.trails: dict[str, list[list[float]]] = {}
        self.drawn: dict[str, msgspec.Raw] = {}
        self.cases: dict[str, Case] = {}
        self.alerts: dict[str, Item] = {}
        self.devices: dict[str, Item] = {}

    def fold(self, change: Change) -> list[Outgoing]:
        """Apply one change; says what is new in it, in the order patrols, cases, alerts, devices, notices."""
        self.id = change.id
        parts = {name: _decode(part) for name, part in change.parts.items() if name != "counts"}
        found = []
        if moved := self._move(parts.get("patrols", [])):
            found.append(Outgoing("patrols", moved))
        if cases := [item for item in parts.get("cases", []) if self._take_case(item)]:
            found.append(Outgoing("case", cases))
        if alerts := parts.get("alerts", []):
            self._take_alerts(alerts)
            found.append(Outgoing("alert", alerts))
        if devices := parts.get("devices", []):
            for item in devices:
                self.devices.setdefault(item["id"], {}).update(item)
            found.append(Outgoing("device", devices))
        if notices := parts.get("notices", []):
            found.append(Outgoing("notice", notices))
        return found

    def add_trails(self, change: Change) -> None:
        """Take only the past positions of a change: what builds the trails up when the process starts."""
        for item in _decode(change.parts.get("patrols", b"[]")):
            if "lon" in item:
                self._trace(item["id"], item["at"], item["lon"], item["lat"])

    def load_case(self, case: Case) -> None:
        """Put in a case as Redis has it."""
        self.cases[case.no] = msgspec.structs.replace(
            case, contact="", text="", image=self._picture(case.image)
        )

    def document(self, now: int, figures: Mapping[str, Any]) -> Item:
        """The snapshot that a listener starts with; `now` in epoch milliseconds."""
        oldest = now - TRAIL_MS
        return {
            "id": self.id,
            "now": now,
            "patrols": [
                {**item, "trail": self.drawn.get(name) or [p for p in self.trails.get(name, ()) if p[0] >= oldest]}
                for name, item in self.patrols.items()
            ],
            "cases": [case_item(case) for case in self.cases.values() if case.state in OPEN],
            "alerts": list(self.alerts.values()),
            "devices": list(self.devices.values()),
            "figures": figures,
        }

    def forget_closed(self, before: int) -> None:
        """Drop cases that were closed and fell due before an instant (epoch milliseconds): yesterday's."""
        for no, case in list(self.cases.items()):
            last = max([case.received, case.closed or 0, *(clock.due for clock in case.clocks)])
            if case.state not in OPEN and last < before:
                del self.cases[no]

    def _move(self, items: Iterable[Item]) -> list[Item]:
        moved = []
        for item in items:
            known = self.patrols.setdefault(item["id"], {"id": item["id"]})
            if "lon" in item:
                if item["at"] < known.get("at", 0):
                    continue
                self._trace(item["id"], item["at"], item["lon"], item["lat"])
            known.update(item)
            moved.append(item)
        return moved

    def _trace(self, patrol: str, at: int, lon: float, lat: float) -> None:
        trail = self.trails.setdefault(patrol, [])
        if trail and at < trail[-1][0] + TRAIL_STEP_MS:
            return
        trail.append([at, lon, lat])
        if trail[0][0] < at - TRAIL_MS:
            self.trails[patrol] = [point for point in trail if point[0] >= at - TRAIL_MS]

    def _take_case(self, item: Item) -> bool:
        item["image"] = self._picture(item.get("image"))
        case = msgspec.convert({k: v for k, v in item.items() if k not in PERSONAL}, Case)
        known = self.cases.get(case.no)
        if known is not None and (case.version, case.updated) < (known.version, known.updated):
            return False
        self.cases[case.no] = case
        return True

    def _take_alerts(self, items: Iterable[Item]) -> None:
        for item in items:
            item["image"] = self._picture(item.get("image"))
            self.alerts[item["alert"]] = item
        if len(self.alerts) > ALERTS_KEPT * 5 // 4:
            newest = sorted(self.alerts.values(), key=lambda item: int(item["received"] or 0), reverse=True)
            self.alerts = {item["alert"]: item for item in newest[:ALERTS_KEPT]}


def case_item(case: Case) -> Item:
    """A case as the feed and the API show it: without contact and free text."""
    item: Item = msgspec.to_builtins(case)
    for name in PERSONAL:
        del item[name]
    return item


def patrol_item(name: str, row: Mapping[str, str]) -> Item:
    """A patrol's hash in Redis as the feed shows it. A patrol that was never heard has no `at` and no place."""
    case = row.get("case", "")
    if case:
        state = "scene" if row.get("sub") == "scene" else "way"
    else:
        state = "off" if row.get("duty") == "off_duty" else "free"
    item: Item = {
        "id": name, "case": case, "state": state, "registered": row.get("registered") == "1",
        "duty": row.get("duty", "on_duty"), "grid": row.get("grid") or None,
    }  # fmt: skip
    if row.get("lon"):
        item |= {"at": int(row["at"]), "lon": float(row["lon"]), "lat": float(row["lat"])}
        item |= {key: _number(row.get(key)) for key in ("course", "speed", "accuracy")}
    if row.get("battery"):
        item["battery"] = _number(row["battery"])
    return item


def device_item(name: str, row: Mapping[str, str]) -> Item:
    """A device's hash in Redis as the feed shows it."""
    return {
        "id": name, "at": int(row.get("received", "0")), "state": row.get("state", "online"),
        "battery": _number(row.get("battery")), "quantity": row.get("quantity", ""),
        "value": _number(row.get("value")), "unit": row.get("unit", ""),
    }  # fmt: skip


def alert_item(row: Mapping[str, str], picture: Callable[[str | None], str | None]) -> Item:
    """An alert's hash in Redis as the feed shows it."""
    item: Item = {name: row.get(name, "") for name in ("alert", "device", "category", "phase", "case")}
    for name in ("severity", "at", "received", "ended"):
        item[name] = int(row[name]) if row.get(name) else None
    item |= {"lon": _number(row.get("lon")), "lat": _number(row.get("lat"))}
    return item | {"grid": row.get("grid") or None, "image": picture(row.get("image"))}


def _number(text: str | None) -> float | None:
    return float(text) if text else None
