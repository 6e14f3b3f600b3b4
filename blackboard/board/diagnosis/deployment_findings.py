"""Findings about the deployment: unreadable marks, pending changes, and differences from the file."""

from __future__ import annotations

from collections.abc import Iterator

from blackboard.board.deployment_effects import deployment_activation
from blackboard.board.deployments.unreadable_marks import find_unreadable_marks
from blackboard.board.diagnosis.examined_board import ExaminedBoard
from blackboard.board.facade import Blackboard
from blackboard.board.housekeeping import board_compaction
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import iso
from blackboard.core.built_in_marks import BUILT_IN_KINDS
from blackboard.core.records.finding import Finding, finding_of
from blackboard.core.specs.deployment import Deployment
from blackboard.errors import BlackboardError
from blackboard.store.statements import CROSSINGS


def examine(txn: BoardTransaction, examination: ExaminedBoard) -> Iterator[Finding]:
    """Yield the findings about the deployment."""
    yield from _unreadable(txn, examination.board)
    yield from _backfills(txn)
    yield from _erasures(txn)
    yield from _drift(txn, examination.deployment)


def _unreadable(txn: BoardTransaction, board: Blackboard) -> Iterator[Finding]:
    """Find the live marks that do not fit the classes of their kinds."""
    try:
        misfits_by_kind = find_unreadable_marks(txn, txn.deployment, board.session.classes)
    except BlackboardError as error:
        yield Finding(
            "marks", "note", f"not compared with their classes: {error}", "'blackboard check' names every mistake"
        )
        return
    for kind, misfits in misfits_by_kind.items():
        advice = "fix the class so that it reads them, and run 'blackboard init'; or withdraw the marks"
        yield Finding("marks", "wrong", f"the class of {kind} cannot read {misfits}", advice)
    if not misfits_by_kind:
        yield Finding("marks", "ok", "all live marks fit their classes")


def _backfills(txn: BoardTransaction) -> Iterator[Finding]:
    """Report changes of the deployment that marks have not followed yet."""
    if count := len(txn.sql.all(CROSSINGS.backfills)):
        detail = f"{count} changes of the deployment are still being applied to the marks"
        yield Finding("backfills", "note", detail, "a daemon, or the next 'blackboard init', continues them")


def _erasures(txn: BoardTransaction) -> Iterator[Finding]:
    """Report an erasure whose words are still in the file."""
    if (owed_since := board_compaction.compaction_owed_since(txn)) is not None:
        detail = (
            f"unused parts of the file may still contain words of a subject that was forgotten at {iso(owed_since)}"
        )
        yield Finding("erasure", "wrong", detail, "'blackboard compact' finishes it")


def _drift(txn: BoardTransaction, deployment: Deployment | None) -> Iterator[Finding]:
    """Compare the active deployment with that of the file, if there is one."""
    if deployment is None:
        return
    # The board keeps kinds that its file no longer names, and adds two of its own.
    wanted = deployment_activation.with_known_kinds(txn, deployment).with_kinds(BUILT_IN_KINDS)
    same = wanted.content() == txn.deployment.content()
    detail = f"version {txn.deployment.version} is active" + ("" if same else "; the deployment file differs from it")
    advice = "'blackboard check --against-board' shows what 'blackboard init' would change"
    yield finding_of("deployment", detail, advice, is_fine=same)
