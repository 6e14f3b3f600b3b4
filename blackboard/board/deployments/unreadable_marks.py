"""Marks that a deployment would make unreadable: they do not fit the class or the schema of their kind."""

from __future__ import annotations

from itertools import chain

from blackboard.board.deployment_effects.registered_kinds import schemas_of
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.mark_tables.marks_in_scopes import live_batches
from blackboard.board.result_types.preview_results import UnreadableMarks
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec


def find_unreadable_marks(
    txn: BoardTransaction, deployment: Deployment, classes: MarkClasses
) -> dict[str, UnreadableMarks]:
    """Return the live marks of each kind that do not fit its class or, without a class in this process, its schema.

    If there is no class and the schema never changed, no mark is read: each was checked when it was deposited.
    """
    misfits_by_kind: dict[str, UnreadableMarks] = {}
    for kind, spec in deployment.kinds.items():
        if kind not in txn.deployment.kinds:
            continue
        if classes.find(kind, deployment) is None and _has_kept_its_schema(txn, kind, spec):
            continue
        for row in chain.from_iterable(live_batches(txn, kind)):
            if (reason := classes.misfit(row, deployment)) is not None:
                misfits_by_kind.setdefault(kind, UnreadableMarks(reason)).add(row.id)
    return misfits_by_kind


def _has_kept_its_schema(txn: BoardTransaction, kind: str, spec: KindSpec) -> bool:
    return all(schema == spec.payload_schema for schema in schemas_of(txn, kind))
