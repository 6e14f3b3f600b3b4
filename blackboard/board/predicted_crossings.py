"""Falling watches and the opening of guards: computed ahead from the decay laws, never polled.

A fall is a row with the instant at which a condition that is not met now will be met by fading alone. A stored instant
decides. Whoever changes marks first settles the falls that came due before, so the timing of passes never matters.
"""

from __future__ import annotations

from blackboard.board import crossings
from blackboard.board.board_transaction import BoardTransaction, Watch
from blackboard.conditions import Condition
from blackboard.deployment import AgentSpec
from blackboard.forecast import FadingMark, first_true, value_at
from blackboard.store import activations as A
from blackboard.store import marks as M
from blackboard.store import watching as W
from blackboard.store.rows import MarkRow, PredictedCrossingRow

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


def fire_due_of(m: BoardTransaction, kind: str, subject: str) -> None:
    """Record the falls that came due before this deposit or withdrawal, of the watches that it could disturb."""
    if kind not in m.active.falling and kind not in m.active.guarded:
        return
    for watch in dict.fromkeys((*m.active.falling.get(kind, ()), *m.active.guarded.get(kind, ()))):
        if not watch.falling:
            continue
        if _guarded_over_board(watch, kind):
            due = m.tx.all(W.DUE_PREDICTED_OF_WATCH, watch_id=watch.id, now=m.now)
        else:
            due = [
                row
                for scope in (subject, "")
                for row in m.tx.all(W.DUE_PREDICTED_OF, watch_id=watch.id, subject=scope, now=m.now)
            ]
        for row in due:
            _fire(m, watch, PredictedCrossingRow(*row))


def fire_due(m: BoardTransaction, limit: int = FIRED_AT_ONCE) -> int:
    """Record the falls that have come due, earliest first; returns how many."""
    rows = m.tx.all(W.DUE_PREDICTED, now=m.now, limit=limit)
    for row in rows:
        due = PredictedCrossingRow(*row)
        watch = m.active.watches.get(due.watch_id)
        if watch is None:
            m.tx.run(W.DELETE_PREDICTED_OF_WATCH, watch_id=due.watch_id)
        else:
            _fire(m, watch, due)
    return len(rows)


def predict(m: BoardTransaction, old: MarkRow | None, new: MarkRow) -> None:
    """After a deposit: compute when each falling watch on the kind will cross, as things now stand."""
    for watch in m.active.falling.get(new.kind, ()):
        if not watch.covers(new.subject):
            continue
        if watch.over_board and not _sooner(m, old, new) and _is_predicted(m, watch, "", 0):
            continue  # what only adds can but put a fall off; when it comes due, it is computed afresh
        predict_watch(m, watch, new)


def predict_watch(m: BoardTransaction, watch: Watch, row: MarkRow, *, since: int | None = None) -> None:
    """Compute when one falling watch will cross for a mark, its subject or the board.

    `since` is the earlier instant from which things are as they are, unless one of the marks was left later.
    """
    since = m.now if since is None else since
    if watch.condition.per_mark:
        subject, mark_id, marks = row.subject, row.id, [m.fading(row)]
    elif watch.over_board:
        subject, mark_id, marks = "", 0, live_marks(m, watch.condition, None, since)
    else:
        subject, mark_id, marks = row.subject, 0, live_marks(m, watch.condition, row.subject, since)
    _predict(m, watch, subject, mark_id, marks, max([since, *(mark.state.at for mark in marks)]))


def predict_after_withdrawal(m: BoardTransaction, row: MarkRow) -> None:
    """A withdrawn mark fires nothing: forget its falls, and compute those of its subject and the board afresh."""
    for watch in m.active.falling.get(row.kind, ()):
        if watch.condition.per_mark:
            m.tx.run(W.DELETE_PREDICTED, watch_id=watch.id, subject=row.subject, mark_id=row.id)
            continue
        subject = "" if watch.over_board else row.subject
        m.tx.run(W.DELETE_PREDICTED, watch_id=watch.id, subject=subject, mark_id=0)
        marks = live_marks(m, watch.condition, None if watch.over_board else row.subject)
        due = first_true(watch.condition, marks, m.now)
        if due is None or due > m.now:
            m.tx.run(W.INSERT_PREDICTED, watch_id=watch.id, subject=subject, mark_id=0, due_at=due)


