"""Rising watches: tested inside the transaction that deposits, for the watches on that kind and no others."""

from __future__ import annotations

from blackboard.board import board_totals
from blackboard.board.board_transaction import BoardTransaction, Watch
from blackboard.conditions import Comparison, Measure
from blackboard.forecast import FadingMark, value_at
from blackboard.states import CrossingState
from blackboard.store.rows import MarkRow
from blackboard.store.statements import CROSSINGS, MARKS

__all__ = ["cross", "remove_from_totals", "stimuli_of_subject", "test", "test_deposit"]


def test_deposit(txn: BoardTransaction, old: MarkRow | None, new: MarkRow) -> list[Watch]:
    """Test every rising watch on the kind after a deposit; returns those that crossed.

    `old` is the live mark that was joined, before; it is None for a new mark.
    """
    crossed = []
    for watch in txn.active.rising.get(new.kind, ()):
        if not watch.covers(new.subject):
            continue
        if old is not None and _is_below_min_increase(txn, watch, old, new):
            absorb(txn, watch, new.id, new.event_id, 0)
            continue
        if board_totals.keeps_totals(watch):
            if old is not None and board_totals.is_stimulus(txn, watch, old):
                board_totals.add(txn, watch, old, -1)
            if new.author != watch.not_author:
                board_totals.add(txn, watch, new, +1)
        if new.author != watch.not_author and _test_with(txn, watch, old, new):
            crossed.append(watch)
    return crossed


def remove_from_totals(txn: BoardTransaction, row: MarkRow) -> None:
    """A mark leaves the live board: the totals that counted it forget it."""
    for watch in txn.active.rising.get(row.kind, ()):
        if (
            board_totals.keeps_totals(watch)
            and not board_totals.is_evaporated(txn, watch, row)
            and board_totals.is_stimulus(txn, watch, row)
        ):
            board_totals.add(txn, watch, row, -1)


def test(txn: BoardTransaction, watch: Watch, subject: str) -> bool:
    """Test a watch over one subject, or over the board ("" as the subject), on all of its stimuli."""
    if watch.over_board:
        return _test_board(txn, watch, None)
    return _test_rows(txn, watch, subject, stimuli_of_subject(txn, watch, subject))


def _test_rows(txn: BoardTransaction, watch: Watch, subject: str, rows: list[MarkRow]) -> bool:
    if watch.condition.per_mark:
        new = [_cross_mark(txn, watch, row) for row in rows if txn.strength(row) >= watch.threshold]
        return any(new)
    fading_marks = [txn.fading(row) for row in rows]
    if not rows or not watch.condition.holds(lambda measure: value_at(measure, fading_marks, txn.now)):
        return False
    return cross(txn, watch, subject, 0, _headline(watch, fading_marks, txn.now), len(rows), rows)


def _test_board(txn: BoardTransaction, watch: Watch, new: MarkRow | None) -> bool:
    value, count = board_totals.value(txn, watch)
    if not watch.leaf.met(value):
        return False
    strongest = 0.0
    if watch.agent.settings.urgent_above is not None:
        waits = txn.tx.one(CROSSINGS.waiting_crossing, watch_id=watch.id, subject="", mark_id=0) is not None
        rows = [new] if new is not None and waits else board_totals.stimuli_of_board(txn, watch)
        strongest = max((txn.strength(row) for row in rows), default=0.0)
    return cross(txn, watch, "", 0, value, count, strongest=strongest)


def stimuli_of_subject(txn: BoardTransaction, watch: Watch, subject: str) -> list[MarkRow]:
    """The live marks of one subject that the watch has not absorbed."""
    rows: list[MarkRow] = []
    for kind in watch.condition.kinds:
        found = txn.tx.all(
            MARKS.stimuli_of_subject,
            watch_id=watch.id,
            kind=kind,
            subject=subject,
            now=txn.horizon(kind),
            not_author=watch.not_author,
        )
        rows += txn.live(found)
    return rows


def absorb(txn: BoardTransaction, watch: Watch, mark_id: int, event_id: int, activation_id: int) -> int | None:
    """Note that a watch has absorbed a mark up to an event; returns up to which event it had before."""
    before = txn.tx.one(CROSSINGS.get_absorbed, watch_id=watch.id, mark_id=mark_id)
    statement = CROSSINGS.insert_absorbed if before is None else CROSSINGS.update_absorbed
    txn.tx.run(statement, watch_id=watch.id, mark_id=mark_id, event_id=event_id, activation_id=activation_id)
    return None if before is None else before[0]


