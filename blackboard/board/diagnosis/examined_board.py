"""The examined board, with its measurements and the deployment that it is compared with."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from blackboard.board.facade import Blackboard
from blackboard.core.specs.deployment import Deployment
from blackboard.store.database_interfaces.upkeep_interface import Health


@dataclass(frozen=True)
class ExaminedBoard:
    """A board, its measurements, and the deployment that it is compared with. Each module of findings gets it."""

    board: Blackboard
    health: Health
    """The measurements of the database."""
    schema: str | None
    """The revision of the schema of the board; None if there is none."""
    dead_workers: Collection[str]
    deployment: Deployment | None
    """The deployment of the file, if there is one."""
