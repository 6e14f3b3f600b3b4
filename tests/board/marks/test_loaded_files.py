"""A board remembers the file of each loaded deposit, and can take these deposits back."""

from __future__ import annotations

import pytest

from blackboard import Blackboard, Mark
from blackboard.board import Deposit
from blackboard.board.deposited_files.loaded_files import KeptMark, source_of, withdraw_source


class Smoke(Mark, kind="smoke"):
    detail: str = ""


@pytest.mark.postgresql
def test_deposits_of_a_source_are_taken_back_unless_others_joined_them(board_url: str) -> None:
    with Blackboard.open(board_url, create=True, kinds=[Smoke], author="ada") as board:
        first, second = source_of("a.csv"), source_of("b.csv")
        deposits = [Deposit("smoke", room, {}, key=room, source=first) for room in ("hall", "attic")]
        deposits.append(Deposit("smoke", "shed", {}, key="shed", source=second))
        board.deposit(Smoke(subject="cellar"))
        hall, attic, shed = board.deposit_many(deposits)
        board.as_author("eve").deposit(Smoke(subject="attic", intensity=2.0))
        done = withdraw_source(board, first, "ada")
        assert (done.withdrawn, done.freed) == (1, 1)
        assert done.kept == [KeptMark(attic.mark_id, "smoke", "attic", "joined by deposits of eve")]
        assert {mark.subject for mark in board.marks()} == {"attic", "cellar", "shed"}
        anew, known, other = board.deposit_many(deposits)
        assert (anew.outcome, known.outcome, other.outcome) == ("deposited", "duplicate", "duplicate")
        assert anew.mark_id != hall.mark_id
        assert other.mark_id == shed.mark_id
