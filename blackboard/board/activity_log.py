"""The activity of the board: what agents, people and programs did, recorded in the transaction that did it.

A transaction collects its entries, and writes them together at its end.
"""

from __future__ import annotations

from typing import TypedDict, Unpack

from blackboard.board.transactions.board_transaction import BoardTransaction, CollectedChanges
from blackboard.core.records.event_kinds import ActivityEvent
from blackboard.store.row_types.activation_row_types import ActivationRow
from blackboard.store.row_types.board_row_types import ActivityEventRow
from blackboard.store.statements import ACTIVITY, ERASURE


class ActivationColumns(TypedDict):
    """The columns of `activity_event` that say which activation an entry is about."""

    agent: str
    watch_id: int
    scope: str | None
    activation_id: int


class ActivityColumns(TypedDict, total=False):
    """The columns of `activity_event` that say what an entry is about, and who acted."""

    agent: str | None
    watch_id: int | None
    scope: str | None
    activation_id: int | None
    crossing_id: int | None
    mark_id: int | None
    old_state: str | None
    state: str | None
    author: str | None
    token: str | None
    version: int | None


class CollectedActivity(CollectedChanges):
    """The entries that a transaction makes."""

    def __init__(self) -> None:
        self.entries: list[ActivityEventRow] = []

    def write(self, txn: BoardTransaction) -> None:
        """Write the entries, in their order."""
        entries, self.entries = self.entries, []
        if entries:
            txn.sql.put_many(ACTIVITY.insert_activity, entries)


def record(txn: BoardTransaction, event: ActivityEvent, **columns: Unpack[ActivityColumns]) -> None:
    """Record an entry, unless the deployment turns the record of activity off."""
    if txn.active.deployment.activity:
        txn.changes_of(CollectedActivity).entries.append(ActivityEventRow(0, txn.now, event, **columns))


def about(row: ActivationRow) -> ActivationColumns:
    """Return the columns that say which activation an entry is about."""
    return {"agent": row.agent, "watch_id": row.watch_id, "scope": row.scope, "activation_id": row.id}


def rename_scope(txn: BoardTransaction, scope: str, new_scope: str) -> None:
    """Replace a subject or a group in all entries, including those of this transaction."""
    txn.changes_of(CollectedActivity).write(txn)
    txn.sql.run(ERASURE.rename_activity, scope=scope, new_scope=new_scope)
