"""Recorded data, read as messages: what `gridpost replay` publishes.

Three forms are read. JSON lines of `{"topic", "payload", "at"}`; what `mosquitto_sub -F %j` wrote, which
differs only in calling the time `tst`; and any CSV, whose columns are mapped to the fields of one native
kind. A `.gz` is opened too.

A recording is held in memory: it is a day at most, a CSV has to be put in the order of time, and the replay
must know the last time before it sends the first. A row that cannot be used is remembered with its line and
its reason, and the rest goes on. CSV rows are tried on the native dialect, so a bad row is told in the words
the centre would use.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from hashlib import blake2b
from pathlib import Path
from typing import Any, TextIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from streams import dialects
from streams.errors import BadSetting, Refused
from streams.register import EMPTY_REGISTER

NUMBERS = ("lon", "lat", "accuracy", "speed", "course", "battery", "value")
COMMON = ("id", "at", "device", "lon", "lat", "datum")
FIELDS: Mapping[str, tuple[str, ...]] = {
    "position": (*COMMON, "accuracy", "speed", "course", "battery"),
    "alert": (*COMMON, "category", "severity", "alert", "phase", "image", "text"),
    "reading": (*COMMON, "quantity", "value", "unit"),
    "report": (*COMMON, "category", "text", "contact", "image"),
    "status": (*COMMON, "state", "battery"),
}
NEEDED: Mapping[str, tuple[str, ...]] = {
    "position": ("at", "device", "lon", "lat"),
    "alert": ("at", "category"),
    "reading": ("at", "device", "quantity", "value"),
    "report": ("at", "category"),
    "status": ("at", "device", "state"),
}


@dataclass(frozen=True, slots=True)
class Record:
    """One recorded message; `at` is aware UTC, None when nothing in it says a time; `line` counts from 1."""

    topic: str
    payload: bytes
    at: datetime | None
    line: int


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be used, and why."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Recording:
    """What a file holds: the messages in the order to send them, and the rows that cannot be used."""

    records: tuple[Record, ...]
    bad: tuple[BadRow, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """How a CSV becomes messages of one native kind. `of`: the column of each field.

    Times without an offset are in `zone`. Rows say `device` where no column does.
    """

    site: str
    kind: str
    of: Mapping[str, str]
    time_format: str | None = None
    zone: tzinfo | None = None
    device: str = "replay"


def columns(
    site: str, kind: str, maps: Sequence[str] = (), *, time_format: str | None = None, timezone: str | None = None
) -> Columns:
    """The columns of `--map column=field …`; raises BadSetting for what is unknown.

    A column that bears the name of a field needs no mapping. `attributes.<name>` is a field of every kind.
    """
    if kind not in FIELDS:
        raise BadSetting(f"kind {kind!r} is not known: use one of {', '.join(FIELDS)}")
    of: dict[str, str] = {}
    for each in maps:
        column, _, field = each.rpartition("=")
        if not column or not (field in FIELDS[kind] or field.startswith("attributes.")):
            raise BadSetting(f"map {each!r} is refused: write column=field with one of {', '.join(FIELDS[kind])}")
        if field in of:
            raise BadSetting(f"map {each!r} is refused: {field} is already column {of[field]!r}")
        of[field] = column
    try:
        zone = ZoneInfo(timezone) if timezone else None
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadSetting(f"timezone {timezone!r} is not known: use a name such as Asia/Shanghai") from error
    return Columns(site, kind, of, time_format, zone)


def load(path: Path, *, how: Columns | None = None, topic: str | None = None) -> Recording:
    """Read a recording. `how` is for a CSV, `topic` for JSON lines that name none. Raises BadSetting.

    A CSV comes in the order of its times, JSON lines as they were recorded.
    """
    is_csv = ".csv" in [suffix.lower() for suffix in path.suffixes]
    if is_csv and how is None:
        raise BadSetting(f"{path} is a CSV: say its --kind, and --map column=field for every field")
    try:
        with _opened(path, "strict" if is_csv else "surrogateescape") as file:
            rows = list(_csv_rows(path, file, how) if how is not None else _json_rows(file, topic))
    except (OSError, EOFError) as error:
        raise BadSetting(f"{path} cannot be read ({error}): name an existing recording") from error
    except UnicodeDecodeError as error:
        raise BadSetting(f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8") from error
    except csv.Error as error:
        raise BadSetting(
            f"{path} is not a CSV file ({error}): separate with commas, quote with double quotes"
        ) from error
    records = [row for row in rows if isinstance(row, Record)]
    if how is not None:
        records.sort(key=lambda record: record.at or datetime.min.replace(tzinfo=UTC))
    return Recording(tuple(records), tuple(row for row in rows if isinstance(row, BadRow)))


def time_in(value: object) -> datetime | None:
    """The time that a recorded value says, RFC 3339 or epoch seconds, as aware UTC; None when it says none."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str):
            said = datetime.fromisoformat(value.replace("Z+", "+"))  # mosquitto_sub writes 09:34:15.775023Z+0000
            return said.astimezone(UTC) if said.tzinfo else None
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _opened(path: Path, errors: str) -> TextIO:
    """The file as text. `surrogateescape` carries a picture's bytes, as mosquitto_sub writes them, through."""
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", errors=errors, newline="")
    return path.open(encoding="utf-8-sig", errors=errors, newline="")


def _json_rows(file: TextIO, topic: str | None) -> Iterator[Record | BadRow]:
    last: datetime | None = None
    for line, text in enumerate(file, start=1):
        if not text.strip():
            continue
        row = _json_row(line, text, topic, last)
        if isinstance(row, Record):
            last = row.at
        yield row


