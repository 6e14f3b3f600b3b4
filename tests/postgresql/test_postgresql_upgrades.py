"""The schema of a board on PostgreSQL is not changed while a worker's lock shows that the worker is alive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from blackboard import Blackboard
from blackboard.board.board_storage import refresh_views
from blackboard.clock import Instant
from blackboard.durations import MINUTE
from blackboard.errors import StoreError
from blackboard.store.database_interfaces.process_interface import MAX_SILENCE
from blackboard.store.schema import schema_revisions, schema_upgrades
from blackboard.store.statements import ACTIVATIONS
from tests.postgresql.postgresql_sessions import PostgresqlSessions

pytestmark = pytest.mark.postgresql(only=True)

LOCK = 4711


def register(board: Blackboard, lock_key: int | None, seen_at: Instant) -> None:
    """Register a worker of another version."""
    values: dict[str, Any] = {"pid": 1, "host": "there", "started_at": 0, "agents": None, "schema": None, "model": None}
    row = {"id": "there-1", "version": "0.0.1", "lock_key": lock_key, "seen_at": seen_at, **values}
    board.session.write(lambda txn: txn.sql.run(ACTIVATIONS.insert_worker, **row) and None)


@pytest.fixture
def outdated(board: Blackboard) -> Blackboard:
    """Return the board, with the views of another version."""
    with board.database.exclusive_transaction() as transaction:
        transaction.cursor.execute("UPDATE board SET views_hash = 'another'")
    return board


@pytest.fixture
def held(sessions: PostgresqlSessions) -> Iterator[Any]:
    """Return a session that holds the lock of the worker."""
    with sessions.foreign() as foreign:
        foreign.execute(f"SELECT pg_advisory_lock({LOCK})")
        yield foreign


def test_views_are_kept_while_the_lock_of_a_worker_is_held(outdated: Blackboard, held: Any) -> None:
    register(outdated, LOCK, outdated.session.now() - 10 * MAX_SILENCE)
    note = refresh_views(outdated)
    assert note is not None
    assert "worker there-1 of version 0.0.1 is running" in note
    held.execute(f"SELECT pg_advisory_unlock({LOCK})")
    assert refresh_views(outdated) is None
    assert outdated.query("SELECT count(*) AS number FROM board WHERE views_hash = 'another'") == [(0,)]


@pytest.mark.parametrize(("ago", "is_kept"), [(0, True), (MAX_SILENCE + MINUTE, False)])
def test_a_worker_without_a_lock_counts_as_long_as_it_was_seen_lately(
    outdated: Blackboard, ago: int, is_kept: bool
) -> None:
    register(outdated, None, outdated.session.now() - ago)
    assert (refresh_views(outdated) is not None) is is_kept


def test_a_board_is_upgraded_once_the_lock_of_its_worker_is_free(
    board: Blackboard, held: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def upgrade(connection: Any) -> None:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{schema_revisions.HEAD}'")

    monkeypatch.setattr(schema_upgrades, "run_migrations", upgrade)
    register(board, LOCK, board.session.now())
    before = schema_revisions.KNOWN[-2]
    with board.database.exclusive_transaction() as transaction:
        transaction.cursor.execute(f"UPDATE alembic_version SET version_num = '{before}'")
    refused = f"is at schema {before}, and worker there-1 runs on it; stop every worker"
    with pytest.raises(StoreError, match=refused):
        schema_upgrades.create_or_upgrade(board.database, board.session.clock.now)
    held.execute(f"SELECT pg_advisory_unlock({LOCK})")
    assert schema_upgrades.create_or_upgrade(board.database, board.session.clock.now) == schema_upgrades.SchemaChange(
        before, schema_revisions.HEAD, None
    )
