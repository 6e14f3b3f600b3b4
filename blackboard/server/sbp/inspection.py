"""What there is on the board, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from blackboard import Blackboard, MarkRecord
from blackboard.server.sbp.sbp_marks import Pheromone, fields_of, intensity_of, live_marks, milliseconds
from blackboard.server.sbp.sbp_parameters import Inspection


def inspect(board: Blackboard, asked: Inspection, uptime: int) -> dict[str, Any]:
    """Return what is asked for.

    Args:
        board: The board.
        asked: The parts to show.
        uptime: How long the server has run, in milliseconds.
    """
    records = live_marks(board, Pheromone)
    shown: dict[str, Any] = {"timestamp": milliseconds(board, records)}
    if "trails" in asked.include:
        shown["trails"] = _trails(records)
    if "stats" in asked.include:
        shown["stats"] = stats(board, records, uptime)
    return shown


def stats(board: Blackboard, records: Sequence[MarkRecord], uptime: int) -> dict[str, Any]:
    """Return the numbers of the board. A pheromone that has evaporated is not on it any more."""
    return {
        "total_pheromones": len(records),
        "active_pheromones": len(records),
        "total_scents": 0,
        "uptime_ms": uptime,
    }


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
