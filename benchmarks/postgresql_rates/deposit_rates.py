"""Deposits: by several processes, far from the database server, and in bulk, each beside bare loops in turn."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.performance import boards
from benchmarks.performance.bare_sqlite import in_turn
from benchmarks.performance.report import Row
from benchmarks.postgresql_rates.measured_server import MeasuredServer
from benchmarks.postgresql_rates.process_groups import ProcessGroup
from blackboard import Blackboard
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow

__all__ = ["by_processes", "far_away", "in_bulk", "listed"]

AIMS = {1: 0.35, 8: 0.25}
"""The least share of the bare commits, by the number of processes."""
ROUND_TRIP_MILLISECONDS = 2.4
ROWS_PER_TRANSACTION = 1000


def by_processes(
    server: MeasuredServer,
    *,
    sizes: tuple[int, ...] = (1, 8, 32),
    marks: int = 1000,
    rounds: int = 3,
    seconds: float = 4.0,
) -> Iterator[Row]:
    """Compare processes that deposit to as many that commit bare rows."""
    worst: dict[int, float] = {}
    for size in sizes:
        with server.board(marks) as url:
            ours, bare = _in_turn(url, url, size, rounds, seconds)
        worst[size] = min(ours)
        yield Row(
            f"deposits, {_processes(size)}", marks, min(ours), "a second", detail=f"{listed(ours)}; {_bare(bare)}"
        )
        shares = [rate / base for rate, base in zip(ours, bare, strict=True)]
        what = f"deposits against bare commits, {_processes(size)}"
        yield Row(what, marks, min(shares), "", AIMS.get(size), detail=listed(shares))
    if 8 in worst and 32 in worst:
        yield Row("deposits of 32 processes against 8", marks, worst[32] / worst[8], "", 1.0)


def far_away(
    server: MeasuredServer, *, size: int = 8, marks: int = 1000, rounds: int = 3, seconds: float = 4.0
) -> Iterator[Row]:
    """Measure deposits through a proxy that makes each round trip longer."""
    with server.board(marks) as url, server.behind_proxy(url, ROUND_TRIP_MILLISECONDS) as proxy:
        with server.session(proxy.url) as session:
            (trip,) = in_turn(5, 20, lambda count: [session.execute("SELECT 1") for _ in range(count)])
        ours, bare = _in_turn(proxy.url, proxy.url, size, rounds, seconds)
    detail = f"{listed(ours)}; {_bare(bare)}; a round trip took {trip * 1e3:.1f} ms"
    yield Row(
        f"deposits, {_processes(size)}, {ROUND_TRIP_MILLISECONDS} ms away",
        marks,
        min(ours),
        "a second",
        1200,
        detail=detail,
    )


def in_bulk(server: MeasuredServer, *, marks: int = 1000, rounds: int = 3, count: int = 20_000) -> Iterator[Row]:
    """Compare `deposit_many` to `executemany` and to COPY into the same tables, in transactions of the same size."""
    with (
        server.board(marks) as url,
        server.board(marks) as other,
        server.session(other) as session,
        Blackboard.open(url, author="person:bench", kinds=boards.KINDS) as board,
    ):
        salts = itertools.count(1)
        first, now = board.session.read(lambda txn: (txn.last_event_id + 1, txn.now))
        ready = [[*boards.rows(boards.Trace, count, first + n * count, now)] for n in reversed(range(2 * rounds))]

        def deposit(number: int) -> None:
            subjects = boards.subjects(number, next(salts) * 10**6)
            board.deposit_many(boards.Trace(subject=subject, detail="many") for subject in subjects)

        deposit(min(count, 1000))
        rates = _rates(rounds, count, deposit, _executemany(session, ready), _copy(session, ready))
    names = ("deposit_many", "executemany into the same tables", "COPY into the same tables")
    for name, aim, found in zip(names, (15_000, None, None), rates, strict=True):
        yield Row(name, marks, min(found), "marks a second", aim, detail=listed(found))
    shares = [rate / base for rate, base in zip(rates[0], rates[1], strict=True)]
    yield Row("deposit_many against executemany", marks, min(shares), "", detail=listed(shares))


def listed(values: list[float]) -> str:
    """Return the values of all rounds as text."""
    return ", ".join(f"{value:,.0f}" if value >= 100 else f"{value:.2f}" for value in values)


def _in_turn(url: str, bare_url: str, size: int, rounds: int, seconds: float) -> tuple[list[float], list[float]]:
    ours, bare = [], []
    with ProcessGroup("board_loop", url, size) as depositors, ProcessGroup("bare_loop", bare_url, size) as committers:
        for _ in range(rounds):
            bare.append(committers.rate(seconds))
            ours.append(depositors.rate(seconds))
    return ours, bare


def _rates(rounds: int, count: int, *loops: Callable[[int], None]) -> list[list[float]]:
    turns = [in_turn(1, count, *loops) for _ in range(rounds)]
    return [[1 / taken for taken in of_loop] for of_loop in zip(*turns, strict=True)]


Ready = list[list[tuple[MarkRow, EventRow]]]


def _executemany(session: Any, ready: Ready) -> Callable[[int], None]:
    def insert(count: int) -> None:
        for part in _parts(ready.pop()):
            with session.transaction(), session.cursor() as cursor:
                for table, rows in (("event", [event for _, event in part]), ("mark", [mark for mark, _ in part])):
                    columns = rows[0]._fields
                    places = ", ".join(["%s"] * len(columns))
                    cursor.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)

    return insert


def _copy(session: Any, ready: Ready) -> Callable[[int], None]:
    def copy(count: int) -> None:
        for part in _parts(ready.pop()):
            with session.transaction(), session.cursor() as cursor:
                for table, rows in (("event", [event for _, event in part]), ("mark", [mark for mark, _ in part])):
                    with cursor.copy(f"COPY {table} ({', '.join(rows[0]._fields)}) FROM STDIN") as lines:
                        for row in rows:
                            lines.write_row(row)

    return copy


def _parts(rows: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(rows), ROWS_PER_TRANSACTION):
        yield rows[start : start + ROWS_PER_TRANSACTION]


def _processes(size: int) -> str:
    return "1 process" if size == 1 else f"{size} processes"


def _bare(rates: list[float]) -> str:
    return f"bare commits {listed(rates)}"
