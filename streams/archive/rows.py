"""Entries of the streams as rows of the archive. Pure.

`Rows` collects entries as they come, sorted by kind and local day, and gives them as Arrow tables. A row belongs to the
local day on which the centre received its event, or did it.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import tzinfo
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from geo.places import Position
from streams import scoring
from streams.archive.schema import E7, KINDS, STEP, plain
from streams.codec import local_day, millis, moment, read_entry, read_event, to_json
from streams.model import Alert, Case, Clock, Event, Movement, Reading, Report, Status

log = logging.getLogger(__name__)
Entry = tuple[bytes, Mapping[bytes, bytes]]
"""A stream entry as Redis gives it: its id and its fields."""
Row = tuple[Any, ...]
MINUTE_MS = 60_000
_items = msgspec.json.Decoder(list[dict[str, Any]]).decode
_NO = msgspec.Raw(b"{}")


def stream_id(name: bytes | str) -> tuple[int, int]:
    """A stream id as something that compares."""
    ms, _, seq = (name.decode() if isinstance(name, bytes) else name).partition("-")
    return int(ms), int(seq or 0)


class Rows:
    """What was taken from the streams and is not in a file yet. `tz` decides where a day begins."""

    def __init__(self, tz: tzinfo) -> None:
        self._tz = tz
        self._minute, self._day = -1, ""
        self.rows: dict[tuple[str, str], list[Row]] = defaultdict(list)
        self.unread: list[bytes] = []
        self._cases: dict[tuple[str, str], Row] = {}

    def __len__(self) -> int:
        return sum(map(len, self.rows.values())) + len(self._cases)

    def day(self, ms: int) -> str:
        """The local day of epoch milliseconds; kept for a minute, since nearly all ask for the same."""
        if ms // MINUTE_MS != self._minute:
            self._minute, self._day = ms // MINUTE_MS, local_day(moment(ms), self._tz)
        return self._day

    def take(self, stream: str, entries: Iterable[Entry]) -> None:
        """Take entries of one of the streams `events`, `acts`, `changes`, `journal`."""
        take = {"events": self._event, "acts": self._act, "changes": self._change, "journal": self._journal}[stream]
        for name, fields in entries:
            try:
                take(*stream_id(name), fields)
            except (msgspec.MsgspecError, KeyError, ValueError) as error:  # one that cannot be read stops no other
                log.error("%s %s cannot be read (%s): set aside", stream, name.decode(), error)
                said = {key.decode(): value.decode(errors="backslashreplace") for key, value in fields.items()}
                self.unread.append(to_json({"stream": stream, "id": name.decode(), "fields": said}))

    def picture(self, after: tuple[int, int], at: int, state: str) -> None:
        """Take a snapshot: the JSON of the picture after the change of that stream id, at that time (epoch ms)."""
        self.rows["snapshots", self.day(at)].append((*after, moment(at), state))

    def tables(self) -> dict[tuple[str, str], pa.Table]:
        """Everything that was taken: kind and day -> table, sorted as the kind is kept."""
        rows = dict(self.rows)
        for (day, _), row in self._cases.items():
            rows.setdefault(("cases", day), []).append(row)
        return {(kind, day): table(kind, each) for (kind, day), each in rows.items() if each}

    def _event(self, ms: int, seq: int, fields: Mapping[bytes, bytes]) -> None:
        event = read_event(fields[b"e"])
        flag, case = fields.get(b"f", b"").decode(), fields.get(b"c", b"").decode()
        day = self.day(millis(event.received))
        body = event.body
        if type(body) is Movement:
            self.rows["tracks", day].append(_fix(ms, seq, event, body, flag))
            return
        if type(body) is Report and body.contact:
            self.rows["contacts", day].append((ms, seq, case, body.contact))
            event = msgspec.structs.replace(event, body=msgspec.structs.replace(body, contact=""))
        self.rows["events", day].append(_happened(ms, seq, event, flag, case))

    def _act(self, ms: int, seq: int, fields: Mapping[bytes, bytes]) -> None:
        text, e = fields[b"e"].decode(), read_entry(fields[b"e"])
        self.rows["acts", self.day(e.at)].append(
            (ms, seq, fields[b"no"].decode(), moment(e.at), e.by, e.role, e.act, e.before, e.after, e.version, e.text,
             e.patrol, e.dispatch, e.approver, e.detail, text)
        )  # fmt: skip

    def _change(self, ms: int, seq: int, fields: Mapping[bytes, bytes]) -> None:
        parts = {name.decode(): value for name, value in fields.items()}
        at = int(parts.pop("n", str(ms)))
        day = self.day(at)
        if b"cases" in fields:
            for item in _items(parts["cases"]):
                case = msgspec.convert(item, Case)
                self._cases[day, case.no] = case_row(ms, seq, at, case)
        if b"patrols" in fields:
            said = [item for item in _items(parts["patrols"]) if "lon" not in item]  # fixes are in the tracks
            if said:
                parts["patrols"] = to_json(said)
            else:
                del parts["patrols"]
        told = [parts[name].decode() if name in parts else None for name in KINDS["changes"].schema.names[3:]]
        if any(told):
            self.rows["changes", day].append((ms, seq, moment(at), *told))

    def _journal(self, ms: int, seq: int, fields: Mapping[bytes, bytes]) -> None:
        text = {name.decode(): value.decode() for name, value in fields.items()}
        count = int(text["c"]) if "c" in text else None
        now = int(text["n"])
        self.rows["journal", self.day(now)].append(
            (ms, seq, text["k"], moment(now), text.get("v", ""), count, text.get("a"))
        )


def table(kind: str, rows: Iterable[Row]) -> pa.Table:
    """Rows of one kind as an Arrow table, sorted as the kind is kept."""
    schema, columns = KINDS[kind].schema, list(zip(*rows, strict=True))
    arrays = []
    for n, field in enumerate(schema):
        column = columns[n] if columns else ()
        arrays.append(_points(column, field.type) if pa.types.is_struct(field.type) else pa.array(column, field.type))
    return sorted_as_kept(kind, pa.Table.from_arrays(arrays, schema=schema))


def sorted_as_kept(kind: str, rows: pa.Table) -> pa.Table:
    """The table in the order in which its kind is kept."""
    by = list(KINDS[kind].order)
    return rows.take(pc.sort_indices(plain(rows.select(by)), [(name, "ascending") for name in by]))


def _points(places: Iterable[tuple[float, float] | None], kind: pa.DataType) -> pa.Array:
    pairs = list(places)
    xy = np.array([pair or (0.0, 0.0) for pair in pairs], dtype=float).reshape(-1, 2)
    missing = pa.array([pair is None for pair in pairs], pa.bool_())
    return pa.StructArray.from_arrays([pa.array(xy[:, 0]), pa.array(xy[:, 1])], fields=list(kind), mask=missing)


def split(degrees: float) -> tuple[float, int]:
    """A coordinate as the place on the tracks' grid and what is missing, in 1e-7 degrees."""
    near = round(degrees / STEP) * STEP
    return near, round(degrees * E7) - round(near * E7)


