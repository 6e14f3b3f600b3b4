"""Rows of open needs, beside their marks: when a need is due, and who may and should answer."""

from __future__ import annotations

import json
from collections.abc import Sequence

from blackboard.board.open_needs import need_access, provenance
from blackboard.board.transactions import activity_log
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.authors import BOARD
from blackboard.core.built_in_marks import Need, Overdue, due_instant
from blackboard.core.records.event_kinds import ActivityEvent
from blackboard.store.rows import EventRow, MarkRow, OpenNeedRow
from blackboard.store.statements import MARKS


def is_need(row: MarkRow) -> bool:
    """Return whether a mark is a need."""
    return row.kind == Need.kind


def is_closed(txn: BoardTransaction, event: EventRow) -> bool:
    """Return whether an event is of a need that has left the board, or of the `overdue` mark of such a need."""
    if event.kind not in (Need.kind, Overdue.kind):
        return False
    mark = txn.sql.one(MARKS.get_mark, id=event.mark_id)
    return mark is None or not mark.is_live(txn.now)


def overdue_mark(txn: BoardTransaction, need: MarkRow) -> MarkRow | None:
    """Return the live `overdue` mark of a need; None if there is none."""
    kept = get(txn, need.id)
    if kept.due_at is None or kept.remind_at is not None:
        return None  # the need is not overdue
    payload_start = f'{{"need":{need.id},%'  # the text of a payload begins with the first field of its class
    marks = txn.sql.all(
        MARKS.marks_of_subject.using("payload"), kind=Overdue.kind, subject=need.subject, payload=payload_start
    )
    return next((mark for mark in marks if mark.author == BOARD and mark.is_live(txn.now)), None)


def open_need(txn: BoardTransaction, row: MarkRow) -> None:
    """Store the due time and the assignee of a need that was deposited, and which agents may answer it.

    A length of time counts from the deposit. A need without any of these has no row.

    Raises:
        InvalidTime: The due time is not a time.
    """
    activity_log.note(
        txn,
        ActivityEvent.NEED,
        agent=None if row.activation_id is None else row.author,
        subject=row.subject,
        activation_id=row.activation_id,
        mark_id=row.id,
        author=row.author,
    )
    payload = json.loads(row.payload)
    due, assignee = payload.get("due"), payload.get("assignee") or ""
    named = need_access.named_agents(row)
    if due is None and not assignee and not named:
        txn.sql.run(MARKS.delete_open_need, mark_id=row.id)
        return
    due_at = None if due is None else due_instant(due, row.reinforced_at)
    behind = provenance.agents_behind(txn, row) if named else None
    kept = OpenNeedRow(row.id, due_at, due_at, assignee)
    if behind is not None:
        may_answer = [name for name in dict.fromkeys(named) if behind.isdisjoint(_names(txn, name))]
        kept = kept._replace(
            answerable_by=_list(may_answer) if may_answer else None,
            agents_behind=_list(sorted(behind)),
        )
    put(txn, kept)


def _names(txn: BoardTransaction, name: str) -> set[str]:
    """Return the name of an agent, and its former name if it was renamed."""
    agent_spec = txn.deployment.agents.get(name)
    return {name} if agent_spec is None else agent_spec.names


def _list(names: Sequence[str]) -> str:
    return json.dumps(names, ensure_ascii=False)


def put(txn: BoardTransaction, need: OpenNeedRow) -> None:
    """Store the row of a need."""
    txn.sql.run(MARKS.put_open_need, **need._asdict())


def get(txn: BoardTransaction, mark_id: int) -> OpenNeedRow:
    """Return the row of a need; a row with nothing in it if none is stored."""
    return txn.sql.one(MARKS.get_open_need, mark_id=mark_id) or _empty_row(mark_id)


def get_each(txn: BoardTransaction, mark_ids: Sequence[int]) -> list[OpenNeedRow]:
    """Return the rows of many needs, by one statement."""
    kept = {row.mark_id: row for row in txn.sql.all(MARKS.all_open_needs)}
    return [kept.get(mark_id) or _empty_row(mark_id) for mark_id in mark_ids]


def _empty_row(mark_id: int) -> OpenNeedRow:
    return OpenNeedRow(mark_id, None, None, "")


def close_need(txn: BoardTransaction, mark_id: int) -> None:
    """Delete the row of a need that leaves the board."""
    txn.sql.run(MARKS.delete_open_need, mark_id=mark_id)
