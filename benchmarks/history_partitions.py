"""Measure the removal of old events on PostgreSQL, one by one and by the partition, while a process deposits.

`python -m benchmarks.history_partitions` fills two boards with 1,400,000 events, of which 300,000 are over a year old.
One old event in a hundred belongs to a live mark, so it stays. It prints how long the removal took, the size of the
history before and after, and the longest and the median time of the deposits meanwhile.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from typing import NamedTuple

from blackboard import Blackboard, Mark
from blackboard.board import board_storage
from blackboard.board.housekeeping import history_partitions, retention
from blackboard.board.housekeeping.history_partitions import PartitionProgress
from blackboard.clock import sleep_for
from blackboard.durations import DAY
from blackboard.store.row_types.columns_by_table import COLUMNS
from tests.support.postgresql import postgresql_programs, start_postgresql
from tests.support.postgresql_boards import PostgresqlServer

YEAR = 365 * DAY
LIMIT = 500
"""The rows that a transaction removes, as by default."""
STAYS = 100
"""One old event in this many belongs to a live mark."""
SIZE = (
    "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class AS c WHERE c.relkind = 'r' AND (c.relname = 'event'"
    " OR c.relname LIKE 'event\\_to\\_%')"
)


class Tower(Mark, kind="tower", on_repeat="separate"):
    """A mark that never fades."""


class Removal(NamedTuple):
    """The figures of one removal."""

    seconds: float
    before: int
    after: int
    """The bytes of the history with its indexes, before and after."""
    longest: float
    median: float
    """The seconds of the deposits meanwhile."""


def fill(board: Blackboard, events: int, old: int) -> None:
    """Write a history: rows as deposits leave them, most of marks that are gone."""
    board.deposit(Tower(subject="first"))
    columns = COLUMNS["event"]
    age = f"recorded_at - CASE WHEN n <= {old} THEN {400 * DAY} ELSE {300 * DAY} END + n"
    changed = {
        "id": "n",
        "mark_id": "n",
        "subject": "'s/' || n % 50000",
        "recorded_at": age,
        "payload": "'{\"text\": \"' || repeat('x', 60) || '\"}'",
    }
    values = ", ".join(changed.get(column, f"event.{column}") for column in columns)
    with board.database.exclusive_transaction() as transaction:
        transaction.dialect.take_time(transaction.cursor)
        transaction.cursor.execute(
            f"INSERT INTO event ({', '.join(columns)}) SELECT {values} FROM event, generate_series(2, {events}) AS n"
            " WHERE id = 1"
        )
        transaction.cursor.execute(f"UPDATE event SET recorded_at = recorded_at - {400 * DAY} WHERE id = 1")
        columns = COLUMNS["mark"]
        changed = {"id": "n", "event_id": "n", "subject": "'s/' || n % 50000"}
        values = ", ".join(changed.get(column, f"mark.{column}") for column in columns)
        transaction.cursor.execute(
            f"INSERT INTO mark ({', '.join(columns)}) SELECT {values}"
            f" FROM mark, generate_series({STAYS}, {old}, {STAYS}) AS n WHERE id = 1"
        )
    with contextlib.closing(board.database.connect(writes=True)) as connection:
        connection.execute("VACUUM ANALYZE")


def deposit(url: str, end: Event, results: Queue[list[float]]) -> None:
    """Deposit one mark after another until the end, and return how long each took in seconds."""
    with Blackboard.open(url, author="depositor", kinds=[Tower]) as board:
        times = []
        while not end.is_set():
            begun = time.perf_counter()
            board.deposit(Tower(subject="now"))
            times.append(time.perf_counter() - begun)
        results.put(times)


@contextlib.contextmanager
def depositor(url: str) -> Iterator[list[float]]:
    """Run a process that deposits. At the end, the list has the seconds of its deposits."""
    context = multiprocessing.get_context("spawn")
    end, results = context.Event(), context.Queue()
    process = context.Process(target=deposit, args=(url, end, results))
    process.start()
    sleep_for(3_000_000)
    times: list[float] = []
    yield times
    end.set()
    times += results.get()
    process.join()


def remove_nothing(board: Blackboard) -> None:
    """Let the process deposit alone."""
    sleep_for(20_000_000)


def remove_by_deletions(board: Blackboard) -> None:
    """Remove the old events one by one."""
    while board.session.write(
        lambda txn: retention.remove(txn, history=YEAR, activations=None, model_calls=None, limit=LIMIT)
    ):
        pass
    with contextlib.closing(board.database.connect(writes=True)) as connection:
        connection.execute("VACUUM event")


def remove_by_partitions(board: Blackboard) -> None:
    """Remove the old events by the partition."""
    while (progress := history_partitions.remove_old(board.session, YEAR, LIMIT)) is not PartitionProgress.DONE:
        if progress is PartitionProgress.LATER:
            sleep_for(100_000)


def measure(url: str, remove: Callable[[Blackboard], None], events: int, old: int, size: int | None) -> Removal:
    """Fill a board, and measure the removal of its old events."""
    with Blackboard.open(url, author="person:ada", create=True) as board:
        if size is not None:
            board_storage.partition_history(board, size)
            with board.database.exclusive_transaction() as transaction:
                assert transaction.partitions is not None, "a board in a file has no partitions"
                transaction.partitions.add(size, up_to=events)
        fill(board, events, old)
        [(before,)] = board.query(SIZE)
        with depositor(url) as times:
            begun = time.perf_counter()
            remove(board)
            seconds = time.perf_counter() - begun
        [(after,)] = board.query(SIZE)
    assert isinstance(before, int)
    assert isinstance(after, int)
    return Removal(seconds, before, after, max(times), statistics.median(times))


def main() -> None:
    """Measure both ways, and print a line for each."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.history_partitions", description=__doc__)
    options.add_argument("--events", type=int, default=1_400_000)
    options.add_argument("--old", type=int, default=300_000)
    options.add_argument("--size", type=int, default=100_000, help="the events of a partition")
    given = options.parse_args()
    programs = postgresql_programs()
    assert programs is not None, "install the extra [dev-postgresql]"
    with start_postgresql(programs, is_durable=True) as url:
        server = PostgresqlServer(url)
        for name, remove, size in (
            ("not at all", remove_nothing, None),
            ("one by one", remove_by_deletions, None),
            ("by the partition", remove_by_partitions, given.size),
        ):
            board_url = server.create_database()
            found = measure(board_url, remove, given.events, given.old, size)
            server.drop_board(board_url)
            print(
                f"{name}: {found.seconds:.1f} s, {found.before / 2**20:.0f} MB before, {found.after / 2**20:.0f} MB"
                f" after; deposits meanwhile: longest {found.longest * 1000:.0f} ms, median"
                f" {found.median * 1000:.1f} ms",
                flush=True,
            )


if __name__ == "__main__":
    main()
