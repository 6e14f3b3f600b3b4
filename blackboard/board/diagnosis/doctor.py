"""The command `doctor`: it collects the findings of all other modules of this package. Read-only."""

from __future__ import annotations

from blackboard.board.diagnosis import (
    agent_findings,
    clock_findings,
    deployment_findings,
    store_findings,
    waiting_work_findings,
    worker_findings,
)
from blackboard.board.diagnosis.examined_board import ExaminedBoard
from blackboard.board.diagnosis.store_findings import PAGE_DAMAGE
from blackboard.board.facade import Blackboard
from blackboard.core.records.finding import Finding
from blackboard.core.specs.deployment import Deployment
from blackboard.store.schema.schema_revisions import revision_of

FINDING_MODULES = (
    store_findings,
    clock_findings,
    agent_findings,
    worker_findings,
    waiting_work_findings,
    deployment_findings,
)
"""The modules of findings, in the order of the report."""


def examine_board(
    board: Blackboard, deployment: Deployment | None = None, *, is_thorough: bool = True
) -> list[Finding]:
    """Examine a board that can be opened, and compare it with the deployment of the file, if there is one.

    Args:
        board: The board.
        deployment: The deployment of the file.
        is_thorough: Whether to read every page of the file in search of damage, which takes a while.

    Returns:
        The findings. Without `is_thorough`, there is none about the pages.

    Raises:
        StoreError: The board cannot be read.
    """
    board.session.classes.load(board.deployment.kinds)
    health = board.database.upkeep.measure(thorough=is_thorough)
    schema, dead = revision_of(board.database), board.session.dead_workers()
    examination = ExaminedBoard(board, health, schema, dead, deployment)
    found = board.session.read(
        lambda txn: [item for part in FINDING_MODULES for item in part.examine(txn, examination)]
    )
    return [finding for finding in found if is_thorough or finding.name != PAGE_DAMAGE]
