"""Make the two fonts of the printed report out of Noto Sans CJK (SIL OFL 1.1): a person runs this, once.

    python data/fonts/make.py /usr/share/fonts/opentype/noto     needs `pip install fonttools`, nothing else here does

The PDF library embeds TrueType outlines, Noto CJK has PostScript ones, and all of it is 20 MB a weight: so a part is
taken and its curves are converted, within half a unit of 1000. `regular.ttf` has GB 2312 (6,763 characters), those of
`names.txt` (beyond it, but frequent in names of people and places), Latin, punctuation and signs; `bold.ttf`, for
headings and figures, has the 3,755 of GB 2312's first level. What a font lacks is looked for in the other, then in
what the system has installed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools import subset
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTCollection, TTFont, newTable

HERE = Path(__file__).parent
SIMPLIFIED = "Noto Sans CJK SC"
NAMES = (HERE / "names.txt").read_text(encoding="utf-8").replace("\n", "")
SIGNS = (
    "".join(map(chr, range(0x20, 0x7F))) + "".join(map(chr, range(0xA0, 0x180)))
    + "‐‑–—―‘’“”„†‡•…‰′″‹›€℃№™ΔΣΩαβμπ←↑→↓↔⇒−×÷±√∞≈≠≤≥■□▲△▶▼▽◆◇○●◎★☆✓✗⚠①②③④⑤⑥⑦⑧⑨⑩"
    + "　、。〈〉《》「」『』【】〔〕〖〗·～￥，．：；！？（）［］｛｝％＋－＝＠＃＆＊／＼｜０１２３４５６７８９〇"
)  # fmt: skip


def hanzi(rows: range) -> str:
    """The characters of these rows of GB 2312 (16 to 55: first level, by sound; 56 to 87: second)."""
    cells = (bytes((0xA0 + row, 0xA0 + cell)) for row in rows for cell in range(1, 95))
    return "".join(cell.decode("gb2312", "ignore") for cell in cells)


def labels() -> str:
    """Every sign that the words of the pages use, so that none can be missing on paper."""
    text = "".join(path.read_text(encoding="utf-8") for path in (HERE.parent.parent / "app").glob("labels*.py"))
    return "".join(sorted({sign for sign in text if sign.isprintable() and ord(sign) < 0x10000}))


def part(source: Path, wanted: str, family: str, style: str) -> TTFont:
    """The glyphs of `wanted` as a TrueType font."""
    font = next(one for one in TTCollection(source, lazy=True) if SIMPLIFIED in one["name"].getDebugName(1))
    options = subset.Options(hinting=False, layout_features=[], name_IDs=[0, 13, 14], notdef_outline=True)
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "BASE", "VORG", "vhea", "vmtx", "DSIG"]
    chosen = subset.Subsetter(options)
    chosen.populate(text=wanted)
    chosen.subset(font)
    return truetype(font, family, style)


def truetype(font: TTFont, family: str, style: str) -> TTFont:
    """The font with quadratic curves instead of its PostScript ones."""
    drawn, glyphs = font.getGlyphSet(), {}
    for name in font.getGlyphOrder():
        pen = TTGlyphPen(None)
        drawn[name].draw(Cu2QuPen(pen, 0.5, reverse_direction=True))
        glyphs[name] = pen.glyph()
    font["loca"], font["glyf"] = newTable("loca"), newTable("glyf")
    font["glyf"].glyphOrder, font["glyf"].glyphs = font.getGlyphOrder(), glyphs
    for name, glyph in glyphs.items():
        glyph.recalcBounds(font["glyf"])
        width, _ = font["hmtx"][name]
        font["hmtx"][name] = (width, getattr(glyph, "xMin", 0))
    del font["CFF "]
    most = font["maxp"]
    most.tableVersion = 0x00010000
    for field in ("maxZones", "maxTwilightPoints", "maxStorage", "maxFunctionDefs", "maxInstructionDefs",
                  "maxStackElements", "maxSizeOfInstructions", "maxComponentElements"):
        setattr(most, field, 1 if field == "maxZones" else 0)
    font["post"].formatType = 3.0
    font.sfntVersion = "\x00\x01\x00\x00"
    names = font["name"]
    for number, text in ((1, family), (2, style), (3, f"{family} {style}"), (4, f"{family} {style}"),
                         (5, "Version 1.0, a part of Noto Sans CJK SC 2.004"),
                         (6, f"{family.replace(' ', '')}-{style}")):
        names.setName(text, number, 3, 1, 0x409)
    return font


def main(folder: Path) -> None:
    """Write both fonts beside this file."""
    both = SIGNS + labels()
    for style, wanted in (("Regular", both + hanzi(range(16, 88)) + NAMES), ("Bold", both + hanzi(range(16, 56)))):
        font = part(folder / f"NotoSansCJK-{style}.ttc", wanted, "Gridpost Sans SC", style)
        path = HERE / f"{style.lower()}.ttf"
        font.save(path)
        print(f"{path.name}: {len(font.getGlyphOrder()):,} glyphs, {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
