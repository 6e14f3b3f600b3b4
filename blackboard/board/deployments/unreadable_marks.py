"""Marks on the board that do not fit the class of their kind, as after a change of the class."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import chain

from blackboard.board import operator_actions
from blackboard.board.deployment_effects import deployment_changes
from blackboard.board.deployment_effects.program_declarations import schemas_of
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.mark_tables.watch_scopes import live_batches
from blackboard.board.result_types import DeployResult
from blackboard.board.result_types.preview_results import UnreadableMarks
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.authors import BOARD
from blackboard.core.records.states import ActivationState
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.errors import UnreadableMark
from blackboard.plurals import counted
from blackboard.store.statements import ACTIVATIONS


def find(txn: BoardTransaction, deployment: Deployment, classes: MarkClasses) -> dict[str, UnreadableMarks]:
    """Return, for each kind, the live marks that do not fit its class in this process or, without one, its schema.

    Without a class, the marks of a kind whose schema never changed were all checked against it when deposited.
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


def register(txn: BoardTransaction, new: Deployment, author: str = BOARD) -> DeployResult:
    """Make a deployment active, and retry the dead activations whose unreadable marks its classes may now read.

    If a class still cannot read a mark, its activation dies again, without a call of the agent.
    """
    before = txn.deployment
    result = deployment_changes.activate(txn, new, author)
    schemas = {name: spec.payload_schema for name, spec in before.kinds.items()}
    changed = {
        name for name, spec in new.kinds.items() if spec.payload_schema != schemas.get(name, spec.payload_schema)
    }
    retried: Counter[str] = Counter()
    for row in txn.sql.all(ACTIVATIONS.in_state, state=ActivationState.DEAD) if changed else ():
        if (row.error or "").startswith(f"{UnreadableMark.__name__}:"):
            kinds = {
                item.event.kind
                for item in txn.sql.all(ACTIVATIONS.inputs, activation_id=row.id)
                if item.event is not None
            }
            if mended := changed & kinds:
                operator_actions.retry(txn, row.id)
                retried.update(mended)
    texts = (
        f"kind {kind}: {counted(count, 'activation')} to be tried again" for kind, count in sorted(retried.items())
    )
    return replace(result, changed=(*result.changed, *texts))
