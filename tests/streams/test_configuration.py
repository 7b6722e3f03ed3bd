"""The configuration of a site and its version."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.configuration import Configuration, read_files, read_kept
from streams.errors import BadSetting

VALUES = {"timezone": "Asia/Shanghai", "work_hours": "08:30-12:00"}


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    """Two files of three."""
    (tmp_path / "town.geojson").write_text("{}", encoding="utf-8")
    (tmp_path / "b.toml").write_text("x = 1", encoding="utf-8")
    paths = {"grids": tmp_path / "town.geojson", "matters": tmp_path / "b.toml", "borders": None,
             "org": tmp_path / "none.toml"}  # fmt: skip
    return read_files(paths, VALUES)


def test_the_version_is_that_of_the_bytes(configuration: Configuration) -> None:
    """Eight hex digits, the same for the same bytes, wherever they lie; another for another byte or value."""
    assert sorted(configuration.files) == ["grids.geojson", "matters.toml"]
    assert len(configuration.version) == 8
    same = Configuration(dict(reversed(configuration.files.items())), dict(VALUES))
    assert same.version == configuration.version
    others = [
        Configuration({**configuration.files, "matters.toml": b"x = 2"}, VALUES),
        Configuration({"grids.geojson": b"{}"}, VALUES),
        Configuration(configuration.files, {**VALUES, "timezone": "UTC"}),
    ]
    assert len({configuration.version, *(other.version for other in others)}) == 4


def test_a_kept_version_is_read_again(configuration: Configuration, tmp_path: Path) -> None:
    """As it was; writing it twice does no harm, and a half-written file does not count."""
    kept = tmp_path / "config" / configuration.version
    configuration.write(kept)
    configuration.write(kept)
    (kept / "matters.toml.part").write_bytes(b"half")
    assert read_kept(kept) == configuration
    with pytest.raises(BadSetting, match="no kept configuration"):
        read_kept(tmp_path / "config" / "00000000")
