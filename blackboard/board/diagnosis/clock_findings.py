"""Findings about clocks: that of this machine, and those of depositors."""

from __future__ import annotations

from collections.abc import Iterator

from blackboard.board.diagnosis.examined_board import ExaminedBoard
from blackboard.board.facade import Blackboard
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import iso
from blackboard.core.records.finding import Finding
from blackboard.durations import SECOND, Duration, format_duration
from blackboard.plurals import counted
from blackboard.store.statements import ACTIVATIONS

MAX_LAG: Duration = SECOND
"""How far the machine's clock may be behind the board's time without a note."""


def examine(txn: BoardTransaction, examination: ExaminedBoard) -> Iterator[Finding]:
    """Yield the findings about clocks."""
    yield from _clock(txn, examination.board)
    yield from _skew(txn)


def _clock(txn: BoardTransaction, board: Blackboard) -> Iterator[Finding]:
    """Yield the finding about the clock of this machine, compared with the board's time."""
    clock = board.clock.now()
    if txn.doubted_clock is not None:
        yield Finding(
            "clock",
            "wrong",
            f"it says {iso(clock)}; the board's last record is from {iso(txn.now)}",
            "if the clock is right, run 'blackboard resume'; otherwise set the machine's clock",
        )
    elif txn.now - clock > MAX_LAG:
        yield Finding(
            "clock",
            "note",
            f"it is {format_duration(txn.now - clock)} behind the board's time",
            "strengths do not fade until it has caught up",
        )
    else:
        yield Finding("clock", "ok", f"{iso(clock)}")


def _skew(txn: BoardTransaction) -> Iterator[Finding]:
    """Report deposits whose depositors' clocks were ahead of the board's."""
    skew = txn.sql.existing(ACTIVATIONS.board)
    if skew.skewed_deposits:
        yield Finding(
            "skew",
            "note",
            f"{counted(skew.skewed_deposits, 'deposit')} occurred up to {format_duration(skew.largest_skew)} ahead of"
            f" the board's time, and counted as now; the last one at {iso(skew.skewed_at)}",
            "set the clocks of the machines that send 'occurred_at'",
        )