def joined(near: float, missing: int) -> float:
    """The coordinate of which `split` made two."""
    return (round(near * E7) + missing) / E7


def _fix(ms: int, seq: int, event: Event, body: Movement, flag: str) -> Row:
    place = event.position or Position(0.0, 0.0)
    (x, dx), (y, dy) = split(place.lon), split(place.lat)
    more = None if event.attributes == _NO else bytes(event.attributes).decode()
    return (
        ms, seq, event.at, event.received, event.source, event.device, (x, y), dx, dy, body.accuracy, body.speed,
        body.course, body.battery, event.grid, event.cell, " ".join(event.flags), flag, more,
    )  # fmt: skip


def _happened(ms: int, seq: int, event: Event, flag: str, case: str) -> Row:
    body = event.body
    alert = body if isinstance(body, Alert) else None
    reading = body if isinstance(body, Reading) else None
    return (
        ms, seq, event.at, event.received, event.kind.value, event.source, event.id, event.device,
        _pair(event.position), event.grid, list(event.grids), event.cell, [each.value for each in event.flags], flag,
        case, body.category if isinstance(body, Alert | Report) else None, alert and alert.severity,
        alert and alert.phase, reading and reading.quantity, reading and reading.value,
        body.state if isinstance(body, Status) else None, to_json(body).decode(),
        None if event.attributes == _NO else bytes(event.attributes).decode(),
    )  # fmt: skip


def case_row(ms: int, seq: int, at: int, case: Case) -> Row:
    """A case as its table keeps it: without contact and free text. `at`: when it changed, epoch ms."""
    clocks = {clock.name: clock for clock in reversed(case.clocks) if not clock.of}
    respond, arrive, handle = clocks.get("respond"), clocks.get("arrive"), scoring.handling(case)
    place = None if case.lon is None or case.lat is None else Position(case.lon, case.lat)
    return (
        ms, seq, moment(at), case.no, case.state.value, case.version, case.matter, case.priority, case.origin,
        case.category, moment(case.received), case.device, _pair(place), case.grid, list(case.grids), case.cell,
        case.owner, case.level, case.patrol, case.department, case.person, case.post, case.events, case.alert,
        case.into, case.score,
        _when(case.dispatched), _when(case.closed), *_of(respond, "due", "done"), *_of(arrive, "start", "due", "done"),
        *_of(handle, "start", "due", "done", "paused"), to_json(case.clocks).decode(),
    )  # fmt: skip


def _pair(place: Position | None) -> tuple[float, float] | None:
    return None if place is None else (place.lon, place.lat)


def _of(clock: Clock | None, *names: str) -> tuple[Any, ...]:
    return tuple(_when(getattr(clock, name, None)) for name in names)


def _when(ms: int | None) -> Any:
    return None if ms is None else moment(ms)


