"""Recordings read, moved to now and published again."""

from __future__ import annotations

import csv
import gzip
import json
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from streams import dialects
from streams.dialects.edge import AHEAD
from streams.embedded import Broker
from streams.errors import BadSetting
from streams.model import Event, Flag
from streams.mqtt import Message, Publisher, subscribe
from streams.recording import Record
from streams.register import EMPTY_REGISTER
from streams.replay import AHEAD as MOST_AHEAD
from streams.replay import columns, keep_times, load, progress_on, replay, shift

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SHARED = Path(__file__).parents[2] / "../shared/data"
BUSES = SHARED / "tracks/liverpool_bus_route14.csv"
NYC = SHARED / "cases/nyc311_924.csv"
SF = SHARED / "cases/sf_311_service_requests.csv.gz"
BUS_MAP = ["vehicle_id=device", "timestamp=at", "latitude=lat", "longitude=lon", "bearing=course"]
NYC_MAP = ["Unique Key=id", "Created Date=at", "Complaint Type=category", "Latitude=lat", "Longitude=lon"]


def events(records: Sequence[Record], received: datetime) -> list[Event]:
    """What the centre makes of the records, all received at one time."""
    found = []
    for record in records:
        decoded = dialects.decode(record.topic, record.payload, received=received, site="w", register=EMPTY_REGISTER)
        assert isinstance(decoded, list)
        found += decoded
    return found


def lines(path: Path, *rows: object) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return path


def fix(seconds: float, device: str = "p-1", lon: float = 119.1) -> dict[str, object]:
    """A line of a recording of one patrol, `seconds` after 2024-01-01."""
    at = (datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).isoformat()
    payload = {"id": f"m{seconds}", "at": at, "lon": lon, "lat": 35.0}
    return {"topic": f"gridpost/w/position/{device}", "payload": payload, "at": at}