def release_guards(m: BoardTransaction, kind: str, subject: str) -> None:
    """Marks of a kind that a guard speaks of have changed: look at what it holds back again."""
    for watch in m.active.guarded.get(kind, ()):
        released = release(m, watch.id, watch.agent, None if _guarded_over_board(watch, kind) else subject)
        m.notifies = m.notifies or released


def release(m: BoardTransaction, watch_id: int, agent: AgentSpec, subject: str | None = None) -> bool:
    """Have a watch's guard looked at again, for one subject or for all, once what it held back has gathered."""
    settings = agent.settings
    waits = {
        "watch": watch_id,
        "at": m.now,
        "batch_window": settings.batch_window,
        "full": settings.batch or NEVER_FULL,
    }
    if subject is None:
        return bool(m.tx.run(W.RELEASE_WATCH, **waits).rowcount)
    return bool(m.tx.run(W.RELEASE_SUBJECT, of_subject=subject, **waits).rowcount)


def _guarded_over_board(watch: Watch, kind: str) -> bool:
    """Whether a mark of the kind, whatever its subject, can open or close a watch's guard."""
    guard = watch.spec.guard
    return guard is not None and any(
        leaf.measure.over == "board" and kind in leaf.measure.kinds for leaf in guard.leaves()
    )


def guard_opens(m: BoardTransaction, watch: Watch, subject: str) -> tuple[bool, int | None]:
    """Whether a watch's guard lets a crossing of the subject through, and if not, when fading alone will open it."""
    if watch.spec.guard is None:
        return True, None
    opens = first_true(watch.spec.guard, live_marks(m, watch.spec.guard, subject), m.now, subject)
    return opens == m.now, opens


def guard_holds_at(m: BoardTransaction, watch: Watch, subject: str, at: int) -> bool:
    """Whether a watch's guard held at the instant of a fall."""
    if watch.spec.guard is None:
        return True
    marks = live_marks(m, watch.spec.guard, subject, at)
    return watch.spec.guard.holds(lambda measure: value_at(measure, marks, at, subject))


def _sooner(m: BoardTransaction, old: MarkRow | None, new: MarkRow) -> bool:
    """Whether a mark that was reinforced may be weaker at some instant to come than it would have been."""
    if old is None:
        return False
    if new.law != old.law or m.strength(new) < m.strength(old):
        return True
    # The power law and curves fade fast at first, so a restart may overtake what was left alone.
    return m.state(new).law.sums(1.0, 0, 0) is None


def _is_predicted(m: BoardTransaction, watch: Watch, subject: str, mark_id: int) -> bool:
    return m.tx.one(W.PREDICTED, watch_id=watch.id, subject=subject, mark_id=mark_id) is not None


def _predict(
    m: BoardTransaction, watch: Watch, subject: str, mark_id: int, marks: list[FadingMark], since: int
) -> None:
    predicted = _is_predicted(m, watch, subject, mark_id)
    due = first_true(watch.condition, marks, since)
    if due == since:  # already below: it falls now if it was above, and otherwise never was
        if predicted:
            _fire(m, watch, PredictedCrossingRow(watch.id, subject, mark_id, since))
        return
    if predicted:
        m.tx.run(W.UPDATE_PREDICTED, watch=watch.id, of_subject=subject, of_mark=mark_id, due_at=due)
    elif since < m.now and m.tx.one(W.CROSSED_SINCE, watch_id=watch.id, subject=subject, mark_id=mark_id, since=since):
        return  # it has fallen since then: the fall was settled before these marks had followed
    else:
        m.tx.run(W.INSERT_PREDICTED, watch_id=watch.id, subject=subject, mark_id=mark_id, due_at=due)
    m.notifies = True


