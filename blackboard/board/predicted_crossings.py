"""Falling watches and the opening of guards: computed ahead from the decay laws, never polled.

A fall is a row with the instant at which a condition that is not met now will be met by fading alone. A stored instant
decides. Whoever changes marks first settles the falls that came due before, so the timing of passes never matters.
"""

from __future__ import annotations

from blackboard.board import crossings
from blackboard.board.activations import close_crossing, insert_closed_activation
from blackboard.board.board_transaction import BoardTransaction, Watch
from blackboard.conditions import Condition
from blackboard.deployment import AgentSpec
from blackboard.forecast import first_true, value_at
from blackboard.reinforcement import FadingMark
from blackboard.states import ActivationState, CrossingState
from blackboard.store.rows import MarkRow, PredictedCrossingRow
from blackboard.store.statements import CROSSINGS, MARKS

__all__ = [
    "fire_due",
    "fire_due_of",
    "guard_opens",
    "live_marks",
    "predict",
    "predict_after_withdrawal",
    "release",
    "release_guards",
]

FIRED_AT_ONCE = 500
NEVER_FULL = 2**62
"""More marks than any batch."""


def fire_due_of(txn: BoardTransaction, kind: str, subject: str) -> None:
    """Record the falls that came due before this deposit or withdrawal, of the watches that it could disturb."""
    if kind not in txn.active.falling and kind not in txn.active.guarded:
        return
    for watch in dict.fromkeys((*txn.active.falling.get(kind, ()), *txn.active.guarded.get(kind, ()))):
        if not watch.falling:
            continue
        if _guarded_over_board(watch, kind):
            due = txn.tx.all(CROSSINGS.due_predicted_of_watch, watch_id=watch.id, now=txn.now)
        else:
            due = [
                row
                for scope in (subject, "")
                for row in txn.tx.all(CROSSINGS.due_predicted_of_subject, watch_id=watch.id, subject=scope, now=txn.now)
            ]
        for row in due:
            _fire(txn, watch, PredictedCrossingRow(*row))


def fire_due(txn: BoardTransaction, limit: int = FIRED_AT_ONCE) -> int:
    """Record the falls that have come due, earliest first; returns how many."""
    rows = txn.tx.all(CROSSINGS.due_predicted, now=txn.now, limit=limit)
    for row in rows:
        due = PredictedCrossingRow(*row)
        watch = txn.active.watches.get(due.watch_id)
        if watch is None:
            txn.tx.run(CROSSINGS.delete_predicted_of_watch, watch_id=due.watch_id)
        else:
            _fire(txn, watch, due)
    return len(rows)


def predict(txn: BoardTransaction, old: MarkRow | None, new: MarkRow) -> None:
    """After a deposit: compute when each falling watch on the kind will cross, as things now stand."""
    for watch in txn.active.falling.get(new.kind, ()):
        if not watch.covers(new.subject):
            continue
        if watch.over_board and not _sooner(txn, old, new) and _is_predicted(txn, watch, "", 0):
            continue  # what only adds can but put a fall off; when it comes due, it is computed afresh
        predict_watch(txn, watch, new)


def predict_watch(txn: BoardTransaction, watch: Watch, row: MarkRow, *, since: int | None = None) -> None:
    """Compute when one falling watch will cross for a mark, its subject or the board.

    `since` is the earlier instant from which things are as they are, unless one of the marks was left later.
    """
    since = txn.now if since is None else since
    if watch.condition.per_mark:
        subject, mark_id, marks = row.subject, row.id, [txn.fading(row)]
    elif watch.over_board:
        subject, mark_id, marks = "", 0, live_marks(txn, watch.condition, None, since)
    else:
        subject, mark_id, marks = row.subject, 0, live_marks(txn, watch.condition, row.subject, since)
    _predict(txn, watch, subject, mark_id, marks, max([since, *(mark.state.at for mark in marks)]))


def predict_after_withdrawal(txn: BoardTransaction, row: MarkRow) -> None:
    """A withdrawn mark fires nothing: forget its falls, and compute those of its subject and the board afresh."""
    for watch in txn.active.falling.get(row.kind, ()):
        if watch.condition.per_mark:
            txn.tx.run(CROSSINGS.delete_predicted_crossing, watch_id=watch.id, subject=row.subject, mark_id=row.id)
            continue
        subject = "" if watch.over_board else row.subject
        txn.tx.run(CROSSINGS.delete_predicted_crossing, watch_id=watch.id, subject=subject, mark_id=0)
        marks = live_marks(txn, watch.condition, None if watch.over_board else row.subject)
        due = first_true(watch.condition, marks, txn.now)
        if due is None or due > txn.now:
            txn.tx.run(CROSSINGS.insert_predicted_crossing, watch_id=watch.id, subject=subject, mark_id=0, due_at=due)


def release_guards(txn: BoardTransaction, kind: str, subject: str) -> None:
    """Marks of a kind that a guard speaks of have changed: look at what it holds back again."""
    for watch in txn.active.guarded.get(kind, ()):
        release(txn, watch.id, watch.agent, None if _guarded_over_board(watch, kind) else subject)


def release(txn: BoardTransaction, watch_id: int, agent: AgentSpec, subject: str | None = None) -> None:
    """Have a watch's guard looked at again, for one subject or for all, once what it held back has gathered."""
    settings = agent.settings
    waits = {
        "watch_id": watch_id,
        "at": txn.now,
        "batch_window": settings.batch_window,
        "full": settings.batch or NEVER_FULL,
    }
    if subject is None:
        txn.tx.run(CROSSINGS.release_watch, **waits)
    else:
        txn.tx.run(CROSSINGS.release_subject, subject=subject, **waits)


