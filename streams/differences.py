"""The first difference between what was kept and what came out when it was done again, in words that name it."""

from __future__ import annotations

from datetime import UTC
from typing import Any, Literal, NamedTuple

import msgspec

from streams.codec import moment


class Difference(NamedTuple):
    """`kind`: an entry of a case's log is another; an act that was done is refused; a call has not the events that it
    had; a case stands otherwise. `id`: the stream id of the entry or of the event, as it was kept (empty when nothing
    was). `expected`: what was kept; `got`: what came out. Of entries and cases both are JSON, empty when there is
    none."""

    kind: Literal["entry", "refused", "events", "case"]
    id: str
    no: str
    expected: str
    got: str


def told(found: Difference) -> tuple[str, str]:
    """A difference in Chinese and in English, each one sentence or two."""
    match found.kind:
        case "entry":
            return _entry(found)
        case "refused":
            return (
                f"案件 {found.no} 的留痕 {found.id}：存档中已办理（{found.expected}），重放时被拒绝：{found.got}",
                f"Entry {found.id} of case {found.no}: it was done ({found.expected}), but doing it again is refused: "
                f"{found.got}",
            )
        case "events" if found.expected:
            return (
                f"截至 {found.id} 的一批消息：当时记录了 {found.expected} 条，存档中有 {found.got or '0'}。",
                f"The events recorded together up to {found.id}: they were {found.expected}, the archive has "
                f"{found.got or '0'}.",
            )
        case "events":
            return (
                f"存档中的消息 {found.id}（{found.got}）没有任何一次记录与之对应。",
                f"Event {found.id} ({found.got}) is in the archive, but no call recorded it.",
            )
        case "case":
            was, got = _apart(found.expected, found.got)
            return (
                f"案件 {found.no} 结束时不一致：存档为 {was}，重放得到 {got}。",
                f"Case {found.no} ends otherwise: the archive has {was}, doing it again gives {got}.",
            )


def _entry(found: Difference) -> tuple[str, str]:
    name = found.id or "（无）"
    if not found.expected:
        return (
            f"案件 {found.no}：重放得到一条存档中没有的留痕：{found.got}",
            f"Case {found.no}: doing it again gives an entry that the archive does not have: {found.got}",
        )
    entry = _read(found.expected)
    what = ", ".join(str(entry[key]) for key in ("act", "by") if key in entry)
    if isinstance(entry.get("at"), int):
        what += " " + moment(entry["at"]).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if not found.got:
        return (
            f"案件 {found.no} 的留痕 {name}（{what}）：重放没有得到它：{found.expected}",
            f"Entry {name} of case {found.no} ({what}): doing it again does not give it: {found.expected}",
        )
    was, got = _apart(found.expected, found.got)
    return (
        f"案件 {found.no} 的留痕 {name}（{what}）：存档为 {was}，重放得到 {got}。",
        f"Entry {name} of case {found.no} ({what}): the archive has {was}, doing it again gives {got}.",
    )


def _apart(expected: str, got: str) -> tuple[str, str]:
    """Two JSON objects, each as far as it differs from the other; whole where they do not say."""
    one, other = _read(expected), _read(got)
    names = [name for name in {**one, **other} if one.get(name) != other.get(name)]
    if not one or not other or not names:
        return expected or "-", got or "-"
    return _shown(one, names), _shown(other, names)


def _shown(values: dict[str, Any], names: list[str]) -> str:
    return ", ".join(
        f"{name} = {msgspec.json.encode(values[name]).decode()}" if name in values else f"no {name}" for name in names
    )


def _read(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError:
        return {}
