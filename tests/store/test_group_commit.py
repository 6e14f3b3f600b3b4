"""Waiting threads are committed together, each gets its own result or error, and each returns."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blackboard.errors import StoreBusy
from blackboard.store.connections.group_commit import Entry, GroupCommit
from blackboard.store.database import Database
from blackboard.store.database_factory import database_of
from blackboard.store.dialects.sqlite_dialect import SqliteDialect
from blackboard.store.sqlite.sqlite_transaction import SqliteTransaction
from blackboard.store.transaction import CommitState
from tests.support.bounds import BOUND_SECONDS
from tests.support.threads import join_all


class Named(Entry[None]):
    """An entry without work, with a name."""

    def __init__(self, name: str, *, exclusive: bool = False) -> None:
        super().__init__(lambda transaction: None, exclusive=exclusive)
        self.name = name


def names(batch: list[Entry[Any]]) -> list[str]:
    return [entry.name for entry in batch if isinstance(entry, Named)]


def finish(batch: list[Entry[Any]]) -> None:
    for entry in batch:
        entry.transaction = SqliteTransaction(None, SqliteDialect())
        entry.transaction.commit_state = CommitState.COMMITTED


def test_a_thread_that_finds_no_leader_leads_with_its_own_work() -> None:
    group_commit, entry = GroupCommit(), Named("work")
    assert group_commit.enter(entry) == [entry]


def test_entries_that_arrive_while_a_thread_leads_are_committed_by_the_first_of_them() -> None:
    waits = threading.Semaphore(0)
    group_commit, leader = GroupCommit(waits.release), Named("leader")
    group_commit.enter(leader)
    entries = [Named(f"{number}") for number in range(5)]
    batches: dict[str, list[Entry[Any]]] = {}

    def wait(entry: Named) -> None:
        batches[entry.name] = group_commit.enter(entry)
        finish(batches[entry.name])
        group_commit.leave(entry)

    threads = []
    for entry in entries:
        threads.append(threading.Thread(target=wait, args=(entry,)))
        threads[-1].start()
        assert waits.acquire(timeout=BOUND_SECONDS)
    group_commit.leave(leader)
    join_all(*threads)
    assert names(batches["0"]) == ["0", "1", "2", "3", "4"]
    assert all(not batches[f"{number}"] for number in range(1, 5))


def test_an_exclusive_entry_is_alone_in_its_batch() -> None:
    waits = threading.Semaphore(0)
    group_commit = GroupCommit(waits.release)
    first = Named("first")
    group_commit.enter(first)
    exclusive, after = Named("alone", exclusive=True), Named("after")
    order: list[list[str]] = []

    def wait(entry: Named) -> None:
        batch = group_commit.enter(entry)
        order.append(names(batch))
        group_commit.leave(entry)

    threads = []
    for entry in (exclusive, after):
        threads.append(threading.Thread(target=wait, args=(entry,)))
        threads[-1].start()
        assert waits.acquire(timeout=BOUND_SECONDS)
    group_commit.leave(first)
    join_all(*threads)
    assert order == [["alone"], ["after"]]


def test_a_failure_in_a_shared_commit_is_raised_in_the_thread_that_caused_it(tmp_path: Path) -> None:
    database = database_of(f"sqlite:///{tmp_path / 'gate.db'}")
    outcomes: dict[int, object] = {}
    together = threading.Barrier(6, timeout=BOUND_SECONDS)

    def work(number: int) -> None:
        together.wait(BOUND_SECONDS)
        try:
            outcomes[number] = database.write(lambda transaction: 10 * number if number else 1 / 0)
        except ZeroDivisionError as error:
            outcomes[number] = error

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    join_all(*threads)
    database.close()
    assert isinstance(outcomes.pop(0), ZeroDivisionError)
    assert outcomes == {number: 10 * number for number in range(1, 6)}


def test_an_interrupted_thread_keeps_no_other_waiting() -> None:
    waits = threading.Semaphore(0)
    group_commit, leader = GroupCommit(waits.release), Named("leader")
    group_commit.enter(leader)
    gone, next_ = Named("gone"), Named("next")
    threads = []
    led = []

    def wait(entry: Named) -> None:
        led.append(names(group_commit.enter(entry)))

    for entry in (gone, next_):
        threads.append(threading.Thread(target=wait, args=(entry,), daemon=True))
        threads[-1].start()
        assert waits.acquire(timeout=BOUND_SECONDS)
    group_commit.leave(gone)
    group_commit.leave(leader)
    join_all(threads[1])
    assert led == [["next"]]


def test_work_that_an_interrupted_leader_did_not_commit_is_committed_by_the_next() -> None:
    waits = threading.Semaphore(0)
    group_commit, leader = GroupCommit(waits.release), Named("leader")
    group_commit.enter(leader)
    first, second = Named("first"), Named("second")
    batches: dict[str, list[str]] = {}
    interrupted, goes_on = threading.Event(), threading.Event()

    def wait(entry: Named) -> None:
        batches[entry.name] = names(group_commit.enter(entry))
        if entry is first:
            interrupted.set()
            assert goes_on.wait(BOUND_SECONDS)
        group_commit.leave(entry)

    threads = [threading.Thread(target=wait, args=(entry,), daemon=True) for entry in (first, second)]
    for thread in threads:
        thread.start()
        assert waits.acquire(timeout=BOUND_SECONDS)
    group_commit.leave(leader)
    assert interrupted.wait(BOUND_SECONDS)
    assert batches == {"first": ["first", "second"]}
    goes_on.set()
    join_all(*threads)
    assert batches["second"] == ["second"]


@pytest.mark.parametrize("held", [True, False])
def test_closing_waits_for_the_thread_that_leads(tmp_path: Path, held: bool) -> None:
    database = database_of(f"sqlite:///{tmp_path / 'gate.db'}")
    with database.exclusive_transaction() as transaction:
        transaction.cursor.execute("CREATE TABLE t (x)")
        closing = threading.Thread(target=database.close)
        if held:
            closing.start()
    if not held:
        closing.start()
    join_all(closing)


def rows(database: Database) -> list[int]:
    with database.read() as transaction:
        return [row[0] for row in transaction.cursor.execute("SELECT x FROM t ORDER BY x").fetchall()]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = database_of(f"sqlite:///{tmp_path / 'gate.db'}")
    with database.exclusive_transaction() as transaction:
        transaction.cursor.execute("CREATE TABLE t (x)")
    yield database
    database.close()


def put(number: int) -> Entry[Any]:
    return Entry(lambda transaction: transaction.cursor.execute("INSERT INTO t VALUES (?)", (number,)) and number)


def test_an_interrupt_in_a_shared_commit_is_raised_and_the_other_work_is_committed(database: Database) -> None:
    interrupts = [KeyboardInterrupt()]

    def interrupted(transaction: Any) -> None:
        if interrupts:
            raise interrupts.pop()

    batch = [put(1), Entry(interrupted), put(2)]
    with pytest.raises(KeyboardInterrupt):
        database.commits.commit(batch)
    assert rows(database) == [1, 2]
    assert [entry.error for entry in batch] == [None, None, None]


def test_committed_work_is_not_repeated_after_a_later_error(database: Database) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    database.on_commit.subscribe(interrupt)
    with pytest.raises(KeyboardInterrupt):
        database.commits.commit([put(1), put(2)])
    assert rows(database) == [1, 2]


def test_a_batch_waits_once_for_a_board_locked_by_another_process(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[StoreBusy] = []

    def held(lock: Any) -> None:
        waits.append(StoreBusy("held"))
        raise waits[-1]

    monkeypatch.setattr("blackboard.store.sqlite.local_processes.write_lock.WriteLock.acquire", held)
    batch = [put(number) for number in range(8)]
    database.commits.commit(batch)
    assert len(waits) == 1
    assert {entry.error for entry in batch} == set(waits)


def test_a_rollback_is_announced_after_it_is_done(database: Database) -> None:
    seen: list[list[int]] = []
    database.on_rollback.subscribe(lambda: seen.append(rows(database)))
    with pytest.raises(ZeroDivisionError):
        database.write(lambda transaction: transaction.cursor.execute("INSERT INTO t VALUES (1)") and 1 / 0)
    assert seen == [[]]


def test_each_listener_is_called_until_it_unsubscribes(database: Database) -> None:
    commits: list[str] = []
    unsubscribe = database.on_commit.subscribe(lambda: commits.append("first"))
    database.on_commit.subscribe(lambda: commits.append("second"))
    database.write(lambda transaction: None)
    unsubscribe()
    database.write(lambda transaction: None)
    assert commits == ["first", "second", "second"]
