"""A new event goes into its partition, and a board with partitions works like a board without."""

from __future__ import annotations

import os
import threading
from datetime import timedelta
from pathlib import Path
from runpy import run_path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import BigInteger, Column

from blackboard import Blackboard, ManualClock
from blackboard.board import backups_and_copies, board_storage
from blackboard.board.diagnosis.doctor import examine_board
from blackboard.board.housekeeping import history_partitions
from blackboard.board.housekeeping.history_partitions import PartitionProgress
from blackboard.errors import UsageError
from blackboard.store.schema.schema_revisions import HEAD, revision_of
from blackboard.store.schema.tables import metadata
from tests.postgresql.partitions.partitioned_boards import (
    EVENTS,
    Smoke,
    copied,
    evaporate,
    fill,
    ids,
    partition,
    partitioning,
    partitions,
    remove_partitions,
)
from tests.postgresql.watermark_readings import missed, read_watermarks
from tests.support.manual_daemons import run_until_idle, served
from tests.support.postgresql import postgresql_programs
from tests.support.postgresql_boards import PostgresqlServer
from tests.support.threads import join_all

pytestmark = pytest.mark.postgresql(only=True)


def test_events_find_a_partition_though_none_was_created_ahead(board: Blackboard) -> None:
    for number in range(2 * EVENTS):
        board.deposit(Smoke(subject=f"{number}"))
    board.deposit_many([Smoke(subject=f"many/{number}") for number in range(12 * EVENTS)])
    assert ids(board) == list(range(1, 14 * EVENTS + 1))
    found = partitions(board)
    assert [each.first for each in found[1:]] == [each.end for each in found[:-1]]
    assert found[-1].end > 14 * EVENTS


