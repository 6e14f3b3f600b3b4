"""The scope in which a watch measures a mark: the mark's subject, its group, or the whole board."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from blackboard.board.mark_tables.mark_states import tags_of
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.core.marks.scopes import WHOLE_BOARD, Group
from blackboard.store.row_types.mark_row_types import MarkRow


def scope_of(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow) -> str | None:
    """Return the scope of a mark for a watch; None if the watch measures groups and the mark belongs to none."""
    if watch.condition.by is None:  # every deposit calls this
        return WHOLE_BOARD if watch.condition.is_over_board else row.subject
    return scope_of_payload(txn, watch, row.kind, row.subject, row.payload)


def scope_of_counted_mark(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow) -> str:
    """Return the scope of a mark that counts for a watch. Every such mark has one."""
    scope = scope_of(txn, watch, row)
    assert scope is not None
    return scope


def scope_of_payload(
    txn: BoardTransaction, watch: RegisteredWatch, kind: str, subject: str, payload: str | None
) -> str | None:
    """Return the scope of a mark for a watch, by the mark's payload: a JSON text, or None if it was erased."""
    if watch.condition.is_over_board:
        return WHOLE_BOARD
    if watch.condition.by is None:
        return subject
    tags = tags_of(txn, kind, payload)
    group = None if tags is None else tags.group(watch.condition.by)
    return None if group is None else group.scope


def scopes_of(txn: BoardTransaction, watch: RegisteredWatch, rows: Iterable[MarkRow | None]) -> Iterator[str]:
    """Yield the scopes of some marks for a watch, each once."""
    scopes = (scope_of(txn, watch, row) for row in rows if row is not None)
    yield from dict.fromkeys(scope for scope in scopes if scope is not None)


def scopes_of_withdrawn(
    txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow, deposited: Collection[Group]
) -> Iterator[str]:
    """Yield each scope that a withdrawn mark leaves: its own scope, and the groups of its deposits in windows."""
    scopes = [scope_of(txn, watch, row)]
    if watch.condition.has_window:
        scopes += [group.scope for group in deposited if group.tag == watch.condition.by]
    yield from dict.fromkeys(scope for scope in scopes if scope is not None)


def is_in_group(txn: BoardTransaction, row: MarkRow, group: Group) -> bool:
    """Return whether a mark that has the tag of a group belongs to it. A mark with a list of texts does not."""
    if not txn.kind(row.kind).tag_schema.may_have_lists:
        return True
    tags = tags_of(txn, row.kind, row.payload)
    return tags is not None and tags.group(group.tag) == group
