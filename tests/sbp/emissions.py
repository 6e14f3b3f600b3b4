"""Emissions on a board, as the tests of decay, merging and conditions make them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from blackboard import Blackboard, ManualClock
from blackboard.server.sbp import pheromones
from blackboard.server.sbp.sbp_parameters import Emission, PheromoneFilter


def emit(board: Blackboard, intensity: float, **fields: Any) -> dict[str, Any]:
    """Emit a pheromone of the trail `t` and the type `e`."""
    emission = {"trail": "t", "type": "e", "intensity": intensity, **fields}
    return pheromones.emit(board, Emission.model_validate(emission))


def sniff(board: Blackboard, **fields: Any) -> list[dict[str, Any]]:
    """Return the pheromones that are wanted."""
    found: list[dict[str, Any]] = pheromones.sniff(board, PheromoneFilter.model_validate(fields))["pheromones"]
    return found


def intensity(board: Blackboard) -> float:
    """Return the intensity of the only pheromone; 0 if it has evaporated."""
    return float(sum(found["current_intensity"] for found in sniff(board)))


def pass_time(board: Blackboard, milliseconds: float) -> None:
    """Move the clock of a board."""
    assert isinstance(board.clock, ManualClock)
    board.clock.advance(timedelta(milliseconds=milliseconds))
