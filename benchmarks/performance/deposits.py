"""Deposits: one at a time, from eight threads, and in bulk, each compared with a loop over bare SQLite."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.performance import boards
from benchmarks.performance.bare_sqlite import RawTable, in_turn
from benchmarks.performance.boards import Trace
from benchmarks.performance.report import Row
from blackboard import Blackboard, Mark
from blackboard.core.agents.agent_definition import Agent
from blackboard.store.dialects.sqlite_dialect import SqliteDialect
from blackboard.store.statements import MARKS

__all__ = ["bulk", "deposits", "one_at_a_time", "over_the_board", "threads"]


def one_at_a_time(folder: Path, size: int, *, rounds: int = 7, count: int = 300) -> Iterator[Row]:
    """Compare a durable deposit of a kind with two watches to a durable commit of one row."""
    raw = RawTable(folder / f"raw-{size}.db")
    with Blackboard.open(f"sqlite:///{boards.copy(folder, size, 'one')}", kinds=boards.KINDS) as board:
        new, known, bare = (_endless(salt) for salt in (10**7, 0, 0))
        deposited, reinforced, plain = in_turn(
            rounds,
            count,
            deposits(board, new),
            deposits(board, itertools.cycle(boards.subjects(min(size, 1000)))),
            raw.commits(bare),
        )
        del known
    raw.close()
    detail = f"{1 / deposited:,.0f} a second against {1 / plain:,.0f}"
    yield Row("one deposit", size, deposited * 1e3, "ms")
    yield Row("one reinforcement", size, reinforced * 1e3, "ms")
    yield Row(
        "one deposit against a raw commit", size, plain / deposited, "", 0.5 if size <= 10_000 else 0.4, detail=detail
    )
    yield Row("one reinforcement against a raw commit", size, plain / reinforced, "")


def threads(folder: Path, *, size: int = 1000, rounds: int = 5, count: int = 800, workers: int = 8) -> Iterator[Row]:
    """Compare threads that share commits to the raw loop of one thread."""
    raw, bare = RawTable(folder / "raw-threads.db"), _endless(0)
    with Blackboard.open(f"sqlite:///{boards.copy(folder, size, 'threads')}", kinds=boards.KINDS) as board:
        salts = itertools.count(1)

        def shared(n: int) -> None:
            salt = next(salts) * 10**6
            pool = [
                threading.Thread(target=deposits(board, _endless(salt + 10**5 * number)), args=(n // workers,))
                for number in range(workers)
            ]
            for item in pool:
                item.start()
            for item in pool:
                item.join()

        together, plain = in_turn(rounds, count, shared, raw.commits(bare))
    raw.close()
    yield Row(
        f"{workers} threads against one raw loop", size, plain / together, "", 1.0,
        detail=f"{1 / together:,.0f} a second against {1 / plain:,.0f}",
    )  # fmt: skip


def bulk(folder: Path, *, size: int = 1000, rounds: int = 5, count: int = 5000) -> Iterator[Row]:
    """Compare `deposit_many` to `executemany` into the same tables and indexes with equal transactions."""
    paths = [boards.copy(folder, size, name) for name in ("bulk", "bulk-raw")]
    with (
        Blackboard.open(f"sqlite:///{paths[0]}", kinds=boards.KINDS) as board,
        Blackboard.open(f"sqlite:///{paths[1]}", kinds=boards.KINDS) as other,
    ):
        salts = itertools.count(1)

        def many(n: int) -> None:
            salt = next(salts) * 10**6
            board.deposit_many(Trace(subject=subject, detail="many") for subject in boards.subjects(n, salt))

        first, now = other.session.read(lambda txn: (txn.last_event_id + 1, txn.now))
        ready = [list(boards.rows(Trace, count, first + number * count, now)) for number in range(rounds)][::-1]

        def raw(n: int) -> None:
            marks = ready.pop()
            for start in range(0, n, 1000):
                part = marks[start : start + 1000]
                with other.database.exclusive_transaction() as tx:
                    tx.cursor.executemany(_sql(tx, MARKS.insert_event), [tuple(event) for _, event in part])
                    tx.cursor.executemany(_sql(tx, MARKS.insert_mark), [tuple(mark) for mark, _ in part])

        deposited, plain = in_turn(rounds, count, many, raw)
    yield Row("one of many deposits", size, deposited * 1e3, "ms")
    yield Row(
        "bulk load against executemany", size, plain / deposited, "", 0.5,
        detail=f"{1 / deposited:,.0f} a second against {1 / plain:,.0f}",
    )  # fmt: skip


def over_the_board(folder: Path, sizes: Sequence[int], *, rounds: int = 7, count: int = 200) -> Iterator[Row]:
    """Measure the cost that a board-wide threshold adds to a deposit, for each board size and decay law.

    With several sizes, the largest board is compared to the smallest. A larger board writes more pages in any case, so
    the ratio without the threshold is also reported.
    """
    for kind in (boards.Trace, boards.Ramp, boards.Beacon, boards.Fact):
        law = kind.defaults.decay.name
        with contextlib.ExitStack() as stack:
            loops = [
                _many(stack, boards.copy(folder, size, name), kind, agents)
                for size in sizes
                for name, agents in (("near", ()), ("far", boards.watchers(kind)[1:]))
            ]
            times = in_turn(rounds, count, *loops)
        without, under = times[::2], times[1::2]
        for size, bare, full in zip(sizes, without, under, strict=True):
            yield Row(f"a board-wide threshold, {law}", size, (full - bare) * 1e3, "ms")
        if len(sizes) > 1:
            yield Row(
                f"deposit under a board-wide threshold, {law}", sizes[-1], under[-1] / under[0],
                f"x that at {sizes[0]:,}", 1.5, "at most", detail=f"{without[-1] / without[0]:.2f} x without it",
            )  # fmt: skip


def _many(stack: contextlib.ExitStack, path: Path, kind: type[Mark], agents: Sequence[Agent]) -> Callable[[int], None]:
    """Return a loop of deposits on a hundred subjects, one transaction per call; a first call is already made."""
    board = stack.enter_context(Blackboard.open(f"sqlite:///{path}", kinds=boards.KINDS))
    boards.deploy(board, *agents)
    known = itertools.cycle(boards.subjects(100))

    def many(count: int) -> None:
        board.deposit_many(kind(subject=next(known)) for _ in range(count))

    many(200)
    return many


def deposits(board: Blackboard, subjects: Iterator[str]) -> Callable[[int], None]:
    def loop(count: int) -> None:
        for _ in range(count):
            board.deposit(Trace(subject=next(subjects), detail="one"))

    return loop


def _endless(salt: int) -> Iterator[str]:
    return boards.subjects(10**9, salt)


def _sql(tx: object, statement: object) -> str:
    return statement.compile(SqliteDialect())[0]  # type: ignore[attr-defined,no-any-return]