def _json_row(line: int, text: str, default: str | None, last: datetime | None) -> Record | BadRow:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        return BadRow(line, f"not JSON ({error})")
    if not isinstance(row, dict) or "payload" not in row:
        return BadRow(line, "not an object with a payload")
    topic, payload = row.get("topic"), row["payload"]
    if not isinstance(topic, str) or "/" not in topic:  # a heading of some documentation is no topic
        topic = default
    if not topic:
        return BadRow(line, f"topic is {row.get('topic')!r}: give one with --topic")
    try:
        encoded = b"" if payload is None else _text_of(payload)
    except UnicodeEncodeError as error:
        return BadRow(line, f"the payload is no text ({error.reason})")
    at = time_in(row.get("at", row.get("tst")))
    return Record(topic, encoded, at or _told(topic, encoded) or last, line)


def _told(topic: str, payload: bytes) -> datetime | None:
    """The device's own time, for a line that has none of its own."""
    try:
        said = json.loads(payload)
    except (ValueError, RecursionError):  # a bare word, a picture: it tells no time
        return None
    if not isinstance(said, dict):
        return None
    times = (time_in(inside(said, where)) for where in dialects.times(topic))
    return next((time for time in times if time is not None), None)


def _text_of(payload: object) -> bytes:
    text = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogateescape")


def inside(payload: Mapping[str, Any], where: Sequence[str]) -> object:
    """The value at a path of names; None when there is none."""
    value: object = payload
    for name in where:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _csv_rows(path: Path, file: TextIO, how: Columns) -> Iterator[Record | BadRow]:
    reader = csv.reader(file)
    header = next(reader, [])
    how = _complete(path, header, how)
    for cells in reader:
        if not any(cells):
            continue
        if len(cells) != len(header):
            yield BadRow(reader.line_num, f"{len(cells)} cells where the header has {len(header)}")
            continue
        yield _csv_row(reader.line_num, dict(zip(header, cells, strict=True)), how)


def _complete(path: Path, header: Sequence[str], how: Columns) -> Columns:
    """The columns with those that bear a field's name; raises BadSetting when one that is needed has none."""
    for field, column in how.of.items():
        if column not in header:
            raise BadSetting(f"{path} has no column {column!r} for {field}: it has {', '.join(header)}")
    taken = set(how.of.values())
    own = {name: name for name in header if name in FIELDS[how.kind] and name not in taken}
    complete = {**own, **how.of}
    if missing := [field for field in NEEDED[how.kind] if field not in complete]:
        raise BadSetting(f"{path}: no column gives {', '.join(missing)}: use --map column=field")
    return replace(how, of=complete)


def _csv_row(line: int, row: Mapping[str, str], how: Columns) -> Record | BadRow:
    said = {field: text for field, column in how.of.items() if (text := row[column].strip())}
    try:
        at = _time_of(said.pop("at", ""), how)
        device = said.pop("device", how.device)
        if "/" in device or "+" in device or "#" in device:
            return BadRow(line, f"device {device!r} cannot be part of a topic")
        payload = _payload(said, row, how.kind, at)
    except ValueError as error:
        return BadRow(line, str(error))
    topic, encoded = f"gridpost/{how.site}/{how.kind}/{device}", _text_of(payload)
    try:
        dialects.decode(topic, encoded, received=at, site=how.site, register=EMPTY_REGISTER)
    except Refused as refused:
        return BadRow(line, str(refused))
    return Record(topic, encoded, at, line)


def _payload(said: dict[str, str], row: Mapping[str, str], kind: str, at: datetime) -> dict[str, object]:
    """The native payload of a row; raises ValueError for a number that is none.

    A row without an id is named by a hash of its cells. A request at exactly 0, 0 has no place: that is how forms
    write it. A row of alerts that names no series is one of its own.
    """
    payload: dict[str, object] = {"id": said.pop("id", "") or _hash(row), "at": at.isoformat()}
    if kind == "alert":
        payload |= {"severity": 2, "alert": payload["id"], "phase": "new"}
    attributes: dict[str, str] = {}
    for field, text in said.items():
        if field.startswith("attributes."):
            attributes[field.removeprefix("attributes.")] = text
        elif field in NUMBERS or field == "severity":
            payload[field] = _number(field, text)
        else:
            payload[field] = text
    if kind == "report" and payload.get("lon") == 0 and payload.get("lat") == 0:
        del payload["lon"], payload["lat"]
    return {**payload, "attributes": attributes} if attributes else payload


def _number(field: str, text: str) -> float | int:
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{field} is {text!r}: not a number") from None
    return int(number) if field == "severity" and number.is_integer() else number


def _time_of(text: str, how: Columns) -> datetime:
    """The row's time as aware UTC; raises ValueError, and BadSetting when the timezone has to be given."""
    if not text:
        raise ValueError("at is empty")
    if how.time_format is not None:
        at = datetime.strptime(text, how.time_format)  # noqa: DTZ007  the zone is put on below
    else:
        try:
            at = datetime.fromtimestamp(float(text), UTC)
        except (ValueError, OverflowError, OSError):
            at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        if how.zone is None:
            raise BadSetting(f"the time {text!r} has no offset: give the --timezone it was written in")
        at = at.replace(tzinfo=how.zone)
    return at.astimezone(UTC)


def _hash(row: Mapping[str, str]) -> str:
    return blake2b("\x1f".join(row.values()).encode(), digest_size=12).hexdigest()
