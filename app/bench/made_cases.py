"""A county's cases, made: each goes through the eight steps, and every step is an act, a change, a call in the journal.

All cases of all days are drawn at once as one table of times, a row a case and a column a step; a day's files are then
the steps that fall on it. Arrow puts their texts together, a column at a time, in the form in which the scripts write.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.bench.made_tracks import Ints, Land, Texts, cells, midnight, recorded, table_of
from streams.archive.rows import sorted_as_kept
from streams.codec import local_day, moment
from streams.matters import Matters

DAY_MS, MINUTE_MS = 86_400_000, 60_000
HOURLY = np.array([1, 1, 1, 1, 1, 2, 4, 7, 9, 9, 8, 6, 6, 8, 9, 9, 8, 7, 6, 5, 4, 3, 2, 1], float)
ACTS = ("report", "verify", "accept", "dispatch", "acknowledge", "depart", "arrive", "handle", "close", "rate")
STATES = ("reported", "verified", "accepted", "dispatched", "acknowledged", "on_the_way", "on_scene", "handled",
          "closed", "rated")  # fmt: skip
WAITS = ((0, 0), (3, 1), (2, 1), (6, 1), (1, 0.8), (2, 0.8), (14, 0.6), (50, 1.3), (80, 1.1), (600, 0.7))
"""Minutes to each step from the one before, and how they scatter (of the logarithm)."""
ACCEPT, DISPATCH, ACKNOWLEDGE, ARRIVE, HANDLE, CLOSE, RATE = 2, 3, 4, 6, 7, 8, 9
ROLES = ("resident", "operator", "operator", "operator", "field", "field", "field", "field", "operator", "supervisor")
PEOPLE = tuple(f"{family}{given}" for family in "王李张刘陈杨黄赵周吴" for given in ("海", "建国", "秀英", "伟"))
ORIGINS, POSTS = ("resident", "village", "device"), ("巡查岗", "网格长", "执法岗")
TEXTS = ("沿街垃圾堆放", "车辆违停堵路", "占道经营", "路面破损积水", "噪声扰民", "油烟直排", "邻里纠纷", "路灯不亮")
HANDLE_HOURS = (2, 4, 24, 120)
"""The limits to handle, by how urgent the matter is."""
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Cases:
    """All cases: `times`, cases x steps, epoch ms, NEVER where a step is not taken; the columns that do not change; and
    `fixed`, the JSON of those, in three pieces."""

    times: Ints
    columns: Mapping[str, Any]
    fixed: tuple[Texts, Texts, Texts]
    due: Ints

    @classmethod
    def of(cls, land: Land, matters: Matters, first: date, days: int, a_day: int, tz: tzinfo, seed: int) -> Cases:
        """`a_day` cases on each of `days` days."""
        rng = np.random.default_rng([seed, 2])
        many = days * a_day
        begin = np.repeat([midnight(date.fromordinal(first.toordinal() + n), tz) for n in range(days)], a_day)
        hour = rng.choice(24, many, p=HOURLY / HOURLY.sum())
        received = begin + (hour * 60 * MINUTE_MS) + rng.integers(0, 60 * MINUTE_MS, many)
        order = np.argsort(received, kind="stable")
        waits = np.array([rng.lognormal(np.log(m), s, many) * MINUTE_MS if m else np.zeros(many) for m, s in WAITS]).T
        times = received[order][:, None] + np.cumsum(waits, axis=1).astype(np.int64)
        times[rng.random(many) > 0.3, RATE] = NEVER
        times[rng.random(many) < 0.004, CLOSE:] = NEVER  # some are never finished
        columns = _columns(land, matters, rng, begin, tz)
        due = times[:, ACCEPT] + np.array(HANDLE_HOURS)[columns["priority"] - 1] * 60 * MINUTE_MS
        return cls(times, columns, _fixed(columns, times[:, 0]), due)

    def steps(self, begin: int, end: int) -> tuple[Ints, Ints, Ints]:
        """What happens between two instants (epoch ms), in its order: cases, steps, times."""
        cases, steps = np.nonzero((self.times >= begin) & (self.times < end))
        times = self.times[cases, steps]
        order = np.argsort(times, kind="stable")
        return cases[order], steps[order], times[order]

    def standing(self, when: int) -> tuple[Ints, Ints]:
        """The cases that are open at an instant, and the last step that each has taken."""
        cases = np.nonzero((self.times[:, 0] <= when) & (self.times[:, CLOSE] > when))[0]
        return cases, (self.times[cases] <= when).sum(axis=1) - 1

    def items(self, cases: Ints, steps: Ints) -> Texts:
        """The JSON of cases as the feed shows them after a step."""
        t, head, place, names = self.times[cases], *(piece.take(pa.array(cases)) for piece in self.fixed)
        sent = steps >= DISPATCH
        at = t[np.arange(len(cases)), steps]
        dispatch = _if(sent, _join(self._text("no", cases), "\\/4"))
        return _join(
            head, _pick(STATES, steps), '","version":', _number(steps + 1), place, self.clocks(cases, steps),
            ',"events":1,"updated":', _number(at), ',"alert":"","ended":null,"image":null,"patrol":"',
            _if(sent, self._text("patrol", cases)), '","department":"","person":"',
            _if(sent, self._text("person", cases)), '","post":"', self._text("post", cases), '","dispatch":"', dispatch,
            '","dispatched":', _maybe(sent, t[:, DISPATCH]), ',"closed":', _maybe(steps >= CLOSE, t[:, CLOSE]),
            ',"by":"', self.by(cases, steps), '","act":"', _pick(ACTS, steps), '","acted":', _number(at),
            ',"owner":"centre"', names,
        )  # fmt: skip

    def clocks(self, cases: Ints, steps: Ints) -> Texts:
        """The JSON of their clocks."""
        t, end = self.times[cases], ',"provisional":false,"limit":"30m urgent_hour","paused":null,"of":""}'
        half, hour = 30 * MINUTE_MS, 60 * MINUTE_MS

        def clock(name: str, start: Ints, due: Ints, done: Texts) -> Texts:
            return _join(f'{{"name":"{name}","start":', _number(start), ',"due":', _number(due), ',"done":', done, end)

        respond = clock("respond", t[:, 0], t[:, 0] + half, _maybe(steps >= ACKNOWLEDGE, t[:, ACKNOWLEDGE]))
        handle = clock("handle", t[:, ACCEPT], self.due[cases], _maybe(steps >= HANDLE, t[:, HANDLE]))
        sent = t[:, DISPATCH]
        arrive = clock("arrive", sent, sent + hour, _maybe(steps >= ARRIVE, t[:, ARRIVE]))
        handle, arrive = _if(steps >= ACCEPT, _join(",", handle)), _if(steps >= DISPATCH, _join(",", arrive))
        return _join("[", respond, handle, arrive, "]")

    def by(self, cases: Ints, steps: Ints) -> Texts:
        """Who took each step: operators, and from acknowledging to feeding back the patrol."""
        field = (steps >= ACKNOWLEDGE) & (steps <= HANDLE)
        return pc.if_else(pa.array(field), self._text("patrol", cases), _pick(PEOPLE, cases % len(PEOPLE)))

    def _text(self, name: str, cases: Ints) -> Texts:
        value = self.columns[name]
        return _pick(value[1], value[0][cases]) if isinstance(value, tuple) else value.take(pa.array(cases))


def _columns(land: Land, matters: Matters, rng: np.random.Generator, begin: Ints, tz: tzinfo) -> dict[str, Any]:
    """What a case has from its report on; a pair is codes and their words."""
    many = len(begin)
    home = land.homes[rng.integers(0, len(land.homes), many)] + rng.normal(0, 0.002, (many, 2))
    lon, lat = np.round(home[:, 0], 6), np.round(home[:, 1], 6)
    keys = list(matters.matters)
    days, which = np.unique(begin, return_inverse=True)
    labels = [local_day(moment(int(ms)), tz).replace("-", "") for ms in days]
    counted = np.arange(many) - np.searchsorted(begin, begin) + 1
    return {
        "no": _join("GP-", _pick(labels, which), "-", pc.utf8_lpad(_number(counted), 5, "0")),
        "matter": (rng.integers(0, len(keys), many), keys),
        "priority": rng.choice([1, 2, 3, 4], many, p=[0.05, 0.2, 0.5, 0.25]),
        "origin": (rng.choice(3, many, p=[0.45, 0.2, 0.35]), ORIGINS),
        "category": (rng.integers(0, len(keys), many), keys),
        "device": (rng.integers(0, 1600, many), [f"D-{n:04d}" for n in range(1600)]), "lon": lon, "lat": lat,
        "grid": (np.maximum(0, land.index.codes_many(lon, lat)), [grid.code for grid in land.grids.grids]),
        "cell": cells(lon, lat), "patrol": (rng.integers(0, len(land.names), many), land.names),
        "person": (rng.integers(0, len(PEOPLE), many), PEOPLE), "post": (rng.integers(0, 3, many), POSTS),
    }  # fmt: skip


def _fixed(columns: Mapping[str, Any], received: Ints) -> tuple[Texts, Texts, Texts]:
    """The pieces of a case's JSON that never change: before its state, before its clocks, and the end."""
    grid, grids = columns["grid"]
    chains = _pick([json.dumps([c[:9], c[:12], c], separators=(",", ":")) for c in grids], grid)
    pairs = {name: columns[name] for name in ("matter", "origin", "category", "device", "cell")}
    words = {name: _pick(names, codes) for name, (codes, names) in pairs.items()}
    place = _join(
        ',"matter":"', words["matter"], '","priority":', _number(columns["priority"]), ',"origin":"', words["origin"],
        '","received":', _number(received), ',"category":"', words["category"], '","device":"', words["device"],
        '","lon":', _number(columns["lon"]), ',"lat":', _number(columns["lat"]), ',"grid":"', _pick(grids, grid),
        '","grids":', chains, ',"cell":"', words["cell"], '","clocks":',
    )  # fmt: skip
    end = ',"level":0,"tasks":[],"request":null,"into":"","until":null,"score":null,"auto":false,"aid":"","split":[]}'
    return _join('{"no":"', columns["no"], '","state":"'), place, pa.repeat(pa.scalar(end), len(received))