def _guarded_over_board(watch: Watch, kind: str) -> bool:
    """Whether a mark of the kind, whatever its subject, can open or close a watch's guard."""
    guard = watch.spec.guard
    return guard is not None and any(
        leaf.measure.over == "board" and kind in leaf.measure.kinds for leaf in guard.leaves()
    )


def guard_opens(txn: BoardTransaction, watch: Watch, subject: str) -> tuple[bool, int | None]:
    """Whether a watch's guard lets a crossing of the subject through, and if not, when fading alone will open it."""
    if watch.spec.guard is None:
        return True, None
    opens = first_true(watch.spec.guard, live_marks(txn, watch.spec.guard, subject), txn.now, subject)
    return opens == txn.now, opens


def guard_holds_at(txn: BoardTransaction, watch: Watch, subject: str, at: int) -> bool:
    """Whether a watch's guard held at the instant of a fall."""
    if watch.spec.guard is None:
        return True
    marks = live_marks(txn, watch.spec.guard, subject, at)
    return watch.spec.guard.holds(lambda measure: value_at(measure, marks, at, subject))


def _sooner(txn: BoardTransaction, old: MarkRow | None, new: MarkRow) -> bool:
    """Whether a mark that was reinforced may be weaker at some instant to come than it would have been."""
    if old is None:
        return False
    if new.law != old.law or txn.strength(new) < txn.strength(old):
        return True
    # The power law and curves fade fast at first, so a restart may overtake what was left alone.
    return not txn.state(new).law.exact_sums


def _is_predicted(txn: BoardTransaction, watch: Watch, subject: str, mark_id: int) -> bool:
    return txn.tx.one(CROSSINGS.get_predicted_crossing, watch_id=watch.id, subject=subject, mark_id=mark_id) is not None


def _predict(
    txn: BoardTransaction, watch: Watch, subject: str, mark_id: int, marks: list[FadingMark], since: int
) -> None:
    predicted = _is_predicted(txn, watch, subject, mark_id)
    due = first_true(watch.condition, marks, since)
    if due == since:  # already below: it falls now if it was above, and otherwise never was
        if predicted:
            _fire(txn, watch, PredictedCrossingRow(watch.id, subject, mark_id, since))
        return
    if predicted:
        txn.tx.run(CROSSINGS.update_predicted_crossing, watch_id=watch.id, subject=subject, mark_id=mark_id, due_at=due)
    elif since < txn.now and txn.tx.one(
        CROSSINGS.crossed_since, watch_id=watch.id, subject=subject, mark_id=mark_id, since=since
    ):
        return  # it has fallen since then: the fall was settled before these marks had followed
    else:
        txn.tx.run(CROSSINGS.insert_predicted_crossing, watch_id=watch.id, subject=subject, mark_id=mark_id, due_at=due)


def _fire(txn: BoardTransaction, watch: Watch, due: PredictedCrossingRow) -> None:
    """A fall has come due: record the crossing, or that a guard let it pass."""
    computed = txn.now if due.due_at is None else due.due_at
    marks, event_id = _marks_at_crossing(txn, watch, due, computed)
    at = first_true(watch.condition, marks, computed)
    if at is None or at > txn.now:  # deposits over the board, or a change that marks still follow, have put it off
        txn.tx.run(
            CROSSINGS.update_predicted_crossing, watch_id=watch.id, subject=due.subject, mark_id=due.mark_id, due_at=at
        )
        return
    txn.tx.run(CROSSINGS.delete_predicted_crossing, watch_id=watch.id, subject=due.subject, mark_id=due.mark_id)
    value = value_at(next(watch.condition.leaves()).measure, marks, at)
    holds = guard_holds_at(txn, watch, due.subject, at)
    crossing = {"watch_id": watch.id, "subject": due.subject, "mark_id": due.mark_id}
    earlier = txn.tx.one(CROSSINGS.waiting_crossing, **crossing)  # a fall before this one, which nobody has taken yet
    if holds or earlier is None:
        crossings.cross(txn, watch, due.subject, due.mark_id, value, len(marks), crossed_at=at, event_id=event_id)
    if not holds:
        reason = f"{watch.condition} ({value:.4g}); the guard was not met"
        activation = insert_closed_activation(txn, watch, due.subject, ActivationState.SKIPPED, reason, at)
        if earlier is None:
            skipped = txn.tx.one(CROSSINGS.waiting_crossing, **crossing)
            close_crossing(txn, skipped, CrossingState.SKIPPED, activation)


def _marks_at_crossing(
    txn: BoardTransaction, watch: Watch, due: PredictedCrossingRow, at: int
) -> tuple[list[FadingMark], int | None]:
    """The marks that a fall is about, and the event of the one where it is about one."""
    if not due.mark_id:
        return live_marks(txn, watch.condition, None if watch.over_board else due.subject, at), None
    values = txn.tx.one(MARKS.get_mark, id=due.mark_id)
    return ([], None) if values is None else ([txn.fading(MarkRow(*values))], MarkRow(*values).event_id)


def live_marks(
    txn: BoardTransaction, condition: Condition, subject: str | None, at: int | None = None
) -> list[FadingMark]:
    """The marks that a condition speaks of, of one subject or (None) of the board; measures over the board see all."""
    at = txn.now if at is None else at
    marks: dict[int, FadingMark] = {}
    for leaf in condition.leaves():
        everywhere = subject is None or leaf.measure.over == "board"
        for kind in leaf.measure.kinds:
            found = (
                txn.tx.run(MARKS.marks_of_kind, kind=kind)
                if everywhere
                else txn.tx.run(MARKS.marks_of_subject, kind=kind, subject=subject)
            )
            marks.update((row.id, txn.fading(row)) for row in txn.live(found.fetchall(), at))
    return list(marks.values())
