"""A transaction on PostgreSQL crosses the wire twice, and its errors are those of the statements that failed."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from blackboard import Blackboard, Deposit, Exponential, Mark, agent, count, strength, total
from blackboard.errors import StoreError, UniqueConflict
from blackboard.store.postgresql.pipelined_transactions import statement_pipeline
from blackboard.store.postgresql.pipelined_transactions.statement_pipeline import StatementPipeline, pipeline_of
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, MARKS
from tests.postgresql.optimistic_boards import deposit_by, stay_under_the_lock
from tests.postgresql.postgresql_sessions import PostgresqlSessions
from tests.support.cache_checks import check_transaction_cache
from tests.support.threads import join_all

pytestmark = pytest.mark.postgresql(only=True)


class Lead(Mark, kind="lead", on_repeat="add", decay=Exponential("1w")):
    """A kind of which a subject has one mark."""


class Ash(Mark, kind="ash", on_repeat="separate"):
    """A kind of which each deposit is a mark."""


class Page(Mark, kind="page", unique="url"):
    """A kind with a unique value."""

    url: str


@agent(
    watches={
        "one": strength("lead") >= 2.5,
        "all": total("lead", over="board") >= 1000,
        "ash": count("ash", over="board") >= 1000,
    }
)
def desk(marks: Any, context: Any) -> None:
    """Watch subjects and the board."""


@pytest.fixture
def watched(board_url: str, sessions: PostgresqlSessions) -> Iterator[Blackboard]:
    """Return a board with an agent, which this process has used."""
    with Blackboard.open(board_url, author="person:ada") as board:
        board.deploy(desk, kinds=[Lead, Ash, Page])
        board.deposit(Lead(subject="hot"), intensity=0.1)
        board.deposit(Ash(subject="hot"))
        stay_under_the_lock(board)
        yield board


@pytest.mark.parametrize("kind", [Lead, Ash])
def test_a_deposit_about_something_new_is_one_message(
    watched: Blackboard, messages: list[int], kind: type[Mark]
) -> None:
    watched.deposit(kind(subject="before"))  # it learns the sums of the kind
    deposit_by(watched, "remembered")
    messages.clear()
    watched.deposit(kind(subject="new"))
    assert len(messages) == 1
    messages.clear()
    watched.deposit(kind(subject="new"), key="another")
    assert len(messages) == (1 if kind is Ash else 2)
    rows = watched.query("SELECT id FROM event WHERE subject = 'new'")
    assert len(rows) == 2


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list to which each message to the database server adds its number of statements."""
    sent: list[int] = []
    receive = StatementPipeline.receive

    def noted(self: StatementPipeline) -> None:
        if self._waiting:
            sent.append(len(self._waiting))
        receive(self)

    monkeypatch.setattr(StatementPipeline, "receive", noted)
    return sent


@pytest.mark.parametrize(
    "deposit",
    [
        pytest.param(lambda board: board.deposit(Lead(subject="new"), intensity=0.1), id="new"),
        pytest.param(lambda board: board.deposit(Lead(subject="hot"), intensity=0.1), id="again"),
        pytest.param(lambda board: board.deposit(Lead(subject="new"), intensity=0.1, key="k"), id="with a key"),
        pytest.param(lambda board: board.deposit(Ash(subject="hot")), id="separate"),
        pytest.param(lambda board: board.deposit(Page(subject="new", url="a")), id="unique"),
    ],
)
def test_a_deposit_is_two_messages(
    watched: Blackboard, messages: list[int], deposit: Callable[[Blackboard], object]
) -> None:
    deposit(watched)
    assert len(messages) == 2


def test_deposits_that_share_a_commit_share_their_messages(watched: Blackboard, messages: list[int]) -> None:
    threads = [
        threading.Thread(target=watched.deposit, args=(Lead(subject=f"s/{number % 5}"),), kwargs={"intensity": 0.1})
        for number in range(20)
    ]
    waiting = threading.Semaphore(0)
    watched.database.group_commit.on_wait = waiting.release
    with watched.database.group_commit.exclusive():
        for thread in threads:
            thread.start()
            waiting.acquire()
    join_all(*threads)
    assert len(messages) <= 2 + 15  # each later deposit on a subject asks for its mark again, after those before it
    found = {mark.subject: mark.strength for mark in watched.marks(Lead)}
    assert found == {"hot": pytest.approx(0.1), **{f"s/{number}": pytest.approx(0.4) for number in range(5)}}