def _join(*pieces: Texts | str) -> Texts:
    return pc.binary_join_element_wise(*pieces, "")


def _pick(words: Sequence[str], codes: Ints) -> Texts:
    return pa.array(list(words), pa.string()).take(pa.array(codes))


def _number(values: Any) -> Texts:
    return pc.cast(pa.array(values), pa.string())


def _maybe(known: Any, values: Ints) -> Texts:
    return pc.if_else(pa.array(known), _number(values), "null")


def _if(known: Any, texts: Texts) -> Texts:
    return pc.if_else(pa.array(known), texts, "")


def day_tables(made: Cases, begin: int, end: int, version: str) -> dict[str, pa.Table]:
    """The files of a local day from `begin` to `end` (epoch ms): events, contacts, acts, cases, changes, journal."""
    cases, steps, at = made.steps(begin, end)
    ms, seq = recorded(at)
    order = np.lexsort((seq, ms))
    cases, steps, at, ms, seq = (each[order] for each in (cases, steps, at, ms, seq))
    last = np.zeros(len(cases), bool)
    last[len(cases) - 1 - np.unique(cases[::-1], return_index=True)[1]] = True
    new = steps == 0
    tables = {
        "acts": _acts(made, cases, steps, at, ms, seq), "changes": _changes(made, cases, steps, at, ms, seq),
        "journal": _journal(made, cases, steps, at, ms, seq, version),
        "cases": _cases(made, cases[last], steps[last], at[last], ms[last], seq[last]),
        "events": _events(made, cases[new], at[new], ms[new], seq[new]),
        "contacts": _contacts(made, cases[new], ms[new], seq[new]),
    }  # fmt: skip
    return {kind: sorted_as_kept(kind, rows) for kind, rows in tables.items()}


