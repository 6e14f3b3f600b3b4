"""Deposits of marks, each with all that follows in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from blackboard.board.mark_storage import departures, mark_lookup, mark_tags, open_needs, unique_holders
from blackboard.board.mark_storage.deposit_requests import DepositRequest
from blackboard.board.registration import changed_watches, mark_migration, unique_values
from blackboard.board.result_types import Receipt
from blackboard.board.transactions.active_deployment import RegisteredWatch
from blackboard.board.transactions.board_transaction import BoardTransaction, EventDetails
from blackboard.board.transactions.law_cache import law_key
from blackboard.board.watches import episode_crossings, guards, predicted_crossings, rising_crossings, window_totals
from blackboard.clock import Instant, iso
from blackboard.core.decay import Decay
from blackboard.core.marks import (
    Kind,
    dump_payload,
)
from blackboard.core.reinforcement import FadingState, is_live, join, may_add, single_state
from blackboard.errors import LawConflict, OutOfOrder
from blackboard.store.rows import MarkRow, WindowEventRow, mark_after
from blackboard.store.statements import MARKS, WINDOWS


class JoinedMark(NamedTuple):
    """The mark that results from a deposit, alone or joined with a live mark."""

    old: MarkRow | None
    """The live mark that it reinforces; None if it becomes a mark of its own."""
    state: FadingState
    """The state of the mark after the deposit."""
    new: FadingState
    """The state that the deposit has alone."""
    shown: MarkRow | None = None
    """The old mark if it still shows the payload and the author of a deposit that occurred later; else None."""


class _LatestDeposit(NamedTuple):
    """The latest deposit of a subject, whatever became of it."""

    mark: MarkRow
    """The mark of the deposit as it was then."""
    occurred_at: Instant


def deposit(txn: BoardTransaction, request: DepositRequest) -> Receipt:
    """Deposit a mark: join it with a live mark, record the event, test the watches and predict crossings.

    A mark below its floor evaporates in the same transaction. No rising watch crosses. A falling watch crosses if the
    live mark that it replaced was above the threshold.

    Raises:
        UnknownName: The kind is not registered.
        Conflict: The live mark that it would join has changed since the event `if_event`.
        LawConflict: The deposit names another law than the live mark that it would join.
        OutOfOrder: The deposit is older than the live mark to which it would be added, and the order matters.
        UniqueConflict: The value of the unique field belongs to another live mark.
    """
    kind = txn.kind(request.kind)
    changed_watches.prepare_change(txn, request.kind, request.subject)
    new = _own_state(txn, kind, request)
    live = None if kind.on_repeat == "separate" else _take_live(txn, kind, request.subject)
    if request.if_event is not None:
        mark_lookup.check_event(request.if_event, f"the {kind.name} of {request.subject!r}", live)
    if new.at < txn.now and kind.on_repeat == "replace":
        latest = _latest(txn, kind, request.subject, live)
        if latest is not None and new.at < latest.occurred_at:
            mark = latest.mark._replace(anchored_at=latest.occurred_at)
            return _record_without_effect(txn, request, kind, "stale", mark, new, live)
    if live is None:
        joined = JoinedMark(None, single_state(kind, new), new)
    else:
        result = _join(txn, kind, request, live, new)
        if result is None:
            return _change_nothing(txn, request, kind, live, new)
        joined = result
    row = _write(txn, request, kind, joined)
    _count_in_windows(txn, request, row.id, row.event_id, joined.new)
    crossed = follow_change(txn, joined.old, row)
    return Receipt(
        row.id,
        row.event_id,
        "deposited" if joined.old is None else "reinforced",
        txn.strength(row) if row.is_live(txn.now) else 0.0,
        agents_of(crossed),
    )


def _change_nothing(
    txn: BoardTransaction, request: DepositRequest, kind: Kind, live: MarkRow, new: FadingState
) -> Receipt:
    """Return the receipt of a deposit that leaves a stronger mark as it is; windows may count it."""
    crossed = _follow_unchanged(txn, live, request.author)
    if kind.name not in txn.active.longest_windows:
        return Receipt(live.id, live.event_id, "unchanged", txn.strength(live), agents_of(crossed))
    receipt = _record_without_effect(txn, request, kind, "unchanged", live, new, live)
    return replace(receipt, crossed=tuple(dict.fromkeys((*agents_of(crossed), *receipt.crossed))))


def _own_state(txn: BoardTransaction, kind: Kind, request: DepositRequest) -> FadingState:
    """Return the state that a deposit has alone, without the cap of its kind."""
    trust = txn.deployment.trust.get(request.author, 1.0)
    occurred_at = txn.now if request.occurred_at is None else request.occurred_at
    return FadingState(request.intensity * trust, occurred_at, request.decay or kind.decay)


def _join(
    txn: BoardTransaction, kind: Kind, request: DepositRequest, live: MarkRow, new: FadingState
) -> JoinedMark | None:
    """Return what a deposit makes of the live mark of its kind and subject; None if it changes nothing.

    Raises:
        LawConflict: The deposit names another law than the mark.
        OutOfOrder: It is older than the mark, and the order of additions matters.
    """
    before = txn.state(live)
    if kind.on_repeat != "replace" and request.decay is not None:
        _check_law(request.decay, new.at, live, before)
    if kind.on_repeat == "add" and new.at < txn.now:
        _check_order(kind, live, before, new)
        if _has_faded(kind, before.law, new, txn.now):
            new = replace(new, law=before.law)
            return JoinedMark(None, single_state(kind, new), new)
    state = join(kind, before, new, txn.now)
    if state is None:
        return None
    return JoinedMark(live, state, new, shown=live if new.at < live.occurred_at else None)


def follow_change(txn: BoardTransaction, old: MarkRow | None, row: MarkRow) -> Sequence[RegisteredWatch]:
    """Do what follows from a mark that was written, and return the watches that crossed."""
    live = row.is_live(txn.now)
    crossed = rising_crossings.evaluate_deposit(txn, old, row) if live else []
    predicted_crossings.predict(txn, old, row)
    if not live:
        departures.evaporate_at_once(txn, old, row)
    if row.kind in txn.active.over_time:
        crossed = [*crossed, *episode_crossings.follow_change(txn, old, row)]
    guards.release_after_change(txn, row.kind, row.subject)
    return crossed


def _follow_unchanged(txn: BoardTransaction, live: MarkRow, author: str) -> Sequence[RegisteredWatch]:
    """Return the watches that cross though a deposit changes nothing, because a guard dropped what crossed before."""
    crossed = rising_crossings.evaluate_unchanged(txn, live, author)
    if any(watch.drops for watch in txn.active.over_time.get(live.kind, ())):
        crossed = [*crossed, *episode_crossings.follow_change(txn, live, live)]
    return crossed


def _check_order(kind: Kind, live: MarkRow, before: FadingState, new: FadingState) -> None:
    """Check that a late deposit may be added to a live mark.

    Raises:
        OutOfOrder: It is older than the mark, and the order of additions matters.
    """
    if may_add(kind, before, new.at):
        return
    why = "its kind has a cap" if kind.cap is not None else f"the law {before.law} depends on the order"
    raise OutOfOrder(
        f"mark {live.id} of {live.kind} {live.subject!r} counts from {iso(before.at)}, and a deposit that occurred at"
        f" {iso(new.at)} cannot be added to it: {why}. Deposit in the order of occurrence, or let the kind repeat as"
        " 'max', 'replace' or 'separate', or fade exponentially without a cap"
    )


def _has_faded(kind: Kind, law: Decay, new: FadingState, now: Instant) -> bool:
    """Return whether a late deposit has faded by itself, so that it becomes a mark of its own beside the live mark.

    So the order in which deposits are recorded does not change what they add up to.
    """
    if kind.cap is not None or not law.adds_in_any_order:
        return False
    life = kind.life(law, new.intensity)
    return life is not None and 0 < life <= now - new.at


def _latest(txn: BoardTransaction, kind: Kind, subject: str, live: MarkRow | None) -> _LatestDeposit | None:
    """Return the deposit of a subject that occurred last; None if there was none."""
    if live is not None:
        return _LatestDeposit(live, live.occurred_at)
    event = txn.sql.one(MARKS.last_deposit_of_subject, kind=kind.name, subject=subject)
    if event is None:
        return None
    return _LatestDeposit(mark_after(event), event.anchored_at if event.event == "stale" else event.occurred_at)


def _record_without_effect(
    txn: BoardTransaction,
    request: DepositRequest,
    kind: Kind,
    outcome: Literal["stale", "unchanged"],
    mark: MarkRow,
    new: FadingState,
    live: MarkRow | None,
) -> Receipt:
    """Record a deposit that changes no mark.

    The deposit is stale if the latest deposit replaced it before the board knew of it. It leaves a stronger mark
    unchanged, and is then recorded only for the windows that count it. The event belongs to `mark`, the mark of the
    latest deposit. It has the state that the deposit alone would have had.
    """
    state = single_state(kind, new)
    if state.law != kind.decay:
        txn.laws.register(txn.sql, state.law)
    event_id = txn.next_event()
    recorded = mark._replace(
        author=request.author,
        intensity=state.intensity,
        law=law_key(state.law),
        evaporates_at=state.evaporates_at(kind),
        own_law=_own_law(kind, request),
    )
    details = EventDetails(
        event_id=event_id,
        author=request.author,
        payload=_text_of(request),
        intensity=new.intensity,
        activation_id=request.activation_id,
    )
    txn.record(recorded, outcome, occurred_at=new.at, details=details)
    crossed: Sequence[RegisteredWatch] = ()
    if _count_in_windows(txn, request, mark.id, event_id, new):
        crossed = episode_crossings.follow_change(txn, mark, mark)
        predicted_crossings.predict_windows(txn, mark)
        guards.release_after_change(txn, kind.name, mark.subject)
    return Receipt(mark.id, event_id, outcome, 0.0 if live is None else txn.strength(live), agents_of(crossed))


def _count_in_windows(
    txn: BoardTransaction, request: DepositRequest, mark_id: int, event_id: int, new: FadingState
) -> bool:
    """Record a deposit for the windows that count its kind; return whether it is in one of them."""
    longest = txn.active.longest_windows.get(request.kind)
    if longest is None or new.at <= txn.now - longest:
        return False
    agent = "" if request.activation_id is None else request.author
    row = WindowEventRow(
        kind=request.kind,
        subject=request.subject,
        occurred_at=new.at,
        event_id=event_id,
        mark_id=mark_id,
        intensity=new.intensity,
        agent=agent,
    )
    txn.sql.put(WINDOWS.insert_window_event, row)
    window_totals.add(txn, row)
    return True


def agents_of(crossed: Sequence[RegisteredWatch]) -> tuple[str, ...]:
    """Return the names of the agents of watches, each once."""
    return tuple(dict.fromkeys(watch.agent.name for watch in crossed)) if crossed else ()


def _take_live(txn: BoardTransaction, kind: Kind, subject: str) -> MarkRow | None:
    """Return the live mark of a kind and subject, after moving evaporated marks to the history."""
    live = None
    rows = txn.sql.all(MARKS.marks_of_subject, kind=kind.name, subject=subject)
    for row in rows:
        row = mark_migration.migrate(txn, row)
        if not row.is_live(txn.now):
            departures.evaporate(txn, row)
        elif live is None:
            live = row
    return live


def _check_law(named: Decay, now: Instant, old: MarkRow, before: FadingState) -> None:
    """Check that a deposit names the law of the live mark that it joins. Fixed ends are compared by their instants.

    Raises:
        LawConflict: The laws differ.
    """
    law = before.law.continued(now - before.at)
    if named != law:
        raise LawConflict(
            f"mark {old.id} of {old.kind} {old.subject!r} has {_describe_law(law, now)}, and a deposit that joins it"
            f" cannot name {_describe_law(named, now)}; name no law, withdraw the mark first, or let the kind repeat"
            " as 'replace' or 'separate'"
        )


def _describe_law(law: Decay, now: Instant) -> str:
    return f"the end {iso(now + law.length)}" if law.ends_fixed else f"the law {law}"


def _own_law(kind: Kind, request: DepositRequest) -> int:
    """Return 1 if a deposit names another law than its kind has, else 0."""
    return int(request.decay is not None and request.decay != kind.decay)


def _write(txn: BoardTransaction, request: DepositRequest, kind: Kind, joined: JoinedMark) -> MarkRow:
    """Write a new mark, or a reinforced mark, with its event."""
    old, shown = joined.old, joined.shown
    text = _text_of(request)
    value = _checked_value(txn, kind, joined, text)
    register_law(txn, kind, joined.state.law, joined.old)
    row = _row_after(request, kind, joined, text, event_id=txn.next_event(), now=txn.now)
    details = EventDetails(
        event_id=row.event_id,
        author=request.author,
        payload=text,
        intensity=joined.new.intensity,
        activation_id=request.activation_id,
        shown_event_id=None if shown is None else shown_event(txn, shown),
    )
    txn.record(row, "deposited" if old is None else "reinforced", occurred_at=joined.new.at, details=details)
    if kind.unique is not None:
        unique_holders.hold(txn, row, value, is_new=old is None)
    if kind.tags:
        mark_tags.write(txn, kind, old, row)
    if old is None:
        txn.sql.put(MARKS.insert_mark, row)
    else:
        txn.sql.run(MARKS.update_mark, **row._asdict())
    if open_needs.is_need(row):
        if old is not None:  # it is asked anew
            departures.withdraw_overdue(txn, old, request.author, request.activation_id)
        open_needs.open_need(txn, row)
    return row


def _checked_value(txn: BoardTransaction, kind: Kind, joined: JoinedMark, payload: str) -> str | None:
    """Return the value that a mark will hold in the unique field of its kind after a deposit; None if it has none.

    A mark that has faded before it is recorded holds no value: another mark may have had the value since.

    Raises:
        UniqueConflict: The value belongs to another live mark.
    """
    if kind.unique is None or not _holds_value(txn, kind, joined):
        return None
    shown = joined.shown
    value = unique_values.value_of(kind, payload if shown is None else shown.payload)
    if value is not None:
        unique_holders.check(txn, kind, value, joined.old)
    return value


def _holds_value(txn: BoardTransaction, kind: Kind, joined: JoinedMark) -> bool:
    return joined.state.at == txn.now or is_live(joined.state.evaporates_at(kind), txn.now)


def register_law(txn: BoardTransaction, kind: Kind, law: Decay, old: MarkRow | None) -> None:
    """Register the law of a mark, unless its kind has it or the mark had it before."""
    if law is not kind.decay and law != kind.decay and (old is None or law_key(law) != old.law):
        txn.laws.register(txn.sql, law)


def _row_after(
    request: DepositRequest, kind: Kind, joined: JoinedMark, payload: str, *, event_id: int, now: Instant
) -> MarkRow:
    """Return the row of a mark after a deposit.

    The mark shows the payload and the author of the deposit that is latest by its occurrence.
    """
    old, state, new, shown = joined
    return MarkRow(
        id=event_id if old is None else old.id,
        kind=request.kind,
        subject=request.subject,
        payload=payload if shown is None else shown.payload,
        author=request.author if shown is None else shown.author,
        intensity=state.intensity,
        law=law_key(state.law),
        anchored_at=state.at,
        event_id=event_id,
        deposited_at=now if old is None else old.deposited_at,
        reinforced_at=now,
        reinforcements=0 if old is None else old.reinforcements + 1,
        evaporates_at=state.evaporates_at(kind),
        order_key=state.law.order_key(state.intensity, state.at),
        other_event_id=event_id if request.activation_id is None else last_event_of_others(old, request.author),
        activation_id=request.activation_id if shown is None else shown.activation_id,
        own_law=_own_law(kind, request) if old is None or kind.on_repeat == "replace" else old.own_law,
        occurred_at=new.at if shown is None else shown.occurred_at,
        last_author=None if shown is None else request.author,
    )


def shown_event(txn: BoardTransaction, row: MarkRow) -> int:
    """Return the deposit whose payload a mark shows."""
    last = txn.sql.existing(MARKS.get_event, id=row.event_id)
    return last.id if last.shown_event_id is None else last.shown_event_id


def _text_of(request: DepositRequest) -> str:
    return dump_payload(request.payload) if request.text is None else request.text


def last_event_of_others(old: MarkRow | None, author: str) -> int | None:
    """Return the last event of a mark, before an event of an agent, that is not of this agent; None if all are."""
    if old is None:
        return None
    return old.event_id if old.changed_by != author else old.other_event_id
