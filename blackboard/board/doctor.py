"""Diagnosis of a board: everything that can be wrong with it, each with a remedy. Read-only."""

from __future__ import annotations

from blackboard.board.blackboard import Blackboard
from blackboard.board.diagnosis import (
    agent_findings,
    backlog_findings,
    clock_findings,
    deployment_findings,
    store_findings,
    worker_findings,
)
from blackboard.board.diagnosis.store_findings import PAGES
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.deployment import Deployment
from blackboard.core.records.finding import Finding


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
    dead = board.session.dead_workers()
    health = board.database.upkeep.measure(thorough=is_thorough)
    findings = [
        finding for finding in store_findings.examine_store(health, board) if is_thorough or finding.name != PAGES
    ]

    def examine_rows(txn: BoardTransaction) -> list[Finding]:
        return [
            *clock_findings.examine_clock(txn, board),
            *clock_findings.examine_skew(txn),
            *agent_findings.examine_pauses(txn),
            *agent_findings.examine_cooldowns(txn),
            *agent_findings.examine_schedules(txn),
            *worker_findings.examine_workers(txn, dead),
            *worker_findings.examine_models(txn, dead),
            *agent_findings.examine_gone(txn),
            *worker_findings.examine_leases(txn),
            *backlog_findings.examine_stuck(txn),
            *backlog_findings.examine_inbox(txn),
            *backlog_findings.examine_outbox(txn),
            *backlog_findings.examine_answering_agents(txn, dead),
            *deployment_findings.examine_unreadable(txn, board),
            *deployment_findings.examine_backfills(txn),
            *deployment_findings.examine_erasures(txn),
            *deployment_findings.examine_drift(txn, deployment),
            *store_findings.examine_partitions(txn),
        ]

    return findings + board.session.read(examine_rows)
