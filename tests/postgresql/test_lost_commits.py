"""A commit whose answer is lost is neither repeated blindly nor reported as failed: its outcome is read."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, NoReturn

import psycopg
import pytest

from blackboard import Blackboard, Mark
from blackboard.errors import StoreBusy, StoreUnknown
from blackboard.store.dialects.postgresql_dialect import PostgresqlDialect
from blackboard.store.postgresql import commit_record
from blackboard.store.postgresql.pipelined_transactions.statement_pipeline import pipeline_of
from tests.postgresql.lost_commits import LOSSES, OPTIMISTIC_LOSSES, lose_commits
from tests.postgresql.optimistic_boards import Way, be_optimistic, deposit_by
from tests.postgresql.postgresql_sessions import PostgresqlSessions
from tests.support.bounds import BOUND_SECONDS
from tests.support.cutting_proxy import Cut, CuttingProxy
from tests.support.threads import join_all

pytestmark = pytest.mark.postgresql(only=True)

LOCK_BOARD = "SELECT id FROM board WHERE id = 1 FOR UPDATE"


class Ash(Mark, kind="ash", on_repeat="separate"):
    """A kind of which each deposit is a mark."""


class Smoke(Mark, kind="smoke", on_repeat="add"):
    """A kind of which each subject has one mark."""


@pytest.fixture
def cut_board(proxy: CuttingProxy) -> Iterator[Blackboard]:
    """Return a board behind the proxy, on which the kind is registered and the writing connection is open."""
    with Blackboard.open(proxy.url, author="person:ada", kinds=[Ash]) as board:
        board.deposit(Ash(subject="first"))
        yield board


def subjects(board: Blackboard) -> list[str]:
    """Return the subject of each event but the first, as another process sees them."""
    rows = board.query("SELECT subject FROM event WHERE kind = 'ash' AND subject <> 'first'")
    return sorted(str(row["subject"]) for row in rows)


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_deposit_whose_commit_is_lost_is_stored_once(
    cut_board: Blackboard, proxy: CuttingProxy, board: Blackboard, cut: Cut
) -> None:
    proxy.cuts.append(cut)
    receipt = cut_board.deposit(Ash(subject="a"))
    assert receipt.outcome == "deposited"
    assert [mark.id for mark in board.marks(subject="a")] == [receipt.mark_id]
    assert subjects(board) == ["a"]


@pytest.mark.parametrize("way", ["locked", "asked", "remembered"])
@pytest.mark.parametrize("second", ["before", "after"])
@pytest.mark.parametrize("first", ["before", "after"])
def test_the_search_for_an_outcome_may_lose_its_own_commit(
    cut_board: Blackboard, proxy: CuttingProxy, board: Blackboard, first: Cut, second: Cut, way: Way
) -> None:
    deposit_by(cut_board, way)
    for subject in ("a", "b"):
        proxy.cuts.extend((first, second))
        receipt = cut_board.deposit(Ash(subject=subject))
        assert not proxy.cuts
        assert [(mark.id, mark.event_id) for mark in board.marks(subject=subject)] == [
            (receipt.mark_id, receipt.event_id)
        ]
    assert subjects(board) == ["a", "b"]


def test_deposits_of_threads_that_share_a_commit_are_stored_once(board: Blackboard, proxy: CuttingProxy) -> None:
    losses = lose_commits(proxy, 36, random.Random(1))
    assert set(losses) == set(LOSSES)


@pytest.mark.parametrize("way", ["asked", "remembered"])
def test_deposits_whose_rules_run_without_the_lock_are_stored_once(
    board: Blackboard, proxy: CuttingProxy, way: Way
) -> None:
    losses = lose_commits(proxy, 24, random.Random(1), way=way)
    assert set(losses) == set(OPTIMISTIC_LOSSES)


def test_deposits_of_processes_and_threads_whose_commits_are_lost_are_stored_once(
    board: Blackboard, proxy: CuttingProxy
) -> None:
    """The rules run without the lock, and each process has several threads."""
    errors: list[BaseException] = []
    events: dict[str, int] = {}
    rng = random.Random(1)
    cuts: list[Cut] = ["before", "after"]
    passes: list[Cut] = ["pass"]
    with ExitStack() as stack:
        boards = [busy_board(stack, proxy.url) for _ in range(4)]
        start = threading.Barrier(8)

        def deposit(number: int) -> None:
            start.wait(BOUND_SECONDS)
            for turn in range(12):
                if not turn % 3:
                    proxy.cuts.extend((*passes * rng.randrange(4), rng.choice(cuts)))
                subject = f"{number}/{turn:02}"
                try:
                    events[subject] = boards[number % 4].deposit(Ash(subject=subject)).event_id
                except BaseException as error:
                    errors.append(error)

        in_threads([partial(deposit, number) for number in range(8)])
    assert errors == []
    assert subjects(board) == sorted(events)
    assert len(events) == 8 * 12
    rows = board.query("SELECT subject, id FROM event WHERE kind = 'ash' AND subject <> 'first'")
    assert {str(row["subject"]): row["id"] for row in rows} == events


def busy_board(stack: ExitStack, url: str) -> Blackboard:
    """Return a board that acts as a process of its own, on which the rules of deposits run without the lock."""
    board = stack.enter_context(Blackboard.open(url, author="person:ada", kinds=[Ash, Smoke]))
    for kind in (Ash, Smoke):
        board.deposit(kind(subject="first"))
    be_optimistic(board)
    return board


def in_threads(acts: Sequence[Callable[[], object]], sessions: PostgresqlSessions | None = None) -> None:
    """Let each act run in a thread, and wait for all; with sessions, begin only when all wait for the lock."""
    threads = [threading.Thread(target=act) for act in acts]
    with ExitStack() as held:
        if sessions is not None:
            session = held.enter_context(sessions.foreign())
            held.enter_context(session.transaction())
            session.execute(LOCK_BOARD)
        for number, thread in enumerate(threads, start=1):
            thread.start()
            if sessions is not None:
                sessions.wait_for_waiter(number)
    join_all(*threads)


def test_repeats_of_processes_that_wait_for_one_lock_are_added_one_by_one(
    board: Blackboard, board_url: str, sessions: PostgresqlSessions
) -> None:
    receipts: list[Any] = []
    with ExitStack() as stack:
        boards = [busy_board(stack, board_url) for _ in range(4)]
        acts = [partial(lambda each: receipts.append(each.deposit(Smoke(subject="a"))), each) for each in boards]
        in_threads(acts, sessions)
    assert sorted(receipt.outcome for receipt in receipts) == ["deposited", *["reinforced"] * 3]
    assert sorted(receipt.strength for receipt in receipts) == [pytest.approx(each) for each in (1, 2, 3, 4)]
    [mark] = board.marks(kind="smoke", subject="a")
    assert mark.strength == pytest.approx(4.0)


def test_a_deposit_that_waits_too_long_is_refused_and_not_stored(
    board: Blackboard, board_url: str, sessions: PostgresqlSessions
) -> None:
    with ExitStack() as stack:
        mine = stack.enter_context(Blackboard.open(board_url, author="person:ada", kinds=[Ash]))
        mine.deposit(Ash(subject="first"))
        be_optimistic(mine)
        mine.database.writer.connection.execute("SET lock_timeout = 100")
        with sessions.foreign() as session, session.transaction():
            session.execute(LOCK_BOARD)
            with pytest.raises(StoreBusy):
                mine.deposit(Ash(subject="a"))
        mine.deposit(Ash(subject="b"))
    assert subjects(board) == ["b"]


@pytest.mark.parametrize("is_optimistic", [False, True])
@pytest.mark.parametrize(("cut", "stored"), [("before", []), ("after", ["a"])])
def test_a_commit_whose_outcome_cannot_be_read_is_unknown(
    cut_board: Blackboard,
    proxy: CuttingProxy,
    board: Blackboard,
    cut: Cut,
    stored: list[str],
    is_optimistic: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(commit_record, "OUTCOME_SECONDS", 0.0)
    if is_optimistic:
        be_optimistic(cut_board)
    proxy.cuts.append(cut)
    proxy.refuses = True
    with pytest.raises(StoreUnknown, match="check the board before you repeat the work"):
        cut_board.deposit(Ash(subject="a"))
    proxy.refuses = False
    assert subjects(board) == stored
    cut_board.deposit(Ash(subject="b"))
    assert subjects(board) == [*stored, "b"]


def test_a_search_that_fails_in_itself_says_that_the_outcome_is_unknown(
    cut_board: Blackboard, proxy: CuttingProxy, board: Blackboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> NoReturn:
        raise KeyError("a bug")

    monkeypatch.setattr(commit_record, "SystemClock", fail)
    proxy.cuts.append("after")
    with pytest.raises(StoreUnknown) as caught:
        cut_board.deposit(Ash(subject="a"))
    assert repr(caught.value.__cause__) == "KeyError('a bug')"
    assert subjects(board) == ["a"]


def test_a_transaction_of_its_own_whose_answer_is_lost_stands(
    cut_board: Blackboard, proxy: CuttingProxy, board: Blackboard
) -> None:
    proxy.cuts.append("after")
    with cut_board.database.exclusive_transaction() as transaction:
        transaction.cursor.execute("UPDATE board SET paused_because = 'a test'")
    assert [row["paused_because"] for row in board.query("SELECT paused_because FROM board")] == ["a test"]


def test_the_search_waits_for_the_first_commit_of_a_writer(board: Blackboard, sessions: PostgresqlSessions) -> None:
    """The row of the writer is not visible yet when the search begins, because its transaction still commits."""
    database = board.database
    assert isinstance(database.dialect, PostgresqlDialect)
    record = commit_record.CommitRecord(database.dialect.begin_write)
    outcomes: list[commit_record.CommitOutcome] = []
    with contextlib.closing(database.connect(writes=True)) as connection:
        pipeline = pipeline_of(connection, prepares=True)
        record.begin(lambda sql, *values: pipeline.add(sql, values))
        pipeline.receive()
        search = threading.Thread(
            target=lambda: outcomes.append(record.find_outcome(lambda: database.connect(writes=True), psycopg.Error))
        )
        search.start()
        sessions.wait_for_waiter()
        connection.execute("COMMIT")
        join_all(search)
    assert outcomes == [commit_record.CommitOutcome(is_committed=True)]


def test_a_writer_that_ends_leaves_no_row(board: Blackboard, board_url: str) -> None:
    with Blackboard.open(board_url, kinds=[Ash]) as other:
        other.deposit(Ash(subject="a"))
        assert [row["n"] for row in board.query("SELECT n FROM writer")] == [1]
    assert board.query("SELECT n FROM writer") == []


def test_rows_of_writers_that_died_go_after_a_day(board: Blackboard, board_url: str) -> None:
    with board.database.exclusive_transaction() as transaction:
        transaction.cursor.execute("INSERT INTO writer (id, n, at) VALUES ('old', 7, 1), ('new', 8, 4102444800000000)")
    with Blackboard.open(board_url, kinds=[Ash]) as other:
        other.deposit(Ash(subject="a"))
    rows = board.query("SELECT id FROM writer WHERE id IN ('old', 'new')")
    assert [row["id"] for row in rows] == ["new"]
