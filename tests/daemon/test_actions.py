"""An agent withdraws and reinforces marks besides depositing them, and all of it is applied or nothing."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from blackboard import Blackboard, Daemon, Exponential, ManualClock, Mark, Reinforce, Step, Withdraw, agent, strength
from blackboard import strongest_of as strongest_of_kind
from blackboard.core.agents.agent_definition import Agent
from blackboard.errors import ConfigurationError


class Incident(Mark, kind="incident", decay=Exponential("1h"), on_repeat="max"):
    text: str = ""


class Page(Mark, kind="page", on_repeat="separate"):
    text: str = ""


class Recovery(Mark, kind="recovery", on_repeat="separate"):
    pass


class Note(Mark, kind="note", decay=Exponential("1h"), on_repeat="replace"):
    text: str = ""


@pytest.fixture
def board(board: Blackboard) -> Blackboard:
    board.deploy(kinds=[Incident, Page, Recovery, Note])
    return board


def run(board: Blackboard, *agents: Agent) -> None:
    board.deploy(*agents)
    Daemon(board, agents, rng=random.Random(1)).run(until_quiescent=True)


def live(board: Blackboard) -> dict[str, int]:
    return {name: count for name, count in board.status().marks.items() if count}


def error_of(board: Blackboard, clock: ManualClock, *agents: Agent) -> str:
    """Run agents whose one activation dies, and return its error."""
    run(board, *agents)
    [activation] = [item for item in board.activations() if item.state == "dead"]
    assert activation.error is not None
    return activation.error


@pytest.mark.postgresql
def test_an_agent_withdraws_its_own_marks(board: Blackboard) -> None:
    @agent(
        watches={"page": strength(Page) >= 0.5, "recovery": strength(Recovery) >= 0.5},
        reads=[strongest_of_kind(Note)],
        writes=[Note],
    )
    def scribe(marks: Sequence[Mark], context: Any) -> Any:
        return [Withdraw(note) for note in context.read(Note)] or Note(subject="api", text="paged")

    board.deposit(Page(subject="api"))
    run(board, scribe)
    assert live(board) == {"page": 1, "note": 1}
    board.deposit(Recovery(subject="api"))
    run(board, scribe)
    assert live(board) == {"page": 1, "recovery": 1}


@pytest.mark.postgresql
def test_an_agent_withdraws_marks_of_others_whose_kind_it_declares(board: Blackboard) -> None:
    @agent(watches=strength(Recovery) >= 0.5, reads=[strongest_of_kind(Incident)], writes=[Note], withdraws=[Incident])
    def closer(recoveries: Sequence[Recovery], context: Any) -> list[Any]:
        return [Withdraw(context.read(Incident)[0]), Note(subject="closed")]

    board.deposit(Incident(subject="api"))
    board.deposit(Recovery(subject="api"))
    run(board, closer)
    assert live(board) == {"recovery": 1, "note": 1}
    [withdrawn] = [event for event in board.history("api") if event.event == "withdrawn"]
    [activation] = board.activations()
    assert (withdrawn.author, withdrawn.activation_id) == ("closer", activation.id)
    assert activation.marks_deposited == 1
    assert [event.event for event in board.activation(activation.id).deposits] == ["withdrawn", "deposited"]


def test_marks_of_others_stay_and_nothing_of_the_activation_is_applied(board: Blackboard, clock: ManualClock) -> None:
    @agent(watches=strength(Incident) >= 0.5, writes=[Page], max_attempts=1)
    def closer(incidents: Sequence[Incident], context: Any) -> list[Any]:
        return [Page(subject="api"), Withdraw(incidents[0])]

    board.deposit(Incident(subject="api"))
    error = error_of(board, clock, closer)
    assert "item 2 of 2" in error
    assert "the agent must declare 'incident' in withdraws" in error
    assert live(board) == {"incident": 1}


@pytest.mark.parametrize("action", [Withdraw, Reinforce])
def test_a_mark_of_another_board_is_refused(board: Blackboard, clock: ManualClock, tmp_path: Path, action: Any) -> None:
    with Blackboard.open(tmp_path / "other.db", clock=clock) as other:
        other.deposit(Incident(subject="web"))
        [foreign] = other.marks(Incident)

    @agent(watches=strength(Incident) >= 0.5, withdraws=[Incident], max_attempts=1)
    def closer(incidents: Sequence[Incident], context: Any) -> Any:
        assert incidents[0].id == foreign.id
        return action(foreign)

    board.deposit(Incident(subject="api"))
    error = error_of(board, clock, closer)
    assert f"{action.__name__}.mark: mark 1 of this board is not the incident of 'web'" in error
    assert live(board) == {"incident": 1}


@pytest.mark.postgresql
def test_acting_on_a_mark_that_is_gone_is_recorded_and_is_not_an_error(board: Blackboard, clock: ManualClock) -> None:
    @agent(watches=strength(Incident) >= 0.5, withdraws=[Incident], writes=[Page])
    def closer(incidents: Sequence[Incident], context: Any) -> list[Any]:
        board.withdraw(incidents[0].id)
        return [Withdraw(incidents[0]), Reinforce(incidents[0]), Page(subject="api")]

    board.deposit(Incident(subject="api"))
    run(board, closer)
    events = [(event.event, event.author) for event in board.history("api")]
    assert events[1:] == [
        *(("withdrawn", "person:ada"), ("already_gone", "closer"), ("already_gone", "closer")),
        ("deposited", "closer"),
    ]
    [activation] = board.activations()
    assert (activation.state, activation.marks_deposited) == ("done", 1)
    [given] = board.activation(activation.id).marks
    assert given.state == "withdrawn"
    clock.advance(timedelta(minutes=1))
    assert [mark.kind for mark in board.marks(at=board.now() - timedelta(seconds=30))] == ["page"]


@pytest.mark.postgresql
def test_a_reinforcement_leaves_what_a_mark_says_and_does_not_wake_its_agent(board: Blackboard) -> None:
    calls = []

    @agent(watches=strength(Note) >= 0.5)
    def reader(notes: Sequence[Note], context: Any) -> Reinforce:
        calls.append("reader")
        board.deposit(Note(subject=notes[0].subject, text="newer", intensity=0.6))
        return Reinforce(notes[0], by=0.3)

    @agent(watches=strength(Note) >= 0.85)
    def other(notes: Sequence[Note], context: Any) -> None:
        calls.append(f"other {notes[0].text}")

    board.deposit(Note(subject="tea", text="older", intensity=0.6))
    run(board, other, reader)
    [note] = board.marks(Note)
    assert (note.text, note.author) == ("newer", "person:ada")
    assert calls.count("reader") == 2, "once more for the deposit, and not for its own reinforcement"
    assert "other newer" in calls


@pytest.mark.postgresql
def test_returned_marks_have_the_options_of_a_deposit(board: Blackboard, clock: ManualClock) -> None:
    at = board.now()

    @agent(watches=strength(Recovery) >= 0.5, writes=[Page, Note])
    def clerk(marks: Sequence[Recovery], context: Any) -> list[Mark]:
        return [
            Page(subject="key").with_options(key="once"),
            Page(subject="law").with_options(decay=Step("2h")),
            Page(subject="end").with_options(until=at + timedelta(hours=1)),
            Note(subject="then", text="yesterday").with_options(occurred_at=at - timedelta(minutes=30)),
        ]

    for number in range(2):
        board.deposit(Recovery(subject=f"r/{number}"))
        run(board, clerk)
    marks = {mark.subject: mark for mark in board.marks()}
    assert len(board.marks(Page, subject="key")) == 1
    assert marks["law"].law == "step(lasting=2h)"
    assert marks["end"].evaporates_at == at + timedelta(hours=1)
    assert (marks["then"].occurred_at, marks["then"].author) == (at - timedelta(minutes=30), "clerk")


def test_an_agent_that_dates_its_mark_before_that_of_another_does_not_wake_itself(board: Blackboard) -> None:
    calls = []

    @agent(watches=strength(Incident) >= 0.5, writes=[Incident])
    def looker(incidents: Sequence[Incident], context: Any) -> Incident:
        calls.append(incidents[0].strength)
        earlier = context.now - timedelta(minutes=10)
        return Incident(subject="api", intensity=4.0).with_options(occurred_at=earlier)

    board.deposit(Incident(subject="api"))
    run(board, looker)
    assert len(calls) == 1
    [mark] = board.marks("incident")
    assert (mark.author, mark.reinforcements) == ("person:ada", 1)


def test_what_an_agent_returns_is_refused_as_a_whole_and_each_field_is_named(
    board: Blackboard, clock: ManualClock
) -> None:
    @agent(watches=strength(Incident) >= 0.5, writes=[Page], max_attempts=1)
    def clerk(incidents: Sequence[Incident], context: Any) -> list[Any]:
        return [
            Page(subject="a"),
            Page(subject=" "),
            Reinforce(incidents[0], by=-1),
            Withdraw(Page(subject="new")),
            "page",
            Note(subject="b"),
            Page(subject="c", intensity=-2),
        ]

    board.deposit(Incident(subject="api"))
    error = error_of(board, clock, clerk)
    for part in (
        "item 2 of 7: the subject is empty",
        "item 3 of 7: by must be a number above 0",
        "item 4 of 7: Withdraw.mark must be a mark that the agent was given",
        "item 5 of 7: it returned str",
        "item 6 of 7: it returned a mark of the kind 'note', which it does not declare in writes",
        "item 7 of 7: intensity must be",
    ):
        assert part in error
    assert live(board) == {"incident": 1}


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        (Page(subject="b").with_options(until="2020-01-01"), "is in the past"),
        (Page(subject="b").with_options(occurred_at="2120-01-01"), "occurred_at 2120-01-01"),
        (Page(subject="b").with_options(key="blackboard/x"), "reserved"),
        (Incident(subject="api").with_options(decay=Step("2h")), "LawConflict"),
    ],
    ids=["until", "occurred_at", "key", "decay"],
)
def test_what_the_board_refuses_is_named(board: Blackboard, clock: ManualClock, bad: Mark, text: str) -> None:
    @agent(watches=strength(Incident) >= 0.5, writes=[Page, Incident], withdraws=[Incident], max_attempts=1)
    def clerk(incidents: Sequence[Incident], context: Any) -> list[Any]:
        return [Page(subject="a"), Reinforce(incidents[0]), bad]

    board.deposit(Incident(subject="api"))
    error = error_of(board, clock, clerk)
    assert "item 3 of 3" in error
    assert text in error
    assert live(board) == {"incident": 1}
    assert board.marks("incident")[0].reinforcements == 0


def test_a_kind_in_withdraws_must_exist_and_belongs_to_the_code(board: Blackboard) -> None:
    def function(marks: Any, context: Any) -> None:
        return None

    plain = agent(watches=strength("incident") >= 0.5, name="closer")(function)
    closer = agent(watches=strength("incident") >= 0.5, withdraws=[Page], name="closer")(function)
    assert plain.spec.code != closer.spec.code
    board.deploy(closer)
    assert board.agents()[0].withdraws == ("page",)
    unknown = closer.spec.model_copy(update={"withdraws": ("nothing",)})
    with pytest.raises(ConfigurationError, match="nothing"):
        board.deploy(Agent(unknown, function))
