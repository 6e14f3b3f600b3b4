"""The overview of a board that the method `inspect` of the protocol returns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from blackboard import Blackboard, MarkRecord
from blackboard.server.sbp.sbp_marks import (
    Pheromone,
    Scent,
    Trace,
    fields_of,
    intensity_of,
    live_marks,
    milliseconds,
)
from blackboard.server.sbp.sbp_parameters import Inspection
from blackboard.server.sbp.scents import stored_scents


def inspect(board: Blackboard, parameters: Inspection, uptime: int) -> dict[str, Any]:
    """Return the parts that are asked for.

    Args:
        board: The board that the server serves.
        parameters: The parts to show.
        uptime: How long the server has run, in milliseconds.
    """
    records = live_marks(board, Pheromone)
    shown: dict[str, Any] = {"timestamp": milliseconds(board, records)}
    if "trails" in parameters.include:
        shown["trails"] = _trails(records)
    registered = live_marks(board, Scent)
    if "scents" in parameters.include:
        shown["scents"] = [stored_scents.shown(record) for record in registered]
    if "stats" in parameters.include:  # a pheromone that has evaporated is not on the board any more
        shown["stats"] = {
            "total_pheromones": len(records),
            "active_pheromones": len(records),
            "total_scents": len(registered),
            "uptime_ms": uptime,
        }
    if "traces" in parameters.include:
        numbers = Counter(fields_of(record)["trail"] for record in live_marks(board, Trace))
        shown["traces"] = [{"trail": trail, "trace_count": number} for trail, number in sorted(numbers.items())]
    return shown


def _trails(records: Sequence[MarkRecord]) -> list[dict[str, Any]]:
    trails: dict[str, list[float]] = {}
    for record in records:
        trails.setdefault(fields_of(record)["trail"], []).append(intensity_of(record))
    return [
        {
            "name": name,
            "pheromone_count": len(intensities),
            "total_intensity": sum(intensities),
            "avg_intensity": sum(intensities) / len(intensities),
        }
        for name, intensities in sorted(trails.items())
    ]
