"""Deposits of marks, each with all that follows in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from blackboard.board import open_needs
from blackboard.board.deployment_effects import mark_backfill
from blackboard.board.mark_changes import change_preparation, mark_indexes, mark_removals
from blackboard.board.mark_changes.deposit_effects import (
    agents_of,
    apply_effects,
    count_in_windows,
    evaluate_unchanged_mark,
    evaluate_windows,
    open_need,
    queue_message,
)
from blackboard.board.mark_changes.joined_marks import MarkAfterDeposit, NewDeposit, UnchangedMark, join_live
from blackboard.board.mark_tables.mark_rows import EventDetails, insert_mark, record_event, shown_event_id, update_mark
from blackboard.board.mark_tables.mark_states import live_strength, mark_strength
from blackboard.board.result_types.mark_results import Receipt
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.transactions.stored_laws import law_key
from blackboard.board.watches.measurements import absorbed_marks
from blackboard.clock import Instant
from blackboard.core.marks.decay import Decay
from blackboard.core.marks.deposit_requests import DepositRequest
from blackboard.core.marks.json_comparison_keys import readable_key
from blackboard.core.marks.kinds import Kind
from blackboard.core.marks.reinforcement import single_state
from blackboard.core.records.event_kinds import HistoryEvent
from blackboard.errors import UniqueConflict
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow, mark_after
from blackboard.store.statements import MARKS


class _LatestDeposit(NamedTuple):
    """The latest deposit of a subject, whose mark may be gone."""

    mark: MarkRow
    """The mark as this deposit left it."""
    occurred_at: Instant

    @classmethod
    def of_event(cls, event: EventRow) -> _LatestDeposit:
        """Return the latest deposit from the event of the deposit that was recorded last."""
        is_stale = event.event == HistoryEvent.STALE
        return cls(mark_after(event), event.anchored_at if is_stale else event.occurred_at)

    @property
    def mark_of_stale_event(self) -> MarkRow:
        """The mark for the event of a stale deposit.

        The event of a stale deposit holds in `anchored_at` the time when the latest deposit occurred. `of_event` needs
        it there: it gets the last event and no other.
        """
        return self.mark._replace(anchored_at=self.occurred_at)


def deposit(txn: BoardTransaction, request: DepositRequest) -> Receipt:
    """Deposit a mark: join it with a live mark, record the event, test the watches and predict crossings.

    If a deposit leaves its mark below the floor, the mark evaporates in the same transaction. No rising watch crosses
    then. A falling watch crosses if the live mark was above its threshold before the deposit.

    Raises:
        UnknownName: The kind is not registered.
        Conflict: The live mark that the deposit would join has changed since the event `if_event`.
        LawConflict: The deposit names another law than the live mark that it would join.
        OutOfOrder: The deposit is older than the live mark that it would be added to, and the order matters.
        UniqueConflict: The value of the unique field belongs to another live mark.
    """
    new_deposit = NewDeposit.of(txn, request)
    change_preparation.prepare_change(txn, request.kind, request.subject, new_deposit.payload)
    live = (
        None
        if new_deposit.kind.on_repeat == "separate"
        else _evaporate_and_find_live(txn, new_deposit.kind, request.subject)
    )
    if request.if_event is not None:
        change_preparation.check_event(request.if_event, f"the {request.kind} of {request.subject!r}", live)
    if (later := _replaced_by(txn, new_deposit, live)) is not None:
        return _record_without_mark_change(txn, new_deposit, "stale", later, live)
    joined = join_live(txn, new_deposit, live)
    if isinstance(joined, UnchangedMark):
        return _leave_unchanged(txn, new_deposit, joined.live)
    row = _write(txn, new_deposit, joined, _take_unique_value(txn, new_deposit, joined))
    if open_needs.is_need(row):
        open_need(txn, new_deposit, joined.old, row)
    queue_message(txn, joined, row)
    counts = count_in_windows(txn, new_deposit, row.id, row.event_id)
    crossed = apply_effects(txn, joined.old, row)
    if counts and joined.shown is not None and request.kind in txn.active.tags_in_windows:
        crossed = [*crossed, *evaluate_windows(txn, row._replace(payload=new_deposit.payload))]
    return Receipt(
        row.id,
        row.event_id,
        "deposited" if joined.old is None else "reinforced",
        live_strength(txn, row),
        agents_of(crossed),
    )


def _evaporate_and_find_live(txn: BoardTransaction, kind: Kind, subject: str) -> MarkRow | None:
    """Return the live mark of a kind and subject, after moving evaporated marks to the history."""
    live = None
    rows = txn.marks_of_subject(kind.name, subject)
    absorbed_marks.read_absorbed_of_subject(txn, txn.active.rising.get(kind.name, ()), kind.name, subject, rows)
    for row in rows:
        row = mark_backfill.backfill(txn, row)
        if not row.is_live(txn.now):
            mark_removals.evaporate(txn, row)
        elif live is None:
            live = row
    return live


def _replaced_by(txn: BoardTransaction, new_deposit: NewDeposit, live: MarkRow | None) -> MarkRow | None:
    """Return the mark of a deposit that occurred later, which makes this deposit stale; None if there is none."""
    if new_deposit.kind.on_repeat != "replace" or new_deposit.state.at >= txn.now:
        return None
    latest = _latest(txn, new_deposit.kind, new_deposit.request.subject, live)
    if latest is None or new_deposit.state.at >= latest.occurred_at:
        return None
    return latest.mark_of_stale_event


def _latest(txn: BoardTransaction, kind: Kind, subject: str, live: MarkRow | None) -> _LatestDeposit | None:
    """Return the deposit of a subject that occurred last; None if there was none."""
    if live is not None:
        return _LatestDeposit(live, live.occurred_at)
    event = txn.sql.one(MARKS.last_deposit_of_subject, kind=kind.name, subject=subject)
    return None if event is None else _LatestDeposit.of_event(event)


def _leave_unchanged(txn: BoardTransaction, new_deposit: NewDeposit, live: MarkRow) -> Receipt:
    """Record what follows from a deposit that leaves a stronger mark as it is, and return its receipt."""
    crossed = evaluate_unchanged_mark(txn, live, new_deposit.request.author)
    if new_deposit.kind.name not in txn.active.longest_windows:
        return Receipt(live.id, live.event_id, "unchanged", mark_strength(txn, live), agents_of(crossed))
    receipt = _record_without_mark_change(txn, new_deposit, "unchanged", live, live)
    return replace(receipt, crossed=tuple(dict.fromkeys((*agents_of(crossed), *receipt.crossed))))


def _record_without_mark_change(
    txn: BoardTransaction,
    new_deposit: NewDeposit,
    outcome: Literal["stale", "unchanged"],
    mark: MarkRow,
    live: MarkRow | None,
) -> Receipt:
    """Record a deposit that changes no mark. Windows count it, so it may make a watch cross.

    - `stale`: a deposit that occurred later was recorded earlier, and replaces it.
    - `unchanged`: the live mark is stronger. The deposit is recorded only if a window counts its kind.

    The event belongs to `mark`, the mark of the latest deposit. It has the intensity and the law that a mark made by
    this deposit alone would have.
    """
    state = single_state(new_deposit.kind, new_deposit.state)
    register_law(txn, new_deposit.kind, state.law, None)
    details = _details(new_deposit, txn.allocate_event_id())
    recorded = mark._replace(
        author=new_deposit.request.author,
        intensity=state.intensity,
        law=law_key(state.law),
        evaporates_at=state.evaporates_at(new_deposit.kind),
        own_law=int(new_deposit.has_own_law),
    )
    record_event(txn, recorded, HistoryEvent(outcome), occurred_at=new_deposit.state.at, details=details)
    crossed: Sequence[RegisteredWatch] = ()
    if count_in_windows(txn, new_deposit, mark.id, details.event_id):
        has_tags = new_deposit.request.kind in txn.active.tags_in_windows
        crossed = evaluate_windows(txn, mark._replace(payload=new_deposit.payload) if has_tags else mark)
    return Receipt(
        mark.id, details.event_id, outcome, 0.0 if live is None else mark_strength(txn, live), agents_of(crossed)
    )


def _write(txn: BoardTransaction, new_deposit: NewDeposit, joined: MarkAfterDeposit, value: str | None) -> MarkRow:
    """Write a new mark, or a reinforced mark, with its event and its indexes.

    `value` is the unique value that `_take_unique_value` has taken for the mark. The id of the event is allocated only
    now, after the last step that can fail. If a step failed after that, the id would stay unused, and the next claim
    would count it as absorbed.
    """
    kind, old, shown = new_deposit.kind, joined.old, joined.shown
    register_law(txn, kind, joined.state.law, old)
    details = _details(new_deposit, txn.allocate_event_id(), None if shown is None else shown_event_id(txn, shown))
    row = _row_after(new_deposit, joined, details, txn.now)
    event = HistoryEvent.DEPOSITED if old is None else HistoryEvent.REINFORCED
    record_event(txn, row, event, occurred_at=new_deposit.state.at, details=details)
    shown_id = row.event_id if details.shown_event_id is None else details.shown_event_id
    mark_indexes.update(txn, kind, old, row, shown_event_id=shown_id, value=value)
    if old is None:
        insert_mark(txn, row)
    else:
        update_mark(txn, row)
    return row


def _unique_value(new_deposit: NewDeposit, joined: MarkAfterDeposit, now: Instant) -> str | None:
    """Return the value that a mark will hold in the unique field of its kind after a deposit; None if it has none."""
    if new_deposit.kind.unique is None or not joined.holds_value_at(new_deposit.kind, now):
        return None
    payload = new_deposit.payload if joined.shown is None else joined.shown.payload
    return new_deposit.kind.unique_value_of(payload)


def _take_unique_value(txn: BoardTransaction, new_deposit: NewDeposit, joined: MarkAfterDeposit) -> str | None:
    """Return the unique value of a mark after a deposit, once no other mark holds it; None if it has none.

    Faded marks that still hold the value are evaporated.

    Raises:
        UniqueConflict: The value belongs to another live mark.
    """
    kind, old = new_deposit.kind, joined.old
    value = _unique_value(new_deposit, joined, txn.now)
    if value is None:
        return None
    holders = txn.sql.all(MARKS.holders_of_unique_value, kind=kind.name, value=value)
    if old is not None and old.id in holders:
        return value
    for holder in holders:
        row = txn.sql.one(MARKS.get_mark, id=holder)
        if row is None:
            continue
        row = mark_backfill.backfill(txn, row)
        if row.is_live(txn.now):
            place = f"mark {row.id} with subject {row.subject}"
            raise UniqueConflict(f"{kind.name}.{kind.unique}: {readable_key(value)} belongs to {place}")
        change_preparation.prepare_change(txn, row.kind, row.subject)
        mark_removals.evaporate(txn, row)
    return value


def register_law(txn: BoardTransaction, kind: Kind, law: Decay, old: MarkRow | None) -> None:
    """Register the law of a mark, unless it is the law of the kind or the former law of the mark."""
    if law is not kind.decay and law != kind.decay and (old is None or law_key(law) != old.law):
        txn.laws.register(txn.sql, law)


def _details(new_deposit: NewDeposit, event_id: int, shown_event_id: int | None = None) -> EventDetails:
    request = new_deposit.request
    return EventDetails(  # by position: see `mark_row_types`
        event_id,  # event_id
        request.author,  # author
        new_deposit.payload,  # payload
        new_deposit.state.intensity,  # intensity
        request.activation_id,  # activation_id
        shown_event_id,  # shown_event_id
        request.traceparent,  # traceparent
    )


def _row_after(new_deposit: NewDeposit, joined: MarkAfterDeposit, details: EventDetails, now: Instant) -> MarkRow:
    """Return the row of a mark after a deposit.

    The mark shows the payload and the author of the deposit that is latest by its occurrence.
    """
    request, kind = new_deposit.request, new_deposit.kind
    old, state, shown = joined.old, joined.state, joined.shown
    own_law = int(new_deposit.has_own_law) if old is None or kind.on_repeat == "replace" else old.own_law
    others = details.event_id if request.activation_id is None else last_event_of_others(old, request.author)
    return MarkRow(  # by position: see `mark_row_types`
        details.event_id if old is None else old.id,  # id
        request.kind,  # kind
        request.subject,  # subject
        new_deposit.payload if shown is None else shown.payload,  # payload
        request.author if shown is None else shown.author,  # author
        state.intensity,  # intensity
        law_key(state.law),  # law
        state.at,  # anchored_at
        details.event_id,  # event_id
        now if old is None else old.deposited_at,  # deposited_at
        now,  # reinforced_at
        0 if old is None else old.reinforcements + 1,  # reinforcements
        state.evaporates_at(kind),  # evaporates_at
        state.law.order_key(state.intensity, state.at),  # order_key
        others,  # other_event_id
        request.activation_id if shown is None else shown.activation_id,  # activation_id
        own_law,  # own_law
        new_deposit.state.at if shown is None else shown.occurred_at,  # occurred_at
        None if shown is None else request.author,  # last_author
    )


def last_event_of_others(old: MarkRow | None, author: str) -> int | None:
    """Return the last event of a mark that the agent `author` did not cause; None if there is none."""
    if old is None:
        return None
    return old.event_id if old.changed_by != author else old.other_event_id
