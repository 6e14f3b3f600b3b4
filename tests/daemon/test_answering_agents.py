"""An agent answers a need by the decision that it returns: once, and only while the need is open."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from blackboard import Blackboard, Context, Decision, ManualClock, Mark, Need, Overdue, Withdraw, agent, strength
from blackboard.core.agents.agent_definition import Agent
from blackboard.errors import NotFound
from tests.daemon.asking_agents import Doubt, Note, ask, asker, outcomes, reviewer_of, run
from tests.support.bounds import BOUND_SECONDS


@pytest.fixture
def board(board: Blackboard) -> Blackboard:
    board.deploy(kinds=[Doubt, Note])
    return board


@pytest.mark.postgresql
def test_a_named_agent_closes_a_need_by_its_decision(board: Blackboard) -> None:
    reviewer = reviewer_of(" YES ")
    board.deploy(asker, reviewer)
    need = ask(board, "reviewer")
    assert board.inbox() == []
    [waiting] = board.inbox(all_needs=True)
    assert (waiting.answerable_by, waiting.waits_for, waiting.for_people) == (("reviewer",), ("reviewer",), False)
    run(board, asker, reviewer)
    [decision] = board.marks(Decision)
    assert (decision.answer, decision.question, decision.need) == ("yes", "Ship it?", need)
    assert decision.author == "reviewer"
    assert board.inbox(all_needs=True) == []
    [withdrawn] = [event for event in board.history("ship") if event.event == "withdrawn"]
    assert (withdrawn.author, withdrawn.mark_id) == ("reviewer", need)
    with pytest.raises(NotFound, match=f"need {need} was answered by reviewer at .*: 'yes'"):
        board.answer(need, "no")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"answer": "maybe"}, "Decision.answer: 'maybe' is not one of the options 'yes', 'no'."),
        ({"answer": " "}, "Decision.answer: the answer is empty"),
        ({"subject": "else"}, "Decision.subject: need {need} is about 'ship', not 'else'"),
        ({"need": 1}, "Decision.need: there is no need 1"),
        ({"need": 4711}, "Decision.need: there is no need 4711"),
        ({"need": 2**70}, f"Decision.need: there is no need {2**70}"),
        ({"need": -1}, "Decision.need: there is no need -1"),
    ],
)
def test_a_decision_that_does_not_fit_is_refused_with_its_field(
    board: Blackboard, changes: dict[str, Any], named: str
) -> None:
    reviewer = reviewer_of(**{"answer": "yes"} | changes)
    board.deploy(asker, reviewer)
    need = ask(board, "reviewer")
    run(board, asker, reviewer)
    [(state, error)] = outcomes(board, "reviewer")
    assert state == "dead"
    assert error is not None
    assert named.format(need=need) in error
    assert "item 2 of 2" in error
    assert board.marks(Note) == []
    assert [one.id for one in board.inbox()] == [need]  # no agent works on it now


def test_one_need_is_answered_once_in_one_result(board: Blackboard) -> None:
    @agent(watches=strength(Need) >= 0.5, writes=[Decision], max_attempts=1)
    def reviewer(needs: Sequence[Need], context: Context) -> list[Decision]:
        return [Decision(subject="ship", need=needs[0].id, answer=answer) for answer in ("yes", "no")]

    board.deploy(asker, reviewer)
    need = ask(board, "reviewer")
    run(board, asker, reviewer)
    [(state, error)] = outcomes(board, "reviewer")
    assert (state, f"Decision.need: it answers need {need} twice" in str(error)) == ("dead", True)
    assert board.marks(Decision) == []


def test_a_person_who_answers_first_wins_and_nothing_of_the_agent_is_applied(board: Blackboard) -> None:
    @agent(watches=strength(Need) >= 0.5, writes=[Decision, Note])
    def reviewer(needs: Sequence[Need], context: Context) -> list[Mark]:
        if board.inbox(all_needs=True):
            board.answer(needs[0].id, "no")
        return [Note(subject="log"), Decision(subject="ship", need=needs[0].id, answer="yes")]

    board.deploy(asker, reviewer)
    need = ask(board, "reviewer")
    run(board, asker, reviewer)
    assert [(mark.author, mark.answer) for mark in board.marks(Decision)] == [("person:ada", "no")]
    assert board.marks(Note) == []
    [(state, error)] = outcomes(board, "reviewer")
    assert state == "skipped"
    assert f"need {need} was answered by person:ada" in str(error)


@pytest.mark.postgresql
def test_the_other_needs_of_a_batch_are_answered_after_a_conflict(board: Blackboard) -> None:
    given: list[list[str]] = []

    @agent(watches=strength(Need) >= 0.5, writes=[Decision])
    def reviewer(needs: Sequence[Need], context: Context) -> list[Decision]:
        given.append(sorted(need.subject for need in needs))
        if len(given) == 1:
            board.answer(next(need.id for need in needs if need.subject == "a"), "no")
        return [Decision(subject=need.subject, need=need.id, answer="yes") for need in needs]

    board.deploy(asker, reviewer)
    for subject in "abc":
        ask(board, "reviewer", subject=subject)
    run(board, asker, reviewer)
    assert given == [["a", "b", "c"], ["b", "c"]]
    assert {mark.subject: mark.answer for mark in board.marks(Decision)} == {"a": "no", "b": "yes", "c": "yes"}
    [activation] = board.activations(agent="reviewer")
    assert (activation.state, activation.attempt, activation.marks_absorbed) == ("done", 1, 2)


@pytest.mark.postgresql
def test_two_agents_race_and_the_first_wins(board: Blackboard) -> None:
    both = threading.Barrier(2, timeout=BOUND_SECONDS)

    def racer(name: str) -> Agent:
        @agent(watches=strength(Need) >= 0.5, writes=[Decision, Note], name=name)
        def function(needs: Sequence[Need], context: Context) -> list[Mark]:
            both.wait(BOUND_SECONDS)
            return [Note(subject="log", text=name), Decision(subject="ship", need=needs[0].id, answer="yes")]

        return function

    racers = [racer("first"), racer("second")]
    board.deploy(asker, *racers)
    need = ask(board, "first", "second")
    run(board, asker, *racers)
    [decision] = board.marks(Decision)
    assert [note.text for note in board.marks(Note)] == [decision.author]
    [(won, _)], [(lost, error)] = sorted(outcomes(board, name) for name in ("first", "second"))
    assert (won, lost, f"need {need} was answered by {decision.author}" in str(error)) == ("done", "skipped", True)


def test_a_need_goes_to_people_when_its_agents_have_not_answered(board: Blackboard) -> None:
    @agent(watches=strength(Need) >= 0.5, writes=[Decision])
    def reviewer(needs: Sequence[Need], context: Context) -> None:
        return None

    board.deploy(asker, reviewer)
    need = ask(board, "reviewer")
    assert board.inbox() == []
    run(board, asker, reviewer)
    [waiting] = board.inbox()
    assert (waiting.id, waiting.answerable_by, waiting.waits_for) == (need, ("reviewer",), ())


def test_a_need_goes_to_people_when_it_is_overdue_or_assigned(board: Blackboard, clock: ManualClock) -> None:
    board.deploy(asker, reviewer_of("yes"))
    overdue, assigned = (ask(board, "reviewer", subject=subject, due="15m") for subject in ("a", "b"))
    assert board.inbox() == []
    board.assign(assigned, "grace")
    assert [need.id for need in board.inbox()] == [assigned]
    clock.advance(timedelta(minutes=15))
    assert [need.id for need in board.inbox()] == [overdue, assigned]
    board.answer(overdue, "no")


def test_an_agent_answers_what_people_leave_open(board: Blackboard, clock: ManualClock) -> None:
    @agent(watches=strength(Overdue) >= 0.5, writes=[Decision])
    def closer(marks: Sequence[Overdue], context: Context) -> list[Decision]:
        return [Decision(subject=mark.subject, need=mark.need, answer="no") for mark in marks]

    board.deploy(asker, closer)
    need = ask(board, "closer", due="15m")
    assert [one.id for one in board.inbox()] == [need]  # the agent is not woken before it is due
    clock.advance(timedelta(minutes=20))
    run(board, asker, closer)
    assert [(mark.author, mark.need) for mark in board.marks(Decision)] == [("closer", need)]
    assert board.marks(Overdue) == []
    assert board.inbox(all_needs=True) == []


def test_a_withdrawn_need_skips_the_agent_that_is_at_work(board: Blackboard) -> None:
    @agent(watches=strength(Need) >= 0.5, writes=[Decision])
    def reviewer(needs: Sequence[Need], context: Context) -> Decision:
        board.withdraw(needs[0].id)
        return Decision(subject="ship", need=needs[0].id, answer="yes")

    board.deploy(asker, reviewer)
    need = ask(board, "reviewer")
    run(board, asker, reviewer)
    [(state, error)] = outcomes(board, "reviewer")
    assert (state, f"need {need} was withdrawn by person:ada" in str(error)) == ("skipped", True)
    assert board.marks(Decision) == []


def test_the_withdrawal_of_the_need_and_a_decision_in_one_result_is_refused(board: Blackboard) -> None:
    @agent(watches=strength(Need) >= 0.5, writes=[Decision], withdraws=[Need], max_attempts=1)
    def reviewer(needs: Sequence[Need], context: Context) -> list[Any]:
        return [Withdraw(needs[0]), Decision(subject="ship", need=needs[0].id, answer="yes")]

    board.deploy(asker, reviewer)
    need = ask(board, "reviewer")
    run(board, asker, reviewer)
    [(state, _)] = outcomes(board, "reviewer")
    assert state == "dead"
    assert [one.id for one in board.inbox()] == [need]