def _acts(made: Cases, cases: Ints, steps: Ints, at: Ints, ms: Ints, seq: Ints) -> pa.Table:
    no, by = made._text("no", cases), made.by(cases, steps)
    sent = (steps >= DISPATCH) & (steps <= HANDLE)
    patrol = _if(sent, made._text("patrol", cases))
    dispatch = _if(sent, _join(no, "\\/4"))
    text = _if(np.isin(steps, (0, HANDLE)), _pick(TEXTS, cases % len(TEXTS)))
    before = _pick(("", *STATES), steps)
    entry = _join(
        '{"after":"', _pick(STATES, steps), '","act":"', _pick(ACTS, steps), '","text":"', text,
        '","approver":"","at":', _number(at), ',"role":"', _pick(ROLES, steps), '","version":', _number(steps + 1),
        ',"by":"', by, '","dispatch":"', dispatch, '","before":"', before, '","patrol":"', patrol, '"}',
    )  # fmt: skip
    columns = {
        "ms": ms, "seq": seq, "no": no, "at": at, "by": by.dictionary_encode(), "role": (steps, ROLES),
        "act": (steps, ACTS), "before": before.dictionary_encode(), "after": (steps, STATES), "version": steps + 1,
        "text": text, "patrol": patrol.dictionary_encode(), "dispatch": dispatch, "approver": "",
        "detail": pa.repeat(pa.scalar(""), len(ms)), "entry": entry,
    }  # fmt: skip
    return table_of("acts", columns, len(ms))


