"""Drawing: double random (双随机), its log, its repetition, and the joint visits that it allows (综合查一次).

What was drawn is written to its log before anybody sees it: who could look first could draw until it suits.
"""

from __future__ import annotations

import getpass
import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import typer

from app.centre import open_redis, wall_clock
from app.config import Settings
from app.text import Text
from streams import draw_log
from streams.draw_lists import read_inspectors, read_plan, read_targets
from streams.draw_log import DrawLog
from streams.draws import Inputs, loads
from streams.errors import BadSetting
from streams.keys import Keys
from streams.matters import load_matters
from streams.visits import Check, visits

SEED_BYTES = 16
DRAWN = (
    Text("序号", "No."), Text("对象", "target"), Text("名称", "name"), Text("部门", "department"), Text("日期", "day"),
    Text("网格", "grid"), Text("检查人员", "inspectors"),
)  # fmt: skip
LOADS = (
    Text("人员", "inspector"), Text("姓名", "name"), Text("部门", "department"), Text("任务数", "targets"),
)  # fmt: skip
VISITS = (
    Text("日期", "day"), Text("对象", "target"), Text("牵头", "lead"), Text("部门", "departments"),
    Text("检查", "checks"),
)  # fmt: skip
SAME = Text("一致：重新抽取，结果与日志相同。", "The same: drawn again, the result is that of the log.")
DIFFERENT = Text("不一致", "Different")
NOT_RECORDED = Text(
    "抽取本身可以重现，但本站的抽取记录中没有这份日志", "it repeats, but this site's record of draws does not hold it"
)
JOINT = Text("综合查一次（建议）：", "Offered as one visit:")
NO_JOINT = Text("没有可合并的检查。", "No checks can be joined into one visit.")
SEED = Text("种子", "seed")
INPUTS = Text("输入摘要", "inputs SHA-256")
SEAL = Text("日志摘要", "log SHA-256")
RECORDED = Text("记录", "recorded as")
NOT_LOGGED = Text(
    "注意：没有写日志（未给 --out，也未设置 GRIDPOST_REDIS_URL）。",
    "Note: no log was written (no --out, and GRIDPOST_REDIS_URL is not set).",
)
NOT_LISTED = Text("注意：以下回避对象不在名单中：", "Note: targets to avoid that are not on the list: ")


def draw(
    settings: Settings, targets: Path | None, inspectors: Path | None, plan: Path | None, *,
    count: int | None, per_target: int, seed: str | None, out: Path | None, by: str | None,
) -> None:  # fmt: skip
    """Draw, keep the log, show it and what visits it allows; with a plan alone only those. Raises BadSetting."""
    checks, leads = _plan(settings, plan)
    if targets is None and inspectors is None and plan is not None:
        typer.echo(_offer(checks, leads, settings.lang))
        return
    if targets is None or inspectors is None or count is None:
        raise BadSetting("A draw needs --targets, --inspectors and --count (or --plan alone, or --verify): give them.")
    if out is not None and (out.exists() or not out.resolve().parent.is_dir()):
        raise BadSetting(f"--out is {str(out)!r}: name a file that is not there yet, in a folder that is.")
    if by is not None and not by.isprintable():
        raise BadSetting(f"--by is {by!r}: use printable characters.")
    inputs = Inputs(read_targets(targets), read_inspectors(inspectors), count, per_target)
    log = draw_log.make_log(
        inputs, seed if seed is not None else secrets.token_hex(SEED_BYTES),
        seed_from="random" if seed is None else "given", by=by or _user(), now=wall_clock(),
    )  # fmt: skip
    entry = _write(settings, log, out)
    _show(log, entry, settings.lang)
    checks = (*checks, *_drawn_checks(log))
    if plan is not None or visits(checks, leads):
        typer.echo("\n" + _offer(checks, leads, settings.lang))
    _warn(log, logged=bool(entry or out), lang=settings.lang)


def refuse_together(option: str, others: Mapping[str, Path | None]) -> None:
    """Raises BadSetting when one of `others` was given beside `option`."""
    for other, value in others.items():
        if value is not None:
            raise BadSetting(f"{option} and {other} are two things: give one of them.")


def _plan(settings: Settings, path: Path | None) -> tuple[tuple[Check, ...], dict[str, str]]:
    if path is None:
        return (), {}
    leads = {matter.key: matter.lead for matter in load_matters(settings.matters).matters.values()}
    return read_plan(path, leads), leads


