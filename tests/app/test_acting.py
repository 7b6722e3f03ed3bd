"""Fifty clients fight for the same cases: each is dispatched once, and every loser is told by whom."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from app.bench import acting
from streams.dispatch_queue import DispatchQueue, connect
from streams.embedded import Valkey
from streams.keys import Keys


def test_fifty_clients_fight_for_sixty_cases(valkey: Valkey, tmp_path: Path) -> None:
    """Processes and threads at once; the full fight for a thousand cases is in the benchmark."""
    queue = DispatchQueue(connect(valkey.url), Keys(acting.SITE), acting.ZONE)
    fight = acting.fought(queue, valkey.url, replace(acting.QUICK, clients=50, fought=60))
    assert fight.broken == ()
    assert fight.lost == 49 * 60
    assert {patrol for patrol, row in queue.patrols().items() if row.get("case")} == {
        case.patrol for case in queue.open_cases()
    }