def _changes(made: Cases, cases: Ints, steps: Ints, at: Ints, ms: Ints, seq: Ints) -> pa.Table:
    tells = np.isin(steps, (DISPATCH, ARRIVE, HANDLE))
    case = _if(steps != HANDLE, made._text("no", cases))
    state = _pick(("way", "scene", "free"), np.searchsorted((DISPATCH, ARRIVE, HANDLE), np.minimum(steps, HANDLE)))
    told = _join('[{"id":"', made._text("patrol", cases), '","case":"', case, '","state":"', state, '"}]')
    columns = {
        "ms": ms, "seq": seq, "at": at, "cases": _join("[", made.items(cases, steps), "]"),
        "patrols": pc.if_else(pa.array(tells), told, None),
    }  # fmt: skip
    return table_of("changes", columns, len(ms))


def _journal(made: Cases, cases: Ints, steps: Ints, at: Ints, ms: Ints, seq: Ints, version: str) -> pa.Table:
    no, name = made._text("no", cases), _pick(ACTS, steps)
    asked = _join(
        '{"no":"', no, '","name":"', name, '","by":"', made.by(cases, steps), '","role":"', _pick(ROLES, steps),
        '","request":"', name, "/", _number(at), '","seen":null,"patrol":"',
        _if(steps == DISPATCH, made._text("patrol", cases)), '","department":"","departments":[],"dispatch":null,',
        '"text":"","image":"","matter":"","place":null,"limit":"","until":null,"into":"","event":"","score":null,',
        '"wanted":""}',
    )  # fmt: skip
    call = _join('"', _number(ms), "-", _number(seq + 500), '"')
    columns = {
        "ms": ms, "seq": seq + 500, "kind": ((steps > 0).astype(np.int64), ("record", "act")), "now": at,
        "version": version, "count": pa.array(np.ones(len(ms), np.int32), mask=steps > 0),
        "asked": pc.if_else(pa.array(steps > 0), asked, call),
    }  # fmt: skip
    return table_of("journal", columns, len(ms))


