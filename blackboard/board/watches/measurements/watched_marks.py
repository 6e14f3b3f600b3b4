"""The marks that a watch counts, whether it has absorbed them or not.

A watch counts a mark if it covers the subject and the tags, and if the mark may wake its agent. A need may not wake
every agent (see `open_needs`). A watch that measures groups counts only marks that are in a group.
"""

from __future__ import annotations

from blackboard.board import open_needs
from blackboard.board.mark_tables import watch_scopes
from blackboard.board.mark_tables.mark_states import tags_of
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.core.built_in_marks import Need
from blackboard.store.row_types.mark_row_types import MarkRow


def is_counted(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow) -> bool:
    """Return whether a watch measures a mark and the mark may wake the agent of the watch.

    The watch must cover the subject and the tags of the mark. If the watch measures groups, the mark must have a group.
    """
    if watch.counts_all_marks:
        return True
    if watch.condition.has_where and not _passes(txn, watch, row):
        return False
    if watch.condition.by is not None and watch_scopes.scope_of(txn, watch, row) is None:
        return False
    return may_be_counted(txn, watch, row)


def may_be_counted(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow) -> bool:
    """Return whether a watch covers the subject of a mark and the mark may wake its agent, whatever its tags are."""
    return watch.condition.covers(row.subject) and (
        row.kind != Need.kind or open_needs.may_wake(txn, watch.agent_spec, row)
    )


def counted_states(
    txn: BoardTransaction, watch: RegisteredWatch, old: MarkRow | None, new: MarkRow
) -> tuple[MarkRow | None, MarkRow | None]:
    """Return a mark before and after a change as a watch sees it: None where it does not count.

    A mark that gets other tags may begin to count, as a new mark does, or no longer count.
    """
    if watch.counts_all_marks:
        return old, new
    if old is not None and watch.condition.depends_on_tags and not is_counted(txn, watch, old):
        old = None
    if is_counted(txn, watch, new):
        return old, new
    return old if watch.condition.depends_on_tags else None, None


def left_group(txn: BoardTransaction, watch: RegisteredWatch, old: MarkRow | None, new: MarkRow | None) -> str | None:
    """Return the group that a mark leaves by a change; None if it leaves none. The rows are from `counted_states`."""
    if watch.condition.by is None or old is None:
        return None
    scope = watch_scopes.scope_of(txn, watch, old)
    return None if new is not None and watch_scopes.scope_of(txn, watch, new) == scope else scope


def _passes(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow) -> bool:
    """Return whether any comparison counts a mark with its tags.

    For windows, the tags of each deposit count instead.
    """
    tags = tags_of(txn, row.kind, row.payload)
    return any(
        row.kind in comparison.measure.kinds
        if comparison.measure.within is not None
        else comparison.measure.includes(row.kind, row.subject, tags)
        for comparison in watch.condition.comparisons()
    )
