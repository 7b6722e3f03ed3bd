"""Who works in a made-up place: squads, officers, departments, and the systems that send data."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import town_wanghai as w
from town_grids import Grid, village_code, village_order
from town_names import people

SOURCES: list[dict[str, object]] = [
    {"id": i, "name": name, "name_en": english, "kind": kind, "period": period} for i, name, english, kind, period in (
        ("patrols", "巡防定位", "Patrol positions", "position", 60),
        ("cameras-town", "镇区探头", "Town cameras", "camera", 300),
        ("cameras-traffic", "交通探头", "Traffic cameras", "camera", 300),
        ("cameras-port", "港口探头", "Port cameras", "camera", 300),
        ("gas-park", "化工园气体", "Chemical park gas", "sensor", 300),
        ("water", "水位水质", "Water level and quality", "sensor", 600),
        ("air", "大气与噪声", "Air and noise", "sensor", 600),
        ("weather", "雨量风速", "Rain and wind", "sensor", 600),
        ("manholes", "井盖烟感", "Manholes and smoke", "sensor", 3600),
        ("vessels", "船位", "Vessel positions", "position", 120),
        ("hotline-12345", "12345热线", "12345 hotline", "report", 0),
        ("villages", "村居上报", "Village reports", "report", 0),
        ("grid-app", "网格员随手报", "Grid-member app", "report", 0),
    )]

SQUADS: list[tuple[str, str, str, int, list[int]]] = [  # code, name, English, officers, districts served
    ("Q1", "一中队", "Squad 1", 24, [0, 1]), ("Q2", "二中队", "Squad 2", 24, [3, 5]), ("Q3", "三中队", "Squad 3", 22, [2, 4])]

DEPARTMENTS: list[tuple[str, str, str]] = [
    ("enforcement", "综合执法中队", "General Enforcement Squad"), ("sanitation", "环卫所", "Sanitation Station"),
    ("police", "派出所", "Police Station"), ("market", "市场监管分局", "Market Regulation Branch"),
    ("ecology", "生态环境办", "Ecology and Environment Office"), ("planning", "自然资源和规划所", "Land and Planning Station"),
    ("emergency", "应急管理办", "Emergency Management Office"), ("fisheries", "海洋渔业办", "Marine and Fisheries Office"),
    ("port", "港口管理办", "Port Office"), ("construction", "城建办", "Town Construction Office"),
    ("traffic", "交警中队", "Traffic Police Squad"), ("civil", "民政办", "Civil Affairs Office"),
    ("service", "便民服务中心", "Citizen Service Centre"), ("party", "党建办", "Party Building Office"),
    ("agriculture", "农业农村和水利站", "Agriculture and Water Station"), ("justice", "司法所", "Justice Station")]

# post, English, kind, skills (boards of the catalogue), share of a squad's 24
POSTS: list[tuple[str, str, str, int]] = [
    ("巡查岗", "person", "city;environment", 8), ("执法岗", "person", "city;safety", 4), ("治安岗", "person", "security", 4),
    ("交通岗", "person", "security;city", 2), ("安监岗", "person", "safety;environment", 2), ("民生岗", "person", "livelihood;government;party", 2),
    ("机动岗", "vehicle", "city;security;safety;environment", 2)]
VESSEL_SKILLS = "marine;port"


def patrols(seed: int, grids: Sequence[Grid]) -> list[dict[str, object]]:
    """The 70 officers, cars and boats of the three squads."""
    rng = Random(f"{seed}:patrols")
    names = iter(people(90, rng))
    districts = [g.code for g in grids if g.level == 2]
    rows: list[dict[str, object]] = []
    for squad, _, _, size, served in SQUADS:
        posts = [p for p in POSTS for _ in range(p[3])][:size]
        if squad == "Q2":  # two boats at the port instead of two on foot
            posts[6:8] = [("渔政岗", "vessel", VESSEL_SKILLS, 0)] * 2
        if squad == "Q3":
            posts[-2:] = [("机动岗", "vehicle", POSTS[-1][2], 0)] * 2
            posts[7:8] = [("渔政岗", "vessel", VESSEL_SKILLS, 0)]
        for k, (post, kind, skills, _) in enumerate(posts):
            n = len(rows) + 1
            home = 5 if kind == "vessel" else served[k % len(served)]
            name, english = next(names)
            if kind == "vehicle":
                name, english = f"巡防车{n:02}·{name}", f"Patrol car {n:02} · {english}"
            if kind == "vessel":
                name, english = f"望海渔政{n:02}", f"Fishery Patrol {n:02}"
            rows.append({"id": f"P-{n:03}", "name": name, "name_en": english, "kind": kind, "squad": squad,
                         "district": districts[home], "post": post, "skills": skills,
                         "phone": f"199-0000-{rng.randrange(1000, 9999)}",
                         "source": "vessels" if kind == "vessel" else "patrols",
                         "external": f"owntracks/wanghai/p{n:03}" if n % 12 == 5 and kind == "person" else ""})
    return rows


def org_toml(grids: Sequence[Grid]) -> str:
    """`org.toml` of Wanghai."""
    lon, lat = w.PLANE.lon0, w.PLANE.lat0
    out = ["# Who works in Wanghai. Made by data/make_town.py.", "",
           table("site", code="wanghai", division=w.CODE, name=w.NAME[0], name_en=w.NAME[1], lon=lon, lat=lat, array=False)]
    out += [table("district", code=g.code, name=g.name, name_en=g.name_en) for g in grids if g.level == 2]
    districts = [g.code for g in grids if g.level == 2]
    out += [table("squad", code=c, name=n, name_en=e, districts=[districts[d] for d in served])
            for c, n, e, _, served in SQUADS]
    home = {g.code[:12]: str(g.district) for g in grids if g.level == 3 and g.kind == "general"}
    for at, i in enumerate(village_order()):
        code = village_code(at)
        out.append(table("village", code=code, name=f"{w.VILLAGES[i][0]}村", name_en=f"{w.VILLAGES[i][1]} Village",
                         district=home[code]))
    out += [table("department", code=c, name=n, name_en=e) for c, n, e in DEPARTMENTS]
    return "\n".join(out)


def table(heading: str, *, array: bool = True, **values: object) -> str:
    """One TOML table of strings, numbers and lists of strings."""
    lines = [f"[[{heading}]]" if array else f"[{heading}]"]
    for key, value in values.items():
        text = "[" + ", ".join(f'"{v}"' for v in value) + "]" if isinstance(value, list) else (
            f'"{value}"' if isinstance(value, str) else str(value))
        lines.append(f"{key} = {text}")
    return "\n".join(lines) + "\n"