def _cases(made: Cases, cases: Ints, steps: Ints, at: Ints, ms: Ints, seq: Ints) -> pa.Table:
    t, many = made.times[cases], len(cases)
    chains = made.columns["grid"][1]
    grids = pa.array([[c[:9], c[:12], c] for c in chains], pa.list_(pa.string()))

    def when(step: int, values: Ints) -> pa.Array:
        return pa.array(np.where(steps >= step, values, 0), mask=steps < step)

    columns: dict[str, Any] = {
        name: (value[0][cases], value[1]) if isinstance(value, tuple) else value.take(pa.array(cases))
        for name, value in made.columns.items() if isinstance(value, tuple | pa.Array | pa.ChunkedArray)
    }  # fmt: skip
    columns |= {
        "ms": ms, "seq": seq, "at": at, "state": (steps, STATES), "version": steps + 1,
        "priority": made.columns["priority"][cases], "received": t[:, 0],
        "geometry": (made.columns["lon"][cases], made.columns["lat"][cases]), "owner": "centre", "department": "",
        "grids": grids.take(pa.array(made.columns["grid"][0][cases])), "level": np.zeros(many, np.int64),
        "patrol": (np.where(steps >= DISPATCH, made.columns["patrol"][0][cases], -1), made.columns["patrol"][1]),
        "events": np.ones(many, np.int64), "alert": pa.repeat(pa.scalar(""), many),
        "into": pa.repeat(pa.scalar(""), many), "dispatched": when(DISPATCH, t[:, DISPATCH]),
        "closed": when(CLOSE, t[:, CLOSE]), "respond_due": t[:, 0] + 30 * MINUTE_MS,
        "respond_done": when(ACKNOWLEDGE, t[:, ACKNOWLEDGE]), "arrive_start": when(DISPATCH, t[:, DISPATCH]),
        "arrive_due": when(DISPATCH, t[:, DISPATCH] + 60 * MINUTE_MS), "arrive_done": when(ARRIVE, t[:, ARRIVE]),
        "handling_start": when(ACCEPT, t[:, ACCEPT]), "handling_due": when(ACCEPT, made.due[cases]),
        "handling_done": when(HANDLE, t[:, HANDLE]), "clocks": made.clocks(cases, steps),
    }  # fmt: skip
    return table_of("cases", columns, many)


def _events(made: Cases, cases: Ints, at: Ints, ms: Ints, seq: Ints) -> pa.Table:
    many = len(cases)
    pairs = {name: made.columns[name] for name in ("device", "grid", "cell", "category")}
    pick = {name: (codes[cases], words) for name, (codes, words) in pairs.items()}
    chains = pa.array([[c[:9], c[:12], c] for c in made.columns["grid"][1]], pa.list_(pa.string()))
    text = _pick(TEXTS, cases % len(TEXTS))
    columns: dict[str, Any] = pick | {
        "ms": ms, "seq": seq + 500, "at": at // 1000 * 1000, "received": at, "kind": "report",
        "source": pick["device"], "id": _join("r-", _number(at), "-", _number(cases)),
        "geometry": (made.columns["lon"][cases], made.columns["lat"][cases]),
        "grids": chains.take(pa.array(pick["grid"][0])), "flags": pa.repeat(pa.scalar([], pa.list_(pa.string())), many),
        "flag": "", "case": made._text("no", cases),
        "body": _join('{"type":"report","category":"', made._text("category", cases), '","text":"', text,
                      '","contact":"","image":null}'),
    }  # fmt: skip
    return table_of("events", columns, many)


def _contacts(made: Cases, cases: Ints, ms: Ints, seq: Ints) -> pa.Table:
    some = made.columns["origin"][0][cases] == 0
    cases, ms, seq = cases[some], ms[some], seq[some] + 500
    phone = _join("1", pc.utf8_lpad(_number(cases * 7_919_993 % 10**10), 10, "0"))
    return table_of("contacts", {"ms": ms, "seq": seq, "case": made._text("no", cases), "contact": phone}, len(ms))
