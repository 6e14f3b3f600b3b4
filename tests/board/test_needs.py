"""Needs: their options, who answered first, and causes that were withdrawn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blackboard import Blackboard, Context, Daemon, Decision, ManualClock, Mark, Need, agent, strength
from blackboard.errors import InvalidMark, NotFound


class Doubt(Mark, kind="doubt"):
    pass


@agent(watches=strength(Doubt) >= 0.5, writes=[Need], batch=5)
def asker(doubts: list[Doubt], context: Context) -> Need:
    return Need(subject="ship", question="Ship it?", options=["yes", "No way"])


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Blackboard]:
    with Blackboard.open(tmp_path / "board.db", author="person:ada", clock=ManualClock()) as opened:
        yield opened


@pytest.mark.parametrize(
    ("text", "stored"),
    [("yes", "yes"), (" YES ", "yes"), ("no  WAY", "No way"), ("ｙｅｓ", "yes"), ("No way", "No way")],
)
def test_an_answer_is_stored_as_the_option_that_it_names(board: Blackboard, text: str, stored: str) -> None:
    need = board.deposit(Need(subject="ship", question="Ship it?", options=["yes", "No way"]))
    board.answer(need.mark_id, text)
    assert [mark.answer for mark in board.marks(Decision)] == [stored]


@pytest.mark.parametrize(
    ("text", "named"), [("maybe", "yes | No way."), ("yess", "did you mean 'yes'?"), ("no", "yes | No way.")]
)
def test_another_answer_is_refused_unless_it_is_free(board: Blackboard, text: str, named: str) -> None:
    need = board.deposit(Need(subject="ship", question="Ship it?", options=["yes", "No way"]))
    with pytest.raises(InvalidMark) as refused:
        board.answer(need.mark_id, text)
    assert named in str(refused.value)
    assert [need.id for need in board.inbox()] == [need.mark_id]
    assert board.marks(Decision) == []
    board.answer(need.mark_id, text, free=True)
    assert [mark.answer for mark in board.marks(Decision)] == [text]


def test_options_that_differ_only_in_case_are_told_apart(board: Blackboard) -> None:
    need = board.deposit(Need(subject="s", question="?", options=["A", "a"]))
    board.answer(need.mark_id, "a")
    assert board.marks(Decision)[0].answer == "a"


def test_a_second_answer_says_who_answered_first_and_when(board: Blackboard) -> None:
    need = board.deposit(Need(subject="ship", question="Ship it?"))
    other = board.deposit(Need(subject="ship", question="And now?"))
    board.as_author("person:bob").answer(need.mark_id, "yes, but slowly")
    with pytest.raises(NotFound, match=r"answered by person:bob at 2026-01-05T09:00:00.*'yes, but slowly'"):
        board.answer(need.mark_id, "no")
    board.as_author("person:eve").withdraw(other.mark_id)
    with pytest.raises(NotFound, match=r"withdrawn by person:eve .*without an answer"):
        board.answer(other.mark_id, "no")
    for unknown in (need.event_id + 1000, 0):
        with pytest.raises(NotFound, match="no open need"):
            board.answer(unknown, "no")
    assert len(board.marks(Decision)) == 1


def test_a_need_says_which_of_its_causes_were_withdrawn(board: Blackboard) -> None:
    board.deploy(asker)
    causes = [board.deposit(Doubt(subject=name)).mark_id for name in ("a", "b", "c")]
    Daemon(board, [asker]).run(until_quiescent=True)
    [need] = board.inbox()
    assert need.withdrawn_causes == ()
    board.withdraw(causes[1])
    [need] = board.inbox()
    assert need.withdrawn_causes == (causes[1],)
