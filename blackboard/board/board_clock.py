"""The board's time: the larger of the clock and the last instant that was recorded. A clock that leaps is not believed.

A step back lets the board's time stand still until the clock has caught up. A leap ahead of more than a stated bound
does so too, since what evaporates by it could never be undone: nothing fades, falls or evaporates, the leapt instant is
not recorded, and the first who writes leaves one need. A person who answers it with yes, or resumes the board, says
that the clock is right; a clock that comes back takes the need away. A board that nobody used for longer than the bound
looks the same as a leap, so it asks too: an answer costs less than a guess.
"""

from __future__ import annotations

from blackboard.board import board_totals, evaporation, predicted_crossings
from blackboard.board.board_transaction import BoardTransaction
from blackboard.board.deposits import PreparedDeposit, deposit
from blackboard.clock import LEAP, Instant, iso
from blackboard.errors import InvalidMark
from blackboard.marks import Need, dump_payload
from blackboard.reinforcement import State
from blackboard.store.rows import MarkRow
from blackboard.store.statements import MARKS

__all__ = [
    "LEAP",
    "SUBJECT",
    "answer_question",
    "ask",
    "believe",
    "questions",
    "record",
    "time_of",
    "withdraw_question",
]

SUBJECT = "board/clock"
"""The subject of the need."""

AUTHOR = "blackboard"
"""Who signs it."""


def time_of(clock: Instant, recorded: Instant, leap: int | None) -> tuple[Instant, bool]:
    """The board's time, and whether the clock is in doubt."""
    if leap is not None and clock - recorded > leap:
        return recorded, True
    return max(clock, recorded), False


def questions(txn: BoardTransaction) -> list[MarkRow]:
    """The live needs about the clock: one, or none."""
    return [MarkRow(*values) for values in txn.tx.all(MARKS.marks_of_subject, kind="need", subject=SUBJECT)]


def believe(txn: BoardTransaction, *, keep: bool = False) -> bool:
    """A person says that the clock is right: time goes on from what it says. False if it was not in doubt.

    What was left while it was in doubt counts from now: it would have aged by the whole leap at once.
    """
    if txn.doubted is None:
        return False
    since = min((row.event_id for row in questions(txn)), default=txn.last_event + 1)
    txn.now = txn.doubted
    txn.doubted = None
    txn.tx.run(MARKS.confirm_time, at=txn.now)
    for row in [MarkRow(*values) for values in txn.tx.all(MARKS.marks_changed_since, since=since)]:
        _date_anew(txn, row)
    for watch in txn.active.watches.values():
        if watch.over_board and not watch.falling:
            board_totals.rebuild(txn, watch)
    if not keep:  # whoever answers it takes it away
        _withdraw(txn)
    return True


def withdraw_question(txn: BoardTransaction) -> bool:
    """Take the need away once the clock is believed again; whether there was one."""
    if txn.doubted is not None or not questions(txn):
        return False
    _withdraw(txn)
    return True


def record(txn: BoardTransaction, seen: Instant) -> None:
    """Before a step back takes hold: the latest instant that was seen, so that no strength rises again."""
    if txn.doubted is None and seen > txn.recorded:
        txn.tx.run(MARKS.record_time, at=seen)


def answer_question(txn: BoardTransaction, need_id: int, text: str) -> None:
    """A person answers a need: if it is the one about the clock, time goes on.

    Raises:
        InvalidMark: another answer to it than yes.
    """
    if need_id not in {row.id for row in questions(txn)}:
        return
    if text.strip().lower() not in ("yes", "y"):
        raise InvalidMark(
            "answer yes if the clock is right; if it is wrong, set the machine's clock and the question goes away"
        )
    believe(txn, keep=True)


def ask(txn: BoardTransaction) -> None:
    """Leave the need, where none lies there yet."""
    if not questions(txn):
        deposit(txn, PreparedDeposit("need", SUBJECT, dump_payload(_question(txn).payload), 1.0, AUTHOR))


def _question(txn: BoardTransaction) -> Need:
    days = ((txn.doubted or txn.now) - txn.now) / 86_400e6
    return Need(
        subject=SUBJECT,
        question=f"Is it {iso(txn.doubted)}? The clock says so, {days:.0f} days after the board's last record.",
        options=["yes"],
        detail=(
            "Until then the board's time stands still, so that nothing evaporates by mistake. Answer yes if the clock"
            " is right; otherwise set it: the question then goes away by itself."
        ),
    )


def _withdraw(txn: BoardTransaction) -> None:
    for row in questions(txn):
        evaporation.withdraw(txn, row.id, AUTHOR)


def _date_anew(txn: BoardTransaction, row: MarkRow) -> None:
    law = txn.laws.get(txn.tx, row.law)
    state = State(row.intensity, txn.now, law)
    moved = row._replace(
        anchored_at=txn.now,
        evaporates_at=state.evaporates_at(txn.kind(row.kind)),
        order_key=law.order_key(row.intensity, txn.now),
    )
    txn.rebase(moved)
    txn.record(moved, "law_changed", author=row.author)
    predicted_crossings.predict(txn, row, moved)
