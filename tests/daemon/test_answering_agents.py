"""Agents that a need names in answerable_by may answer it, except those in its chain of provenance."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from pydantic import Field

from blackboard import (
    Blackboard,
    Context,
    Daemon,
    Decision,
    ManualClock,
    Mark,
    Need,
    Overdue,
    Withdraw,
    agent,
    strength,
    strongest_of,
    watch,
)
from blackboard.board.diagnosis.doctor import examine_board
from blackboard.board.housekeeping import retention
from blackboard.board.needs import provenance
from blackboard.board.reading.explanation_lines import explanation_lines
from blackboard.core.agents.agent_definition import Agent
from blackboard.core.conditions.condition_parser import parse_condition
from blackboard.durations import DAY
from blackboard.errors import ConfigurationError, NotFound
from tests.support.bounds import BOUND_SECONDS


class Doubt(Mark, kind="doubt", on_repeat="separate"):
    answerable_by: list[str] = Field(default_factory=list)
    due: str | None = None


class Note(Mark, kind="note", on_repeat="separate"):
    text: str = ""


@agent(watches=strength(Doubt) >= 0.5, writes=[Need])
def asker(doubts: Sequence[Doubt], context: Context) -> list[Need]:
    return [
        Need(
            subject=doubt.subject,
            question="Ship it?",
            options=["yes", "no"],
            answerable_by=doubt.answerable_by,
            due=doubt.due,
        )
        for doubt in doubts
    ]


def reviewer_of(answer: str, *, name: str = "reviewer", **changes: Any) -> Agent:
    """Return an agent that answers every need that it is given."""

    @agent(watches=strength(Need) >= 0.5, writes=[Decision, Note], name=name, max_attempts=1)
    def reviewer(needs: Sequence[Need], context: Context) -> list[Mark]:
        values = [{"subject": need.subject, "need": need.id, "answer": answer} | changes for need in needs]
        return [Note(subject="log", text=name), *(Decision(**value) for value in values)]

    return reviewer


@pytest.fixture
def board(board_url: str, clock: ManualClock) -> Iterator[Blackboard]:
    with Blackboard.open(board_url, clock=clock, author="person:ada") as opened:
        opened.deploy(kinds=[Doubt, Note])
        yield opened


def run(board: Blackboard, *agents: Agent) -> None:
    board.deploy(*agents)
    Daemon(board, agents, rng=random.Random(1)).run(until_quiescent=True)


def ask(board: Blackboard, *answerable_by: str, subject: str = "ship", due: str | None = None) -> int:
    """Let the asker ask, and return the need."""
    board.deposit(Doubt(subject=subject, answerable_by=list(answerable_by), due=due))
    run(board, asker)
    return next(need.id for need in board.inbox(all_needs=True) if need.subject == subject)


def outcomes(board: Blackboard, name: str) -> list[tuple[str, str | None]]:
    return [(one.state, one.error) for one in board.activations(agent=name)]


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
        ({"answer": "maybe"}, "Decision.answer: 'maybe' is not one of the options: yes | no."),
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
    assert [one.id for one in board.inbox()] == [need]  # no agent is at work on it any more


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
        ("note", f"{both} names 'reviewr', and there is no such agent; did you mean 'reviewer'?"),
        ("wrong", f"{both} waits for reviewer: no daemon serves it, and no earlier daemon is known"),
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
    monkeypatch.setattr(provenance, "LONGEST_CHAIN", 5)
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