def cross(
    txn: BoardTransaction,
    watch: Watch,
    subject: str,
    mark_id: int,
    value: float,
    marks: int,
    rows: list[MarkRow] | None = None,
    *,
    strongest: float | None = None,
    crossed_at: int | None = None,
    event_id: int | None = None,
) -> bool:
    """Record a crossing, or bring the one that waits up to date; True if it is new.

    `strongest` is the strength of its strongest mark, where `rows` do not say; `crossed_at` is the true instant of a
    crossing that is noticed later.
    """
    settings = watch.agent.settings
    if strongest is None:
        strongest = max((txn.strength(row) for row in rows or ()), default=value)
    urgent = settings.urgent_above is not None and strongest >= settings.urgent_above
    full = settings.batch is not None and marks >= settings.batch
    ready = txn.now if urgent or full or not settings.batch_window else txn.now + settings.batch_window
    law = txn.kind(watch.condition.kinds[0]).decay
    if rows and len(rows) == 1:
        law = txn.state(rows[0]).law
    result = {
        "law": rows[0].law if rows and len(rows) == 1 else txn.laws.key(txn.tx, law),
        "order_key": law.order_key(value, txn.now if crossed_at is None else crossed_at),
        "event_id": event_id if event_id is not None else (rows[0].event_id if rows else txn.last_event),
        "marks": marks,
        "urgent": int(urgent),
        "ready_at": ready,
    }
    renewed = txn.tx.run(CROSSINGS.renew_crossing, watch_id=watch.id, subject=subject, mark_id=mark_id, **result)
    if renewed.rowcount:
        return False
    txn.tx.run(
        CROSSINGS.insert_crossing,
        watch_id=watch.id,
        subject=subject,
        mark_id=mark_id,
        state=CrossingState.WAITING,
        crossed_at=txn.now if crossed_at is None else crossed_at,
        noticed_at=txn.now,
        value=value,
        threshold=watch.threshold,
        held_by=None,
        activation_id=None,
        closed_at=None,
        **result,
    )
    return True


def _test_with(txn: BoardTransaction, watch: Watch, old: MarkRow | None, new: MarkRow) -> bool:
    if watch.condition.per_mark:
        return txn.strength(new) >= watch.threshold and _cross_mark(txn, watch, new)
    if watch.over_board and not board_totals.keeps_totals(watch):
        # The strongest mark of the board reaches a threshold only with the mark that reaches it.
        value = txn.strength(new)
        return value >= watch.threshold and cross(txn, watch, "", 0, value, 1)
    if watch.over_board:
        return _test_board(txn, watch, new)
    if old is None and txn.kind(new.kind).on_repeat != "separate" and watch.kinds == (new.kind,):
        # Nothing of this kind lay on the subject, so there is nothing to look up; mostly it is too little, too.
        if isinstance(watch.condition, Comparison) and not watch.leaf.met(_value_of_one(txn, watch.leaf.measure, new)):
            return False
        return _test_rows(txn, watch, new.subject, [new])
    return test(txn, watch, new.subject)


def _value_of_one(txn: BoardTransaction, measure: Measure, row: MarkRow) -> float:
    return 1.0 if measure.function == "count" else txn.strength(row)


def _cross_mark(txn: BoardTransaction, watch: Watch, row: MarkRow) -> bool:
    return cross(txn, watch, row.subject, row.id, txn.strength(row), 1, [row])


def _is_below_min_increase(txn: BoardTransaction, watch: Watch, old: MarkRow, new: MarkRow) -> bool:
    """Whether a reinforcement of a mark that was absorbed is less than what the watch's `min_increase` asks for."""
    if watch.spec.min_increase is None or txn.strength(new) - txn.strength(old) >= watch.spec.min_increase:
        return False
    taken = txn.tx.one(CROSSINGS.get_absorbed, watch_id=watch.id, mark_id=old.id)
    if taken is not None and old.event_id <= taken[0]:
        return True
    return watch.over_board and old.event_id <= board_totals.watermark(txn, watch)


def _headline(watch: Watch, fading_marks: list[FadingMark], now: int) -> float:
    """The value that a crossing is known by: that of the first comparison that is met."""
    for leaf in watch.condition.leaves():
        value = value_at(leaf.measure, fading_marks, now)
        if leaf.met(value):
            return value
    return 0.0


def still_holds(txn: BoardTransaction, watch: Watch, subject: str, at: int | None = None) -> bool:
    """Whether a watch over a subject or the board is met by the stimuli that lie there, now or as they were before."""
    if watch.over_board and at is None:
        return next(watch.condition.leaves()).met(board_totals.value(txn, watch)[0])
    rows = board_totals.stimuli_of_board(txn, watch) if watch.over_board else stimuli_of_subject(txn, watch, subject)
    fading_marks = [txn.fading(row) for row in rows]
    return watch.condition.holds(lambda measure: value_at(measure, fading_marks, txn.now if at is None else at))