def _fire(m: BoardTransaction, watch: Watch, due: PredictedCrossingRow) -> None:
    """A fall has come due: record the crossing, or that a guard let it pass."""
    computed = m.now if due.due_at is None else due.due_at
    marks, event_id = _marks_at_crossing(m, watch, due, computed)
    at = first_true(watch.condition, marks, computed)
    if at is None or at > m.now:  # deposits over the board, or a change that marks still follow, have put it off
        m.tx.run(W.UPDATE_PREDICTED, watch=watch.id, of_subject=due.subject, of_mark=due.mark_id, due_at=at)
        return
    m.tx.run(W.DELETE_PREDICTED, watch_id=watch.id, subject=due.subject, mark_id=due.mark_id)
    value = value_at(next(watch.condition.leaves()).measure, marks, at)
    holds = guard_holds_at(m, watch, due.subject, at)
    crossing = {"watch_id": watch.id, "subject": due.subject, "mark_id": due.mark_id}
    earlier = m.tx.one(W.WAITING, **crossing)  # a fall before this one, which nobody has taken yet
    if holds or earlier is None:
        crossings.cross(m, watch, due.subject, due.mark_id, value, len(marks), crossed_at=at, event_id=event_id)
    if not holds:
        reason = f"{watch.condition} ({value:.4g}); the guard was not met"
        m.tx.run(A.INSERT_ACTIVATION, **closed_activation(m, watch, due.subject, "skipped", reason, at))
        if earlier is None:
            skipped, activation = m.tx.one(W.WAITING, **crossing)[0], m.tx.one(A.LAST_ACTIVATION)[0]
            m.tx.run(W.CLOSE_CROSSING, key=skipped, state="skipped", activation_id=activation, closed_at=m.now)


def closed_activation(
    m: BoardTransaction, watch: Watch, subject: str, state: str, reason: str, crossed_at: int
) -> dict[str, object]:
    """The row of an activation that ended before it began."""
    return {
        "agent": watch.agent.name,
        "watch_id": watch.id,
        "subject": subject or None,
        "state": state,
        "reason": reason,
        "crossed_at": crossed_at,
        "created_at": m.now,
        "started_at": None,
        "finished_at": m.now,
        "retry_at": None,
        "attempt": 0,
        "interruptions": 0,
        "error": None,
        "worker": None,
        "lease_until": None,
        "fence": 0,
        "chain_length": 0,
        "marks_absorbed": 0,
        "marks_deposited": 0,
        "split_from": None,
        "split_after_call": None,
    }


def _marks_at_crossing(
    m: BoardTransaction, watch: Watch, due: PredictedCrossingRow, at: int
) -> tuple[list[FadingMark], int | None]:
    """The marks that a fall is about, and the event of the one where it is about one."""
    if not due.mark_id:
        return live_marks(m, watch.condition, None if watch.over_board else due.subject, at), None
    found = m.tx.one(M.GET_MARK, id=due.mark_id)
    return ([], None) if found is None else ([m.fading(MarkRow(*found))], MarkRow(*found).event_id)


def live_marks(
    m: BoardTransaction, condition: Condition, subject: str | None, at: int | None = None
) -> list[FadingMark]:
    """The marks that a condition speaks of, of one subject or (None) of the board; measures over the board see all."""
    at = m.now if at is None else at
    marks: dict[int, FadingMark] = {}
    for leaf in condition.leaves():
        everywhere = subject is None or leaf.measure.over == "board"
        for kind in leaf.measure.kinds:
            found = (
                m.tx.run(M.MARKS_OF_KIND, kind=kind)
                if everywhere
                else m.tx.run(M.MARKS_OF_SUBJECT, kind=kind, subject=subject)
            )
            marks.update((row.id, m.fading(row)) for row in m.live(found.fetchall(), at))
    return list(marks.values())
