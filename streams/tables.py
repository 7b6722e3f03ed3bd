"""TOML files of tables, read row by row against a form, with a sentence ready for whatever is wrong.

A settings file is written by hand by somebody who does not read tracebacks: each refusal names the file, the table,
the row, the value and the accepted form.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from streams.errors import BadSetting

T = TypeVar("T")
NAMED = 12


def read_toml(path: Path, setting: str, tables: Iterable[str]) -> dict[str, Any]:
    """The file that `setting` names; BadSetting when it cannot be read, is not TOML or has a table not in `tables`."""
    try:
        doc = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadSetting(f"{path}: cannot be read ({error.strerror}); {setting} names an existing TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(f"{path}: is not TOML in UTF-8 ({error}); correct it there") from error
    known = tuple(tables)
    if unknown := set(doc) - set(known):
        raise BadSetting(f"{path}: unknown table {min(unknown)!r}; known are {', '.join(known)}")
    return doc


def rows(path: Path, doc: Mapping[str, Any], table: str, form: type[T], key: str) -> Mapping[str, T]:
    """The `[[table]]` rows by their `key`, in the order of the file; a wrong row or a key used twice is refused."""
    found: dict[str, T] = {}
    listed = doc.get(table, [])
    if not isinstance(listed, list):
        raise BadSetting(f"{path}: {table} = {listed!r}; write [[{table}]] once for each")
    for number, row in enumerate(listed, 1):
        named = row.get(key) if isinstance(row, dict) else None
        one = converted(path, f"[[{table}]] {repr(named) if named else f'number {number}'}", row, form)
        name = getattr(one, key)
        if name in found:
            raise BadSetting(f"{path}: [[{table}]] {key} = {name!r} stands there twice; give every row its own")
        found[name] = one
    return MappingProxyType(found)


def converted(path: Path, where: str, row: object, form: type[T]) -> T:
    """One row in its form; BadSetting says where it stands, what is wrong and what was found."""
    try:
        return msgspec.convert(row, form)
    except msgspec.ValidationError as error:
        raise BadSetting(f"{path}: {where}: {_said(error, row, form)}") from error


def accepted(names: Iterable[str]) -> str:
    """The names to choose from, as many as a person reads."""
    known = list(names)
    more = f" and {len(known) - NAMED} more" if len(known) > NAMED else ""
    return (", ".join(known[:NAMED]) + more) or "none"


def _said(error: msgspec.ValidationError, row: object, form: type[Any]) -> str:
    """What msgspec found, with the value it found there, or the known keys when it does not know one."""
    text = str(error)
    if "unknown field" in text:
        return f"{text}; known are {', '.join(field.encode_name for field in msgspec.structs.fields(form))}"
    value, path = row, text.rpartition("`$.")[2].rstrip("`")
    for key in path.split(".") if "`$." in text else ():
        value = value.get(key.partition("[")[0]) if isinstance(value, dict) else None
    return text if value is row or value is None else f"{text}, not {value!r}"