def test_cached_results_are_right_when_deposits_on_one_subject_share_a_transaction(
    watched: Blackboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_transaction_cache(monkeypatch)
    items = [Deposit("lead", f"s/{number % 3}", {}, 0.5) for number in range(12)]
    receipts = watched.deposit_many(items)
    assert [receipt.outcome for receipt in receipts] == ["deposited"] * 3 + ["reinforced"] * 9
    assert [receipt.crossed for receipt in receipts[12:]] == []
    assert {mark.subject: round(mark.strength, 6) for mark in watched.marks(Lead)} == {
        "hot": pytest.approx(0.1),
        **{f"s/{number}": pytest.approx(2.0) for number in range(3)},
    }


def test_a_result_is_read_again_after_a_write_that_may_change_it(watched: Blackboard, messages: list[int]) -> None:
    hot = next(mark.id for mark in watched.marks(Lead) if mark.subject == "hot")

    def work(txn: Any) -> list[int]:
        sql, seen = txn.sql, []
        sql.prefetch(CROSSINGS.get_absorbed, watch_id=1, mark_id=hot)
        sql.prefetch(MARKS.marks_of_subject, kind="lead", subject="hot")
        sql.prefetch(MARKS.marks_of_subject, kind="lead", subject="other")
        [mark] = sql.all(MARKS.marks_of_subject, kind="lead", subject="hot")
        before = len(messages)
        assert sql.one(CROSSINGS.get_absorbed, watch_id=1, mark_id=mark.id) is None
        assert sql.all(MARKS.marks_of_subject, kind="lead", subject="other") == []
        seen.append(len(messages) - before)
        sql.run(CROSSINGS.set_absorbed, watch_id=1, mark_id=mark.id, event_id=1, activation_id=0, given_event_id=None)
        sql.run(MARKS.update_mark, **mark._replace(reinforcements=7)._asdict())
        assert sql.existing(CROSSINGS.get_absorbed, watch_id=1, mark_id=mark.id).event_id == 1
        assert sql.existing(MARKS.marks_of_subject, kind="lead", subject="hot").reinforcements == 7
        before = len(messages)
        assert sql.all(MARKS.marks_of_subject, kind="lead", subject="other") == []
        seen.append(len(messages) - before)
        sql.cursor.execute("UPDATE mark SET subject = 'other' WHERE kind = 'lead'")
        assert len(sql.all(MARKS.marks_of_subject, kind="lead", subject="other")) == 1
        return seen

    assert watched.session.write(work) == [0, 0]


def test_the_error_of_a_statement_that_waited_has_its_cause(watched: Blackboard) -> None:
    def work(txn: Any) -> None:
        txn.sql.run(MARKS.insert_unique_value, kind="page", value="a", mark_id=1)
        txn.sql.run(MARKS.insert_unique_value, kind="page", value="a", mark_id=1)
        txn.sql.run(MARKS.record_time, at=txn.now)

    with pytest.raises(StoreError, match="duplicate key value"):
        watched.session.write(work)
    assert watched.query("SELECT * FROM unique_value") == []
    watched.deposit(Ash(subject="next"))


def test_a_commit_that_rolls_back_is_an_error(watched: Blackboard) -> None:
    def work(txn: Any) -> None:
        txn.sql.run(MARKS.insert_unique_value, kind="page", value="a", mark_id=1)
        with contextlib.suppress(Exception):  # the database server refuses all later statements, but accepts COMMIT
            txn.sql.cursor.execute("SELECT 1 / 0")

    with pytest.raises(StoreError, match="rolled the transaction back"):
        watched.session.write(work)
    assert watched.query("SELECT * FROM unique_value") == []
    watched.deposit(Ash(subject="next"))


def test_an_error_of_work_leaves_nothing_of_what_waited(watched: Blackboard, messages: list[int]) -> None:
    watched.deposit(Page(subject="a", url="x"))
    with pytest.raises(UniqueConflict):
        watched.deposit(Page(subject="b", url="x"))
    assert [mark.subject for mark in watched.marks(Page)] == ["a"]


def test_many_statements_and_many_prepared_ones(watched: Blackboard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statement_pipeline, "MAX_WAITING_STATEMENTS", 20)
    monkeypatch.setattr(statement_pipeline, "MAX_PREPARED", 5)
    payload = "x" * 10_000
    watched.deposit_many([Page(subject=str(each), url=f"{payload}{each}") for each in range(300)])
    assert watched.query("SELECT count(*) AS n FROM mark WHERE kind = 'page'")[0]["n"] == 300
    for each in range(3):
        watched.deposit(Lead(subject=f"s/{each}"))
    prepared: list[str] = watched.session.write(
        lambda txn: txn.sql.cursor.execute("SELECT name FROM pg_prepared_statements").fetchall()
    )
    assert len(prepared) <= 12


def test_outdated_prepared_statements_are_dropped_although_transactions_are_rolled_back(
    watched: Blackboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statement_pipeline, "MAX_PREPARED", 5)
    with contextlib.closing(watched.database.connect(writes=True)) as connection:
        pipeline = pipeline_of(connection, prepares=True)
        for each in range(30):
            pipeline.add(f"SELECT {each}")
            pipeline.receive()
            pipeline.clear()
        [(number,)] = connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchall()
    assert number <= 6


def test_effects_of_waiting_statements_are_known_after_the_commit(watched: Blackboard) -> None:
    heard = []
    watched.session.subscribe(lambda: heard.append(1))
    watched.deposit(Lead(subject="weak"), intensity=0.1)
    assert not heard
    watched.deposit(Lead(subject="strong"), intensity=3.0)
    assert len(heard) == 1
    watched.session.write(lambda txn: txn.sql.run(ACTIVATIONS.extend_leases, worker="nobody", until=txn.now))
    assert len(heard) == 1