def verify(settings: Settings, path: Path) -> None:
    """Repeat the draw of a log and say whether it gives the same; leaves with exit code 1 when not."""
    try:
        document = path.read_bytes()
    except OSError as error:
        raise BadSetting(f"{path} cannot be read ({error.strerror}): name the log of a draw.") from error
    found = draw_log.difference(document)
    entry = ""
    if not found and settings.redis_url is not None:
        log = draw_log.read_log(document)
        entry = draw_log.recorded(open_redis(settings, decode=True), Keys(settings.site), log)
        found = "" if entry else NOT_RECORDED.in_(settings.lang)
    if found:
        typer.echo(f"{DIFFERENT.in_(settings.lang)}: {path}: {found}.")
        raise typer.Exit(1)
    typer.echo(SAME.in_(settings.lang) + (f" {RECORDED.in_(settings.lang)} {entry}." if entry else ""))


def _write(settings: Settings, log: DrawLog, out: Path | None) -> str:
    """Keep the log; returns the entry's id in the stream, empty without a Redis."""
    entry = ""
    if settings.redis_url is not None:
        entry = draw_log.append(open_redis(settings, decode=True), Keys(settings.site), log)
    if out is not None:
        try:
            with out.open("xb") as file:
                file.write(draw_log.canonical(log) + b"\n")
        except OSError as error:
            raise BadSetting(
                f"--out is {str(out)!r} and cannot be written ({error.strerror}): name another."
            ) from error
    return entry


def _show(log: DrawLog, entry: str, lang: str) -> None:
    known = {target.id: target for target in log.inputs.targets}
    people = {inspector.id: inspector for inspector in log.inputs.inspectors}
    rows = []
    for number, drawn in enumerate(log.result, 1):
        target = known[drawn.target]
        names = ", ".join(f"{people[each].name} ({each})" for each in drawn.inspectors)
        rows.append(
            (str(number), target.id, target.name, "; ".join(target.departments), target.day, target.grid, names)
        )
    typer.echo(_table(DRAWN, rows, lang) + "\n")
    counted = loads(log.inputs.inspectors, log.result)
    typer.echo(_table(LOADS, [(p.id, p.name, p.department, str(counted[p.id])) for p in people.values()], lang) + "\n")
    typer.echo(f"{SEED.in_(lang)}: {log.seed}")
    typer.echo(f"{INPUTS.in_(lang)}: {log.inputs_sha256}")
    typer.echo(f"{SEAL.in_(lang)}: {log.sha256}")
    if entry:
        typer.echo(f"{RECORDED.in_(lang)}: {entry}")


def _drawn_checks(log: DrawLog) -> list[Check]:
    """The checks that follow from the drawn targets that name their day."""
    drawn = {each.target for each in log.result}
    return [
        Check(f"draw:{target.id}:{department}", target.id, date.fromisoformat(target.day), department)
        for target in log.inputs.targets if target.id in drawn and target.day
        for department in target.departments
    ]  # fmt: skip


def _offer(checks: Sequence[Check], leads: Mapping[str, str], lang: str) -> str:
    rows = [
        (visit.day.isoformat(), visit.target, visit.lead, "; ".join(visit.departments),
         "; ".join(check.id for check in visit.checks))
        for visit in visits(checks, leads)
    ]  # fmt: skip
    return f"{JOINT.in_(lang)}\n{_table(VISITS, rows, lang)}" if rows else NO_JOINT.in_(lang)


def _warn(log: DrawLog, *, logged: bool, lang: str) -> None:
    """What is no error but could be a slip: a misspelt target to avoid would silently be no protection."""
    known = {target.id for target in log.inputs.targets}
    unknown = [
        f"{each.id}: {target}" for each in log.inputs.inspectors for target in each.avoids if target not in known
    ]
    if unknown:
        typer.echo(NOT_LISTED.in_(lang) + ", ".join(unknown), err=True)
    if not logged:
        typer.echo(NOT_LOGGED.in_(lang), err=True)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise BadSetting("This machine does not say who you are: give --by NAME.") from error


def _table(heads: Sequence[Text], rows: Sequence[Sequence[str]], lang: str) -> str:
    """Columns below each other; a Chinese character is as wide as two letters."""
    lines = [[head.in_(lang) for head in heads], *rows]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
