"""The catalogue of matters: what it holds, and what it refuses at start."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.clocks import Limit
from streams.errors import BadSetting
from streams.matters import load_matters
from tests.streams.catalogue import CATALOGUE

OURS = Path(__file__).parents[2] / "data" / "matters.toml"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "matters.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_matter_is_read_with_its_limits_and_its_merging(tmp_path: Path) -> None:
    """A matter carries its limits parsed, its merge radius and minutes, and is found by each of its categories."""
    matters = load_matters(written(tmp_path, CATALOGUE))
    rubbish = matters.matters["rubbish"]
    assert rubbish.clocks["handle"] == Limit(4, "h", "work_hour")
    assert (rubbish.merge_radius, rubbish.merge_minutes, rubbish.priority) == (200.0, 30.0, None)
    assert matters.by_category["litter"] is matters.by_category["rubbish"] is rubbish
    assert matters.matters["fire"].priority == 1
    assert matters.fallback.key == "other"


def test_thresholds_and_silences_are_read(tmp_path: Path) -> None:
    """Rules for readings are found by quantity, rules for silence by the kind of device."""
    matters = load_matters(written(tmp_path, CATALOGUE))
    rule = matters.thresholds["water_level"]
    assert (rule.raise_at, rule.clear_at, rule.direction, rule.hold) == (3.0, 2.8, "above", 60.0)
    assert matters.silences["sensor"].after == 900.0


FENCE = """
[[fence]]
rule = "left_district"
kinds = ["person", "vehicle"]
dwell = 300
metres = 50
grace = 1800
category = "litter"
severity = 1
"""


def test_fences_are_read(tmp_path: Path) -> None:
    """Rules for what moves are found by their rule; a catalogue without them watches no fence."""
    fence = load_matters(written(tmp_path, CATALOGUE + FENCE)).fences["left_district"]
    assert (fence.kinds, fence.dwell, fence.metres, fence.grace) == (("person", "vehicle"), 300.0, 50.0, 1800.0)
    assert (fence.on_duty, fence.posts) == (True, ())
    assert load_matters(written(tmp_path, CATALOGUE)).fences == {}


@pytest.mark.parametrize(
    ("good", "bad", "says"),
    [
        ('"left_district"', '"left_town"', r"\[\[fence\]\] 'left_town': .*left_town"),
        ('"vehicle"', '"bicycle"', r"'left_district': .*bicycle"),
        ('["person", "vehicle"]', "[]", r"'left_district': .*kinds"),
        ("dwell = 300", "dwell = 0", r"'left_district': .*dwell.*not 0"),
        ("metres = 50", "metres = -1", r"'left_district': .*metres.*not -1"),
        ('"litter"', '"gone"', r"\[\[fence\]\] category = 'gone' opens no matter"),
        ("[[fence]]", FENCE + "[[fence]]", r"rule = 'left_district' stands there twice"),
    ],
)
def test_a_broken_fence_is_refused(tmp_path: Path, good: str, bad: str, says: str) -> None:
    """Each mistake in a fence is refused in one sentence with the row, the value and what is accepted."""
    assert good in FENCE
    path = written(tmp_path, CATALOGUE + FENCE.replace(good, bad, 1))
    with pytest.raises(BadSetting, match=says) as refused:
        load_matters(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("good", "bad", "says"),
    [
        ('board = "city"', 'board = "sea"', r"'rubbish': board = 'sea' is unknown; known are city"),
        ('module = "grid"', 'module = "x"', r"'rubbish': module = 'x' is unknown; known are grid"),
        ('opens_on = ["other"]', 'opens_on = ["other", "litter"]', r"'litter' opens 'rubbish' and 'other'"),
        ('opens_on = ["other"]', 'opens_on = ["else"]', r"no matter opens on 'other'"),
        ('"4h work_hour"', '"4 hours"', r"'rubbish': clocks.handle: '4 hours' is no time limit: write \"30m"),
        ('respond = "5m urgent_hour", ', "", r"'fire': clocks lacks 'respond'"),
        ("clear = 2.8", "clear = 3.0", r"'water_level': clear = 3 is on the wrong side of raise = 3"),
        ('direction = "above"', 'direction = "below"', r"clear is above raise"),
        ('direction = "above"', 'direction = "up"', r"'up'"),
        ('name_en = "Fire"', "", r"'fire': .*name_en"),
        ('name_en = "Fire"', 'name_en = ""', r"'fire': .*name_en.*not ''"),
        ("priority = 1", "prio = 1", r"'fire': .*unknown field `prio`; known are key, name"),
        ("priority = 1", "priority = 5", r"'fire': .*<= 4.*priority.*not 5"),
        ("radius = 300", 'radius = "far"', r"'fire': .*merge.radius.*not 'far'"),
        ("severity = 3", "severity = 9", r"'water_level': .*severity.*not 9"),
        ('category = "device_offline"', 'category = "gone"', r"\[\[silence\]\] category = 'gone' opens no"),
        ('key = "fire"', 'key = "rubbish"', r"key = 'rubbish' stands there twice"),
        ("[[board]]", "[[boards]]", r"unknown table 'boards'"),
        ("[[threshold]]", "[threshold]", r"write \[\[threshold\]\]"),
        ("priority = 1", "priority = 1\nannounce = true", r"'fire': announce = true needs announce_text"),
        ("[[board]]", "[[board]", r"is not TOML"),
    ],
)
def test_a_broken_catalogue_is_refused_by_name_and_value(tmp_path: Path, good: str, bad: str, says: str) -> None:
    """Each mistake is refused in one sentence with the file, the row, the value and what is accepted."""
    assert good in CATALOGUE
    path = written(tmp_path, CATALOGUE.replace(good, bad, 1))
    with pytest.raises(BadSetting, match=says) as refused:
        load_matters(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A catalogue that is not there is refused with its name."""
    with pytest.raises(BadSetting, match=r"nowhere\.toml: cannot be read"):
        load_matters(tmp_path / "nowhere.toml")


@pytest.mark.skipif(not OURS.exists(), reason="data/matters.toml is not there")
def test_our_own_catalogue_is_whole() -> None:
    """The catalogue that we ship loads, with at least 40 matters over nine boards and nine modules, all in use."""
    matters = load_matters(OURS)
    assert len(matters.matters) >= 40
    assert len(matters.boards) == len(matters.modules) == 9
    assert {matter.board for matter in matters.matters.values()} == set(matters.boards)
    assert {matter.module for matter in matters.matters.values()} == set(matters.modules)
