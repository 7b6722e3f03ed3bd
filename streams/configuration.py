"""What decides about cases, as one thing with a version: the files of a site and the settings that are no files.

Each change in Redis says by which version it was made (the journal), and the archive keeps every version whole, so that
a day can be done again as it was done. Two processes that read the same bytes have the same version.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import msgspec

from streams.errors import BadSetting

DIGITS = 8
VALUES = "values.json"


class Configuration(msgspec.Struct, frozen=True):
    """`files`: `<setting><suffix>` -> bytes, of those that are there; `values`: the other settings."""

    files: dict[str, bytes]
    values: dict[str, str]

    @property
    def version(self) -> str:
        """The first 8 hex digits of the SHA-256 over everything, each part with its name and length."""
        said = sha256()
        for name, content in sorted(self.files.items()):
            said.update(f"{name} {len(content)}\n".encode() + content)
        for name, value in sorted(self.values.items()):
            said.update(f"{name} {len(value)}\n{value}".encode())
        return said.hexdigest()[:DIGITS]

    def write(self, folder: Path) -> None:
        """Lay the files into a folder, with `values.json` beside them. Only what is missing is written: a version never
        changes."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in {**self.files, VALUES: msgspec.json.encode(self.values, order="sorted")}.items():
            if not (folder / name).exists():
                part = folder / f"{name}.part"
                part.write_bytes(content)
                part.rename(folder / name)


def read_files(paths: Mapping[str, Path | None], values: Mapping[str, str]) -> Configuration:
    """The configuration of these files, by setting; those that are not there do not count. Raises BadSetting."""
    files = {}
    for setting, path in paths.items():
        try:
            if path is not None and path.exists():
                files[setting + path.suffix] = path.read_bytes()
        except OSError as error:
            raise BadSetting(f"{path} cannot be read ({error}): name a file that can") from error
    return Configuration(files, dict(values))


def read_kept(folder: Path) -> Configuration:
    """A configuration that `write` has kept. Raises BadSetting when it is not there."""
    try:
        values = msgspec.json.decode((folder / VALUES).read_bytes(), type=dict[str, str])
        names = [path for path in folder.iterdir() if path.name != VALUES and path.suffix != ".part"]
        return Configuration({path.name: path.read_bytes() for path in names}, values)
    except (OSError, msgspec.DecodeError) as error:
        raise BadSetting(f"{folder} is no kept configuration ({error}): the archive keeps one a version") from error
