"""The departments of the made-up county, its own and those of its towns, and its `org.toml`."""

from __future__ import annotations

from collections.abc import Sequence

from town_grids import Grid
from town_org import org_toml
from town_roles import Row, persons
from town_shapes import Plane

DEPARTMENTS: list[Row] = [  # the county's own; the first sixteen are those that matters name
    {"code": code, "name": name, "name_en": english}
    for code, name, english in (
        ("enforcement", "综合行政执法局", "General Enforcement Bureau"),
        ("sanitation", "环境卫生管理处", "Sanitation Office"),
        ("police", "公安局", "Public Security Bureau"),
        ("market", "市场监督管理局", "Market Regulation Bureau"),
        ("ecology", "生态环境局", "Ecology and Environment Bureau"),
        ("planning", "自然资源和规划局", "Natural Resources and Planning Bureau"),
        ("emergency", "应急管理局", "Emergency Management Bureau"),
        ("fisheries", "海洋与渔业局", "Ocean and Fisheries Bureau"),
        ("port", "港口管理局", "Port Authority"),
        ("construction", "住房和城乡建设局", "Housing and Construction Bureau"),
        ("traffic", "交警大队", "Traffic Police Brigade"),
        ("civil", "民政局", "Civil Affairs Bureau"),
        ("service", "政务服务中心", "Government Service Centre"),
        ("party", "党委组织部", "Party Organisation Department"),
        ("agriculture", "农业农村局", "Agriculture and Rural Affairs Bureau"),
        ("justice", "司法局", "Justice Bureau"),
        ("transport", "交通运输局", "Transport Bureau"),
        ("water", "水利局", "Water Bureau"),
        ("health", "卫生健康委员会", "Health Commission"),
        ("education", "教育局", "Education Bureau"),
        ("labour", "人力资源和社会保障局", "Labour and Social Security Bureau"),
        ("finance", "财政局", "Finance Bureau"),
        ("development", "发展和改革委员会", "Development and Reform Commission"),
        ("industry", "工业和信息化局", "Industry and Information Bureau"),
        ("commerce", "商务局", "Commerce Bureau"),
        ("culture", "文体广电和旅游局", "Culture, Sports and Tourism Bureau"),
        ("veterans", "退役军人事务局", "Veterans Affairs Bureau"),
        ("audit", "审计局", "Audit Bureau"),
        ("petitions", "信访局", "Petitions Bureau"),
        ("data", "数据局", "Data Bureau"),
        ("fire", "消防救援大队", "Fire and Rescue Brigade"),
        ("weather", "气象局", "Meteorological Bureau"),
    )
]
STATIONS: list[tuple[str, str, str]] = [  # what every town has of its own: 32 + 17 × 5 = 117 departments
    ("enforcement", "综合执法中队", "Enforcement Squad"),
    ("police", "派出所", "Police Station"),
    ("emergency", "应急管理办", "Emergency Office"),
    ("service", "便民服务中心", "Citizen Service Centre"),
    ("agriculture", "农业农村站", "Agriculture Station"),
]


def county_org(
    seed: int, plane: Plane, named: tuple[str, str, str], grids: Sequence[Grid], villages: Sequence[Grid],
    squads: Sequence[tuple[str, str, str, list[str]]], patrols: Sequence[Row],
) -> str:  # fmt: skip
    """`org.toml` of the county (`named`: division, name, English): its towns are its districts."""
    towns = [g for g in grids if g.level == 1]
    stations: list[Row] = [
        {"code": f"{code}-{t.code[-3:]}", "name": t.name + name, "name_en": f"{t.name_en} {english}", "town": t.code}
        for t in towns
        for code, name, english in STATIONS
    ]
    departments = [*DEPARTMENTS, *stations]
    homes = [(v.code, v.name, v.name_en, str(v.parent)) for v in villages]
    bound = persons(seed, grids, [t.code for t in towns], [str(d["code"]) for d in departments], patrols)
    site: Row = {"code": "county", "division": named[0], "name": named[1], "name_en": named[2]}
    return org_toml(plane, site, towns, towns, squads, homes, departments, bound)
