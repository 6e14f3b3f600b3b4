"""Deposits of several processes that share one transaction: each is made once, and each process has its own answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest

from blackboard import Blackboard, Exponential, Mark, Receipt, agent, strength
from blackboard.errors import Conflict, KeyReused, StoreBusy, StoreError, UniqueConflict
from blackboard.store.database_server import submission_queue
from blackboard.store.database_server.server_database import ServerDatabase
from tests.postgresql.depositing_process import Ash, believe_busy
from tests.postgresql.server_sessions import ServerSessions
from tests.support.threads import join_all

pytestmark = pytest.mark.postgresql(only=True)

LOCK_BOARD = "SELECT id FROM board WHERE id = 1 FOR UPDATE"


class Smoke(Mark, kind="smoke", on_repeat="add"):
    """A kind of which each subject has one mark."""

    detail: str = ""


class Seat(Mark, kind="seat", unique="number"):
    """A kind with a unique value."""

    number: int


@agent(watches=strength(Ash) >= 0.5)
def sweeper(marks: Any, context: Any) -> None:
    """Do nothing with the marks."""


class Writers:
    """Boards that act as processes of their own: each has its own connections, and believes that the board is busy."""

    def __init__(self, url: str, sessions: ServerSessions, stack: ExitStack, number: int) -> None:
        self._sessions = sessions
        self.boards = [
            stack.enter_context(
                Blackboard.open(url, author=f"person:p{index}", kinds=[Ash, Smoke, Seat], share_commits=True)
            )
            for index in range(number)
        ]
        for index, board in enumerate(self.boards):
            board.deposit(Ash(subject=f"first/{index}"))
            believe_busy(board)

    def together(self, *acts: Callable[[Blackboard], object]) -> list[Any]:
        """Let each board act while another session holds the board, so that all wait; return results and errors."""
        outcomes: list[Any] = [None] * len(acts)

        def run(index: int) -> None:
            try:
                outcomes[index] = acts[index](self.boards[index])
            except Exception as error:
                outcomes[index] = error

        threads = [threading.Thread(target=run, args=(index,)) for index in range(len(acts))]
        with self._sessions.foreign() as session, session.transaction():
            session.execute(LOCK_BOARD)
            for number, thread in enumerate(threads, start=1):
                thread.start()
                self._sessions.wait_for_waiter(number)
        join_all(*threads)
        return outcomes


def instants(board: Blackboard, kind: str) -> set[int]:
    """Return the instants of the events of a kind: one for each transaction."""
    rows = board.query(f"SELECT recorded_at FROM event WHERE kind = '{kind}' AND subject NOT LIKE 'first/%'")
    return {int(str(row["recorded_at"])) for row in rows}


@pytest.fixture
def writers(board: Blackboard, board_url: str, sessions: ServerSessions) -> Iterator[Writers]:
    """Return four boards on one database, with an agent that watches the ash."""
    board.deploy(sweeper, kinds=[Ash, Smoke, Seat])
    with ExitStack() as stack:
        yield Writers(board_url, sessions, stack, 4)


def test_deposits_that_wait_are_made_in_one_transaction(writers: Writers, board: Blackboard) -> None:
    receipts = writers.together(*[lambda each: each.deposit(Ash(subject=each.author))] * 4)
    assert [receipt.outcome for receipt in receipts] == ["deposited"] * 4
    assert {receipt.crossed for receipt in receipts} == {("sweeper",)}
    marks = {mark.id: mark for mark in board.marks(kind="ash")}
    found = [(marks[receipt.mark_id].subject, marks[receipt.mark_id].author) for receipt in receipts]
    assert found == [(f"person:p{index}",) * 2 for index in range(4)]
    assert len(instants(board, "ash")) == 1


def test_repeats_of_one_subject_are_added_in_their_order(writers: Writers, board: Blackboard) -> None:
    receipts = writers.together(*[lambda each: each.deposit(Smoke(subject="a", detail=each.author))] * 4)
    assert sorted(receipt.outcome for receipt in receipts) == ["deposited", *["reinforced"] * 3]
    assert len({receipt.mark_id for receipt in receipts}) == 1
    assert sorted(receipt.strength for receipt in receipts) == [1.0, 2.0, 3.0, 4.0]
    [mark] = board.marks(kind="smoke")
    assert mark.strength == pytest.approx(4.0)
    assert len(instants(board, "smoke")) == 1


def test_every_option_of_a_deposit_is_kept(writers: Writers, board: Blackboard) -> None:
    three_days_ago = board.now() - timedelta(days=3)

    def act(each: Blackboard) -> Receipt:
        return each.deposit(
            "smoke",
            subject="Å/1",
            payload={"detail": 'a "b" \\ ü'},
            intensity=0.25,
            key="k",
            decay=Exponential("3d"),
            occurred_at=three_days_ago,
        )

    first, other = writers.together(lambda each: each.deposit(Ash(subject="b")), act)
    assert (first.outcome, other.outcome) == ("deposited", "deposited")
    assert other.strength == pytest.approx(0.125, rel=1e-3)
    assert act(writers.boards[1]).outcome == "duplicate"
    [event] = board.query("SELECT * FROM event WHERE kind = 'smoke'")
    assert (event["payload"], event["author"]) == ('{"detail":"a \\"b\\" \\\\ ü"}', "person:p1")
    assert (event["law"], event["own_law"]) == ("exponential(half_life=3d)", 1)


def test_each_process_has_its_own_error(writers: Writers, board: Blackboard) -> None:
    writers.boards[0].deposit(Seat(subject="a", number=1))
    writers.boards[0].deposit(Smoke(subject="a"), key="known")
    outcomes = writers.together(
        lambda each: each.deposit(Seat(subject="b", number=1)),
        lambda each: each.deposit(Ash(subject="b")),
        lambda each: each.deposit(Smoke(subject="b"), if_event=7),
        lambda each: each.deposit(Ash(subject="c")),
    )
    assert [type(outcome) for outcome in outcomes] == [UniqueConflict, Receipt, Conflict, Receipt]
    assert {mark.subject for mark in board.marks(kind="ash") if len(mark.subject) == 1} == {"b", "c"}


def test_one_of_two_deposits_of_a_unique_value_is_refused(writers: Writers, board: Blackboard) -> None:
    outcomes = writers.together(*[lambda each: each.deposit(Seat(subject=each.author, number=1))] * 4)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Receipt", *["UniqueConflict"] * 3]
    assert len(board.marks(kind="seat")) == 1


def test_a_key_stands_for_one_deposit(writers: Writers, board: Blackboard) -> None:
    def act(each: Blackboard) -> Receipt:
        return each.as_author("person:ada").deposit(Smoke(subject="a", detail="one"), key="k")

    def other(each: Blackboard) -> Receipt:
        return each.as_author("person:ada").deposit(Smoke(subject="a", detail="two"), key="k")

    first, second, third, wrong = writers.together(act, act, act, other)
    receipts = [each for each in (first, second, third, wrong) if isinstance(each, Receipt)]
    outcomes = [each.outcome for each in receipts]
    if isinstance(wrong, KeyReused):
        assert sorted(outcomes) == ["deposited", "duplicate", "duplicate"]
    else:
        assert outcomes == ["deposited"]
    assert [mark.strength for mark in board.marks(kind="smoke")] == [pytest.approx(1.0)]


def idle_connection(board: Blackboard) -> Any:
    assert isinstance(board.database, ServerDatabase)
    return board.database.writer.idle_connection()


def test_a_deposit_that_waits_too_long_is_withdrawn(
    writers: Writers, board: Blackboard, sessions: ServerSessions
) -> None:
    for each in writers.boards:
        with each.database.group_commit.exclusive():
            idle_connection(each).execute("SET lock_timeout = 500")
    errors: list[BaseException] = []

    def deposit(each: Blackboard) -> None:
        try:
            each.deposit(Ash(subject=each.author))
        except StoreBusy as error:
            errors.append(error)

    threads = [threading.Thread(target=deposit, args=(each,)) for each in writers.boards]
    with sessions.foreign() as session, session.transaction():
        session.execute(LOCK_BOARD)
        for thread in threads:
            thread.start()
        join_all(*threads)
    assert len(errors) == 4
    assert {row["result"] for row in board.query("SELECT result FROM submission")} == {"withdrawn"}
    writers.boards[0].deposit(Ash(subject="later"))
    assert [mark.subject for mark in board.marks(kind="ash") if mark.subject.startswith(("p", "l"))] == ["later"]


def test_what_a_dead_process_submitted_is_made_only_for_half_a_minute(writers: Writers, board: Blackboard) -> None:
    """Its own process would have withdrawn it after 10 seconds."""
    now = int(board.now().timestamp() * 1_000_000)
    for name, age in (("new", 5_000_000), ("old", 60_000_000)):
        deposit = {"kind": "ash", "subject": name, "author": "person:x", "intensity": 1.0, "text": "{}"}
        request = json.dumps([[{**deposit, "version": board.deployment.version}]])
        with board.database.exclusive_transaction() as transaction:
            transaction.cursor.execute(
                "INSERT INTO submission (writer, number, format, request, at) VALUES (%s, 1, 1, %s, %s)",
                (name, request, now - age),
            )
    writers.boards[0].deposit(Ash(subject="a"))
    rows = {row["writer"]: row["result"] for row in board.query("SELECT writer, result FROM submission")}
    assert "old" not in rows
    assert json.loads(str(rows["new"]))[0][0][2] == "deposited"
    assert [len(board.marks(subject=name)) for name in ("new", "old")] == [1, 0]


def test_a_request_of_another_version_is_left_to_its_process(writers: Writers, board: Blackboard) -> None:
    with board.database.exclusive_transaction() as transaction:
        values = "('newer', 1, 99, '?', 4102444800000000)"
        transaction.cursor.execute(f"INSERT INTO submission (writer, number, format, request, at) VALUES {values}")
    writers.boards[0].deposit(Ash(subject="a"))
    [row] = board.query("SELECT request, result FROM submission WHERE writer = 'newer'")
    assert (row["request"], row["result"]) == (None, submission_queue.ALONE)


def test_a_deposit_that_was_checked_under_another_deployment_is_made_by_its_process(
    writers: Writers, board: Blackboard
) -> None:
    class Later(Mark, kind="later"):
        """A kind that makes a new deployment."""

    outcomes = writers.together(
        lambda each: each.deploy(kinds=[Later]),
        *[lambda each: each.deposit(Ash(subject=each.author))] * 3,
    )
    assert [each.outcome for each in outcomes[1:]] == ["deposited"] * 3
    assert len([mark for mark in board.marks(kind="ash") if mark.subject.startswith("p")]) == 3


def test_results_of_the_last_submission_are_not_taken_for_those_of_a_batch_that_could_not_be_submitted(
    writers: Writers, board: Blackboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    writers.together(*[lambda each: each.deposit(Ash(subject=each.author))] * 4)
    for index, each in enumerate(writers.boards):
        database, failures = each.database, [StoreError("the server cannot be reached")]

        def fail_once(
            *, writes: bool, connect: Callable[..., Any] = database.connect, failures: list[StoreError] = failures
        ) -> Any:
            if writes and failures:
                raise failures.pop()
            return connect(writes=writes)

        database.writer.close()
        monkeypatch.setattr(database, "connect", fail_once)
        receipt = each.deposit(Ash(subject=f"next/{index}"))
        assert not failures
        assert [mark.id for mark in board.marks(subject=f"next/{index}")] == [receipt.mark_id]


def test_a_writer_that_ends_leaves_no_row_and_no_words(board_url: str, board: Blackboard) -> None:
    with Blackboard.open(board_url, kinds=[Smoke], share_commits=True) as other:
        for _ in range(2):  # the first one registers the kind
            other.deposit(Smoke(subject="a"))
        believe_busy(other)
        other.deposit(Smoke(subject="b", detail="secret"))
        assert [row["request"] for row in board.query("SELECT request FROM submission")] == [None]
    assert board.query("SELECT writer FROM submission") == []
