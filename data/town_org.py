"""Who works in a made-up place: squads, officers, departments, and the systems that send data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random

import town_wanghai as w
from town_grids import Grid, village_code, village_order
from town_names import people
from town_roles import ROLES, Row, persons
from town_shapes import Plane

SOURCES: list[dict[str, object]] = [
    {"id": i, "name": name, "name_en": english, "kind": kind, "period": period}
    for i, name, english, kind, period in (
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
    )
]

SQUADS: list[tuple[str, str, str, int, list[int]]] = [  # code, name, English, officers, districts served
    ("Q1", "一中队", "Squad 1", 24, [0, 1]),
    ("Q2", "二中队", "Squad 2", 24, [3, 5]),
    ("Q3", "三中队", "Squad 3", 22, [2, 4]),
]

DEPARTMENTS: list[tuple[str, str, str]] = [
    ("enforcement", "综合执法中队", "General Enforcement Squad"),
    ("sanitation", "环卫所", "Sanitation Station"),
    ("police", "派出所", "Police Station"),
    ("market", "市场监管分局", "Market Regulation Branch"),
    ("ecology", "生态环境办", "Ecology and Environment Office"),
    ("planning", "自然资源和规划所", "Land and Planning Station"),
    ("emergency", "应急管理办", "Emergency Management Office"),
    ("fisheries", "海洋渔业办", "Marine and Fisheries Office"),
    ("port", "港口管理办", "Port Office"),
    ("construction", "城建办", "Town Construction Office"),
    ("traffic", "交警中队", "Traffic Police Squad"),
    ("civil", "民政办", "Civil Affairs Office"),
    ("service", "便民服务中心", "Citizen Service Centre"),
    ("party", "党建办", "Party Building Office"),
    ("agriculture", "农业农村和水利站", "Agriculture and Water Station"),
    ("justice", "司法所", "Justice Station"),
]

SKILLS: list[tuple[str, str, str]] = [
    ("party", "党建", "Party"),
    ("government", "政务", "Government"),
    ("city", "城市管理", "City"),
    ("livelihood", "民生", "Livelihood"),
    ("security", "治安", "Security"),
    ("safety", "安全", "Safety"),
    ("environment", "环保", "Environment"),
    ("marine", "海洋", "Marine"),
    ("port", "港口", "Port"),
    ("cleaning", "保洁", "Cleaning"),
    ("roads", "道路", "Roads"),
    ("muck", "渣土", "Earth trucks"),
    ("building", "违建", "Illegal building"),
    ("traffic", "交通", "Traffic"),
    ("fire", "消防", "Fire"),
    ("hazmat", "危化品", "Dangerous goods"),
    ("water", "水务", "Water"),
    ("first_aid", "急救", "First aid"),
    ("mediation", "调解", "Mediation"),
]

# post, English, kind, officers in a squad of 24, the skills they take turns to have
POSTS: list[tuple[str, str, str, int, list[str]]] = [
    (
        "巡查岗",
        "Patrol post",
        "person",
        8,
        ["city;environment;cleaning", "city;environment;water", "city;roads", "environment;fire;cleaning"],
    ),
    ("执法岗", "Enforcement post", "person", 4, ["city;muck;traffic", "city;building;environment"]),
    ("治安岗", "Security post", "person", 4, ["security;first_aid", "security;mediation"]),
    ("交通岗", "Traffic post", "person", 2, ["security;traffic;first_aid", "security;traffic;roads"]),
    ("安监岗", "Safety post", "person", 2, ["safety;fire;environment", "safety;hazmat;port"]),
    (
        "民生岗",
        "Livelihood post",
        "person",
        2,
        ["livelihood;government;mediation", "livelihood;party;first_aid"],
    ),
    (
        "机动岗",
        "Mobile post",
        "vehicle",
        2,
        ["city;security;safety;roads", "safety;environment;water;first_aid"],
    ),
    ("渔政岗", "Fishery post", "vessel", 0, ["marine;port;first_aid", "marine;water;security"]),
]

# post -> whose officers the first ones of it are; sent to a case, they check their department in
SECONDED: dict[str, list[str]] = {
    "执法岗": ["enforcement", "construction"],
    "治安岗": ["police", "police"],
    "交通岗": ["traffic"],
    "安监岗": ["emergency", "ecology"],
    "民生岗": ["civil"],
    "机动岗": ["sanitation"],
    "渔政岗": ["fisheries"],
}


def patrols(seed: int, grids: Sequence[Grid]) -> list[Row]:
    """The 70 officers, cars and boats of the three squads."""
    rng = Random(f"{seed}:patrols")
    names = iter(people(90, rng))
    districts = [g.code for g in grids if g.level == 2]
    rows: list[Row] = []
    for squad, _, _, size, served in SQUADS:
        posts = [p for p in POSTS for _ in range(p[3])]
        for leaves in range(24 - size):
            del posts[4 + leaves]  # the small squad has fewer on the beat
        for boat in range({"Q2": 2, "Q3": 1}.get(squad, 0)):
            posts[2 + boat] = POSTS[-1]  # and those at the sea have boats
        turns: dict[str, int] = {}
        for k, (post, _, kind, _, choice) in enumerate(posts):
            skills = choice[turns.setdefault(post, 0) % len(choice)]
            turns[post] += 1
            n = len(rows) + 1
            home = 5 if kind == "vessel" else served[k % len(served)]
            name, english = next(names)
            if kind == "vehicle":
                name, english = f"巡防{n:02}车", f"Patrol Car {n:02}"
            if kind == "vessel":
                name, english = f"渔政{n:02}艇", f"Fishery Boat {n:02}"
            rows.append(
                {
                    "id": f"P-{n:03}",
                    "name": name,
                    "name_en": english,
                    "kind": kind,
                    "squad": squad,
                    "district": districts[home],
                    "post": post,
                    "skills": skills,
                    "phone": f"199-0000-{rng.randrange(1000, 9999)}",
                    "source": "vessels" if kind == "vessel" else "patrols",
                    "external": f"owntracks/wanghai/p{n:03}" if kind == "person" and n % 10 == 5 else "",
                }
            )
    return seconded(rows)


def seconded(rows: list[Row]) -> list[Row]:
    """The patrols with the column `department`: that of the first ones of some posts, empty for the others."""
    waiting = {post: iter(departments) for post, departments in SECONDED.items()}
    return [{**row, "department": next(waiting.get(str(row["post"]), iter(())), "")} for row in rows]


def wanghai_org(seed: int, grids: Sequence[Grid], officers: Sequence[Row]) -> str:
    """`org.toml` of Wanghai."""
    districts = [g for g in grids if g.level == 2]
    squads = [(c, n, e, [districts[d].code for d in served]) for c, n, e, _, served in SQUADS]
    home = {g.code[:12]: str(g.district) for g in grids if g.level == 3 and g.kind == "general"}
    villages = []
    for at, i in enumerate(village_order()):
        name, english = w.VILLAGES[i][:2]
        villages.append((village_code(at), f"{name}村", f"{english} Village", home[village_code(at)]))
    site = {"code": "wanghai", "division": w.CODE, "name": w.NAME[0], "name_en": w.NAME[1]}
    bound = persons(seed, grids, [g.code for g in districts], [d[0] for d in DEPARTMENTS], officers)
    departments: list[Row] = [{"code": c, "name": n, "name_en": e} for c, n, e in DEPARTMENTS]
    return org_toml(w.PLANE, site, [], districts, squads, villages, departments, bound)


def org_toml(
    plane: Plane,
    site: Row,
    towns: Sequence[Grid],
    districts: Sequence[Grid],
    squads: Sequence[tuple[str, str, str, list[str]]],
    villages: Sequence[tuple[str, str, str, str]],
    departments: Sequence[Row],
    bound: Sequence[Row],
) -> str:
    """`org.toml`: the site, the tables of the places, of what people are for and can do, and of who is bound."""
    at = {"lon": plane.lon0, "lat": plane.lat0}
    out = [f"# Who works in {site['name_en']}. Made by data/make_town.py.", ""]
    out.append(table("site", array=False, **site, **at))
    out += [table("town", code=g.code, name=g.name, name_en=g.name_en) for g in towns]
    out += [table("district", code=g.code, name=g.name, name_en=g.name_en) for g in districts]
    out += [table("squad", code=c, name=n, name_en=e, districts=d) for c, n, e, d in squads]
    out += [table("village", code=c, name=n, name_en=e, district=d) for c, n, e, d in villages]
    out += [table("post", name=p[0], name_en=p[1]) for p in POSTS]
    out += [table("skill", key=c, name=n, name_en=e) for c, n, e in SKILLS]
    out += [table("department", **row) for row in departments]
    out += [table("role", **row) for row in ROLES]
    out += [table("person", **row) for row in bound]
    return "\n".join(out)


def table(heading: str, *, array: bool = True, **values: object) -> str:
    """One TOML table of strings, numbers, truths and lists of strings, which TOML writes as JSON does."""
    lines = [f"[[{heading}]]" if array else f"[{heading}]"]
    lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"
