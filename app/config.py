"""Every setting, in one frozen object: read once at the start, refused in one sentence when it is wrong.

A value comes from a command's option, the environment (`GRIDPOST_<NAME>`), or `gridpost.toml` in the working
directory (or the file that `GRIDPOST_CONFIG` names), in that order. A misspelt name is refused too: a setting
that silently does nothing is found weeks later, in the middle of an operation. `Field(description=…)` is the
accepted form; the refusal and docs/settings.md both use it.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from streams.archive.keeping import DEFAULT_KEEP, KEEP_FORM, parse_keep
from streams.calendar import HOURS_FORM, parse_hours
from streams.errors import BadSetting

PREFIX = "GRIDPOST_"
FILE_VARIABLE = "GRIDPOST_CONFIG"
DEFAULT_FILE = "gridpost.toml"
ROOT = Path(__file__).resolve().parent.parent
SHIPPED_SCORE = ROOT / "data" / "score.toml"
TOWN = ROOT / "data" / "towns" / "wanghai"
REDIS_SCHEMES = ("redis", "rediss", "unix", "redis+cluster", "rediss+cluster")
MQTT_SCHEMES = ("mqtt", "mqtts")
SECRET_FIELDS = frozenset({"redis_url", "mqtt_url", "secret_key"})
SITE_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


class Settings(BaseSettings):
    """The settings of one process. Secrets are left out of `repr`, so that a log line cannot show one."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, env_ignore_empty=True)

    redis_url: str | None = Field(
        None, repr=False, description="a URL redis://, rediss://, unix:// or redis+cluster://, or nothing"
    )
    mqtt_url: str | None = Field(
        None, repr=False,
        description="a URL mqtt://[user:password@]host[:port] or mqtts://host[:port][?ca=FILE], or nothing",
    )
    site: str = Field("wanghai", description="1 to 32 letters, digits, - or _")
    grids: Path = Field(TOWN / "grids.geojson", description="the path of a grid set")
    borders: Path | None = Field(None, description="the path of a GeoJSON file of border lines, or nothing")
    matters: Path = Field(ROOT / "data" / "matters.toml", description="the path of a catalogue of matters")
    calendar: Path | None = Field(None, description="the path of a calendar file, or nothing")
    work_hours: str = Field("08:30-12:00,13:30-17:30", description=HOURS_FORM)
    devices: Path = Field(TOWN / "devices.csv", description="the path of a device register")
    patrols: Path = Field(TOWN / "patrols.csv", description="the path of a patrol register")
    sources: Path = Field(TOWN / "sources.csv", description="the path of a list of sources")
    org: Path = Field(TOWN / "org.toml", description="the path of the organisation file")
    score: Path = Field(SHIPPED_SCORE, description="the path of the rules of the four-part score")
    timezone: str = Field("Asia/Shanghai", description="an IANA time zone, such as Asia/Shanghai")
    media_hosts: tuple[str, ...] = Field(
        (), description='a JSON list of host names, such as ["cameras.example.cn"]'
    )
    archive_keep: str = Field(DEFAULT_KEEP, description=KEEP_FORM)
    state_dir: Path = Field(Path("state"), description="the path of a directory")
    host: str = Field("127.0.0.1", min_length=1, description="an address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="a whole number from 0 (any free port) to 65535")
    secret_key: SecretStr | None = Field(None, min_length=16, description="a text of at least 16 characters")
    tile_url: str | None = Field(
        None, description="an absolute https:// or http:// URL with {z}, {x} and {y}, or nothing"
    )
    lang: Literal["zh", "en"] = Field("zh", description="zh or en")
    log_format: Literal["text", "json"] = Field("text", description="text or json")

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: str | None) -> str | None:
        return _url(value, REDIS_SCHEMES)

    @field_validator("mqtt_url")
    @classmethod
    def _is_mqtt(cls, value: str | None) -> str | None:
        return _url(value, MQTT_SCHEMES)

    @field_validator("site")
    @classmethod
    def _is_site(cls, value: str) -> str:
        if not SITE_FORM.fullmatch(value):
            raise ValueError("not a site")
        return value

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("no such zone") from error
        return value

    @field_validator("work_hours")
    @classmethod
    def _is_hours(cls, value: str) -> str:
        try:
            parse_hours(value)
        except BadSetting as error:  # pydantic asks for a ValueError; the sentence is made from the description
            raise ValueError("no working hours") from error
        return value

    @field_validator("archive_keep")
    @classmethod
    def _is_keep(cls, value: str) -> str:
        try:
            parse_keep(value)
        except BadSetting as error:
            raise ValueError("no such kinds and days") from error
        return value

    @field_validator("tile_url")
    @classmethod
    def _is_tiles(cls, value: str | None) -> str | None:
        if value is not None and not all(mark in value for mark in ("{z}", "{x}", "{y}")):
            raise ValueError("no tile address")
        return _url(value, ("https", "http"))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options first, then the environment, then the file."""
        return init_settings, env_settings, _FileValues(settings_cls)

    @property
    def tz(self) -> ZoneInfo:
        """The time zone in which days begin and end."""
        return ZoneInfo(self.timezone)

    @property
    def basemap(self) -> Path:
        """The map's background lies next to the grid set; a town without one has only its grids."""
        return self.grids.with_name("basemap.geojson")

    @property
    def borders_file(self) -> Path | None:
        """The border lines: the file that is named, else the one next to the grid set, else none."""
        beside = self.grids.with_name("borders.geojson")
        return self.borders or (beside if beside.exists() else None)

    @property
    def media_dir(self) -> Path:
        """Where pictures are kept, by the SHA-256 of their bytes."""
        return self.state_dir / "media"

    @property
    def archive_dir(self) -> Path:
        """Where history is kept, a directory a site."""
        return self.state_dir / "archive"


