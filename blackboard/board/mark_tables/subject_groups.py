"""The groups that the marks of a subject belong to, by their tags."""

from __future__ import annotations

from blackboard.board.mark_tables.mark_states import tags_of
from blackboard.board.mark_tables.scope_marks import stored_marks
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import LAST_INSTANT
from blackboard.core.marks.scopes import Group
from blackboard.store.statements import MARKS, WINDOWS

ANY_DEPOSIT: dict[str, object] = {"after": 0, "ignored": "", "up_to": LAST_INSTANT, "limit": 1}
"""Values that make a query of a window find one deposit, whenever it occurred."""


def groups_of(txn: BoardTransaction, subject: str) -> list[Group]:
    """Return the groups that marks of a subject ever belonged to, by the tags that their kinds have now."""
    groups: dict[Group, None] = {}
    for event in txn.sql.all(MARKS.events_of_subject, subject=subject):
        if event.payload is None or event.kind not in txn.deployment.kinds:
            continue
        if (tags := tags_of(txn, event.kind, event.payload)) is not None:
            groups |= {group: None for tag in tags.schema.names if (group := tags.group(tag)) is not None}
    return list(groups)


def has_marks(txn: BoardTransaction, group: Group) -> bool:
    """Return whether a group has stored marks, or deposits in windows."""
    kinds = [name for name, spec in txn.deployment.kinds.items() if group.tag in spec.tags]
    return bool(stored_marks(txn, kinds, group.scope)) or any(
        txn.sql.one(WINDOWS.window_of_group, kind=kind, tag=group.tag, key=group.key, **ANY_DEPOSIT) for kind in kinds
    )
