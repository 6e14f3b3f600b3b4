"""The removal of old partitions keeps what must stay, whatever happens meanwhile."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from blackboard import Blackboard, ManualClock
from blackboard.board.housekeeping import history_partitions, retention
from blackboard.board.housekeeping.history_partitions import PartitionProgress
from blackboard.durations import DAY
from blackboard.store.postgresql.postgresql_upkeep import PostgresqlUpkeep
from blackboard.store.row_types.columns_by_table import COLUMNS
from tests.postgresql.optimistic_boards import be_optimistic
from tests.postgresql.partitions.partitioned_boards import (
    EVENTS,
    Smoke,
    Tower,
    copied,
    evaporate,
    fill,
    ids,
    never,
    partitioning,
    partitions,
    remove_partitions,
    remove_until,
)
from tests.support.board_steps import in_transaction
from tests.support.threads import join_all

pytestmark = pytest.mark.postgresql(only=True)


def removed_one_by_one(board: Blackboard, days: float) -> None:
    """Remove what is older than `days` days by deletions."""
    while in_transaction(
        board, retention.remove, history=round(days * DAY), activations=None, model_calls=None, limit=50
    ):
        pass


def test_a_partition_keeps_what_deletions_would_keep(board: Blackboard, plain: Blackboard, clock: ManualClock) -> None:
    start = clock.now()
    fill(plain, clock)
    clock.set(start)
    fill(board, clock)
    assert ids(board) == ids(plain)
    before = len(partitions(board))
    assert remove_partitions(board, 2) is PartitionProgress.DONE
    removed_one_by_one(board, 2)
    removed_one_by_one(plain, 2)
    end = partitioning(board).carried_to
    assert end > EVENTS
    assert [number for number in ids(board) if number < end] == [number for number in ids(plain) if number < end]
    assert len(partitions(board)) < before
    for subject in ("tower/0", "tower/1", "cellar/0"):
        assert board.history(subject) == plain.history(subject) != []
    assert board.history("0/0") == []
    found = {mark.event_id for mark in board.search("smoke", faded=True, limit=500)}
    assert found
    assert found <= set(ids(board))


def test_the_partitions_of_old_events_stay_few(board: Blackboard, clock: ManualClock) -> None:
    board.deploy(kinds=[Smoke])
    for day in range(8):
        board.deposit(Tower(subject=f"tower/{day}"))
        board.deposit_many([Smoke(subject=f"{day}/{number}") for number in range(EVENTS - 1)])
    clock.advance(timedelta(days=20))
    board.deposit(Tower(subject="now"))
    evaporate(board)
    clock.advance(timedelta(days=20))
    board.deposit(Tower(subject="later"))
    remove_partitions(board, 10)
    found = [each for each in partitions(board) if each.end <= partitioning(board).carried_to]
    assert len(found) == 1
    assert [event.subject for event in board.mark_events(limit=1000)][:9] == [
        *(f"tower/{day}" for day in range(8)),
        "now",
    ]


def test_a_partition_of_which_most_stays_is_left_as_it_is(board: Blackboard, clock: ManualClock) -> None:
    board.deposit_many([Tower(subject=f"tower/{number}") for number in range(EVENTS - 1)])
    board.deposit_many([Smoke(subject=f"{number}") for number in range(2)])
    clock.advance(timedelta(days=20))
    evaporate(board)
    clock.advance(timedelta(days=20))
    board.deposit(Tower(subject="now"))
    first = partitions(board)[0]
    remove_partitions(board, 10)
    assert partitions(board)[0] == first
    assert partitioning(board).carried_to == first.end
    removed_one_by_one(board, 10)
    assert ids(board)[: EVENTS - 1] == list(range(1, EVENTS))
    assert EVENTS not in ids(board)


def test_nothing_is_removed_while_a_crossing_over_the_board_waits(board: Blackboard, clock: ManualClock) -> None:
    fill(board, clock)
    board.session.write(
        lambda txn: txn.sql.cursor.execute(
            "UPDATE crossing SET scope = '', state = 'waiting' WHERE id = (SELECT max(id) FROM crossing)"
        )
    )
    before = ids(board)
    assert remove_until(board, 2) is PartitionProgress.DONE
    assert ids(board) == before


def test_events_that_must_stay_since_they_were_considered_stay(board: Blackboard, clock: ManualClock) -> None:
    copied(board, clock)
    events = board.history("0/0")
    assert events
    changed = {"id": "id + 100", "scope": "'0/0'", "state": "'waiting'", "activation_id": "NULL", "closed_at": "NULL"}
    values = ", ".join(changed.get(column, column) for column in COLUMNS["crossing"])
    board.session.write(
        lambda txn: txn.sql.cursor.execute(
            f"INSERT INTO crossing ({', '.join(COLUMNS['crossing'])}) SELECT {values} FROM crossing ORDER BY id LIMIT 1"
        )
    )
    assert remove_partitions(board, 2) is PartitionProgress.DONE
    assert board.history("0/0") == events
    assert board.history("0/1") == []


def test_a_new_deployment_lets_the_copy_begin_anew(board: Blackboard, clock: ManualClock) -> None:
    copied(board, clock)
    before = partitioning(board).carry
    board.deploy(never)
    assert history_partitions.remove_old(board.session, 2 * DAY, 5) is PartitionProgress.MORE
    after = partitioning(board).carry
    assert before is not None
    assert after is not None
    assert (after.reached, after.deployment) == (0, before.deployment + 1)
    assert remove_partitions(board, 2) is PartitionProgress.DONE
    assert board.history("tower/0")


def test_a_forgotten_subject_is_in_no_copy(board: Blackboard, clock: ManualClock) -> None:
    copied(board, clock)
    board.forget("cellar/0")
    board.forget("tower/0")
    words = "SELECT count(*) FROM {} AS e WHERE e::text ~ 'cellar/0|tower/0'"
    assert board.query(words.format("carried_event")) == [(0,)]
    assert remove_partitions(board, 2) is PartitionProgress.DONE
    assert board.query(words.format("event")) == [(0,)]
    assert len(board.query("SELECT id FROM event WHERE subject LIKE 'forgotten/%'")) >= 2


def test_a_reader_with_an_older_snapshot_misses_nothing(
    board: Blackboard, clock: ManualClock, foreign: psycopg.Connection[Any]
) -> None:
    fill(board, clock)
    foreign.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    towers = "SELECT count(*) FROM {} WHERE kind = 'tower'"
    assert foreign.execute(towers.format("mark")).fetchone() == (6,)  # its snapshot is from now; it holds no event
    assert remove_until(board, 2) is PartitionProgress.LATER
    assert partitioning(board).carried_to == 0
    assert foreign.execute(towers.format("event")).fetchone() == (6,)
    foreign.rollback()
    assert remove_partitions(board, 2) is PartitionProgress.DONE
    assert partitioning(board).carried_to > 0


def test_a_reader_of_the_events_delays_the_exchange_and_no_depositor(
    board: Blackboard, clock: ManualClock, foreign: psycopg.Connection[Any]
) -> None:
    copied(board, clock)
    foreign.execute("SELECT count(*) FROM event")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PostgresqlUpkeep, "is_copy_seen", lambda upkeep, version: True)
        assert remove_until(board, 2) is PartitionProgress.LATER
    board.deposit(Tower(subject="meanwhile"))  # with no wait: the manual clock stands still
    foreign.rollback()
    assert remove_partitions(board, 2) is PartitionProgress.DONE
    assert board.history("meanwhile")


@pytest.mark.parametrize("is_optimistic", [False, True])
def test_depositors_and_readers_go_on_meanwhile(
    board: Blackboard, empty_url: str, clock: ManualClock, is_optimistic: bool
) -> None:
    fill(board, clock)
    done = threading.Event()
    errors: list[BaseException] = []

    def use() -> None:
        try:
            with Blackboard.open(empty_url, author="person:bob", clock=clock, kinds=[Tower]) as other:
                number = 0
                while not done.is_set():
                    other.deposit(Tower(subject=f"{threading.get_ident()}/{number}"))
                    assert len(other.history("tower/0")) == 1
                    assert len(other.marks(Tower, limit=None)) > number
                    number += 1
                    if is_optimistic:
                        be_optimistic(other)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=use) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        progress = remove_partitions(board, 2)
    finally:
        done.set()
        join_all(*threads)
    assert errors == []
    assert progress is PartitionProgress.DONE
    assert ids(board)[-1] == len({*ids(board)} | set(range(1, ids(board)[-1] + 1)))