class _FileValues(PydanticBaseSettingsSource):
    """The values of the settings file."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Not used: `__call__` gives all at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        return _read_file(os.environ)


def load(**options: Any) -> Settings:
    """The settings of this process; an option that is None was not given. Raises BadSetting."""
    _refuse_unknown_variables(os.environ)
    try:
        return Settings(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        raise BadSetting(_sentence(error, options)) from error
    except ValueError as error:  # pydantic-settings wraps a list that is not JSON this way
        raise BadSetting(_bad_json(str(error))) from error


def variables(settings: Settings) -> dict[str, str]:
    """The settings as environment variables, for a child process that shall see the same."""
    found: dict[str, str] = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if value is None:
            continue
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        elif isinstance(value, tuple):
            value = "[" + ",".join(f'"{item}"' for item in value) + "]"
        found[PREFIX + name.upper()] = str(value)
    return found


def as_file(settings: Settings) -> str:
    """The settings as a settings file, for commands that shall see the same from any directory; without the secret."""
    lines = []
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if value is None or isinstance(value, SecretStr):
            continue
        if isinstance(value, Path):
            value = str(value.resolve())
        lines.append(f"{name} = {json.dumps(value, ensure_ascii=False)}")  # these values read the same in TOML
    return "\n".join(lines) + "\n"


def _url(value: str | None, schemes: tuple[str, ...]) -> str | None:
    if value is None:
        return None
    parts = urlsplit(value)
    _ = parts.port  # raises ValueError when the port is no number
    if parts.scheme not in schemes or not (parts.hostname or (parts.scheme == "unix" and parts.path)):
        raise ValueError("not such a URL")
    return value


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {FILE_VARIABLE}
    for variable, value in sorted(environment.items()):
        if variable.startswith(PREFIX) and variable not in known:
            hint = _nearest(variable, known)
            raise BadSetting(f"{variable} is {value!r}, but there is no such setting: {hint}.")


def _nearest(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f"try {close[0]}" if close else "the settings are listed in docs/settings.md"


def _read_file(environment: Mapping[str, str]) -> dict[str, Any]:
    named = environment.get(FILE_VARIABLE)
    path = Path(named or DEFAULT_FILE)
    if not path.exists():
        if named:
            raise BadSetting(f"{FILE_VARIABLE} is {named!r}, but there is no such file: name a TOML file.")
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSetting(f"{path} cannot be read as TOML ({error}): correct it or remove it.") from error
    for name, value in values.items():
        if name not in Settings.model_fields:
            hint = _nearest(name, set(Settings.model_fields))
            raise BadSetting(f"{path}: {name} is {value!r}, but there is no such setting: {hint}.")
    return {name: _beside(path, name, value) for name, value in values.items()}


def _beside(path: Path, name: str, value: Any) -> Any:
    """A relative path in the settings file is meant from where the file lies."""
    is_path = Settings.model_fields[name].annotation in (Path, Path | None)
    return path.parent / value if is_path and isinstance(value, str) else value


def _sentence(error: ValidationError, options: Mapping[str, Any]) -> str:
    """The first refusal as one sentence: name, value (never a secret), accepted form."""
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0])
    field = Settings.model_fields.get(name)
    shown = f"{PREFIX}{name.upper()}" if options.get(name) is None else f"--{name.replace('_', '-')}"
    if field is None:
        return f"{shown} is not a setting: they are listed in docs/settings.md."
    value = "refused" if name in SECRET_FIELDS else f"{_plain(first['input'])!r}"
    return f"{shown} is {value}: it must be {field.description}."


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def _bad_json(message: str) -> str:
    found = re.search(r'field "(\w+)"', message)
    name = found.group(1) if found else "media_hosts"
    value = os.environ.get(f"{PREFIX}{name.upper()}", "")
    return f"{PREFIX}{name.upper()} is {value!r}: it must be {Settings.model_fields[name].description}."
