"""An agent may answer a need if the need names it, and if it is not in the chain of provenance of the need."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from blackboard import (
    Blackboard,
    Context,
    Decision,
    ManualClock,
    Mark,
    Need,
    Overdue,
    agent,
    strength,
    strongest_of,
    watch,
)
from blackboard.board import provenance
from blackboard.board.diagnosis.doctor import examine_board
from blackboard.board.housekeeping import retention
from blackboard.core.agents.agent_definition import Agent
from blackboard.core.conditions.condition_parser import parse_condition
from blackboard.durations import DAY
from blackboard.errors import ConfigurationError
from blackboard.presentation.explanation_lines import explanation_lines
from tests.daemon.asking_agents import Doubt, Note, ask, asker, outcomes, reviewer_of, run


@pytest.fixture
def board(board: Blackboard) -> Blackboard:
    board.deploy(kinds=[Doubt, Note])
    return board


def test_an_agent_that_no_need_names_is_not_woken_and_may_not_answer(board: Blackboard) -> None:
    reviewer, other = reviewer_of("yes"), reviewer_of("no", name="other")
    board.deploy(asker, reviewer, other)
    for_people = ask(board, subject="people")
    ask(board, "reviewer")

    @agent(watches=strength(Note) >= 0.5, writes=[Decision], max_attempts=1)
    def meddler(notes: Sequence[Note], context: Context) -> Decision:
        return Decision(subject="people", need=for_people, answer="yes")

    run(board, asker, reviewer, other, meddler)
    assert outcomes(board, "other") == []
    assert [mark.subject for mark in board.marks(Decision)] == ["ship"]
    [(state, error)] = outcomes(board, "meddler")
    assert (state, f"need {for_people} is for people" in str(error)) == ("dead", True)
    assert [need.id for need in board.inbox()] == [for_people]


@pytest.mark.postgresql
def test_an_agent_in_the_chain_of_provenance_is_not_woken_and_may_never_answer(board: Blackboard) -> None:
    """The scout reports, which makes the analyst doubt, which makes the asker ask."""

    @agent(watches={"note": strength(Note) >= 0.5, "need": strength(Need) >= 0.5}, writes=[Doubt, Decision])
    def scout(marks: Sequence[Mark], context: Context) -> list[Mark]:
        return [Doubt(subject="ship", answerable_by=["scout", "asker", "reviewer"]) for mark in marks]

    @agent(watches=strength(Note) >= 9, writes=[Decision], max_attempts=1)
    def reviewer(notes: Sequence[Note], context: Context) -> None:
        return None

    board.deploy(scout, asker, reviewer)
    board.deposit(Note(subject="hint"))
    run(board, scout, asker)
    [need] = board.inbox()
    assert (need.answerable_by, need.waits_for) == (("reviewer",), ())
    assert [one.watch for one in board.activations(agent="scout")] == ["note"]

    @agent(watches=strength(Note) >= 0.5, writes=[Doubt, Decision], name="scout", max_attempts=1)
    def stubborn(notes: Sequence[Note], context: Context) -> Decision:
        return Decision(subject="ship", need=need.id, answer="yes")

    board.deposit(Note(subject="second hint"))
    run(board, stubborn)
    (state, error), *_ = outcomes(board, "scout")
    assert (state, f"scout is in the chain of provenance of need {need.id}" in str(error)) == ("dead", True)


def test_where_no_agent_may_answer_the_need_is_for_people(board: Blackboard) -> None:
    include_own = agent(watches=strength(Doubt) >= 0.5, writes=[Need, Decision], name="asker")(asker.function)
    board.deploy(include_own)
    board.deposit(Doubt(subject="ship", answerable_by=["asker", "nobody"]))
    run(board, include_own)
    [need] = board.inbox()
    assert (need.answerable_by, need.waits_for, need.for_people) == ((), (), True)
    board.answer(need.id, "yes")


def test_a_renamed_agent_still_stands_behind_its_needs(board: Blackboard) -> None:
    """It is renamed twice, and so is the agent that may answer."""

    def answer(needs: Sequence[Need], context: Context) -> list[Decision]:
        return [Decision(subject=need.subject, need=need.id, answer="yes") for need in needs]

    def named(name: str, former: str | None) -> Agent:
        return agent(watches=strength(Need) >= 0.5, writes=[Decision], name=name, renamed_from=former)(answer)

    board.deploy(asker, named("judge", None))
    ask(board, "asker", "judge", "umpire")
    board.deploy(named("inquirer", "asker"), named("referee", "judge"))
    board.deploy(named("umpire", "inquirer"), named("arbiter", "referee"))
    [need] = board.inbox(all_needs=True)
    assert need.answerable_by == ("arbiter",)
    run(board, named("umpire", "inquirer"), named("arbiter", "referee"))
    assert [mark.author for mark in board.marks(Decision)] == ["arbiter"]
    assert outcomes(board, "umpire") == []


@pytest.mark.parametrize(
    "condition", ["count('need', over='board') >= 1", "total('need') >= 1", "strongest('need') >= 1"]
)
def test_no_measure_wakes_an_agent_for_a_need_that_it_may_not_answer(board: Blackboard, condition: str) -> None:
    given: list[list[str]] = []

    def answer(needs: Sequence[Need], context: Context) -> list[Decision]:
        given.append([need.subject for need in needs])
        return [Decision(subject=need.subject, need=need.id, answer="yes") for need in needs]

    reviewer = agent(watches=parse_condition(condition), writes=[Decision], name="reviewer")(answer)
    board.deploy(asker, reviewer)
    ask(board, subject="people")
    ask(board, "somebody", subject="other")
    run(board, asker, reviewer)
    assert given == []
    ask(board, "reviewer", subject="mine")
    run(board, asker, reviewer)
    assert given == [["mine"]]
    assert sorted(need.subject for need in board.inbox()) == ["other", "people"]


def test_an_observer_of_needs_is_woken_for_every_need_but_those_that_it_led_to(board: Blackboard) -> None:
    @agent(watches={"need": strength(Need) >= 0.5, "note": strength(Note) >= 0.5}, writes=[Doubt])
    def observer(marks: Sequence[Mark], context: Context) -> list[Mark]:
        return [Doubt(subject="led", answerable_by=["reviewer"]) for mark in marks if isinstance(mark, Note)]

    board.deploy(asker, observer)
    ask(board, subject="people")
    ask(board, "reviewer", subject="named")
    board.deposit(Note(subject="hint"))
    run(board, asker, observer)
    seen = {mark.subject for one in board.activations(agent="observer") for mark in board.activation(one.id).marks}
    assert seen == {"people", "named", "hint"}


def test_the_setting_of_an_agent_holds_for_its_needs_that_do_not_say_who_may_answer(board: Blackboard) -> None:
    @agent(watches=strength(Note) >= 0.5, writes=[Need], answerable_by=["reviewer"])
    def clerk(notes: Sequence[Note], context: Context) -> list[Need]:
        said = [Need(subject="people", question="Ship it?", answerable_by=[])]
        return [*said, Need(subject="agents", question="Ship it?").with_options(key="once")]

    board.deploy(clerk, reviewer_of("yes"))
    board.deposit(Note(subject="hint"))
    run(board, clerk)
    assert {need.subject: need.answerable_by for need in board.inbox(all_needs=True)} == {
        "people": (),
        "agents": ("reviewer",),
    }


def test_an_agent_cannot_let_itself_answer_nor_answer_for_others_what_it_does_not_ask() -> None:
    with pytest.raises(ConfigurationError, match="clerk is the agent itself, which can never answer its own needs"):
        agent(watches=strength(Note) >= 0.5, writes=[Need], answerable_by=["clerk"], name="clerk")(asker.function)
    with pytest.raises(ConfigurationError, match="it does not declare Need in writes"):
        agent(watches=strength(Note) >= 0.5, answerable_by=["reviewer"], name="clerk")(asker.function)


def test_explain_says_why_an_agent_may_not_answer(board: Blackboard) -> None:
    board.deploy(asker, reviewer_of("yes"), reviewer_of("yes", name="other"))
    need = ask(board, "reviewer")
    lines = {name: "\n".join(explanation_lines(board.explain(name, "ship"))) for name in ("asker", "reviewer", "other")}
    assert f"need {need} waits for an answer, reviewer woken for it" in lines["asker"]
    assert "and not by other" not in lines["reviewer"]
    assert f"; need {need} may be answered by reviewer, and not by other" in lines["other"]
    [first] = board.status().needs.first
    assert (first.answerable_by, first.waits_for) == (("reviewer",), ("reviewer",))


@pytest.mark.postgresql
def test_doctor_names_agents_that_do_not_exist_and_those_that_nobody_serves(board: Blackboard) -> None:
    def findings() -> list[tuple[str, str]]:
        return [(item.state, item.detail) for item in examine_board(board) if item.name == "needs"]

    board.deploy(asker, reviewer_of("yes"))
    both = f"need {ask(board, 'reviewer', 'reviewr', subject='a')} and 1 more"
    ask(board, "reviewer", "reviewr", subject="b")
    assert findings() == [
        ("note", f"{both} name 'reviewr', and there is no such agent; did you mean 'reviewer'?"),
        ("wrong", f"{both} wait for reviewer: no daemon serves it, and no earlier daemon is known"),
    ]
    run(board, asker, reviewer_of("yes"))
    assert findings() == []


@pytest.mark.postgresql
def test_the_view_shows_who_may_answer(board: Blackboard) -> None:
    board.deploy(asker, reviewer_of("yes"))
    ask(board, "reviewer", "asker", subject="a")
    ask(board, subject="b")
    rows = board.query("SELECT subject, answerable_by FROM needs ORDER BY subject")
    assert [tuple(row) for row in rows] == [("a", '["reviewer"]'), ("b", None)]


def test_what_a_need_is_derived_from_is_found_however_deep_and_not_followed_beyond_its_bound(
    board: Blackboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten activations pass a note on before the asker asks, and only read what the first agent has deposited."""

    @agent(watches=strength(Note, subject="begin") >= 0.5, writes=[Note, Decision])
    def source(notes: Sequence[Note], context: Context) -> Note:
        return Note(subject="fact")

    @agent(watches=strength(Note, subject="go/*") >= 0.5, reads=[strongest_of(Note, 50)], writes=[Note, Doubt])
    def relay(notes: Sequence[Note], context: Context) -> Mark:
        step = int(notes[0].subject[3:])
        if step == 10:
            return Doubt(subject="ship", answerable_by=["source", "reviewer"])
        return Note(subject=f"go/{step + 1}")

    own = agent(
        watches=watch(strength(Note, subject="go/*") >= 0.5, include_own=True),
        reads=[strongest_of(Note, 50)],
        writes=[Note, Doubt],
        name="relay",
    )(relay.function)
    board.deploy(source, own, asker, reviewer_of("yes"))
    board.deposit(Note(subject="begin"))
    run(board, source)
    board.deposit(Note(subject="go/1"))
    run(board, own, asker)
    [need] = board.inbox(all_needs=True)
    assert need.answerable_by == ("reviewer",)
    monkeypatch.setattr(provenance, "MAX_CHAIN", 5)
    board.deposit(Note(subject="go/1"))
    run(board, own, asker)
    [_, unknown] = board.inbox(all_needs=True)
    assert (unknown.answerable_by, unknown.for_people) == ((), True)


