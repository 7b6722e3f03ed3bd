"""`gridpost draw`: the table, the log, its repetition, joint visits, and sentences for wrong lists."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from app import cli
from streams.embedded import Valkey

TARGETS = """\
id,name,department,day,grid,lon,lat
T-1,宏达化工,emergency;ecology,2026-11-24,329901101001,119.13,34.94
T-2,海鲜酒楼,market,2026-11-24,,,
T-3,加油站,,,,,
"""
INSPECTORS = """\
id,name,department,avoid
E-1,王伟,emergency,
E-2,李娜,emergency,T-3
C-1,赵强,ecology,
C-2,孙丽,ecology,T-3
M-1,周杰,market,
M-2,吴敏,market,T-9
"""
PLAN = """\
id,day,target,department,matter
k-1,2026-11-24,T-2,fire,
k-2,2026-11-24,T-8,fire,
"""
DRAW = ("draw", "--targets", "targets.csv", "--inspectors", "inspectors.csv")


class Done(NamedTuple):
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def gridpost(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line from argv to exit code, in this process, since a new one takes seconds to start."""

    def run(*arguments: str, **settings: str) -> Done:
        for name in [name for name in os.environ if name.startswith("GRIDPOST_")]:
            monkeypatch.delenv(name)
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["gridpost", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        return Done(int(left.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the three lists."""
    for name, text in (("targets", TARGETS), ("inspectors", INSPECTORS), ("plan", PLAN)):
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_draw_is_shown_logged_and_repeated(gridpost: Run, folder: Path) -> None:
    """Headings in the language of the site; the log repeats; a changed name in it is found with exit 1."""
    done = gridpost(*DRAW, "--count", "3", "--seed", "2026", "--out", "log.json", "--by", "林静")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("序号  对象  名称      部门")
    assert "种子: 2026" in done.stdout
    assert "E-1" in done.stdout
    assert "M-2: T-9" in done.stderr
    log = (folder / "log.json").read_text(encoding="utf-8")
    assert json.loads(log)["by"] == "林静"
    assert json.loads(log)["sha256"] in done.stdout
    same = gridpost("draw", "--verify", "log.json", GRIDPOST_LANG="en")
    assert (same.returncode, same.stdout) == (0, "The same: drawn again, the result is that of the log.\n")
    (folder / "forged.json").write_text(log.replace("林静", "林敬"), encoding="utf-8")
    forged = gridpost("draw", "--verify", "forged.json", GRIDPOST_LANG="en")
    assert forged.returncode == 1
    assert forged.stdout.startswith("Different: forged.json: sha256 is ")


def test_without_a_seed_each_draw_has_its_own(gridpost: Run, folder: Path) -> None:
    """128 random bits, printed and logged, and said to be random; without a log that is said too."""
    seeds = set()
    for name in ("a.json", "b.json"):
        done = gridpost(*DRAW, "--count", "1", "--out", name, GRIDPOST_LANG="en")
        said = json.loads((folder / name).read_text(encoding="utf-8"))
        assert done.stdout.startswith("No.  target")
        assert f"seed: {said['seed']}" in done.stdout
        assert said["seed_from"] == "random"
        assert said["by"]
        seeds.add(said["seed"])
    assert {len(seed) for seed in seeds} == {32}
    assert len(seeds) == 2
    assert "no log was written" in gridpost(*DRAW, "--count", "1", GRIDPOST_LANG="en").stderr


def test_with_a_redis_the_record_knows_a_log_that_was_made_again(gridpost: Run, folder: Path, valkey: Valkey) -> None:
    """The recorded log is the same; one that repeats as well but was never recorded is not; a dead Redis draws none."""
    here = {"GRIDPOST_REDIS_URL": valkey.url, "GRIDPOST_LANG": "en"}
    done = gridpost(*DRAW, "--count", "2", "--seed", "1", "--out", "log.json", **here)
    assert "recorded as: " in done.stdout
    gridpost(*DRAW, "--count", "2", "--seed", "2", "--out", "other.json")
    assert gridpost("draw", "--verify", "other.json").returncode == 0
    same = gridpost("draw", "--verify", "log.json", **here)
    assert same.returncode == 0
    assert "recorded as" in same.stdout
    other = gridpost("draw", "--verify", "other.json", **here)
    assert other.returncode == 1
    assert "record of draws does not hold it" in other.stdout
    dead = gridpost(*DRAW, "--count", "2", "--out", "no.json", GRIDPOST_REDIS_URL="redis://127.0.0.1:1")
    assert dead.returncode == 1
    assert dead.stdout == ""
    assert not (folder / "no.json").exists()


def test_joint_visits_are_offered_among_drawn_and_planned_checks(gridpost: Run) -> None:
    """Two departments of one drawn target; with a plan, a drawn and a planned check; a plan alone."""
    english = {"GRIDPOST_LANG": "en"}
    alone = gridpost("draw", "--plan", "plan.csv", **english)
    assert (alone.returncode, alone.stdout) == (0, "No checks can be joined into one visit.\n")
    drawn = gridpost(*DRAW, "--count", "3", **english).stdout
    offered = drawn.split("Offered as one visit:\n")[1].splitlines()
    assert offered[1].split() == ["2026-11-24", "T-1", "ecology", "ecology;", "emergency", *_checks("T-1")]
    assert len(offered) == 2
    planned = gridpost(*DRAW, "--count", "3", "--plan", "plan.csv", **english).stdout
    last = planned.split("Offered as one visit:\n")[1].splitlines()[-1]
    assert last.split() == ["2026-11-24", "T-2", "fire", "fire;", "market", "draw:T-2:market;", "k-1"]


def _checks(target: str) -> list[str]:
    return [f"draw:{target}:ecology;", f"draw:{target}:emergency"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("draw",), "--targets, --inspectors and --count"),
        ((*DRAW, "--count", "4"), "4 of 3 targets cannot be drawn"),
        ((*DRAW, "--count", "1", "--seed", ""), "seed '' is refused"),
        ((*DRAW, "--count", "1", "--out", "plan.csv"), "not there yet"),
        (("draw", "--plan", "targets.csv"), "targets.csv, line 1: column target is missing"),
        (("draw", "--verify", "plan.csv", "--plan", "plan.csv"), "two things"),
        (("draw", "--verify", "none.json"), "none.json cannot be read"),
    ],
)
def test_a_wrong_command_is_one_sentence(gridpost: Run, arguments: tuple[str, ...], said: str) -> None:
    """Exit 2, and the remedy."""
    done = gridpost(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
