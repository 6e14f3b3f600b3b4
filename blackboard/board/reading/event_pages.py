"""Pages of events: the events of marks, and the entries of the activity, after a position.

A reader remembers the last id of each stream that it has seen, and asks for what follows. A transaction takes its ids
and commits them under the lock of the board. So ids become visible in their order, even on PostgreSQL, and no event can
appear before a position that was read. Only retention makes gaps between the ids of a stream.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from blackboard.board.mark_tables.mark_rows import with_shown_payload
from blackboard.board.result_types.mark_results import StreamEvent, StreamPosition
from blackboard.board.result_types.row_conversion import result_of
from blackboard.board.result_types.work_results import ActivityRecord
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.store.row_types.mark_row_types import EventRow
from blackboard.store.statements import ACTIVITY, MARKS
from blackboard.store.transaction import Transaction


def position(transaction: Transaction) -> StreamPosition:
    """Return the latest position. Streams ask often, so this needs no transaction of the board."""
    last = transaction.existing(ACTIVITY.last_ids)
    return StreamPosition(last.event_id or 0, last.activity_id or 0)


def mark_events(txn: BoardTransaction, after: int, limit: int) -> list[StreamEvent]:
    """Return the events of marks after an event, oldest first, with the tags that the marks had."""
    rows = txn.sql.all(MARKS.events_after, after=after, limit=limit)
    return [
        result_of(
            StreamEvent, row, payload=None if row.payload is None else json.loads(row.payload), tags=_tags(txn, row)
        )
        for row in rows
    ]


def activity(txn: BoardTransaction, after: int | None, limit: int) -> list[ActivityRecord]:
    """Return the activity after an entry, oldest first; with None, the newest entries."""
    if after is None:
        after = max(0, position(txn.sql).activity_id - limit)
    found = txn.sql.all(ACTIVITY.activity_after, after=after, limit=limit)
    return [result_of(ActivityRecord, entry, watch=watch) for entry, watch in found]


def _tags(txn: BoardTransaction, row: EventRow) -> Mapping[str, Any]:
    kind = txn.active.kinds.get(row.kind)
    if kind is None or not kind.tags:
        return {}
    deposit = row if row.payload is not None else txn.sql.one(MARKS.last_deposit_of_mark, **_mark_of(row))
    payload = None if deposit is None else with_shown_payload(txn, deposit).payload
    values = {} if payload is None else json.loads(payload)
    return {name: values[name] for name in kind.tags if name in values}


def _mark_of(row: EventRow) -> dict[str, Any]:
    return {"subject": row.subject, "mark_id": row.mark_id, "up_to": row.id}