def test_a_need_whose_chain_was_removed_from_the_history_is_for_people(board: Blackboard, clock: ManualClock) -> None:
    @agent(watches=strength(Note, subject="begin") >= 0.5, writes=[Note])
    def source(notes: Sequence[Note], context: Context) -> Note:
        return Note(subject="fact")

    @agent(watches=strength(Note, subject="fact") >= 0.5, writes=[Need])
    def late(notes: Sequence[Note], context: Context) -> Need:
        return Need(subject="ship", question="Ship it?", answerable_by=["reviewer"])

    board.deploy(source, late, reviewer_of("yes"))
    board.deposit(Note(subject="begin"))
    run(board, source)
    ask(board, subject="newest")
    clock.advance(timedelta(days=40))
    removed = board.session.write(
        lambda txn: retention.remove(txn, history=None, activations=30 * DAY, model_calls=None, limit=100)
    )
    assert removed == 1
    run(board, late)
    need = next(need for need in board.inbox() if need.subject == "ship")
    assert need.answerable_by == ()
    assert "is not known to its end" in "\n".join(explanation_lines(board.explain("reviewer", "ship")))


def test_the_agent_that_asked_stands_behind_what_is_asked_because_nobody_answered(
    board: Blackboard, clock: ManualClock
) -> None:
    @agent(watches=strength(Overdue) >= 0.5, writes=[Need])
    def escalator(marks: Sequence[Overdue], context: Context) -> Need:
        return Need(subject="again", question="Ship it?", answerable_by=["asker", "reviewer"])

    patient = agent(watches=strength(Doubt) >= 0.5, writes=[Need, Decision], name="asker")(asker.function)
    board.deploy(patient, escalator, reviewer_of("yes"))
    board.deposit(Doubt(subject="ship", due="15m"))
    run(board, patient)
    clock.advance(timedelta(minutes=20))
    run(board, escalator)
    [again] = [need for need in board.inbox(all_needs=True) if need.subject == "again"]
    assert again.answerable_by == ("reviewer",)
