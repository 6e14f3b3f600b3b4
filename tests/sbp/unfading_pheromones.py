"""Pheromones that do not fade, for tests of what is measured."""

from __future__ import annotations

from blackboard import Never
from blackboard.server.sbp.scents.condition_evaluation import FadingPheromone


def one_pheromone(intensity: float) -> tuple[FadingPheromone]:
    """Return a pheromone of the trail `t` and the type `e`."""
    return (FadingPheromone(1, "t", "e", (), intensity, Never(), 0, None),)
