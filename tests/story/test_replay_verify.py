"""A night of the town, kept by the archive worker and done again by `replay --verify`; then somebody bends it."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.centre import Centre, open_archive, open_centre
from app.config import TOWN, Settings
from app.follower import load
from app.verifying import lines, verify_day
from streams.archive.follow import Keeper
from streams.archive.keeping import KEEP_DAYS
from streams.archive.store import Store
from streams.archive.stretch import DayReader
from streams.differences import Difference
from streams.embedded import Valkey
from streams.errors import BadSetting
from streams.simulated_play import Play, Watch, begin
from streams.simulator import Place, Sent, Town
from streams.verify import Same
from tests.app.test_cli import gridpost

TZ = ZoneInfo("Asia/Shanghai")
EVENING = datetime(2025, 11, 19, 22, 0, tzinfo=TZ).astimezone(UTC)
"""A past day, so that the streams, whose ids are the server's time, are not trimmed."""
DAY, NEXT = "2025-11-19", "2025-11-20"
STEP = timedelta(minutes=5)


class Night(NamedTuple):
    """The site's settings and its archive, and how much happened."""

    settings: Settings
    store: Store
    acts: int

    def cli(self, *arguments: str, cwd: Path) -> tuple[int, str, str]:
        """Exit code, standard output, standard error of `gridpost replay`."""
        done = gridpost("replay", *arguments, cwd=cwd, GRIDPOST_STATE_DIR=str(self.settings.state_dir))
        return done.returncode, done.stdout, done.stderr


