"""A chain of wakes that feeds on itself is quarantined, and one need asks a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from blackboard import Blackboard, Daemon, ManualClock, Mark, agent, count, strength
from blackboard.board.activations.agent_claims import circular_wakes
from blackboard.core.agents.agent_definition import Agent
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.daemon import RemainingWork


class Ask(Mark, kind="ask", on_repeat="separate"):
    pass


class Reply(Mark, kind="reply", on_repeat="separate"):
    pass


@agent(watches=strength(Ask) >= 0.1, writes=[Reply], batch=10)
def replier(marks: list[Any], context: Any) -> list[Mark]:
    return [Reply(subject=mark.subject) for mark in marks]


@agent(watches=strength(Reply) >= 0.1, writes=[Ask], batch=10)
def asker(marks: list[Any], context: Any) -> list[Mark]:
    return [Ask(subject=mark.subject) for mark in marks]


@agent(watches={"own": strength(Ask) >= 0.1}, writes=[Ask], batch=10)
def echo(marks: list[Any], context: Any) -> list[Mark]:
    return [Ask(subject=mark.subject) for mark in marks]


@agent(watches=count(Reply, over="board") >= 1, writes=[Ask])
def collector(marks: list[Any], context: Any) -> list[Mark]:
    return [Ask(subject="digest")]


@pytest.fixture
def board(board_url: str, clock: ManualClock) -> Iterator[Blackboard]:
    with Blackboard.open(board_url, clock=clock, author="person:test", kinds=[Ask, Reply]) as board:
        yield board


def run_until_quiescent(board: Blackboard, *agents: Agent, **settings: Any) -> RemainingWork:
    specs = {
        item.name: item.spec.model_copy(update={"settings": item.spec.settings.model_copy(update=settings)})
        for item in agents
    }
    board.deploy(Deployment(kinds={kind.kind: KindSpec.of(kind.defaults) for kind in (Ask, Reply)}, agents=specs))
    return Daemon(board, agents).run(until_quiescent=True)


def agent_states(board: Blackboard) -> list[tuple[str, str]]:
    return [(row.agent, row.state) for row in reversed(board.activations(limit=100))]


def test_two_agents_that_wake_each_other_are_stopped_after_the_fourth_wake(
    board: Blackboard,
) -> None:
    board.deposit(Ask(subject="lead/1"))
    report = run_until_quiescent(board, replier, asker)
    assert agent_states(board) == [*[("replier", "done"), ("asker", "done")] * 2, ("replier", "quarantined")]
    [quarantined] = board.activations(state="quarantined")
    assert quarantined.error == "asker and replier wake each other over lead/1 without new facts"
    [need] = board.inbox()
    assert (need.subject, need.author) == ("lead/1", "blackboard")
    assert str(need.payload["question"]).startswith(quarantined.error)
    assert any("quarantined" in line for line in report.lines)


def test_a_new_fact_from_outside_restarts_the_chain(board: Blackboard) -> None:
    board.deposit(Ask(subject="lead/1"))
    seen = []

    @agent(watches=strength(Reply) >= 0.1, writes=[Ask], name="asker", batch=10)
    def news(marks: list[Any], context: Any) -> list[Mark]:
        seen.append(context.activation_id)
        if len(seen) < 4:
            board.deposit(Ask(subject="lead/1"))  # a deposit from outside in the meantime
        return [Ask(subject=mark.subject) for mark in marks[:1]]

    run_until_quiescent(board, replier, news)
    assert len(seen) >= 4  # without the deposit it would have been woken twice
    # A fact from outside wakes the replier, so a chain begins with it, and its third run in a chain is stopped.
    assert {name for name, state in agent_states(board) if state == "quarantined"} == {"replier"}


def test_only_the_looping_subject_is_quarantined(board: Blackboard) -> None:
    board.deposit(Ask(subject="lead/1"))

    @agent(watches=strength(Ask) >= 0.1, writes=[Reply], name="replier", batch=10)
    def mixed(marks: list[Any], context: Any) -> list[Mark]:
        return [Reply(subject=mark.subject) for mark in marks if mark.subject == "lead/1"]

    @agent(watches=strength(Reply) >= 0.1, writes=[Ask], name="asker", batch=10)
    def branching(marks: list[Any], context: Any) -> list[Mark]:
        extra: list[Mark] = [Ask(subject="lead/2")] if len(board.activations(limit=100)) >= 4 else []
        return [Ask(subject=mark.subject) for mark in marks] + extra

    run_until_quiescent(board, branching, mixed)
    by_state = {row.state: row for row in board.activations(limit=100)}
    assert by_state["quarantined"].subject == "lead/1"
    assert "lead/2" in {row.subject for row in board.activations(agent="replier") if row.state == "done"}


def test_a_subject_that_loops_repeatedly_gets_one_need(board: Blackboard) -> None:
    board.deposit(Ask(subject="lead/1"))
    run_until_quiescent(board, replier, asker)
    for _ in range(3):
        board.retry(board.activations(state="quarantined")[0].id)
        run_until_quiescent(board, replier, asker)
    assert len(board.inbox()) == 1


def test_quarantined_work_can_be_retried_or_discarded(board: Blackboard) -> None:
    board.deposit(Ask(subject="lead/1"))
    run_until_quiescent(board, replier, asker)
    [quarantined] = board.activations(state="quarantined")
    board.retry(quarantined.id)
    run_until_quiescent(board, replier, asker)
    [again] = board.activations(state="quarantined")
    assert again.agent == "asker"
    board.discard(again.id)
    run_until_quiescent(board, replier, asker)
    assert board.activations(state="quarantined") == []
    assert agent_states(board)[-1] == ("asker", "discarded")


def test_a_chain_longer_than_max_chain_is_quarantined(board: Blackboard) -> None:
    board.deposit(Ask(subject="lead/1"))

    @agent(watches=strength(Reply) >= 0.1, writes=[Ask], name="asker", batch=10)
    def wandering(marks: list[Any], context: Any) -> list[Mark]:
        return [Ask(subject=f"{mark.subject}+") for mark in marks]

    run_until_quiescent(board, replier, wandering, max_chain=6)
    assert agent_states(board)[-1][1] == "quarantined"
    assert len(agent_states(board)) == 7
    assert "7 activations long (max_chain = 6)" in (board.activations(state="quarantined")[0].error or "")


def test_a_chain_over_the_whole_board_ends_at_max_chain(board: Blackboard) -> None:
    board.deposit(Ask(subject="lead/1"))
    run_until_quiescent(board, replier, collector, max_chain=3)
    assert agent_states(board)[-1] == ("collector", "quarantined")
    assert "(max_chain = 3)" in (board.activations(state="quarantined")[0].error or "")
    assert len(board.inbox()) == 1


def test_two_agents_that_wake_each_other_over_the_whole_board_are_stopped_too(board: Blackboard) -> None:
    board.deposit(Ask(subject="lead/1"))
    run_until_quiescent(board, replier, collector)
    assert agent_states(board)[-1] == ("collector", "quarantined")
    assert len(agent_states(board)) == 6  # the first wake was about another subject
    [quarantined] = board.activations(state="quarantined")
    assert quarantined.error == "replier and collector wake each other over the board without new facts"


def test_a_loop_through_new_subjects_is_found_at_a_board_watch(board: Blackboard) -> None:
    @agent(watches=count(Reply, over="board") >= 1, writes=[Ask], name="collector")
    def wandering(marks: list[Any], context: Any) -> list[Mark]:
        return [Ask(subject=f"digest/{context.activation_id}")]

    board.deposit(Ask(subject="lead/1"))
    run_until_quiescent(board, replier, wandering)
    [quarantined] = board.activations(state="quarantined")
    assert quarantined.agent == "collector"
    assert quarantined.error == "replier and collector wake each other over the board without new facts"
    [need] = board.inbox()
    assert need.subject == "agent/collector"


def test_a_new_fact_about_any_subject_restarts_a_chain_over_the_whole_board(board: Blackboard) -> None:
    rounds = []

    @agent(watches=count(Reply, over="board") >= 2, writes=[Ask], name="collector")
    def wandering(marks: list[Any], context: Any) -> list[Mark]:
        rounds.append(len(marks))
        if len(rounds) < 6:
            board.deposit(Ask(subject=f"lead/{len(rounds)}"))
            return [Ask(subject=f"digest/{context.activation_id}")]
        return []

    board.deposit(Ask(subject="lead/0"))
    board.deposit(Ask(subject="lead/00"))
    run_until_quiescent(board, replier, wandering)
    assert rounds == [2] * 6
    assert board.activations(state="quarantined") == []


@pytest.mark.postgresql
def test_an_agent_over_max_activations_per_hour_is_quarantined_with_one_need(
    board: Blackboard, clock: ManualClock
) -> None:
    for n in range(5):
        board.deposit(Ask(subject=f"lead/{n}"))
        run_until_quiescent(board, replier, max_activations_per_hour=3)
    assert [state for _, state in agent_states(board)] == ["done"] * 3 + ["quarantined"] * 2
    [need] = board.inbox()
    assert need.subject == "agent/replier"
    assert "3 times within an hour" in str(need.payload["question"])
    clock.advance(timedelta(hours=2))
    board.deposit(Ask(subject="lead/9"))
    run_until_quiescent(board, replier, max_activations_per_hour=3)
    assert agent_states(board)[-1] == ("replier", "done")


def test_an_agents_own_marks_do_not_count_as_a_loop(board: Blackboard) -> None:
    board.deposit(Ask(subject="lead/1"))
    spec = echo.spec.watches[0].model_copy(update={"include_own": True})
    looping = type(echo)(echo.spec.model_copy(update={"watches": (spec,)}), echo.function, echo.kinds)
    run_until_quiescent(board, looping, max_chain=7)
    assert [state for _, state in agent_states(board)] == ["done"] * 7 + ["quarantined"]


def test_ordinary_wakes_need_no_further_query(board: Blackboard) -> None:
    board.deposit(Ask(subject="lead/1"))
    asked = []
    real, circular_wakes.loop_problem = circular_wakes.loop_problem, lambda *given: asked.append(given)
    try:
        run_until_quiescent(board, replier)
    finally:
        circular_wakes.loop_problem = real
    assert asked == []
    assert agent_states(board) == [("replier", "done")]
