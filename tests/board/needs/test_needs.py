"""Needs: their options, due times and assignees, who answered first, and causes that were withdrawn."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError

from blackboard import (
    Agent,
    Blackboard,
    Context,
    Daemon,
    Decision,
    Deposit,
    ManualClock,
    Mark,
    Need,
    Overdue,
    agent,
    strength,
)
from blackboard.board.deposited_files.loaded_files import withdraw_source
from blackboard.board.diagnosis.doctor import examine_board
from blackboard.clock import to_datetime
from blackboard.core.built_in_marks import due_instant
from blackboard.durations import MINUTE
from blackboard.errors import ConfigurationError, InvalidMark, InvalidTime, NotFound
from blackboard.presentation.explanation_lines import explanation_lines
from blackboard.settings.sections import DaemonSection
from blackboard.testing import replay
from tests.support.world import World


class Doubt(Mark, kind="doubt"):
    pass


@agent(watches=strength(Doubt) >= 0.5, writes=[Need], batch=5)
def asker(doubts: list[Doubt], context: Context) -> Need:
    return Need(subject="ship", question="Ship it?", options=["yes", "No way"])


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def board(tmp_path: Path, clock: ManualClock) -> Iterator[Blackboard]:
    with Blackboard.open(tmp_path / "board.db", author="person:ada", clock=clock) as opened:
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
    ("text", "named"),
    [
        ("maybe", "'yes', 'No way'."),
        ("yess", "did you mean 'yes'?"),
        ("YESS", "did you mean 'yes'?"),
        ("no", "'yes', 'No way'."),
    ],
)
def test_another_answer_is_refused_unless_it_is_free(board: Blackboard, text: str, named: str) -> None:
    need = board.deposit(Need(subject="ship", question="Ship it?", options=["yes", "No way"]))
    with pytest.raises(InvalidMark) as refused:
        board.answer(need.mark_id, text)
    assert named in str(refused.value)
    assert [need.id for need in board.inbox()] == [need.mark_id]
    assert board.marks(Decision) == []
    board.answer(need.mark_id, text, any_answer=True)
    assert [mark.answer for mark in board.marks(Decision)] == [text]


def test_options_that_differ_only_in_case_are_told_apart(board: Blackboard) -> None:
    need = board.deposit(Need(subject="s", question="?", options=["A", "a"]))
    board.answer(need.mark_id, "a")
    assert board.marks(Decision)[0].answer == "a"


def test_a_second_answer_says_who_answered_first_and_when(board: Blackboard) -> None:
    need = board.deposit(Need(subject="ship", question="Ship it?"))
    board.as_author("person:bob").answer(need.mark_id, "yes, but slowly")
    with pytest.raises(NotFound, match=r"answered by person:bob at 2026-01-05T09:00:00.*'yes, but slowly'"):
        board.answer(need.mark_id, "no")
    decision = board.decision(need.mark_id)
    assert (decision.author, decision.payload and decision.payload["answer"]) == ("person:bob", "yes, but slowly")
    assert len(board.marks(Decision)) == 1


def test_an_answer_to_a_withdrawn_need_says_who_withdrew_it(board: Blackboard) -> None:
    need = board.deposit(Need(subject="ship", question="Ship it?"))
    board.as_author("person:eve").withdraw(need.mark_id)
    with pytest.raises(NotFound, match=r"withdrawn by person:eve .*without an answer"):
        board.answer(need.mark_id, "no")
    assert board.marks(Decision) == []


def test_a_need_without_an_answer_has_no_decision(board: Blackboard) -> None:
    need = board.deposit(Need(subject="ship", question="Ship it?"))
    with pytest.raises(NotFound, match="no answer"):
        board.decision(need.mark_id)


@pytest.mark.parametrize("unknown", [0, 1000])
def test_an_unknown_need_has_no_answer_and_takes_none(board: Blackboard, unknown: int) -> None:
    with pytest.raises(NotFound, match="no open need"):
        board.answer(unknown, "no")
    with pytest.raises(NotFound, match="no answer"):
        board.decision(unknown)


def test_a_need_says_which_of_its_causes_were_withdrawn(board: Blackboard) -> None:
    board.deploy(asker)
    causes = [board.deposit(Doubt(subject=name)).mark_id for name in ("a", "b", "c")]
    Daemon(board, [asker]).run(until_quiescent=True)
    [need] = board.inbox()
    assert need.withdrawn_causes == ()
    board.withdraw(causes[1])
    [need] = board.inbox()
    assert need.withdrawn_causes == (causes[1],)


@pytest.mark.postgresql
def test_a_need_says_that_a_cause_was_withdrawn_however_long_ago(world: World) -> None:
    board, days = world.board, 24 * 60 * MINUTE
    settings = DaemonSection.model_validate({"keep_history": "1d", "keep_activations": "1d"})
    board.deploy(asker)
    cause = board.deposit(Doubt(subject="a")).mark_id
    Daemon(board, [asker], settings).run(until_quiescent=True)
    board.withdraw(cause)
    for _ in range(3):
        world.advance(2 * days)
        Daemon(board, [asker], settings).run(until_quiescent=True)
    [need] = board.inbox()
    assert need.withdrawn_causes == (cause,)
    board.answer(need.id, "yes")
    for _ in range(2):
        world.advance(2 * days)
        Daemon(board, [asker], settings).run(until_quiescent=True)
    assert board.history("a") == []


def work(board: Blackboard, *agents: Agent) -> None:
    Daemon(board, agents).run(until_quiescent=True)


@agent(watches=strength(Overdue) >= 0.5, writes=[Doubt])
def reminder(overdue: list[Overdue], context: Context) -> list[Doubt]:
    return [Doubt(subject=f"{mark.subject} of {mark.assignee}") for mark in overdue]


def test_a_need_that_nobody_answers_becomes_overdue_once_at_its_instant(board: Blackboard, clock: ManualClock) -> None:
    board.deploy(reminder)
    need = board.deposit(Need(subject="ship", question="Ship it?", due="15m", assignee="ada"))
    asked_at = clock.now()
    work(board, reminder)
    assert board.marks(Overdue) == []
    clock.advance(timedelta(minutes=20))
    for _ in range(2):
        work(board, reminder)
    [mark] = board.marks(Overdue)
    assert (mark.need, mark.question, mark.author) == (need.mark_id, "Ship it?", "blackboard")
    assert mark.occurred_at == to_datetime(asked_at) + timedelta(minutes=15)
    assert mark.deposited_at >= to_datetime(asked_at) + timedelta(minutes=20)
    assert [doubt.subject for doubt in board.marks(Doubt)] == ["ship of ada"]


def test_a_daemon_sleeps_until_a_need_is_due(board: Blackboard, clock: ManualClock) -> None:
    board.deploy(reminder)
    board.deposit(Need(subject="ship", question="Ship it?", due="15m"))
    replay(board, [reminder], [], until=to_datetime(clock.now()) + timedelta(hours=1))
    [doubt] = board.marks(Doubt)
    assert doubt.deposited_at == to_datetime(clock.now()) - timedelta(minutes=45)


@pytest.mark.parametrize("daemon_runs", [0, 1], ids=["unnoticed", "noticed"])
def test_an_answer_ends_what_is_overdue(board: Blackboard, clock: ManualClock, daemon_runs: int) -> None:
    board.deploy(reminder)
    need = board.deposit(Need(subject="ship", question="Ship it?", due="15m"))
    other = board.deposit(Need(subject="ship", question="And this?", due="15m"))
    clock.advance(timedelta(minutes=20))
    for _ in range(daemon_runs):
        work(board, reminder)
    board.answer(need.mark_id, "yes")
    events = [event.event for event in board.history("ship") if (event.kind, event.author) == ("overdue", "person:ada")]
    assert events == ["withdrawn"], "the history says that it was overdue, whenever a daemon ran"
    board.withdraw(other.mark_id)
    assert board.marks(Overdue) == []
    work(board, reminder)
    assert board.marks(Overdue) == []
    assert board.query("select count(*) as n from open_need")[0][0] == 0


def test_a_need_that_was_loaded_takes_its_overdue_mark_with_it(board: Blackboard, clock: ManualClock) -> None:
    payload: dict[str, JsonValue] = {"question": "Ship it?", "due": "15m"}
    board.deposit_many([Deposit("need", "ship", payload, key="row 1", source="needs.csv")])
    clock.advance(timedelta(minutes=20))
    work(board, reminder)
    assert len(board.marks(Overdue)) == 1
    withdraw_source(board, "needs.csv", board.author)
    assert not board.inbox()
    assert not board.marks(Overdue)


def test_forgetting_a_subject_counts_its_need_and_its_overdue_mark(board: Blackboard, clock: ManualClock) -> None:
    board.deposit(Need(subject="ship", question="Ship it?", due="15m"))
    clock.advance(timedelta(minutes=20))
    work(board, reminder)
    assert board.forget("ship").live == 2
    assert not board.inbox()
    assert not board.marks(Overdue)


def test_a_need_that_evaporates_takes_its_overdue_mark_with_it(board: Blackboard, clock: ManualClock) -> None:
    board.deposit(Need(subject="ship", question="Ship it?", due="15m"), until=board.now() + timedelta(hours=1))
    clock.advance(timedelta(minutes=20))
    work(board, reminder)
    assert len(board.marks(Overdue)) == 1
    clock.advance(timedelta(hours=1))
    work(board, reminder)
    assert (board.inbox(), board.marks(Overdue)) == ([], [])


def test_a_need_that_is_asked_anew_is_overdue_anew(board: Blackboard, clock: ManualClock) -> None:
    board.deploy(reminder)
    need = board.deployment.kinds["need"].model_copy(update={"on_repeat": "replace"})
    board.deploy(board.deployment.model_copy(update={"kinds": {**board.deployment.kinds, "need": need}}))
    for question in ("Ship it?", "Ship it now?"):
        board.deposit(Need(subject="ship", question=question, due="15m"))
        assert board.inbox()[0].overdue is False
        assert board.query("select count(*) from live_marks where kind = 'overdue'")[0][0] == 0
        clock.advance(timedelta(minutes=20))
        work(board, reminder)
        assert [mark.question for mark in board.marks(Overdue)] == [question]
    board.answer(board.inbox()[0].id, "yes")
    assert board.marks(Overdue) == []


@pytest.mark.parametrize("setting", [{"on_repeat": "replace"}, {"unique": "question"}])
def test_the_kind_overdue_keeps_a_mark_for_each_need(board: Blackboard, setting: dict[str, str]) -> None:
    board.deploy(reminder)
    overdue = board.deployment.kinds["overdue"].model_copy(update=setting)
    changed = board.deployment.model_copy(update={"kinds": {**board.deployment.kinds, "overdue": overdue}})
    with pytest.raises(ConfigurationError, match="a mark of this kind for each need"):
        board.deploy(changed)


@pytest.mark.parametrize("name", [" ", "a\x00b", "x" * 300])
def test_a_name_that_cannot_be_an_assignee_is_refused_everywhere(board: Blackboard, name: str) -> None:
    with pytest.raises(ValidationError, match="assignee"):
        Need(subject="s", question="?", assignee=name)
    with pytest.raises(InvalidMark, match="assignee"):
        board.deposit("need", subject="s", payload={"question": "?", "assignee": name})
    need = board.deposit(Need(subject="s", question="?"))
    with pytest.raises(InvalidMark, match="assignee"):
        board.assign(need.mark_id, name)
    with pytest.raises(InvalidMark, match="must be text"):
        board.assign(need.mark_id, None)  # type: ignore[arg-type]


def test_an_assignee_is_found_however_the_name_was_typed(board: Blackboard) -> None:
    one = board.deposit(Need(subject="s", question="?", assignee="Ju\u0308rgen")).mark_id
    other = board.deposit(Need(subject="s", question="?")).mark_id
    board.assign(other, "J\u00fcrgen")
    for name in ("J\u00fcrgen", "Ju\u0308rgen"):
        assert [need.id for need in board.inbox(name)] == [one, other]


def test_a_free_answer_that_names_an_option_is_that_option(board: Blackboard) -> None:
    need = board.deposit(Need(subject="s", question="?", options=["yes", "no"]))
    board.answer(need.mark_id, " YES ", any_answer=True)
    assert board.marks(Decision)[0].answer == "yes"


def test_blank_options_are_left_out(board: Blackboard) -> None:
    need = board.deposit(Need(subject="s", question="?", options=["", "yes", " "]))
    assert board.inbox()[0].options == ("yes",)
    with pytest.raises(InvalidMark, match="yes"):
        board.answer(need.mark_id, "no")
    need = board.deposit(Need(subject="s", question="?", options=[" "]))
    board.answer(need.mark_id, "no")


def test_an_answer_is_as_long_as_its_kind_allows_whatever_the_length_of_the_question(board: Blackboard) -> None:
    board.deploy(reminder)
    decision = board.deployment.kinds["decision"].model_copy(update={"max_text": 10})
    board.deploy(board.deployment.model_copy(update={"kinds": {**board.deployment.kinds, "decision": decision}}))
    need = board.deposit(Need(subject="s", question="?" * 100))
    with pytest.raises(InvalidMark, match="answer: the text has 11 characters"):
        board.answer(need.mark_id, "x" * 11)
    board.answer(need.mark_id, "x" * 10)


def test_an_answer_in_time_leaves_no_reminder(board: Blackboard, clock: ManualClock) -> None:
    need = board.deposit(Need(subject="ship", question="Ship it?", due="15m"))
    board.answer(need.mark_id, "yes")
    clock.advance(timedelta(minutes=20))
    work(board, reminder)
    assert [event.kind for event in board.history("ship")] == ["need", "decision", "need"]


def test_the_inbox_shows_overdue_needs_first(board: Blackboard, clock: ManualClock) -> None:
    ids = [
        board.deposit(Need(subject=str(number), question="?", due=due)).mark_id
        for number, due in enumerate([None, "2h", "15m", "5m", "2026-01-05T09:10+00:00"])
    ]
    assert [need.id for need in board.inbox()] == ids
    clock.advance(timedelta(minutes=20))
    assert [need.id for need in board.inbox()] == [ids[3], ids[4], ids[2], ids[0], ids[1]]
    assert [need.overdue for need in board.inbox()] == [True, True, True, False, False]
    rows = board.query("select id, overdue, due_at from needs order by id")
    assert [row["id"] for row in rows] == ids
    assert rows[4]["due_at"] == "2026-01-05T09:10:00.000000Z"


def test_a_need_is_assigned_and_the_history_says_by_whom(board: Blackboard) -> None:
    need = board.deposit(Need(subject="ship", question="Ship it?", assignee="bob"))
    assert [found.id for found in board.inbox("bob")] == [need.mark_id]
    board.assign(need.mark_id, "eve")
    assert (board.inbox("bob"), [found.assignee for found in board.inbox("eve")]) == ([], ["eve"])
    event = board.history("ship")[-1]
    assert (event.event, event.author, event.payload) == ("assigned", "person:ada", {"assignee": "eve"})
    assert board.marks(Need)[0].event_id == need.event_id, "no agent takes it for news"
    assert [mark.assignee for mark in board.marks(Need, at=board.inbox()[0].as_of)] == ["bob"]
    board.assign(need.mark_id, "")
    assert board.inbox()[0].assignee == ""
    with pytest.raises(InvalidMark, match="assignee"):
        board.assign(need.mark_id, "x" * 1000)
    board.answer(need.mark_id, "yes")
    with pytest.raises(NotFound, match="answered by person:ada"):
        board.assign(need.mark_id, "bob")


def test_status_and_explain_show_open_needs_with_assignee_and_due_time(board: Blackboard, clock: ManualClock) -> None:
    board.deploy(reminder)
    assert (board.status().needs.open, board.status().next_due_need) == (0, None)
    plain = board.deposit(Need(subject="ship", question="Which name?")).mark_id
    late = board.deposit(Need(subject="ship", question="Ship it?", due="15m", assignee="ada")).mark_id
    later = board.deposit(Need(subject="other", question="And this?", due="1h")).mark_id
    asked_at = to_datetime(clock.now())
    assert board.status().next_due_need == asked_at + timedelta(minutes=15)
    assert "the next need is due at 2026-01-05T09:15:00" in str(Daemon(board, [reminder]).run(until_quiescent=True))
    clock.advance(timedelta(minutes=20))
    status = board.status()
    assert (status.needs.open, status.needs.overdue) == (3, 1)
    assert [(need.id, need.overdue) for need in status.needs.first] == [(late, True), (later, False), (plain, False)]
    assert status.next_due_need == asked_at + timedelta(minutes=15), "no daemon has noticed it"
    work(board, reminder)
    assert board.status().next_due_need == asked_at + timedelta(hours=1)
    [first, second] = board.explain("reminder", "ship").needs
    assert (first.id, first.assignee, first.due_at) == (late, "ada", asked_at + timedelta(minutes=15))
    assert (second.id, second.assignee, second.due_at) == (plain, "", None)
    lines = list(explanation_lines(board.explain("reminder", "ship")))
    assert f"  need {late} waits for an answer, assigned to ada, overdue since 2026-01-05T09:15:00.000000Z" in lines
    assert board.explain("reminder").needs == ()


def test_doctor_finds_overdue_needs_and_says_if_no_daemon_noticed(board: Blackboard, clock: ManualClock) -> None:
    def found() -> list[tuple[str, str]]:
        return [(item.state, item.detail) for item in examine_board(board) if item.name == "overdue"]

    need = board.deposit(Need(subject="ship", question="Ship it?", due="15m", assignee="ada"))
    board.deposit(Need(subject="ship", question="And this?", due="16m"))
    assert found() == []
    clock.advance(timedelta(minutes=20))
    [(state, detail)] = found()
    assert state == "wrong"
    assert detail.startswith(f"2 overdue; the oldest is need {need.mark_id}, on 'ship', assigned to ada, overdue since")
    assert detail.endswith("2 without a mark 'overdue', because no daemon ran")
    work(board)
    [(state, detail)] = found()
    assert state == "wrong"
    assert "no daemon" not in detail
    for waiting in board.inbox():
        board.answer(waiting.id, "yes")
    assert found() == []


@pytest.mark.parametrize("due", ["soon", "15", "-5m", ""])
def test_a_due_time_that_is_none_is_refused(board: Blackboard, due: str) -> None:
    with pytest.raises(InvalidMark, match="due"):
        board.deposit("need", subject="s", payload={"question": "?", "due": due})


def test_a_kind_of_the_same_name_of_an_application_gets_no_marks(board: Blackboard, clock: ManualClock) -> None:
    class Late(Mark, kind="overdue"):
        book: str

    board.deploy(kinds=[Late])
    board.deposit(Need(subject="ship", question="Ship it?", due="15m"))
    clock.advance(timedelta(minutes=20))
    work(board)
    assert board.marks("overdue") == []
    assert board.inbox()[0].overdue


@given(st.text(max_size=30))
@example("15m")
def test_every_text_is_a_due_time_or_refused_with_its_name(due: str) -> None:
    try:
        due_instant(due, 0)
    except InvalidTime:
        with pytest.raises(ValidationError, match="neither a length of time"):
            Need(subject="s", question="?", due=due)
    else:
        assert Need(subject="s", question="?", due=due).due == due


@pytest.mark.postgresql
def test_every_store_keeps_due_times_and_assignees(world: World) -> None:
    need = world.board.deposit(Need(subject="ship", question="Ship it?", due="15m"))
    world.board.assign(need.mark_id, "ada")
    world.advance(20 * MINUTE)
    work(world.board)
    assert [mark.assignee for mark in world.board.marks(Overdue)] == ["ada"]
    [row] = world.board.query("select id, assignee, overdue from needs")
    assert tuple(row)[:2] == (need.mark_id, "ada")
    world.board.answer(need.mark_id, "yes")
    assert world.board.query("select count(*) as n from open_need")[0]["n"] == 0


@pytest.mark.postgresql
def test_every_store_counts_overdue_needs(world: World) -> None:
    need = world.board.deposit(Need(subject="ship", question="Ship it?", due="15m"))
    world.board.deposit(Need(subject="ship", question="And now?"))
    world.advance(20 * MINUTE)
    overview = world.board.status().needs
    assert (overview.open, overview.overdue, [item.overdue for item in overview.first]) == (2, 1, [True, False])
    assert overview.first[0].id == need.mark_id
    assert [item.state for item in examine_board(world.board) if item.name == "overdue"] == ["wrong"]
