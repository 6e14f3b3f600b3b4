"""The confirmation of a clock that leapt ahead: a need asks a person about it, and the answer confirms it.

While the clock is in doubt, the next writing transaction deposits the need. A person confirms the clock by answering
yes, or by resuming the board. If the clock comes back, the need is withdrawn. A board that was unused for longer than
the limit also asks, because a long pause looks like a leap, and an answer costs less than a wrong guess.
"""

from __future__ import annotations

from blackboard.board.deployment_effects.registered_kinds import ensure_kind
from blackboard.board.mark_changes import deposits, mark_removals
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.mark_tables.mark_rows import rebase_mark, record_event
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.crossing_detection import predicted_crossings
from blackboard.board.watches.measurements import watch_totals, window_totals
from blackboard.clock import iso
from blackboard.core.authors import BOARD
from blackboard.core.built_in_marks import Need
from blackboard.core.marks.deposit_requests import DepositRequest
from blackboard.core.marks.fading_marks import FadingState
from blackboard.core.records.event_kinds import HistoryEvent
from blackboard.durations import DAY
from blackboard.errors import InvalidMark
from blackboard.store.row_types.mark_row_types import MarkRow
from blackboard.store.statements import MARKS, WINDOWS

CLOCK_SUBJECT = "board/clock"
"""The subject of the need."""


def questions(txn: BoardTransaction) -> list[MarkRow]:
    """Return the live needs about the clock. There is at most one."""
    rows = txn.sql.all(MARKS.marks_of_subject, kind="need", subject=CLOCK_SUBJECT)
    return [row for row in rows if row.author == BOARD]


def accept_clock(txn: BoardTransaction, *, keep: bool = False) -> bool:
    """Continue from the instant that a clock in doubt shows, because a person confirmed it.

    Marks deposited while it was in doubt fade from now on. Otherwise these marks would age by the whole leap in one
    moment. A mark that lasts until an instant keeps that instant. With `keep`, the need about the clock stays, because
    the caller withdraws it.

    Returns:
        Whether the clock was in doubt.
    """
    if txn.doubted_clock is None:
        return False
    since = min((row.event_id for row in questions(txn)), default=txn.last_event_id + 1)
    txn.trust_clock()
    txn.sql.run(MARKS.confirm_time, at=txn.now)
    for row in txn.sql.all(MARKS.marks_changed_since, since=since):
        _restart_fading(txn, row)
    txn.sql.run(WINDOWS.restart_window_events, since=since, at=txn.now)
    txn.sql.run(WINDOWS.restart_window_tags, since=since, at=txn.now)
    window_totals.delete_all(txn)
    for watch in txn.active.watches.values():
        if watch.condition.spans_subjects and watch.absorbs:
            watch_totals.rebuild(txn, watch)
    if not keep:
        _withdraw_questions(txn)
    return True


def withdraw_question(txn: BoardTransaction) -> bool:
    """Withdraw the need if the clock is no longer in doubt; return whether a need was withdrawn."""
    return txn.doubted_clock is None and _withdraw_questions(txn)


def answer_question(txn: BoardTransaction, need_id: int, text: str) -> bool:
    """Confirm the clock if a person answers the need about it; return False, without a change, for another need.

    Raises:
        InvalidMark: The answer to the need about the clock is not yes.
    """
    if need_id not in {row.id for row in questions(txn)}:
        return False
    if text.strip().lower() not in ("yes", "y"):
        raise InvalidMark(
            "answer yes if the clock is right; if it is wrong, set the machine's clock, which withdraws this question"
        )
    accept_clock(txn, keep=True)
    return True


def ask_about_clock(txn: BoardTransaction, classes: MarkClasses) -> None:
    """Deposit the need if the clock is in doubt, unless the need is on the board already."""
    if txn.doubted_clock is None:
        return
    ensure_kind(txn, "need", classes)
    if not questions(txn):
        deposits.deposit(txn, DepositRequest.of(_question(txn), BOARD))


def _question(txn: BoardTransaction) -> Need:
    days = ((txn.doubted_clock or txn.now) - txn.now) / DAY
    return Need(
        subject=CLOCK_SUBJECT,
        question=f"Is it {iso(txn.doubted_clock)}? The clock says so, {days:.0f} days after the board's last record.",
        options=["yes"],
        detail=(
            "Until then the board's time stands still, so that nothing evaporates by mistake. Answer yes if the clock"
            " is right; otherwise set it: the question is then withdrawn."
        ),
    )


def _withdraw_questions(txn: BoardTransaction) -> bool:
    rows = questions(txn)
    for row in rows:
        mark_removals.withdraw(txn, row.id, BOARD)
    return bool(rows)


def _restart_fading(txn: BoardTransaction, row: MarkRow) -> None:
    law = txn.laws.get(txn.sql, row.law)
    if row.own_law and law.ends_fixed:
        return  # the author of the mark named an instant, so the clock did not matter
    if row.anchored_at < row.reinforced_at:
        return  # the author of the mark named the instant of its occurrence
    rebased = row._replace(
        anchored_at=txn.now,
        evaporates_at=FadingState(row.intensity, txn.now, law).evaporates_at(txn.kind(row.kind)),
        order_key=law.order_key(row.intensity, txn.now),
    )
    rebase_mark(txn, rebased)
    record_event(txn, rebased, HistoryEvent.LAW_CHANGED)
    predicted_crossings.predict_after_deposit(txn, row, rebased)
