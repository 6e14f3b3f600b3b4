"""The notification that a client gets when a scent fires."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from blackboard import MarkRecord
from blackboard.clock import Instant
from blackboard.server.sbp.scent_rules.observations import Evaluation
from blackboard.server.sbp.stored_marks.pheromones import snapshot
from blackboard.server.sbp.stored_marks.sbp_marks import fields_of

MAX_CONTEXT = 100
MAX_CONTEXT_BYTES = 256 * 1024
"""How many pheromones a notification shows, and how large they are together. It names the others by their ids."""
MAX_NOTIFIED_PHEROMONES = 1000


def notification(
    scent: MarkRecord, result: Evaluation, pheromones: Sequence[MarkRecord], now: Instant
) -> dict[str, Any]:
    """Return the parameters of `sbp/trigger`.

    Args:
        scent: The scent that fires.
        result: What was measured.
        pheromones: All pheromones, the strongest first.
        now: When it fires.
    """
    fields = fields_of(scent)
    trails, measured = fields["context_trails"], frozenset(result.marks)
    wanted = [
        record
        for record in pheromones
        if (fields_of(record)["trail"] in trails if trails else record.id in measured)
    ]  # fmt: skip
    return {
        "scent_id": scent.subject,
        "triggered_at": now // 1000,
        "condition_snapshot": {
            scent.subject: {
                "value": result.value,
                "pheromone_ids": [str(mark) for mark in result.marks[:MAX_NOTIFIED_PHEROMONES]],
            }
        },
        "context_pheromones": _bounded(wanted),
        "activation_payload": fields["activation_payload"],
    }


def _bounded(records: Sequence[MarkRecord]) -> list[dict[str, Any]]:
    """Return pheromones as they are shown, as many as a notification may have."""
    shown: list[dict[str, Any]] = []
    size = 0
    for record in records[:MAX_CONTEXT]:
        found = snapshot(record)
        size += len(json.dumps(found))
        if size > MAX_CONTEXT_BYTES:
            break
        shown.append(found)
    return shown
