"""What those who run the server ask: is it alive, is it ready and if not why, and the numbers for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from app.api import VERSION, centre_of
from app.feed import Feed
from app.text import Text
from streams.archive.keeping import OLD_S
from streams.codec import local_day, millis
from streams.errors import Unreachable

SILENT_INGEST_S = 300
FULL = 0.8
Reason = dict[str, Any]
router = APIRouter(tags=["operations"])


@router.get("/healthz")
async def healthz() -> Response:
    """Whether the process answers."""
    return JSONResponse({"status": "ok", "version": VERSION})


@router.get("/readyz")
def readyz(request: Request) -> Response:
    """Whether the server can serve, with reasons. 503 while it cannot; `warnings` do not make it unready."""
    centre, feed = centre_of(request), request.app.state.feed
    reasons: list[Reason] = []
    warnings: list[Reason] = []
    details: dict[str, float | None] = {}
    try:
        started = time.perf_counter()
        used = centre.queue.memory()
        details["redis_ms"] = round((time.perf_counter() - started) * 1000, 1)
        details["redis_memory"] = round(used, 3)
        newest = centre.queue.events(1)
        age = (centre.now() - newest[0].event.received).total_seconds() if newest else None
        details["ingest_age_s"] = None if age is None else round(age, 1)
        if used >= FULL:
            warnings.append(_reason("storage", f"存储已用 {used:.0%}。", f"Redis is {used:.0%} full."))
        if age is None or age > SILENT_INGEST_S:
            heard = "从未" if age is None else f"{age:.0f} 秒"
            warnings.append(_reason(
                "ingest", f"没有新消息（{heard}）。", "No message has come in for "
                + ("as long as we know." if age is None else f"{age:.0f} s."),
            ))  # fmt: skip
        lag = details["archive_lag_s"] = centre.queue.archive_lag(centre.now())
        if lag is not None and lag > OLD_S:
            warnings.append(_reason(
                "archive", f"历史归档已停 {lag:.0f} 秒。", f"The archive worker has kept nothing for {lag:.0f} s."
            ))  # fmt: skip
    except Unreachable:
        reasons.append(_reason("redis", "连不上 Redis。", "Redis cannot be reached."))
    if not feed.flowing:
        reasons.append(_reason("feed", "实时数据尚未就绪或已中断。", "The feed is not loaded yet or has stopped."))
    details["listeners"] = len(feed.listeners)
    body = {"ready": not reasons, "reasons": reasons, "warnings": warnings, **details}
    return JSONResponse(body, 200 if not reasons else 503)


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """Numbers in the format of Prometheus (with a bearer token)."""
    registry = CollectorRegistry()
    registry.register(_Numbers(request))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Numbers:
    """Asks Redis at each scrape: the numbers are the site's, not this process's."""

    def __init__(self, request: Request) -> None:
        self._centre = centre_of(request)
        self._feed: Feed = request.app.state.feed

    def collect(self) -> Iterable[Metric]:
        """The families."""
        site = self._centre.settings.site
        yield GaugeMetricFamily("gridpost_feed_listeners", "Browsers on the feed", value=len(self._feed.listeners))
        yield GaugeMetricFamily("gridpost_feed_flowing", "1 while data flows", value=float(self._feed.flowing))
        try:
            counts = self._centre.queue.counts(local_day(self._centre.now(), self._centre.settings.tz))
            used, opened = self._centre.queue.memory(), len(self._centre.queue.open_cases())
            heard, lag = self._centre.queue.sources(), self._centre.queue.archive_lag(self._centre.now())
        except Unreachable:
            yield GaugeMetricFamily("gridpost_redis_up", "1 while Redis answers", value=0)
            return
        yield GaugeMetricFamily("gridpost_redis_up", "1 while Redis answers", value=1)
        yield GaugeMetricFamily("gridpost_redis_memory_ratio", "Share of Redis' memory in use", value=used)
        if lag is not None:
            yield GaugeMetricFamily("gridpost_archive_lag_seconds", "What happened waits for the archive", value=lag)
        yield GaugeMetricFamily("gridpost_cases_open", "Open cases", value=opened)
        today = GaugeMetricFamily("gridpost_today", "Counted since local midnight", labels=("site", "what"))
        for what, number in sorted(counts.items()):
            today.add_metric((site, what), number)
        yield today
        age = GaugeMetricFamily("gridpost_source_age_seconds", "Since a source spoke", labels=("site", "source"))
        now = millis(self._centre.now())
        for source, at in sorted(heard.items()):
            age.add_metric((site, source), (now - at) / 1000)
        yield age


def _reason(what: str, zh: str, en: str) -> Reason:
    said = Text(zh, en)
    return {"what": what, "message_zh": said.zh, "message_en": said.en}