def test_threads_that_need_a_partition_at_once_get_one(board: Blackboard) -> None:
    threads = [
        threading.Thread(target=lambda: [board.deposit(Smoke(subject="s")) for _ in range(EVENTS)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    join_all(*threads)
    assert ids(board) == list(range(1, 4 * EVENTS + 1))


def test_a_partition_is_created_ahead_of_need(board: Blackboard) -> None:
    assert history_partitions.extend(board.session) == 0
    board.deposit(Smoke(subject="s"))
    assert history_partitions.extend(board.session) == 1
    assert history_partitions.extend(board.session) == 0
    board.deposit_many([Smoke(subject=f"{number}") for number in range(EVENTS)])
    assert history_partitions.extend(board.session) == 1


def test_a_daemon_creates_and_removes_partitions(board: Blackboard, clock: ManualClock) -> None:
    board.deposit_many([Smoke(subject=f"{number}") for number in range(3 * EVENTS)])
    daemon = served(board, keep_history="30d", evaporation_batch=200)
    clock.advance(timedelta(days=60))
    for _ in range(EVENTS):
        clock.advance(timedelta(minutes=2))
        run_until_idle(daemon)
        board.deposit(Smoke(subject="now"))
    daemon.close()
    assert min(ids(board)) == EVENTS + 1
    assert partitions(board)[-1].end > ids(board)[-1] + EVENTS


def test_a_board_with_events_gets_partitions(empty_url: str, clock: ManualClock) -> None:
    with Blackboard.open(empty_url, author="person:ada", clock=clock, create=True) as board:
        fill(board, clock, days=2)
        before, view = ids(board), board.query("SELECT * FROM mark_history ORDER BY id")
        partition(board)
        assert ids(board) == before
        assert partitions(board)[0].end == before[-1] + 1
        partition(board, events=2 * EVENTS)
        assert partitioning(board).events == 2 * EVENTS
        board.deposit(Smoke(subject="new"))
        assert board.query("SELECT * FROM mark_history ORDER BY id")[: len(view)] == view
        assert board.query("SELECT count(*) FROM mark_history WHERE subject = 'new'") == [(1,)]


def test_the_history_in_a_file_has_no_partitions(plain: Blackboard) -> None:
    with pytest.raises(UsageError, match="is a file"):
        board_storage.partition_history(plain, 1_000_000)


def test_a_size_out_of_range_is_refused(board: Blackboard) -> None:
    with pytest.raises(UsageError, match="1,000 to 1,000,000,000 events"):
        board_storage.partition_history(board, 999)


def test_doctor_names_the_partitions_and_the_missing_one(board: Blackboard) -> None:
    def found() -> tuple[str, str]:
        [finding] = [each for each in examine_board(board) if each.name == "partitions"]
        return finding.state, finding.detail

    assert found() == ("ok", f"1 partition of the history, new ones for {EVENTS} events")
    board.deposit_many([Smoke(subject=f"{number}") for number in range(EVENTS)])
    state, detail = found()
    assert state == "note"
    assert "the next one is missing" in detail
    history_partitions.extend(board.session)
    assert found()[0] == "ok"
    assert board.status().marks == {"smoke": EVENTS}


def test_plans_reach_the_indexes_of_the_partitions(board: Blackboard, foreign: psycopg.Connection[Any]) -> None:
    board.deposit_many([Smoke(subject=f"{number % 50}") for number in range(50 * EVENTS)])
    board.database.upkeep.analyze_history()
    foreign.execute("SET enable_seqscan = off")  # these partitions are small enough to be read whole

    def plan(query: str) -> str:
        return "\n".join(row[0] for row in foreign.execute(f"EXPLAIN (COSTS OFF) {query}"))

    for query in (
        "SELECT max(id) FROM event",
        "SELECT * FROM event WHERE id = 7",
        "SELECT * FROM event WHERE subject = '7' ORDER BY id DESC LIMIT 5",
        "SELECT recorded_at FROM event ORDER BY id LIMIT 1",
    ):
        assert "Seq Scan" not in plan(query), plan(query)
    assert plan("SELECT * FROM event WHERE id = 7").count("Scan") == 1


@pytest.mark.whole_boards
def test_the_schema_is_the_declared_one(board: Blackboard) -> None:
    own = {name for (name,) in board.query("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")}
    assert own

    def is_declared(name: str | None, kind: str, parents: Any) -> bool:
        return kind != "table" or name not in own | {"event_partitioning", "search_index"}

    with board.database.engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True, "include_name": is_declared}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_an_upgrade_begins_the_copy_anew(
    board: Blackboard, empty_url: str, clock: ManualClock, foreign: psycopg.Connection[Any]
) -> None:
    copied(board, clock)
    renamed = run_path("migrations/versions/0011_scopes.py")
    for table in renamed["TABLES"]:
        foreign.execute(f"ALTER TABLE {table} RENAME COLUMN scope TO subject")
    for table in renamed["INDEXED"]:
        foreign.execute(f"ALTER INDEX ix_{table}_scope RENAME TO ix_{table}_subject")
    foreign.execute(
        "DROP TABLE writer; ALTER TABLE worker DROP lock_key; UPDATE alembic_version SET version_num = '0009'"
    )
    foreign.commit()
    with Blackboard.open(empty_url, author="person:ada", clock=clock, create=True) as upgraded:
        assert revision_of(upgraded.database) == HEAD
        assert partitioning(upgraded).carry is None
        assert remove_partitions(upgraded, 2) is PartitionProgress.DONE
        assert len(upgraded.history("tower/0")) == 1


def test_a_column_and_an_index_reach_all_partitions(board: Blackboard, clock: ManualClock) -> None:
    """A later migration may add both. The partitions of that time and later ones have them."""
    fill(board, clock, days=2)
    with board.database.engine.begin() as connection:
        operations = Operations(MigrationContext.configure(connection))
        operations.add_column("event", Column("shade", BigInteger, server_default="0", nullable=False))
        operations.create_index("ix_event_shade", "event", ["shade"])
    for number in range(2 * EVENTS):
        board.deposit(Smoke(subject=f"{number}"))
    count = len(partitions(board))
    assert board.query("SELECT count(*) FROM pg_index WHERE indexrelid::regclass::text ~ 'shade'") == [(count + 1,)]


def test_a_board_is_copied_from_partitions_and_to_partitions(
    board: Blackboard, clock: ManualClock, tmp_path: Path, postgresql_server: PostgresqlServer
) -> None:
    fill(board, clock)
    remove_partitions(board, 2)
    board.pause(reason="moving")
    url = postgresql_server.create_database()
    with (
        Blackboard.open(tmp_path / "copy.db", clock=clock) as file,
        Blackboard.open(url, clock=clock, create=True) as other,
    ):
        backups_and_copies.copy_board(board, file)
        partition(other)
        backups_and_copies.copy_board(file, other)
        assert ids(other) == ids(file) == ids(board)
        assert other.history("tower/0") == board.history("tower/0")
        assert len(partitions(other)) >= (ids(board)[-1] - ids(board)[0]) / EVENTS
        other.resume()
        other.deposit(Smoke(subject="new"))
        evaporate(other)
        assert remove_partitions(other, 1) is PartitionProgress.DONE
    postgresql_server.drop_board(url)


@pytest.mark.processes
def test_a_backup_has_the_partitions(
    board: Blackboard,
    clock: ManualClock,
    tmp_path: Path,
    postgresql_server: PostgresqlServer,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if (programs := request.config.getoption("--postgresql-programs") or postgresql_programs()) is not None:
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    copied(board, clock)
    copy = backups_and_copies.back_up(board, tmp_path / "board.dump")
    url = postgresql_server.create_database()
    backups_and_copies.restore(copy.path, url, 0)
    with Blackboard.open(url, clock=clock) as restored:
        assert partitions(restored) == partitions(board)
        assert partitioning(restored)[:-1] == partitioning(board)[:-1]
        assert ids(restored) == ids(board)
        assert remove_partitions(restored, 2) is PartitionProgress.DONE
        assert len(restored.history("tower/0")) == 1
    postgresql_server.drop_board(url)


@pytest.mark.processes
def test_a_watermark_misses_nothing(board: Blackboard, empty_url: str) -> None:
    partition(board, events=10)
    board.deposit_many([Smoke(subject=f"{number}") for number in range(EVENTS - 5)])
    found, events = read_watermarks(empty_url, 20, 3)
    assert missed(found, events) == 0
    assert len(partitions(board)) > 2
