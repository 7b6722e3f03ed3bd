"""The catalogue that ships: real in number, complete in two languages, and everything in it resolves."""

from __future__ import annotations

import tomllib
from collections import Counter
from functools import cache
from typing import Any

from streams.matters import Matters, load_matters
from tests.data.conftest import ROOT, Town

FILE = ROOT / "data" / "matters.toml"


@cache
def catalogue() -> Matters:
    return load_matters(FILE)


def raw() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text("utf-8"))


def test_there_are_matters_on_every_board_and_in_every_module() -> None:
    """Nine boards, nine modules, at least 45 matters, none of the eighteen empty."""
    matters = catalogue()
    assert len(matters.boards) == 9
    assert len(matters.modules) == 9
    assert len(matters.matters) >= 45
    assert {m.board for m in matters.matters.values()} == set(matters.boards)
    assert {m.module for m in matters.matters.values()} == set(matters.modules)


def test_the_reference_limits_hold() -> None:
    """Rubbish in 4 work hours, road cleaning in 2, illegal construction stopped in 4 hours and gone in 20 work days."""
    matters = catalogue().matters
    assert str(matters["exposed_rubbish"].clocks["handle"]) == "4h work_hour"
    assert str(matters["road_dirty"].clocks["handle"]) == "2h work_hour"
    assert str(matters["illegal_construction"].clocks["arrive"]) == "4h urgent_hour"
    assert str(matters["illegal_construction"].clocks["handle"]) == "20d work_day"
    assert {limit.kind for m in matters.values() for limit in m.clocks.values()} == {
        "urgent_hour", "work_hour", "work_day", "natural_day"}  # fmt: skip


def test_twelve_kinds_of_violation_are_announced_first() -> None:
    """Twelve matters speak before they open; each knows what to say and when to look again."""
    announced = [m for m in catalogue().matters.values() if m.announce]
    assert len(announced) == 12
    assert all(60 <= m.recheck <= 600 for m in announced)


def test_a_category_opens_one_matter() -> None:
    """No category stands twice, and a person or a car on a camera opens nothing."""
    count = Counter(c for row in raw()["matter"] for c in row["opens_on"])
    assert max(count.values()) == 1
    assert not {"person", "car"} & set(count)
    by_category = catalogue().by_category
    assert by_category["smoke"].key == by_category["fire"].key == "fire"
    assert by_category["boat"].board == "marine"
    assert catalogue().fallback.opens_on == ("other",)


def test_every_text_is_there_in_both_languages() -> None:
    """A Chinese text is Chinese, its English is there and has no Chinese in it."""
    for row in [r for table in ("board", "module", "matter") for r in raw()[table]]:
        for key in ("name", "standard", "announce_text"):
            if key in row:
                assert any("\u4e00" <= c <= "\u9fff" for c in row[key]), row["key"]
                assert row[f"{key}_en"].isascii(), row["key"]
                assert row[f"{key}_en"].strip(), row["key"]
    assert (
        len({r["name"] for r in raw()["matter"]})
        == len({r["name_en"] for r in raw()["matter"]})
        == len(raw()["matter"])
    )


def test_every_quantity_the_town_measures_has_a_rule(wanghai: Town) -> None:
    """Each quantity of a sensor has its threshold, and no threshold waits for a quantity that nobody measures."""
    measured = {d["quantity"] for d in wanghai.devices if d["quantity"]}
    assert set(catalogue().thresholds) == measured


def test_silence_is_noticed_after_the_device_should_have_spoken(wanghai: Town) -> None:
    """A device falls silent only after at least three of its periods; all three kinds are watched."""
    silences = catalogue().silences
    assert set(silences) == {"camera", "sensor", "patrol"}
    for d in wanghai.devices:
        assert silences[d["kind"]].after >= 3 * float(d["period"]), d["id"]


def test_the_fences_of_the_catalogue_fit_the_town(wanghai: Town) -> None:
    """All three rules are there, each about kinds of patrols the town has, and who stands by trade has such a post."""
    fences = catalogue().fences
    assert set(fences) == {"left_district", "standing_still", "border_crossing"}
    kinds, posts = {p["kind"] for p in wanghai.patrols}, {p["post"] for p in wanghai.patrols}
    for fence in fences.values():
        assert set(fence.kinds) <= kinds, fence.rule
        assert set(fence.posts) <= posts, fence.rule
        assert catalogue().by_category[fence.category].merge_radius == 0, "one patrol's episode is one case"
