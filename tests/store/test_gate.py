"""Law: threads at the gate are committed together, each gets its own result or error, and none is left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blackboard.errors import StoreBusy
from blackboard.store.database import Database
from blackboard.store.group_commit import Entry, GroupCommit


def test_whoever_finds_the_gate_free_leads_with_its_own_work() -> None:
    group_commit, entry = GroupCommit(), Entry("work")
    assert group_commit.enter(entry) == [entry]


def test_those_that_gather_while_one_leads_are_taken_along_by_the_first_of_them() -> None:
    group_commit = GroupCommit()
    group_commit.enter(Entry("leader"))
    entries = [Entry(number) for number in range(5)]
    batches: dict[int, list[Entry]] = {}
    waiting = threading.Semaphore(0)

    def wait(entry: Entry) -> None:
        waiting.release()
        batches[entry.work] = group_commit.enter(entry)
        if batches[entry.work]:
            group_commit.release([other for other in batches[entry.work] if other is not entry])

    threads = []
    for entry in entries:
        threads.append(threading.Thread(target=wait, args=(entry,)))
        threads[-1].start()
        waiting.acquire(timeout=10)
        while entry.called is None:
            pass
    group_commit.release([])
    for thread in threads:
        thread.join(timeout=10)
    assert [item.work for item in batches[0]] == [0, 1, 2, 3, 4]
    assert all(not batches[number] for number in range(1, 5))


def test_a_thread_that_wants_to_be_alone_is_taken_along_by_nobody() -> None:
    group_commit = GroupCommit()
    first = Entry("first")
    group_commit.enter(first)
    exclusive, after = Entry("alone", exclusive=True), Entry("after")
    order: list[list[str]] = []

    def wait(entry: Entry) -> None:
        batch = group_commit.enter(entry)
        order.append([item.work for item in batch])
        group_commit.release([other for other in batch if other is not entry])

    threads = []
    for entry in (exclusive, after):
        threads.append(threading.Thread(target=wait, args=(entry,)))
        threads[-1].start()
        while entry.called is None:
            pass
    group_commit.release([])
    for thread in threads:
        thread.join(timeout=10)
    assert order == [["alone"], ["after"]]


def test_a_failure_in_a_shared_commit_is_told_to_the_one_whose_it_is(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'gate.db'}")
    told: dict[int, object] = {}
    together = threading.Barrier(6)

    def work(number: int) -> None:
        together.wait(10)
        try:
            told[number] = database.write(lambda tx: 10 * number if number else 1 / 0)
        except ZeroDivisionError as error:
            told[number] = error

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    database.close()
    assert isinstance(told.pop(0), ZeroDivisionError)
    assert told == {number: 10 * number for number in range(1, 6)}


def test_an_interrupted_thread_leaves_nobody_waiting() -> None:
    group_commit = GroupCommit()
    group_commit.enter(Entry("leader"))
    gone, next_ = Entry("gone"), Entry("next")
    threads = []
    led = []

    def wait(entry: Entry) -> None:
        led.append([item.work for item in group_commit.enter(entry)])

    for entry in (gone, next_):
        threads.append(threading.Thread(target=wait, args=(entry,), daemon=True))
        threads[-1].start()
        while entry.called is None:
            pass
    group_commit._give_up(gone)
    group_commit.release([])
    threads[1].join(timeout=10)
    assert led == [["next"]]


def test_a_thread_that_is_interrupted_as_it_gives_way_lets_the_next_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    group_commit, next_ = GroupCommit(), Entry("next")
    group_commit._group_size = 2

    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("blackboard.store.group_commit.give_way", interrupt)
    with pytest.raises(KeyboardInterrupt):
        group_commit.enter(Entry("gone"))
    assert not group_commit._has_leader
    group_commit._group_size = 1
    assert group_commit.enter(next_) == [next_]


@pytest.mark.parametrize("held", [True, False])
def test_closing_waits_for_the_gate(tmp_path: Path, held: bool) -> None:
    database = Database(f"sqlite:///{tmp_path / 'gate.db'}")
    with database.exclusively() as tx:
        tx.cursor.execute("CREATE TABLE t (x)")
        closing = threading.Thread(target=database.close)
        if held:
            closing.start()
    if not held:
        closing.start()
    closing.join(timeout=10)
    assert not closing.is_alive()


def rows(database: Database) -> list[int]:
    with database.read() as tx:
        return [row[0] for row in tx.cursor.execute("SELECT x FROM t ORDER BY x").fetchall()]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'gate.db'}")
    with database.exclusively() as tx:
        tx.cursor.execute("CREATE TABLE t (x)")
    yield database
    database.close()


def put(number: int) -> Entry:
    return Entry(lambda tx: tx.cursor.execute("INSERT INTO t VALUES (?)", (number,)) and number)


def test_an_interrupt_in_a_shared_commit_goes_on_and_the_others_are_done(database: Database) -> None:
    interrupts = [KeyboardInterrupt()]

    def interrupted(tx: Any) -> None:
        if interrupts:
            raise interrupts.pop()

    batch = [put(1), Entry(interrupted), put(2)]
    with pytest.raises(KeyboardInterrupt):
        database._commit(batch)
    assert rows(database) == [1, 2]
    assert [entry.error for entry in batch] == [None, None, None]


def test_what_is_committed_is_not_done_again_whatever_comes_after(database: Database) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    database.on_commit = interrupt
    with pytest.raises(KeyboardInterrupt):
        database._commit([put(1), put(2)])
    assert rows(database) == [1, 2]


def test_a_board_that_is_held_is_waited_for_once_for_all(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[StoreBusy] = []

    def held() -> Any:
        waits.append(StoreBusy("held"))
        raise waits[-1]

    monkeypatch.setattr(database, "write_lock", held)
    batch = [put(number) for number in range(8)]
    database._commit(batch)
    assert len(waits) == 1
    assert {entry.error for entry in batch} == set(waits)


def test_who_wrote_is_told_of_what_is_taken_back(database: Database) -> None:
    told: list[list[int]] = []
    database.on_rollback = lambda: told.append(rows(database))
    with pytest.raises(ZeroDivisionError):
        database.write(lambda tx: tx.cursor.execute("INSERT INTO t VALUES (1)") and 1 / 0)
    assert told == [[]]
