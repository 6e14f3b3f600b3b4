"""An exception of a signal's handler, anywhere in a write, leaves no lock, transaction, thread or descriptor.

Other processes go on, other threads get their results, and nothing is written twice.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import inspect
import itertools
import linecache
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from blackboard.errors import StoreBusy
from blackboard.store import database as database_module
from blackboard.store.connections import batch_commits, group_commit, writing_connection
from blackboard.store.database_factory import database_of
from blackboard.store.dialects.sqlite_library import sqlite
from blackboard.store.sqlite import sqlite_writing_connection
from blackboard.store.sqlite.local_processes import write_lock
from blackboard.store.sqlite.sqlite_database import SqliteDatabase
from blackboard.system.files.board_files import BoardFiles
from tests.support.bounds import BOUND_SECONDS
from tests.support.threads import join_all

MODULES = {
    module.__file__
    for module in (
        contextlib,
        database_module,
        group_commit,
        batch_commits,
        writing_connection,
        sqlite_writing_connection,
        write_lock,
    )
}


class Interrupt(Exception):
    """What a handler of SIGALRM may raise."""


class Injection:
    """Raises an exception in this thread at one step of the code under test: before a line, or after a call."""

    def __init__(self, step: int) -> None:
        self._step = step
        self.done = False

    def __enter__(self) -> None:
        gc.disable()  # objects of other tests must not be deleted between two steps
        sys.settrace(self._trace)

    def __exit__(self, *arguments: object) -> None:
        sys.settrace(None)
        gc.enable()

    def _trace(self, frame: FrameType, event: str, argument: object) -> Any:
        if frame.f_code.co_filename not in MODULES:
            return None
        # Python runs no handler between the end of a `with` block and the release of a lock that is written in C, and
        # none while a generator yields. It ignores what is raised in `__del__`.
        is_deleted = frame.f_back is not None and frame.f_back.f_code.co_name == "__del__"
        is_lock = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip() == "with self._lock:"
        yields = event == "return" and frame.f_code.co_flags & inspect.CO_GENERATOR
        if event != "exception" and not (is_lock or yields or is_deleted) and not self.done:
            self._step -= 1
            if self._step < 0:
                self.done = True
                raise Interrupt
        return self._trace


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    database = database_of(tmp_path / "board.db")
    assert isinstance(database, SqliteDatabase)
    database.write(lambda transaction: transaction.cursor.execute("CREATE TABLE t (x)"))
    yield database
    database.close()


def put(name: str) -> Callable[[Any], str]:
    def work(transaction: Any) -> str:
        transaction.cursor.execute("INSERT INTO t VALUES (?)", (name,))
        return name

    return work


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def assert_free(database: SqliteDatabase) -> None:
    """Check that another process could write now."""
    for path in (database.place.files.write_queue, database.place.files.write_lock):
        with open(path) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    other = sqlite.connect(str(database.path), timeout=0, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.close()


def rows(database: SqliteDatabase) -> Counter[str]:
    with database.read() as transaction:
        return Counter(row[0] for row in transaction.cursor.execute("SELECT x FROM t"))


def interrupted(step: int, work: Callable[[], object]) -> bool:
    """Run work with an interrupt at a step; return whether the step was reached."""
    injection = Injection(step)
    try:
        with injection:
            work()
    except Interrupt:
        assert injection.done
    return injection.done


def test_a_write_that_is_interrupted_anywhere_holds_nothing(database: SqliteDatabase) -> None:
    for step in itertools.count():
        database.write(put("before"))
        if not interrupted(step, lambda: database.write(put(f"interrupted {step}"))):  # noqa: B023
            break
        assert_free(database)
        assert database.write(put("after")) == "after"
    assert step > 50
    found = rows(database)
    assert (found["after"], found["before"]) == (step, step + 1)
    assert {count for name, count in found.items() if name.startswith("interrupted")} == {1}


def test_a_transaction_of_its_own_that_is_interrupted_anywhere_holds_nothing(database: SqliteDatabase) -> None:
    def work() -> None:
        with database.exclusive_transaction() as transaction:
            put(f"interrupted {step}")(transaction)

    for step in itertools.count():
        if not interrupted(step, work):
            break
        assert_free(database)
        assert database.write(put("after")) == "after"
    assert step > 50
    assert set(rows(database).values()) == {step, 1}


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # a connection may be closed by its deletion
def test_a_write_that_is_interrupted_while_it_waits_gives_up_its_place(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = BoardFiles(database.path)
    threads = threading.active_count()
    database.close()
    closed = descriptors()
    for step in itertools.count():
        with open(files.write_lock, "w") as other, open(files.write_queue, "w") as queue:
            fcntl.flock(other, fcntl.LOCK_EX)
            fcntl.flock(queue, fcntl.LOCK_EX)
            released = iter([queue, other])
            monkeypatch.setattr(
                write_lock,
                "sleep_for",
                lambda us: fcntl.flock(next(released), fcntl.LOCK_UN),  # noqa: B023
            )
            reached = interrupted(step, lambda: database.write(put("x")))
        assert_free(database)
        database.close()
        assert threading.active_count() <= threads  # a thread of another test may end meanwhile
        if descriptors() > closed:
            gc.collect()  # a connection of Python's own driver and its cache of statements refer to each other
        assert descriptors() <= closed
        if not reached:
            break
    assert step > 50


def test_an_interrupted_leader_neither_loses_nor_repeats_the_work_of_other_threads(database: SqliteDatabase) -> None:
    for step in itertools.count():
        name = f"other {step}"
        results: list[str] = []
        leads, may_leave = threading.Event(), threading.Event()

        def lead() -> None:
            with database.group_commit.exclusive():
                leads.set()  # noqa: B023
                assert may_leave.wait(BOUND_SECONDS)  # noqa: B023

        def write() -> None:
            results.append(database.write(put(name)))  # noqa: B023

        leader, other = threading.Thread(target=lead), threading.Thread(target=write)

        def waits() -> None:
            if threading.current_thread() is threading.main_thread():
                other.start()  # noqa: B023
            else:
                may_leave.set()  # noqa: B023

        database.group_commit.on_wait = waits
        leader.start()
        assert leads.wait(BOUND_SECONDS)
        reached = interrupted(step, lambda: database.write(put("own")))
        may_leave.set()
        join_all(leader)
        if other.ident is not None:
            other.join(BOUND_SECONDS)
            assert not other.is_alive(), step
            assert results == [name], step
            assert rows(database)[name] == 1, step
        assert_free(database)
        if not reached:
            break
    assert step > 50


def test_an_interrupt_that_a_shared_commit_survives_is_raised_in_its_thread(database: SqliteDatabase) -> None:
    errors = [Interrupt()]

    def work(transaction: Any) -> None:
        if errors:
            raise errors.pop()

    batch: list[group_commit.Entry[Any]] = [group_commit.Entry(put("one")), group_commit.Entry(work)]
    with pytest.raises(Interrupt):
        database.commits.commit(batch)
    assert [entry.error for entry in batch] == [None, None]
    assert rows(database) == {"one": 1}


def test_a_refused_write_leaves_no_thread_and_no_descriptor(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database.writer.lock, "seconds", 0.05)
    database.close()
    threads, closed = threading.active_count(), descriptors()
    with open(BoardFiles(database.path).write_lock) as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        for _ in range(3):
            with pytest.raises(StoreBusy):
                database.write(put("x"))
            assert threading.active_count() <= threads
            assert descriptors() <= closed + 1  # descriptors of other tests may be closed meanwhile
    assert_free(database)
    assert database.write(put("x")) == "x"


def test_a_write_waits_without_a_thread(database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with open(BoardFiles(database.path).write_lock) as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        monkeypatch.setattr(write_lock, "sleep_for", lambda us: fcntl.flock(other, fcntl.LOCK_UN))
        assert database.write(put("x")) == "x"
    assert_free(database)
