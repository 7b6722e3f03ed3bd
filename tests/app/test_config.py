"""Settings: where they come from, and how a wrong one is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app import config
from streams.errors import BadSetting

DOCUMENTED = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of the machine, and an empty working directory."""
    import os

    for name in list(os.environ):
        if name.startswith(config.PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_every_setting_is_documented() -> None:
    """docs/settings.md lists every setting, with its accepted form, and no other."""
    rows = re.findall(r"^\| `GRIDPOST_(\w+)` \|", DOCUMENTED.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted([*(name.upper() for name in config.Settings.model_fields), "CONFIG"])
    for field in config.Settings.model_fields.values():
        assert field.description


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "abc"), ("PORT", "70000"), ("TIMEZONE", "Mars/Olympus"), ("LANG", "fr"), ("LOG_FORMAT", "xml"),
        ("SITE", "a/b"), ("MEDIA_HOSTS", "cameras.example"), ("TILE_URL", "https://tiles.example/one.png"),
        ("WORK_HOURS", "9 to 5"), ("WORK_HOURS", "13:30-17:30,08:30-12:00"),
    ],
)  # fmt: skip
def test_an_invalid_value_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """The refusal has the name, the value and the accepted form."""
    monkeypatch.setenv(config.PREFIX + variable, value)
    with pytest.raises(BadSetting) as refused:
        config.load()
    said = str(refused.value)
    assert f"GRIDPOST_{variable}" in said
    assert repr(value) in said
    assert str(config.Settings.model_fields[variable.lower()].description) in said
    assert "\n" not in said


@pytest.mark.parametrize("variable", ["REDIS_URL", "MQTT_URL", "SECRET_KEY"])
def test_a_refused_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """The sentence about a URL or a key never repeats it: it may hold a password."""
    monkeypatch.setenv(config.PREFIX + variable, "x://u:hush@h" if "URL" in variable else "hush")
    with pytest.raises(BadSetting) as refused:
        config.load()
    assert "hush" not in str(refused.value)


def test_a_misspelt_variable_is_refused_with_the_likely_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """GRIDPOST_PROT is not silently ignored."""
    monkeypatch.setenv("GRIDPOST_PROT", "1")
    with pytest.raises(BadSetting, match=r"GRIDPOST_PROT is '1'.*GRIDPOST_PORT"):
        config.load()


def test_a_misspelt_key_of_the_file_is_refused(tmp_path: Path) -> None:
    """The file and the key are named."""
    (tmp_path / "gridpost.toml").write_text("prot = 1\n")
    with pytest.raises(BadSetting, match=r"gridpost.toml: prot is 1.*port"):
        config.load()


def test_the_file_gives_way_to_the_environment_and_that_to_an_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Options come first, then the environment, then gridpost.toml."""
    (tmp_path / "gridpost.toml").write_text('port = 1\nhost = "h1"\nsite = "s1"\ngrids = "g.geojson"\n')
    monkeypatch.setenv("GRIDPOST_PORT", "2")
    monkeypatch.setenv("GRIDPOST_HOST", "h2")
    found = config.load(port=3, host=None)
    assert (found.port, found.host, found.site) == (3, "h2", "s1")
    assert found.grids == Path("g.geojson")


def test_variables_give_a_child_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `variables` returns, put into the environment, loads to equal settings, secrets and lists too."""
    first = config.load(
        redis_url="redis://u:p@h/0", media_hosts=("a.example", "b.example"), secret_key="0123456789abcdef"
    )
    for name, value in config.variables(first).items():
        monkeypatch.setenv(name, value)
    assert config.load() == first


def test_a_settings_file_gives_the_same_settings_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `as_file` returns loads to equal settings in another directory: paths become absolute, the secret stays."""
    monkeypatch.chdir(tmp_path)
    first = config.load(redis_url="redis://h/0", media_hosts=("a.example",), state_dir=Path("网格 \"x\""), port=7)
    path = tmp_path / "settings.toml"
    path.write_text(config.as_file(first), encoding="utf-8")
    monkeypatch.chdir("/")
    monkeypatch.setenv("GRIDPOST_CONFIG", str(path))
    found = config.load()
    assert found == first.model_copy(update={"state_dir": (tmp_path / "网格 \"x\"").resolve()})
    assert "hush" not in config.as_file(config.load(secret_key="hush-hush-hush-hush"))


def test_secrets_are_not_in_the_text_of_the_settings() -> None:
    """A log line that shows the settings shows no password."""
    found = config.load(redis_url="redis://u:hush@h/0", mqtt_url="mqtt://u:hush@h", secret_key="hush-hush-hush-hush")
    assert "hush" not in repr(found) + str(found)


def test_borders_lie_beside_the_grid_set_unless_they_are_named(tmp_path: Path) -> None:
    """The demo town has its border; another place has none until a file lies there or is named."""
    assert config.load().borders_file == config.TOWN / "borders.geojson"
    grids = tmp_path / "grids.geojson"
    assert config.load(grids=grids).borders_file is None
    assert config.load(grids=grids, borders=tmp_path / "lines.geojson").borders_file == tmp_path / "lines.geojson"
    (tmp_path / "borders.geojson").touch()
    assert config.load(grids=grids).borders_file == tmp_path / "borders.geojson"
