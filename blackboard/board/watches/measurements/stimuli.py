"""Stimuli: the marks that count for a rising watch because of a deposit that its agent has not absorbed.

The agent's own deposits do not count. They also remove no stimulus: a mark that the agent reinforces still counts
because of the deposits of other authors.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from blackboard.board.mark_tables import filtered_marks
from blackboard.board.mark_tables.mark_states import live_rows
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.measurements import watched_marks
from blackboard.board.watches.measurements.absorbed_marks import last_absorbed, read_absorbed, read_watermark
from blackboard.core.marks.scopes import WHOLE_BOARD, group_of, is_group
from blackboard.core.marks.tags import TagFilter
from blackboard.store.row_types.mark_row_types import MarkRow
from blackboard.store.statements import MARKS


def is_stimulus(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow, absorbed_through: int) -> bool:
    """Return whether a mark counts for a rising watch.

    `absorbed_through` is the id of the last event of the mark that the watch absorbed, 0 if there is none. The fragment
    `last_counted_event` in `store/sql/shared.sql` says in SQL which event counts.
    """
    event_id = row.event_id if row.changed_by != watch.ignored_author else row.other_event_id or 0
    return event_id > absorbed_through and watched_marks.is_counted(txn, watch, row)


def read_stimuli_of_subjects(txn: BoardTransaction, watch: RegisteredWatch, subjects: Iterable[str]) -> None:
    """Read together the stimuli of a watch over each of some subjects, on PostgreSQL."""
    if (cache := txn.row_cache) is not None:
        places = [(kind, subject) for subject in subjects for kind in watch.condition.kinds]
        cache.read_marks(txn.sql, places)
        read_absorbed(txn, [watch], [row for place in places for row in txn.marks_of_subject(*place)])


def stimuli_of(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> list[MarkRow]:
    """Return the live marks of a scope that count for a rising watch."""
    return live_rows(txn, stored_stimuli_of(txn, watch, scope))


def stored_stimuli_of(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> list[MarkRow]:
    """Return the stored stimuli of a rising watch. During a backfill of their kind, some may have evaporated."""
    values: dict[str, Any] = {"watch_id": watch.id, "ignored_author": watch.ignored_author}
    if watch.condition.is_over_board:
        statement = MARKS.stimuli_of_board
        values["watermark"] = read_watermark(txn, watch)
    elif (group := group_of(scope)) is not None:
        statement = MARKS.stimuli_of_group
        values |= {"tag": group.tag, "key": group.key}
    else:
        statement = MARKS.stimuli_of_subject
        values["subject"] = scope
    stimuli: list[MarkRow] = []
    for kind in watch.condition.kinds:
        now = txn.exact_until(kind)
        if (known := _read_before(txn, watch, scope, kind)) is not None:
            stimuli += [row for row in known if row.is_live(now)]
        elif watch.condition.is_over_board and (where := watch.comparison.measure.where) is not None:
            tags = txn.kind(kind).tag_schema.filter_of(where)
            stimuli += _tagged_stimuli(txn, tags, {**values, "kind": kind, "now": now})
        else:
            stimuli += txn.sql.all(statement, **values, kind=kind, now=now)
    return [row for row in stimuli if watched_marks.is_counted(txn, watch, row)]


def _read_before(txn: BoardTransaction, watch: RegisteredWatch, scope: str, kind: str) -> list[MarkRow] | None:
    """Return the stimuli of a kind over a subject, live or not; None if they are not known."""
    if (cache := txn.row_cache) is None or scope == WHOLE_BOARD or is_group(scope):
        return None
    rows = cache.marks_of(kind, scope)
    if rows is None or not all(cache.has_absorbed(watch.id, row.id) for row in rows):
        return None
    return [row for row in rows if is_stimulus(txn, watch, row, last_absorbed(txn, watch, row.id))]


def _tagged_stimuli(txn: BoardTransaction, tags: TagFilter, values: dict[str, Any]) -> list[MarkRow]:
    """Return the stimuli over the board with the rarest tag of a filter."""
    tags, are_few = filtered_marks.rarest_first(txn, tags)
    values = values | filtered_marks.parameters(txn, tags.first)
    statement = MARKS.tagged_stimuli_of_board if are_few else MARKS.stimuli_of_board.using("tag")
    return txn.sql.all(statement, **values)
