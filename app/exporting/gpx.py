"""GPX 1.1 for tracks: a track a patrol and day, a new segment after a silence.

The order of the elements is that of the schema (http://www.topografix.com/GPX/1/1/gpx.xsd); speed, course and accuracy
are not in it and stand in extensions of our own namespace. Times are UTC, as GPX wants them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

from app.exporting.rows import Rows
from app.labels import Lang

SILENCE = timedelta(minutes=5)
SPACE = "http://www.topografix.com/GPX/1/1"
OURS = "urn:gridpost:gpx:1"
START = f"""<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="Gridpost" xmlns="{SPACE}" xmlns:gridpost="{OURS}" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:schemaLocation="{SPACE} http://www.topografix.com/GPX/1/1/gpx.xsd">
"""
END = "</trkseg></trk>"
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
MORE = ("accuracy", "speed", "course", "battery")


def gpx(rows: Rows, _lang: Lang) -> Iterator[bytes]:
    """The fixes that have a place, by patrol."""
    yield START.encode()
    patrol, last, day = None, None, None
    for batch in rows.batches():
        lines: list[str] = []
        for fix in batch.to_pylist():
            if fix["lon"] is None or not -90 <= fix["lat"] <= 90 or not -180 <= fix["lon"] < 180:
                continue
            at: datetime = fix["at"]
            if (fix["patrol"], fix["received"].date()) != (patrol, day):
                lines += [END] if patrol is not None else []
                patrol, day = fix["patrol"], fix["received"].date()
                lines.append(f"<trk><name>{_text(fix['patrol_name'])}</name><desc>{_text(f'{patrol} {day}')}</desc>"
                             f"<src>{_text(fix['source'])}</src><trkseg>")  # fmt: skip
            elif last is not None and at - last > SILENCE:
                lines.append("</trkseg><trkseg>")
            lines.append(_point(fix, at))
            last = at
        yield ("\n".join(lines) + "\n").encode()
    yield ((END if patrol is not None else "") + "</gpx>\n").encode()


def _point(fix: dict[str, Any], at: datetime) -> str:
    time = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    more = "".join(
        f"<gridpost:{name}>{fix[name]:.7g}</gridpost:{name}>" for name in MORE if fix[name] is not None
    )
    more = f"<extensions>{more}</extensions>" if more else ""
    return f'<trkpt lat="{fix["lat"]:.7f}" lon="{fix["lon"]:.7f}"><time>{time}</time>{more}</trkpt>'


def _text(text: str | None) -> str:
    return escape(NOT_XML.sub("", text or ""))
