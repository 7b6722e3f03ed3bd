"""Names in both languages: people, villages and streets of places that do not exist.

A person's name is drawn from common characters, so it will be somebody's; the phone numbers are not:
199-0000 is not allotted to anyone.
"""

from __future__ import annotations

from random import Random

Named = tuple[str, str]  # Chinese, English

_FAMILY = (
    "王Wang 李Li 张Zhang 刘Liu 陈Chen 杨Yang 赵Zhao 黄Huang 周Zhou 吴Wu 徐Xu 孙Sun 胡Hu 朱Zhu 高Gao 林Lin "
    "何He 郭Guo 马Ma 罗Luo 梁Liang 宋Song 郑Zheng 谢Xie 韩Han 唐Tang 冯Feng 于Yu 董Dong 程Cheng 曹Cao 袁Yuan "
    "邓Deng 许Xu 傅Fu 沈Shen 曾Zeng 彭Peng 吕Lü 苏Su 卢Lu 蒋Jiang 蔡Cai 贾Jia 丁Ding 魏Wei 薛Xue 叶Ye 潘Pan 杜Du"
)
_GIVEN = (
    "建国Jianguo 海涛Haitao 志强Zhiqiang 晓东Xiaodong 文斌Wenbin 立军Lijun 春梅Chunmei 永刚Yonggang 海燕Haiyan "
    "卫东Weidong 丽华Lihua 子豪Zihao 国庆Guoqing 玉芳Yufang 明辉Minghui 秀英Xiuying 俊杰Junjie 雪梅Xuemei "
    "振华Zhenhua 桂兰Guilan 成龙Chenglong 小红Xiaohong 伟民Weimin 红霞Hongxia 志远Zhiyuan 淑珍Shuzhen "
    "家乐Jiale 金凤Jinfeng 长河Changhe 月娥Yue'e 学文Xuewen 爱民Aimin 德胜Desheng 佳怡Jiayi 宏伟Hongwei 晓燕Xiaoyan "
    "天宇Tianyu 冬梅Dongmei 庆丰Qingfeng 思源Siyuan"
)
_FIRST = (
    "青Qing 柳Liu 石Shi 双Shuang 大Da 小Xiao 前Qian 后Hou 东Dong 西Xi 南Nan 北Bei 新Xin 古Gu 白Bai 黄Huang 红Hong "
    "龙Long 凤Feng 金Jin 银Yin 玉Yu 长Chang 高Gao 云Yun 松Song 梅Mei 杏Xing 桃Tao 荷He 沙Sha 水Shui 泉Quan "
    "官Guan 塘Tang 盐Yan 蒲Pu 芦Lu 秦Qin 宋Song"
)
_LAST = (
    "桥qiao 庄zhuang 湾wan 港gang 圩wei 荡dang 埠bu 墩dun 集ji 坊fang 岭ling 沟gou 泽ze 浦pu 巷xiang 园yuan 河he 滩tan "
    "溪xi 林lin 堰yan 店dian"
)


def _split(words: str) -> list[Named]:
    """`王Wang` → `("王", "Wang")`."""
    out = []
    for word in words.split():
        cut = next(i for i, ch in enumerate(word) if ch.isascii())
        out.append((word[:cut], word[cut:]))
    return out


FAMILY, GIVEN, FIRST, LAST = _split(_FAMILY), _split(_GIVEN), _split(_FIRST), _split(_LAST)


def people(n: int, rng: Random) -> list[Named]:
    """`n` names of people, each once while the pool lasts (2,000), then with a number of the same name."""
    pool = [(f[0] + g[0], f"{f[1]} {g[1]}") for f in FAMILY for g in GIVEN]
    rng.shuffle(pool)
    return [pool[i % len(pool)] for i in range(n)]


def villages(n: int, rng: Random) -> list[Named]:
    """`n` different village names of two characters."""
    pool = [(a[0] + b[0], a[1] + b[1]) for a in FIRST for b in LAST if a[1].lower() != b[1]]
    unique = list({english: (chinese, english) for chinese, english in pool}.values())
    rng.shuffle(unique)
    if n > len(unique):
        raise ValueError(f"{n} village names asked for, {len(unique)} can be made; add syllables")
    return unique[:n]


def counted(i: int) -> str:
    """1 → 一, as grids are numbered; up to 99."""
    digits = "零一二三四五六七八九"
    if i < 10:
        return digits[i]
    tens, ones = divmod(i, 10)
    return (digits[tens] if tens > 1 else "") + "十" + (digits[ones] if ones else "")