class BadLine:
    """A town whose messages come twice, late, behind others, or as noise."""

    def __init__(self, town: Town) -> None:
        self._town, self._random, self._late = town, Random(5), list[Sent]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._town, name)

    def until(self, moment: datetime) -> list[Sent]:
        """What arrives by now."""
        said, self._late = [*self._late, *self._town.until(moment)], []
        arrived: list[Sent] = []
        for sent in said:
            fate = self._random.random()
            if fate < 0.05:
                self._late.append(sent)
                continue
            arrived += [sent, sent] if fate < 0.15 else [sent]
            if fate > 0.98:
                arrived.append(sent._replace(payload=sent.payload[: len(sent.payload) // 2]))
            if fate > 0.9 and len(arrived) > 1:
                arrived[-1], arrived[-2] = arrived[-2], arrived[-1]
        return arrived


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    """From 22:00 to 0:20. At 23:00 everybody reads another configuration: other working hours."""
    return lived(tmp_path_factory.mktemp("night"), EVENING, timedelta(minutes=60), timedelta(minutes=140))


def lived(folder: Path, start: datetime, change: timedelta, span: timedelta) -> Night:
    """A span of the town, with the faults of its devices and of a bad line, two people at its desk, and an archive
    worker that keeps it. After `change` everybody has another configuration."""
    watch = Watch(start)
    with Valkey(folder / "valkey") as server:
        settings = Settings(redis_url=server.url, state_dir=folder / "state")
        centre = open_centre(settings, watch)
        centre.queue.redis.config_set("appendfsync", "no")
        centre.queue.register(centre.register.patrols, watch())
        play = begin(Place.load(TOWN), centre.desk(), watch, seed=3, operators=2)
        play.town = BadLine(play.town)  # type: ignore[assignment]  # what Play asks of a town
        keeper = worker(centre)
        kept(play, keeper, start + change)
        other = open_centre(settings.model_copy(update={"work_hours": "09:00-12:00,13:00-18:00"}), watch)
        assert other.configuration.version != centre.configuration.version
        play.desk = other.desk()
        kept(play, worker(other), start + span)
        acts = len(other.queue.acts(most=1_000_000))
    return Night(settings.model_copy(update={"redis_url": None}), open_archive(settings).store, acts)


def worker(centre: Centre) -> Keeper:
    """The archive worker of the site, as `gridpost archive run` makes it."""
    return Keeper(centre.queue, open_archive(centre).store, lambda: load(centre), centre.configuration)


def kept(play: Play, keeper: Keeper, until: datetime) -> None:
    """Play up to a moment, and keep what happens as it happens."""
    while play.watch.at < until:
        keeper.mark(play.watch.at)
        play.until(min(play.watch.at + STEP, until))
        while keeper.take():
            pass
        keeper.commit(play.watch.at)
    keeper.tidy(play.watch.at, KEEP_DAYS)


def test_the_night_comes_out_again(night: Night, tmp_path: Path) -> None:
    """Every entry, and every case as the checkpoint of the next day has it; said in both languages."""
    code, said, aside = night.cli("--verify", DAY, cwd=tmp_path)
    assert code == 0, aside
    assert f"{DAY} 重放一致" in said
    assert f"checkpoint of {NEXT}" in said
    assert "calls done again" in aside
    found = verify_day(night.settings, DAY).found
    assert isinstance(found, Same)
    assert found.calls > 300
    assert found.acts > 20
    assert found.cases > 5


def test_a_day_that_is_not_over_comes_out_as_far_as_it_goes(night: Night) -> None:
    """Without a checkpoint at its end; and both days together are all that was done."""
    first, second = verify_day(night.settings, DAY), verify_day(night.settings, NEXT)
    assert isinstance(first.found, Same)
    assert isinstance(second.found, Same), second
    assert (first.until, second.until) == (NEXT, "")
    assert first.found.acts + second.found.acts == night.acts


@pytest.mark.nightly
def test_a_whole_day_comes_out_again(tmp_path: Path) -> None:
    """From midnight to midnight, and a little more for the checkpoint at its end."""
    day = lived(tmp_path / "day", EVENING - timedelta(hours=22), timedelta(hours=12), timedelta(hours=24, minutes=6))
    verified = verify_day(day.settings, DAY)
    assert isinstance(verified.found, Same), verified
    assert verified.until == NEXT
    assert verified.found.acts > 1000
    assert verified.found.cases >= 60
    print(*lines(verified), sep="\n")  # noqa: T201  # what the nightly run is read for


def test_an_act_that_somebody_bent_is_named(night: Night, tmp_path: Path) -> None:
    """With its stream id, its case, and what stands there now against what came out."""
    bent = night._replace(settings=night.settings.model_copy(update={"state_dir": tmp_path / "state"}))
    shutil.copytree(night.settings.state_dir, bent.settings.state_dir)
    store = open_archive(bent.settings).store
    name, no = bend(store, b'"role":"operator"', b'"role":"supervisor"')
    code, said, aside = bent.cli("--verify", DAY, cwd=tmp_path)
    assert (code, said) == (1, "")
    assert f"案件 {no} 的留痕 {name}" in aside
    assert f"Entry {name} of case {no}" in aside
    assert 'the archive has role = "supervisor", ' in aside
    assert 'doing it again gives role = "operator"' in aside
    assert "Traceback" not in aside


def test_a_column_that_somebody_bent_is_named(night: Night, tmp_path: Path) -> None:
    """Figures and scores are counted by the columns beside the sealed entry: they are held against it too."""
    bent = night.settings.model_copy(update={"state_dir": tmp_path / "state"})
    shutil.copytree(night.settings.state_dir, bent.state_dir)
    store = open_archive(bent).store
    part = next(each for each in store.parts(DAY) if each.kind == "acts")
    rows = pq.read_table(store.path(part))
    at, who = rows.schema.get_field_index("by"), ["somebody else", *rows["by"].to_pylist()[1:]]
    pq.write_table(rows.set_column(at, rows.schema.field(at), pa.array(who)), store.path(part))
    found = verify_day(bent, DAY).found
    assert isinstance(found, Difference)
    assert (found.kind, found.no) == ("entry", rows["no"][0].as_py())
    assert '"columns":{"by":"somebody else"}' in found.expected


def test_a_clock_that_somebody_moved_in_the_table_of_cases_is_named(night: Night, tmp_path: Path) -> None:
    """Whether a case was on time is counted by that table: it is held against the checkpoint at the end."""
    bent = night.settings.model_copy(update={"state_dir": tmp_path / "state"})
    shutil.copytree(night.settings.state_dir, bent.state_dir)
    archive = open_archive(bent)
    with DayReader(archive, DAY) as reader:
        no = next(no for no, _, _, clocks in reader.cases() if '"due":' in clocks)
    for part in (each for each in archive.store.parts(DAY) if each.kind == "cases"):
        rows = pq.read_table(archive.store.path(part))
        clocks = [
            re.sub(r'"due":\d', '"due":9', text, count=1) if case == no else text
            for case, text in zip(rows["no"].to_pylist(), rows["clocks"].to_pylist(), strict=True)
        ]
        at = rows.schema.get_field_index("clocks")
        pq.write_table(rows.set_column(at, rows.schema.field(at), pa.array(clocks)), archive.store.path(part))
    found = verify_day(bent, DAY).found
    assert isinstance(found, Difference)
    assert (found.kind, found.no) == ("case", no)


def bend(store: Store, before: bytes, after: bytes) -> tuple[str, str]:
    """Change the first entry of the day that says so, in its file; its stream id and its case."""
    for part in sorted((each for each in store.parts(DAY) if each.kind == "acts"), key=lambda part: part.first):
        rows = pq.read_table(store.path(part))
        entries: list[Any] = rows["entry"].to_pylist()
        for n, entry in enumerate(entries):
            if before.decode() not in entry:
                continue
            entries[n] = entry.replace(before.decode(), after.decode())
            at = rows.schema.get_field_index("entry")
            pq.write_table(rows.set_column(at, rows.schema.field(at), pa.array(entries)), store.path(part))
            return f"{rows['ms'][n]}-{rows['seq'][n]}", str(rows["no"][n])
    raise AssertionError("no entry of the day says so")


def test_what_cannot_be_done_again_says_why(night: Night, tmp_path: Path) -> None:
    """No checkpoint, no such configuration, a changed one, and wrong usage: each one sentence."""
    with pytest.raises(BadSetting, match=f"no checkpoint of 2025-01-01: it has {DAY}, {NEXT}"):
        verify_day(night.settings, date(2025, 1, 1).isoformat())
    bent = night.settings.model_copy(update={"state_dir": tmp_path / "state"})
    shutil.copytree(night.settings.state_dir, bent.state_dir)
    config = open_archive(bent).store.root / "config"
    first = min(config.iterdir(), key=lambda path: path.stat().st_mtime)
    (first / "values.json").write_text('{"timezone":"UTC"}', encoding="utf-8")
    with pytest.raises(BadSetting, match="somebody changed a file there"):
        verify_day(bent, DAY)
    shutil.rmtree(first)
    with pytest.raises(BadSetting, match=f"has no configuration {first.name}"):
        verify_day(bent, DAY)
    for wrong in (("--verify", "yesterday"), (), ("some.csv", "--verify", DAY)):
        code, _, aside = night.cli(*wrong, cwd=tmp_path)
        assert code == 2
        assert "Traceback" not in aside
