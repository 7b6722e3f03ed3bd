"""The log of a draw: whole, repeatable without this program, and every change in it is found."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from streams.draw_log import PAGE, DrawLog, append, canonical, difference, digest, make_log, read_log, recorded
from streams.draws import Inputs, Inspector, Target
from streams.keys import Keys

NOW = datetime(2026, 11, 22, 4, 30, tzinfo=UTC)
DOCS = Path(__file__).parents[2] / "docs" / "draws.md"
INPUTS = Inputs(
    (
        Target("T-1", "宏达\n化工", ("fire", "market"), "2026-11-24", "G-1", 119.13, 34.0),
        Target("T-2", '海鲜"酒楼"', ("market",)),
        Target("T-3", "加油站"),
    ),
    (
        *(Inspector(f"F-{n}", f"人员{n}", "fire") for n in range(3)),
        *(Inspector(f"M-{n}", f"人员{n}", "market", ("T-3",)) for n in range(3)),
    ),
    3,
)


def log_of(seed: str = "2026") -> DrawLog:
    """One draw."""
    return make_log(INPUTS, seed, seed_from="given", by="林静", now=NOW)


def test_the_log_says_everything_and_repeats() -> None:
    """Inputs, their digest, seed, rule, who, when, result; drawn again there is no difference."""
    document = canonical(log_of())
    said = json.loads(document)
    assert (said["seed"], said["seed_from"], said["by"], said["at"]) == (
        "2026",
        "given",
        "林静",
        "2026-11-22T04:30:00Z",
    )
    assert said["algorithm"] == {"name": "sha256-order", "version": 1}
    assert said["inputs"]["targets"][0]["lon"] == 119.13
    assert difference(document) == difference(document + b"\n") == ""
    assert read_log(document) == log_of()


def test_the_digests_are_taken_over_bytes_of_the_file() -> None:
    """Nobody has to write JSON as we do to check them: cut, and hash."""
    log = log_of()
    document = canonical(log)
    inputs = document[document.index(b'"inputs":') + 9 : document.index(b',"inputs_sha256"')]
    assert sha256(inputs).hexdigest() == log.inputs_sha256
    assert sha256(document.replace(f',"sha256":"{log.sha256}"'.encode(), b"")).hexdigest() == log.sha256


@pytest.mark.parametrize("seed", ["2026", "种子 7", "x"])
def test_the_program_in_the_documentation_repeats_a_draw(tmp_path: Path, seed: str) -> None:
    """With nothing of ours: it says the same, and different once two inspectors have changed places."""
    code = re.search(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert code
    (tmp_path / "repeat.py").write_text(code.group(1), encoding="utf-8")
    changed: dict[str, Any] = json.loads(canonical(log_of(seed)))
    changed["result"][0]["inspectors"].reverse()
    for document, said in ((canonical(log_of(seed)), "the same"), (json.dumps(changed).encode(), "different")):
        (tmp_path / "log.json").write_bytes(document)
        command = [sys.executable, "-I", "repeat.py", "log.json"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=True)
        assert done.stdout == f"{said}\n"


def _set(said: dict[str, Any], path: str, value: object) -> None:
    *way, last = path.split(".")
    place: Any = said
    for step in way:
        place = place[int(step) if step.isdigit() else step]
    place[int(last) if last.isdigit() else last] = value


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("result.1.inspectors.0", "F-9", "place 2 of the result"),
        ("result", [], "the result has 0 targets, but the draw gives 3"),
        ("seed", "2027", "of the result"),
        ("seed", "", "cannot be drawn from"),
        ("inputs.targets.0.name", "别家", "inputs_sha256"),
        ("inputs.inspectors.5.avoids", [], "inputs_sha256"),
        ("inputs.count", 2, "inputs_sha256"),
        ("inputs_sha256", "0" * 64, "inputs_sha256"),
        ("by", "别人", "sha256"),
        ("at", "2026-11-21T04:30:00Z", "sha256"),
        ("seed_from", "random", "sha256"),
        ("sha256", "0" * 64, "sha256"),
        ("algorithm.version", 2, "version 2"),
        ("more", 1, "unknown field `more`"),
        ("inputs.count", "3", "$.inputs.count"),
    ],
)
def test_a_changed_log_is_found(path: str, value: object, found: str) -> None:
    """The first difference names the place."""
    said: dict[str, Any] = json.loads(canonical(log_of()))
    _set(said, path, value)
    assert found in difference(canonical(said))


def test_inputs_changed_together_with_the_digests_are_found_by_the_result() -> None:
    """An inspector who was taken off the list afterwards is missing from the result."""
    said: dict[str, Any] = json.loads(canonical(log_of()))
    gone = said["result"][0]["inspectors"][0]
    said["inputs"]["inspectors"] = [each for each in said["inputs"]["inspectors"] if each["id"] != gone]
    said["inputs_sha256"] = digest(said["inputs"])
    del said["sha256"]
    said["sha256"] = digest(said)
    assert "place 1 of the result" in difference(canonical(said))


@given(st.data())
def test_no_byte_of_a_log_can_be_changed_or_lost(data: st.DataObject) -> None:
    """Any byte replaced by any other, or cut out, is found."""
    document = canonical(log_of())
    at = data.draw(st.integers(0, len(document) - 1))
    byte = data.draw(st.sampled_from([b"", *(bytes([n]) for n in range(256) if n != document[at])]))
    assert difference(document[:at] + byte + document[at + 1 :])


@pytest.mark.parametrize("document", [b"", b"id,name\n", b"[]", b"\xff", b'{"seed":"\\ud800"}'])
def test_what_is_no_log_is_said_to_be_none(document: bytes) -> None:
    """One sentence, no exception."""
    assert "not the log of a draw" in difference(document)


def test_a_key_that_stands_twice_is_found() -> None:
    """Readers of JSON differ in which one they take."""
    document = canonical(log_of()).replace(b'"seed":', b'"seed":"1","seed":', 1)
    assert "not written canonically at byte" in difference(document)


def test_the_stream_holds_every_draw_and_knows_a_forged_one(redis_url: str, site: str) -> None:
    """Also among more draws than one page; a log made again with other words around it is not there."""
    keys = Keys(site)
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        entries = [append(client, keys, log_of(f"seed {n}")) for n in range(PAGE + 20)]
        assert recorded(client, keys, log_of("seed 0")) == entries[0]
        assert recorded(client, keys, log_of(f"seed {PAGE + 19}")) == entries[-1]
        forged = make_log(INPUTS, "seed 0", seed_from="given", by="别人", now=NOW)
        assert difference(canonical(forged)) == ""
        assert recorded(client, keys, forged) == ""
