"""The columns of an export, each with its head in Chinese and English, and where it comes from.

Times stand as they are in the archive (the centre's); a code is followed by its name in the language of the export. A
`free` column is somebody's free text: telephone numbers in it are masked, and who may not read it gets none. `contact`
is added only for who may have it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Type = Literal["text", "int", "number", "time", "degrees"]


class Column(NamedTuple):
    """`key`: its name in GIS files, and in SQL as `sql` says. `names`: which names its values have, as a column of its
    own behind it (`named`: key, Chinese and English head of that one)."""

    key: str
    zh: str
    en: str
    sql: str
    type: Type = "text"
    names: str = ""
    free: bool = False


def _named(key: str, zh: str, en: str, sql: str, names: str) -> tuple[Column, Column]:
    """A column of codes, and that of their names."""
    code_zh = f"{zh}代码" if names in ("matters", "grids", "departments") else f"{zh}编号"
    return Column(key, code_zh, f"{en} code", sql), Column(f"{key}_name", zh, en, sql, names=names)


CASES = (
    Column("no", "案件编号", "Case", "c.no"),
    Column("state", "状态代码", "State code", "c.state"),
    Column("state_name", "状态", "State", "c.state", names="states"),
    *_named("matter", "事项", "Matter", "c.matter", "matters"),
    Column("category", "类别", "Category", "c.category"),
    Column("priority", "优先级", "Priority", "c.priority", "int"),
    Column("origin", "来源", "Origin", "c.origin"),
    Column("received", "接收时间", "Received", "c.received", "time"),
    *_named("grid", "网格", "Grid", "c.grid", "grids"),
    Column("lon", "经度", "Longitude", "c.geometry.x", "degrees"),
    Column("lat", "纬度", "Latitude", "c.geometry.y", "degrees"),
    *_named("patrol", "巡查员", "Patrol", "c.patrol", "patrols"),
    *_named("department", "部门", "Department", "c.department", "departments"),
    Column("person", "责任人", "Person", "c.person"),
    Column("post", "岗位", "Post", "c.post"),
    Column("owner", "督办人", "Owner", "c.owner"),
    Column("level", "督办级别", "Supervision level", 'c."level"', "int"),
    Column("device", "上报设备", "Device", "c.device"),
    Column("events", "事件数", "Events", "c.events", "int"),
    Column("into", "并入案件", "Merged into", 'c."into"'),
    Column("score", "评分", "Score", "c.score", "int"),
    Column("respond_due", "响应时限", "Respond by", "c.respond_due", "time"),
    Column("respond_done", "响应时间", "Responded", "c.respond_done", "time"),
    Column("dispatched", "派遣时间", "Dispatched", "c.dispatched", "time"),
    Column("arrive_due", "到场时限", "Arrive by", "c.arrive_due", "time"),
    Column("arrive_done", "到场时间", "Arrived", "c.arrive_done", "time"),
    Column("handling_due", "处置时限", "Handle by", "c.handling_due", "time"),
    Column("handling_done", "处置时间", "Handled", "c.handling_done", "time"),
    Column("closed", "结案时间", "Closed", "c.closed", "time"),
    Column("version", "版本", "Version", "c.version", "int"),
)
EVENTS = (
    Column("received", "接收时间", "Received", "e.received", "time"),
    Column("at", "发生时间", "Happened", 'e."at"', "time"),
    Column("kind", "类型代码", "Kind code", "e.kind"),
    Column("kind_name", "类型", "Kind", "e.kind", names="kinds"),
    Column("source", "来源", "Source", "e.source"),
    Column("id", "消息编号", "Message", "e.id"),
    *_named("device", "设备", "Device", "e.device", "devices"),
    Column("category", "类别", "Category", "e.category"),
    Column("severity", "严重程度", "Severity", "e.severity", "int"),
    Column("phase", "阶段", "Phase", "e.phase"),
    Column("quantity", "监测量", "Quantity", "e.quantity"),
    Column("value", "数值", "Value", 'e."value"', "number"),
    Column("unit", "单位", "Unit", "json_extract_string(e.body, '$.unit')"),
    Column("state", "设备状态", "Device state", "e.state"),
    Column("text", "内容", "Text", "json_extract_string(e.body, '$.text')", free=True),
    Column("case", "案件编号", "Case", 'e."case"'),
    Column("flags", "标记", "Flags", "trim(array_to_string(list_append(e.flags, e.flag), ' '))"),
    *_named("grid", "网格", "Grid", "e.grid", "grids"),
    Column("lon", "经度", "Longitude", "e.geometry.x", "degrees"),
    Column("lat", "纬度", "Latitude", "e.geometry.y", "degrees"),
)
ACTS = (
    Column("at", "时间", "Time", 'a."at"', "time"),
    Column("no", "案件编号", "Case", "a.no"),
    Column("act", "操作代码", "Act code", "a.act"),
    Column("act_name", "操作", "Act", "a.act", names="acts"),
    Column("by", "操作人", "By", 'a."by"'),
    Column("role", "角色", "Role", "a.role"),
    Column("before", "操作前状态", "State before", 'a."before"', names="states"),
    Column("after", "操作后状态", "State after", 'a."after"', names="states"),
    Column("version", "案件版本", "Version", "a.version", "int"),
    Column("text", "说明", "Text", "a.text", free=True),
    *_named("patrol", "巡查员", "Patrol", "a.patrol", "patrols"),
    Column("dispatch", "派遣编号", "Dispatch", "a.dispatch"),
    Column("approver", "批准人", "Approver", "a.approver"),
    Column("detail", "明细", "Detail", "a.detail", free=True),
    *_named("matter", "事项", "Matter", "k.matter", "matters"),
    *_named("grid", "网格", "Grid", "k.grid", "grids"),
    Column("lon", "案件经度", "Case longitude", "k.geometry.x", "degrees"),
    Column("lat", "案件纬度", "Case latitude", "k.geometry.y", "degrees"),
)
TRACKS = (
    *_named("patrol", "巡查员", "Patrol", "t.device", "patrols"),
    Column("received", "接收时间", "Received", "t.received", "time"),
    Column("at", "定位时间", "Fixed", 't."at"', "time"),
    Column("lon", "经度", "Longitude", "(round(t.geometry.x * 1e7) + t.dx) / 1e7", "degrees"),
    Column("lat", "纬度", "Latitude", "(round(t.geometry.y * 1e7) + t.dy) / 1e7", "degrees"),
    Column("accuracy", "精度（米）", "Accuracy (m)", "t.accuracy", "number"),
    Column("speed", "速度（米/秒）", "Speed (m/s)", "t.speed", "number"),
    Column("course", "航向（度）", "Course (°)", "t.course", "number"),
    Column("battery", "电量（%）", "Battery (%)", "t.battery", "number"),
    Column("source", "来源", "Source", "t.source"),
    *_named("grid", "网格", "Grid", "t.grid", "grids"),
    Column("flags", "标记", "Flags", "trim(concat(t.flags, ' ', t.flag))"),
)
COLUMNS: dict[str, tuple[Column, ...]] = {"cases": CASES, "events": EVENTS, "acts": ACTS, "tracks": TRACKS}
CONTACT = Column("contact", "联系方式", "Contact", "p.contact")
WITH_CONTACT = ("cases", "events")
"""The kinds that can have a contact."""
