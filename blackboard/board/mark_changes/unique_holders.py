"""The holders of unique values: a live mark is the only one of its kind with its value in the unique field."""

from __future__ import annotations

from blackboard.board.declaration_changes import mark_migration
from blackboard.board.mark_changes import change_preparation, mark_removals
from blackboard.board.mark_classes.unique_values import readable_value
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.marks.kinds import Kind
from blackboard.errors import UniqueConflict
from blackboard.store.rows import MarkRow
from blackboard.store.statements import MARKS


def check(txn: BoardTransaction, kind: Kind, value: str, old: MarkRow | None) -> None:
    """Check that no other live mark holds a value. A mark that has evaporated holds no value.

    It must run before an event id is allocated: an id that is never written would count as absorbed in the next claim.

    Raises:
        UniqueConflict: The value belongs to another live mark.
    """
    holders = txn.sql.all(MARKS.holders_of_unique_value, kind=kind.name, value=value)
    if old is not None and old.id in holders:
        return
    for holder in holders:
        row = txn.sql.one(MARKS.get_mark, id=holder)
        if row is None:
            continue
        row = mark_migration.migrate(txn, row)
        if row.is_live(txn.now):
            place = f"mark {row.id} with subject {row.subject}"
            raise UniqueConflict(f"{kind.name}.{kind.unique}: {readable_value(value)} belongs to {place}")
        change_preparation.prepare_change(txn, row.kind, row.subject)
        mark_removals.evaporate(txn, row)
