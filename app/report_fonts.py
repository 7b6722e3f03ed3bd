"""The letters of what is printed: two fonts of our own, and what the system has for the rare sign that they lack.

A PDF must look the same on every machine, so the fonts lie in `data/fonts` and the signs that are used are embedded.
They have the characters of GB 2312 and those of many names; a sign beyond them is taken from an installed TrueType font
when there is one of these, and is else printed as 〓, which a reader knows as a missing letter.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont

from app.config import ROOT

REGULAR, BOLD = "GridpostSans", "GridpostSans-Bold"
FILES = {REGULAR: ROOT / "data" / "fonts" / "regular.ttf", BOLD: ROOT / "data" / "fonts" / "bold.ttf"}
INSTALLED = (
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "/usr/share/fonts/truetype/arphic/uming.ttc",
    "C:/Windows/Fonts/msyh.ttc",
    "C:/Windows/Fonts/simsun.ttc",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
)
MISSING = "〓"


@lru_cache(maxsize=1)
def _fonts() -> dict[str, Any]:
    """Our fonts and an installed one, by name, known to the PDF library; in the order in which they are asked."""
    found = {name: TTFont(name, str(path)) for name, path in FILES.items()}
    for path in filter(Path.exists, map(Path, INSTALLED)):
        try:
            found["Installed"] = TTFont("Installed", str(path))
        except TTFError:
            continue  # a font of a kind that cannot be embedded is as good as none
        break
    for font in found.values():
        pdfmetrics.registerFont(font)
    return found


@lru_cache(maxsize=20_000)
def _of(sign: str, wanted: str) -> tuple[str, str]:
    """The font that has a sign, the wanted one first, and what to print."""
    fonts = _fonts()
    for name in dict.fromkeys((wanted, *fonts)):
        if ord(sign) in fonts[name].face.charToGlyph:
            return name, sign
    return wanted, MISSING if sign.isprintable() else " "


def runs(text: str, font: str) -> list[tuple[str, str]]:
    """The text as pieces that each are of one font: (font, piece)."""
    signs = [_of(sign, font) for sign in text]
    return [(name, "".join(sign for _, sign in group)) for name, group in groupby(signs, lambda each: each[0])]


def width(text: str, font: str, size: float) -> float:
    """How wide a text is, in points."""
    return float(sum(pdfmetrics.stringWidth(piece, name, size) for name, piece in runs(text, font)))
