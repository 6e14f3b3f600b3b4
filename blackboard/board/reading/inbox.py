"""The inbox of a person: the open needs, each with the marks behind it that were withdrawn since."""

from __future__ import annotations

from blackboard.board import open_needs
from blackboard.board.need_answers import needs_overview
from blackboard.board.reading import mark_queries
from blackboard.board.result_types.mark_results import MarkRecord, NeedRecord
from blackboard.board.result_types.row_conversion import optional_datetime
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.work_tables.activation_inputs import absorbed_events
from blackboard.core.marks.mark_checks import normalize_subject
from blackboard.core.records.event_kinds import HistoryEvent
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow, OpenNeedRow
from blackboard.store.statements import MARKS


def needs_of(txn: BoardTransaction, assignee: str | None = None, *, all_needs: bool = False) -> list[NeedRecord]:
    """Return the needs that wait for people, or for one person: the overdue needs first, then the oldest.

    With `all_needs`, include the needs that agents are working on.
    """
    if "need" not in txn.deployment.kinds:
        return []
    if assignee is not None:
        assignee = normalize_subject(assignee)
    marks = mark_queries.marks(txn, "need", mark_queries.MarkQuery())
    found = zip(marks, open_needs.get_each(txn, [mark.id for mark in marks]), strict=True)
    needs = [_record(txn, mark, kept) for mark, kept in found if assignee is None or kept.assignee == assignee]
    waiting = [need for need in needs if all_needs or need.for_people]
    return sorted(waiting, key=lambda need: (not need.overdue, need.due_at if need.overdue else need.as_of, need.id))


def _record(txn: BoardTransaction, mark: MarkRecord, kept: OpenNeedRow) -> NeedRecord:
    return NeedRecord(
        **vars(mark),
        withdrawn_causes=_withdrawn_causes(txn, mark),
        due_at=optional_datetime(kept.due_at),
        assignee=kept.assignee,
        **needs_overview.agents_of_need(txn, mark.id, kept.answerable_by)._asdict(),
    )


def _withdrawn_causes(txn: BoardTransaction, need: MarkRecord) -> tuple[int, ...]:
    """Return the marks that woke the asking agent and that another author has withdrawn since."""
    if need.activation_id is None:
        return ()
    return tuple(
        event.mark_id
        for event in absorbed_events(txn, need.activation_id)
        if _live(txn, event.mark_id) is None and _was_withdrawn(txn, event, need.activation_id)
    )


def _live(txn: BoardTransaction, mark_id: int) -> MarkRow | None:
    return txn.sql.one(MARKS.get_mark, id=mark_id)


def _was_withdrawn(txn: BoardTransaction, event: EventRow, by_another_than: int) -> bool:
    """Return whether a mark was withdrawn, and not by the asking activation."""
    last = txn.sql.one(MARKS.last_event_of_mark, subject=event.subject, mark_id=event.mark_id)
    return last is not None and last.event == HistoryEvent.WITHDRAWN and last.activation_id != by_another_than