def test_json_lines_are_messages_with_their_times(tmp_path: Path) -> None:
    """The payload may be an object or its text; empty lines do no harm."""
    said = fix(1)
    recording = load(lines(tmp_path / "r.jsonl", fix(0), "", {**said, "payload": json.dumps(said["payload"])}))
    first, second = recording.records
    assert (first.topic, first.line, second.line, recording.bad) == ("gridpost/w/position/p-1", 1, 3, ())
    assert second.at == datetime(2024, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert json.loads(second.payload) == said["payload"]


def test_a_line_that_cannot_be_used_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    """Each bad row has its line and its reason."""
    recording = load(lines(tmp_path / "r.jsonl", "{", [1], {"payload": {}}, fix(0)))
    assert [bad.line for bad in recording.bad] == [1, 2, 3]
    assert "topic" in str(recording.bad[2])
    assert len(recording.records) == 1


def test_a_topic_can_be_given_for_lines_that_name_none(tmp_path: Path) -> None:
    """A heading of some documentation in place of a topic counts as none."""
    path = lines(tmp_path / "r.jsonl", {"topic": None, "payload": {}}, {"topic": "`up` event", "payload": {}}, fix(0))
    assert [record.topic for record in load(path, topic="owntracks/a/b").records] == [
        "owntracks/a/b", "owntracks/a/b", "gridpost/w/position/p-1",
    ]  # fmt: skip


def test_a_line_without_a_time_takes_the_devices_own(tmp_path: Path) -> None:
    """And one whose payload tells none follows the line before."""
    tst = 1704067200
    path = lines(
        tmp_path / "r.jsonl",
        {"topic": "owntracks/a/b", "payload": {"_type": "location", "tst": tst}},
        {"topic": "frigate/available", "payload": "online"},
    )
    assert [record.at for record in load(path).records] == [datetime(2024, 1, 1, tzinfo=UTC)] * 2


def test_what_mosquitto_sub_wrote_is_read(tmp_path: Path) -> None:
    """`-F %j` calls the time `tst`, writes `Z` and an offset, and lets a picture's bytes through."""
    path = tmp_path / "r.json"
    path.write_bytes(
        b'{"tst":"2024-01-01T08:00:00.5Z+0800","topic":"t/a","qos":0,"retain":0,"payloadlen":6,"payload":"online"}\n'
        b'{"tst":"2024-01-01T08:00:01.5Z+0800","topic":"t/b","qos":0,"retain":0,"payloadlen":0,"payload":null}\n'
        b'{"tst":"2024-01-01T08:00:02.5Z+0800","topic":"t/c","qos":0,"retain":0,"payloadlen":2,"payload":"\xff\xd8"}\n'
    )
    recording = load(path)
    assert [record.payload for record in recording.records] == [b"online", b"", b"\xff\xd8"]
    assert recording.records[0].at == datetime(2024, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)


def test_shifting_makes_the_first_record_now_and_keeps_the_pauses(tmp_path: Path) -> None:
    """The record's time and the one in its payload move alike, however the payload writes it."""
    path = lines(
        tmp_path / "r.jsonl",
        fix(0),
        {"topic": "owntracks/a/b", "payload": {"_type": "location", "tst": 1704067210, "lat": 1, "lon": 1}},
        {"topic": "application/1/device/2/event/join", "payload": {"time": "2024-01-01T00:00:20.123456789Z"}},
        {"topic": "frigate/events", "payload": {"after": {"frame_time": 1704067230.5, "end_time": None}}},
    )
    moved = shift(load(path).records, NOW)
    at = [record.at for record in moved]
    assert at[0] == NOW
    assert [(each - NOW).total_seconds() for each in at if each] == [0, 10, pytest.approx(20.123456), 30.5]
    said = [json.loads(record.payload) for record in moved]
    assert said[0]["at"] == NOW.isoformat()
    assert said[1]["tst"] == NOW.timestamp() + 10
    assert said[2]["time"] == (NOW + timedelta(seconds=20, microseconds=123456)).isoformat()
    assert said[3]["after"] == {"frame_time": NOW.timestamp() + 30.5, "end_time": None}


def test_a_short_recording_sent_at_once_still_begins_now(tmp_path: Path) -> None:
    """Up to 4 minutes ahead of the clock the centre takes it."""
    path = lines(tmp_path / "r.jsonl", fix(0), fix(240))
    moved = shift(load(path).records, NOW, speed=0)
    assert [record.at for record in moved] == [NOW, NOW + timedelta(minutes=4)]


@pytest.mark.parametrize(("speed", "ends"), [(0.0, 0), (10.0, 360), (1.0, 3600)])
def test_a_long_recording_sent_fast_never_runs_ahead_of_the_clock(tmp_path: Path, speed: float, ends: int) -> None:
    """Its last record is sent at its own time, so that nothing is refused as future; pauses stay."""
    moved = shift(load(lines(tmp_path / "r.jsonl", fix(0), fix(3600))).records, NOW, speed=speed)
    assert [record.at for record in moved] == [NOW + timedelta(seconds=ends - 3600), NOW + timedelta(seconds=ends)]


def test_keeping_times_changes_nothing(tmp_path: Path) -> None:
    """They are published as recorded, and so are those that tell no time when shifted."""
    records = load(lines(tmp_path / "r.jsonl", {"topic": "frigate/available", "payload": "online"}, fix(0))).records
    assert keep_times(records) == records
    assert shift(records[:1], NOW) == records[:1]


def write_csv(path: Path, *rows: Sequence[str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def test_csv_rows_become_native_messages_in_the_order_of_time(tmp_path: Path) -> None:
    """Mapped columns, columns that bear a field's name, and attributes; empty cells are left out."""
    path = write_csv(
        tmp_path / "t.csv",
        ["bus", "when", "lon", "lat", "speed", "line"],
        ["b2", "2024-01-01 08:00:09", "119.1", "35", "", "14"],
        ["b1", "2024-01-01 08:00:00", "119.2", "35", "3.5", "14"],
    )
    how = columns("w", "position", ["bus=device", "when=at", "line=attributes.line"], timezone="Asia/Shanghai")
    first, second = load(path, how=how).records
    assert (first.topic, first.line, second.line) == ("gridpost/w/position/b1", 3, 2)
    said = json.loads(first.payload)
    assert said.pop("id")
    assert said == {
        "at": "2024-01-01T00:00:00+00:00", "lon": 119.2, "lat": 35.0, "speed": 3.5, "attributes": {"line": "14"},
    }  # fmt: skip
    assert "speed" not in json.loads(second.payload)


def test_a_row_without_an_id_has_a_stable_one(tmp_path: Path) -> None:
    """The same row is the same message, in this run and the next; another row is another."""
    row = ["b1", "1704067200", "119.2", "35"]
    path = write_csv(tmp_path / "t.csv", ["device", "at", "lon", "lat"], row, row, [*row[:3], "36"])
    ids = [json.loads(record.payload)["id"] for record in load(path, how=columns("w", "position")).records]
    again = [json.loads(record.payload)["id"] for record in load(path, how=columns("w", "position")).records]
    assert ids == again
    assert ids[0] == ids[1] != ids[2]


def test_bad_csv_rows_are_told_in_the_words_of_the_centre(tmp_path: Path) -> None:
    """Line and reason; the good rows are there."""
    path = write_csv(
        tmp_path / "t.csv",
        ["device", "at", "lon", "lat"],
        ["b1", "1704067200", "119.2", "35"],
        ["b1", "1704067201", "", ""],
        ["b1", "1704067202", "x", "35"],
        ["b1", "1704067203", "200", "35"],
        ["b1", "soon", "119", "35"],
        ["b1", "", "119", "35"],
        ["b/1", "1704067204", "119", "35"],
        ["b1", "1704067205", "119"],
    )
    recording = load(path, how=columns("w", "position"))
    assert len(recording.records) == 1
    told = {bad.line: bad.reason for bad in recording.bad}
    assert list(told) == [3, 4, 5, 6, 7, 8, 9]
    for line, part in {
        3: "missing",
        4: "'x'",
        5: "impossible_place",
        6: "soon",
        7: "empty",
        8: "b/1",
        9: "3 cells",
    }.items():
        assert part in told[line]


def test_alerts_need_only_a_time_and_a_category(tmp_path: Path) -> None:
    """A row that names no series is a new alert of its own, of middling severity."""
    path = write_csv(
        tmp_path / "a.csv", ["at", "category", "severity"], ["1704067200", "fire", ""], ["1704067201", "fire", "4"]
    )
    first, second = events(load(path, how=columns("w", "alert")).records, datetime(2024, 1, 1, tzinfo=UTC))
    assert (first.body.severity, second.body.severity) == (2, 4)  # type: ignore[union-attr]
    assert first.body.alert == first.id  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("kind", "maps", "timezone", "says"),
    [
        ("mood", [], None, "'mood'"),
        ("position", ["vehicle"], None, "column=field"),
        ("position", ["vehicle=colour"], None, "'vehicle=colour'"),
        ("position", ["a=lon", "b=lon"], None, "already"),
        ("position", [], "Mars/Olympus", "'Mars/Olympus'"),
    ],
)
def test_a_wrong_mapping_is_refused_at_once(kind: str, maps: list[str], timezone: str | None, says: str) -> None:
    """One sentence with the value and what is accepted."""
    with pytest.raises(BadSetting, match=says):
        columns("w", kind, maps, timezone=timezone)


def test_a_csv_that_does_not_fit_its_mapping_is_refused_at_once(tmp_path: Path) -> None:
    """A missing column, a needed field without one, a time whose zone nobody said, a CSV without a kind."""
    path = write_csv(tmp_path / "t.csv", ["device", "at", "lon", "lat"], ["b", "2024-01-01 08:00", "119", "35"])
    with pytest.raises(BadSetting, match="no column 'bus'"):
        load(path, how=columns("w", "position", ["bus=device"]))
    with pytest.raises(BadSetting, match="category"):
        load(path, how=columns("w", "report"))
    with pytest.raises(BadSetting, match="--timezone"):
        load(path, how=columns("w", "position"))
    with pytest.raises(BadSetting, match="--kind"):
        load(path)
    with pytest.raises(BadSetting, match="cannot be read"):
        load(tmp_path / "nothing.jsonl")


def test_a_compressed_file_is_opened_too(tmp_path: Path) -> None:
    """`.gz` of any of the forms."""
    path = tmp_path / "r.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(fix(0)).encode()))
    assert len(load(path).records) == 1


@pytest.mark.skipif(not BUSES.exists(), reason="the bus recording is not here")
def test_an_afternoon_of_buses() -> None:
    """1,533 fixes of 8 buses in British winter time, in the order of time; sent at once, none is refused."""
    how = columns("w", "position", BUS_MAP, timezone="Europe/London")
    recording = load(BUSES, how=how)
    assert (len(recording.records), recording.bad) == (1533, ())
    assert len({record.topic for record in recording.records}) == 8
    assert recording.records[0].at == datetime(2026, 1, 26, 15, 55, 12, tzinfo=UTC)
    found = events(shift(recording.records, NOW, speed=0), NOW)
    assert len({(event.source, event.id) for event in found}) == 1533
    assert max(event.at for event in found) == NOW
    assert all(event.flags == (Flag.UNREGISTERED,) for event in found)


@pytest.mark.skipif(not NYC.exists(), reason="the New York requests are not here")
def test_a_morning_of_requests() -> None:
    """924 requests in New York time; the 11 without a place become unplaced reports."""
    how = columns(
        "w", "report", NYC_MAP, time_format="%m/%d/%Y %I:%M:%S %p", timezone="America/New_York"
    )  # fmt: skip
    recording = load(NYC, how=how)
    assert (len(recording.records), recording.bad) == (924, ())
    assert recording.records[0].at == datetime(2022, 5, 1, 4, 0, 3, tzinfo=UTC)
    found = events(shift(recording.records, NOW), NOW + timedelta(hours=3))
    assert sum(Flag.UNPLACED in event.flags for event in found) == 11
    assert sum(event.position is None for event in found) == 11
    assert all(Flag.LATE in event.flags for event in events(keep_times(recording.records), NOW))


@pytest.mark.skipif(not SF.exists(), reason="the San Francisco requests are not here")
def test_dirty_requests() -> None:
    """10,000 requests, 4,264 of them at 0, 0: that is no place, and the request counts all the same."""
    maps = ["unique_key=id", "created_date=at", "latitude=lat", "longitude=lon"]
    recording = load(SF, how=columns("w", "report", maps))
    assert (len(recording.records), recording.bad) == (10_000, ())
    assert sum(event.position is None for event in events(recording.records, NOW)) == 4264


def test_a_replay_arrives_whole_and_in_order(broker: Broker, tmp_path: Path) -> None:
    """Every message is acknowledged by a real broker before the replay ends; progress hears all of them."""
    records = load(lines(tmp_path / "r.jsonl", *(fix(n, lon=100 + n / 100) for n in range(300)))).records
    with Publisher(broker.url, "warm-up") as publisher:
        session = subscribe(broker.url, ["gridpost/w/#"], client_id="listener", share=None, stop=threading.Event())
        next(session)  # subscribed, and nothing there yet
        told: list[int] = []
        assert replay(shift(records, NOW), publisher, speed=0, progress=told.append) == 300
        assert told == list(range(1, 301))
    got: list[Message] = []
    while len(got) < 300:
        batch = next(session)
        if batch:
            got.extend(batch.messages)
            batch.acknowledge()
    assert [json.loads(message.payload)["id"] for message in got] == [f"m{n}" for n in range(300)]


def test_a_replay_keeps_the_pace(broker: Broker, tmp_path: Path) -> None:
    """At tenfold speed a second takes a tenth of one, at least."""
    records = load(lines(tmp_path / "r.jsonl", fix(0), fix(2), fix(3))).records
    with Publisher(broker.url, "pace") as publisher:
        begun = datetime.now(UTC)
        assert replay(records, publisher, speed=10) == 3
        assert datetime.now(UTC) - begun >= timedelta(seconds=0.3)


def test_a_stopped_replay_sends_no_more(broker: Broker, tmp_path: Path) -> None:
    """Ctrl-C in the middle: what was sent is acknowledged, the rest stays."""
    records = load(lines(tmp_path / "r.jsonl", fix(0), fix(1), fix(3600))).records
    stop = threading.Event()
    with Publisher(broker.url, "stopped") as publisher:
        sent = replay(
            records, publisher, speed=100, stop=stop, progress=lambda count: stop.set() if count == 2 else None
        )
        assert (sent, publisher.unacknowledged) == (2, 0)


def test_progress_is_told_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    """A quick replay tells one line, with the total."""
    tell = progress_on(sys.stderr, 3)
    for sent in (1, 2, 3):
        tell(sent)
    assert capsys.readouterr().err == "3 of 3 sent\n"


def test_nothing_is_moved_further_ahead_than_the_centre_accepts() -> None:
    """The replay's own limit lies below the one of the edge."""
    assert MOST_AHEAD < AHEAD
