"""What residents call in and villages report in a simulated town. Names and numbers are fictional."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random

from streams.simulated_day import Day, Said, Woken, weighted

RESIDENTS: Mapping[str, Mapping[str, tuple[float, tuple[str, ...]]]] = {
    "hotline-12345": {
        "noise": (16, ("夜间施工声音很大，影响休息", "广场舞音响太吵", "楼下烧烤摊吵闹到很晚")),
        "exposed_rubbish": (14, ("小区门口垃圾两天没清了", "垃圾桶满了，味道很大")),
        "illegal_parking": (14, ("消防通道被车堵住了", "有车停在路口，公交过不去")),
        "street_light": (8, ("这一段路灯全不亮", "路灯一闪一闪的")),
        "water_power": (8, ("家里停水半天了", "整条巷子停电")),
        "road_damage": (7, ("路面有个大坑，骑车差点摔倒", "人行道砖松动")),
        "dispute": (7, ("邻居占用公共楼道", "和商户退款有争执")),
        "sewage": (6, ("污水井往外冒水", "下水道堵了")),
        "cooking_fumes": (6, ("饭店油烟直接排到街上",)),
        "wage_arrears": (5, ("工地拖欠三个月工资",)),
        "policy_question": (8, ("想问医保怎么异地报销", "咨询老年卡办理")),
        "service_complaint": (4, ("窗口办事等太久",)),
        "loose_dog": (5, ("大狗没拴绳，孩子害怕",)),
        "lost_person": (1, ("老人出门两小时没回来，穿蓝色外套",)),
        "other": (4, ("路边共享单车倒了一片",)),
    },
}  # fmt: skip
VILLAGES: Mapping[str, Mapping[str, tuple[float, tuple[str, ...]]]] = {
    "villages": {
        "straw": (7, ("田头堆放秸秆，有焚烧隐患",)),
        "elder_care": (10, ("独居老人走访，需要代买药品", "高龄老人身体不适，请协助就医")),
        "river_litter": (9, ("河道漂浮物较多，请安排打捞",)),
        "illegal_construction": (6, ("发现屋后搭建棚房", "宅基地外新砌围墙")),
        "farmland_building": (4, ("耕地里堆放建材，疑似要建房",)),
        "fallen_tree": (5, ("大风刮倒一棵树，挡住半边路",)),
        "road_dirty": (8, ("村道遗撒泥土",)),
        "village_affairs": (4, ("村民反映村务公开栏未更新",)),
        "volunteer": (4, ("周末清洁家园活动，需要志愿者",)),
    },
    "grid-app": {
        "exposed_rubbish": (14, ("巡查发现路边暴露垃圾，已拍照",)),
        "roadside_stall": (12, ("流动摊占道，劝导后未离开",)),
        "fire_lane": (8, ("楼道堆放杂物，占用消防通道",)),
        "ebike_indoors": (8, ("电动车飞线充电",)),
        "workplace_hazard": (5, ("小作坊用电线路老化",)),
        "illegal_advert": (6, ("电线杆上新贴小广告",)),
        "housing_leak": (4, ("老旧房屋漏雨，墙体有裂缝",)),
        "dispute": (5, ("邻里因排水起争执，已初步劝解",)),
    },
}  # fmt: skip
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
TITLES = ("先生", "女士", "大爷", "阿姨")
UNPLACED = 0.04


class Reports:
    """One of the two inflows. `place` gives lon, lat of somewhere in the town; `opening`: when the first come (s)."""

    def __init__(
        self,
        sources: Mapping[str, Mapping[str, tuple[float, tuple[str, ...]]]],
        place: Callable[[Random], tuple[float, float]],
        rng: Random,
        day: Day,
        per_day: float,
        opening: Sequence[float],
        *,
        village: bool,
    ) -> None:
        self._sources, self._place, self._rng, self._day = sources, place, rng, day
        self._per_day, self._opening, self._village = per_day, list(opening), village

    def wake(self, now: float) -> Woken:
        """One report, and when the next comes."""
        said = [self._report()] if now > 0 else []
        if self._opening:
            return Woken(said, max(0.001, self._opening.pop(0) - now))
        return Woken(said, self._day.wait(self._rng, now, self._per_day))

    def _report(self) -> Said:
        rng = self._rng
        source = rng.choice(sorted(self._sources))
        kinds = self._sources[source]
        category = weighted(rng, {name: weight for name, (weight, _) in kinds.items()})
        contact = f"199-0000-{rng.randrange(10_000):04} {rng.choice(SURNAMES)}{rng.choice(TITLES)}"
        body: dict[str, object] = {"category": category, "text": rng.choice(kinds[category][1]), "contact": contact}
        if rng.random() >= UNPLACED:
            lon, lat = self._place(rng)
            body |= {"lon": round(lon, 6), "lat": round(lat, 6)}
        if self._village:
            body["attributes"] = {"origin": "village"}
        return Said(0.0, "report", source, body)
