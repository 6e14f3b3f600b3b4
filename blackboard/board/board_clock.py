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
from blackboard.store import marks as M
from blackboard.store.rows import MarkRow

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


def questions(m: BoardTransaction) -> list[MarkRow]:
    """The live needs about the clock: one, or none."""
    return [MarkRow(*found) for found in m.tx.all(M.FIND_MARK, kind="need", subject=SUBJECT)]


def believe(m: BoardTransaction, *, keep: bool = False) -> bool:
    """A person says that the clock is right: time goes on from what it says. False if it was not in doubt.

    What was left while it was in doubt counts from now: it would have aged by the whole leap at once.
    """
    if m.doubted is None:
        return False
    since = min((row.event_id for row in questions(m)), default=m.last_event + 1)
    m.now = m.tx.now = m.doubted
    m.doubted = None
    m.tx.run(M.RECORD_TIME, at=m.now)
    for row in [MarkRow(*found) for found in m.tx.all(M.DEPOSITED_SINCE, since=since)]:
        _date_anew(m, row)
    for watch in m.active.watches.values():
        if watch.over_board and not watch.falling:
            board_totals.rebuild(m, watch)
    if not keep:  # whoever answers it takes it away
        _withdraw(m)
    m.notifies = True
    return True


def withdraw_question(m: BoardTransaction) -> bool:
    """Take the need away once the clock is believed again; whether there was one."""
    if m.doubted is not None or not questions(m):
        return False
    _withdraw(m)
    return True


def record(m: BoardTransaction, seen: Instant) -> None:
    """Before a step back takes hold: the latest instant that was seen, so that no strength rises again."""
    if m.doubted is None and seen > m.recorded:
        m.tx.run(M.RECORD_TIME, at=seen)


def answer_question(m: BoardTransaction, need_id: int, text: str) -> None:
    """A person answers a need: if it is the one about the clock, time goes on.

    Raises:
        InvalidMark: another answer to it than yes.
    """
    if need_id not in {row.id for row in questions(m)}:
        return
    if text.strip().lower() not in ("yes", "y"):
        raise InvalidMark(
            "answer yes if the clock is right; if it is wrong, set the machine's clock and the question goes away"
        )
    believe(m, keep=True)


def ask(m: BoardTransaction) -> None:
    """Leave the need, where none lies there yet."""
    if not questions(m):
        deposit(m, PreparedDeposit("need", SUBJECT, dump_payload(_question(m).payload), 1.0, AUTHOR))


def _question(m: BoardTransaction) -> Need:
    days = ((m.doubted or m.now) - m.now) / 86_400e6
    return Need(
        subject=SUBJECT,
        question=f"Is it {iso(m.doubted)}? The clock says so, {days:.0f} days after the board's last record.",
        options=["yes"],
        detail=(
            "Until then the board's time stands still, so that nothing evaporates by mistake. Answer yes if the clock"
            " is right; otherwise set it: the question then goes away by itself."
        ),
    )


def _withdraw(m: BoardTransaction) -> None:
    for row in questions(m):
        evaporation.withdraw(m, row.id, AUTHOR)


def _date_anew(m: BoardTransaction, row: MarkRow) -> None:
    law = m.laws.get(m.tx, row.law)
    state = State(row.intensity, m.now, law)
    moved = row._replace(
        anchored_at=m.now,
        evaporates_at=state.evaporates_at(m.kind(row.kind)),
        order_key=law.order_key(row.intensity, m.now),
    )
    m.rebase(moved)
    m.record(moved, "law_changed", author=row.author)
    predicted_crossings.predict(m, row, moved)
