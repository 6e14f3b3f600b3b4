"""Whatever PostgreSQL has as defaults, whatever ends or blocks its sessions, a board is correct and waits briefly."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Connection

from blackboard import Blackboard, Mark
from blackboard.errors import StoreBusy, StoreError
from blackboard.store.dialects import postgresql_dialect
from blackboard.store.dialects.dialect import BUSY_SECONDS
from blackboard.store.dialects.postgresql_dialect import PostgresqlDialect
from blackboard.store.postgresql.pipelined_transactions.psycopg_internals import require_internals
from blackboard.store.postgresql.pipelined_transactions.statement_pipeline import StatementPipeline
from blackboard.store.schema import schema_upgrades
from blackboard.store.statements import MARKS
from tests.postgresql.optimistic_boards import WAYS, Way, deposit_by
from tests.postgresql.postgresql_sessions import PostgresqlSessions
from tests.support.bounds import BOUND_SECONDS
from tests.support.threads import join_all

if TYPE_CHECKING:
    import psycopg

pytestmark = pytest.mark.postgresql(only=True)

SQLSTATE = ord("C")
"""The field of an error with its code."""


class Ash(Mark, kind="ash", on_repeat="separate"):
    """A kind of which each deposit is a mark."""


class Smoke(Mark, kind="smoke", on_repeat="add"):
    """A kind of which each subject has one mark."""


def count(board: Blackboard) -> int:
    return len(board.marks(kind="ash", limit=None))


def in_threads(work: Callable[[int], object], number: int = 4) -> list[BaseException]:
    """Run work in threads and return their errors."""
    errors: list[BaseException] = []

    def run(index: int) -> None:
        try:
            work(index)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    join_all(*threads)
    return errors


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_deposits_succeed_under_any_default_isolation(board_url: str, sessions: PostgresqlSessions, level: str) -> None:
    sessions.set_default("default_transaction_isolation", level)

    def deposit(writer: int) -> None:
        with Blackboard.open(board_url) as mine:
            for turn in range(10):
                mine.deposit(Ash(subject=f"{writer}/{turn}"))

    assert in_threads(deposit) == []
    with Blackboard.open(board_url) as board:
        assert count(board) == 40


def test_a_read_is_one_snapshot(board: Blackboard, board_url: str) -> None:
    board.deposit(Ash(subject="a"))
    with Blackboard.open(board_url) as other, board.database.read() as transaction:
        before = transaction.existing(MARKS.transaction_start).last_event_id
        other.deposit(Ash(subject="b"))
        assert transaction.existing(MARKS.transaction_start).last_event_id == before
    assert count(board) == 2


def test_a_transaction_is_begun_once(board: Blackboard, monkeypatch: pytest.MonkeyPatch) -> None:
    notices: list[str] = []
    prepare = board.database.dialect.prepare

    def listen(connection: psycopg.Connection[Any], *, writes: bool) -> None:
        prepare(connection, writes=writes)
        connection.add_notice_handler(lambda notice: notices.append(str(notice.message_primary)))

    monkeypatch.setattr(board.database.dialect, "prepare", listen)
    board.database.after_fork(in_child=True)  # new connections
    board.deposit(Ash(subject="a"))
    assert count(board) == 1
    assert notices == []


def test_reads_and_writes_go_on_when_idle_sessions_were_ended(board: Blackboard, sessions: PostgresqlSessions) -> None:
    board.deposit(Ash(subject="first"))
    together = threading.Barrier(4, timeout=BOUND_SECONDS)

    def read(_: int) -> None:
        with board.database.read():
            together.wait(BOUND_SECONDS)  # so each thread has a connection of its own, which becomes idle

    assert in_threads(read) == []
    assert sessions.end_all("blackboard") == 5
    assert in_threads(lambda _: count(board)) == []
    sessions.end_all()
    assert in_threads(lambda number: board.deposit(Ash(subject=f"{number}"))) == []
    assert count(board) == 5


def test_work_whose_session_is_ended_in_the_middle_is_run_again(
    board: Blackboard, sessions: PostgresqlSessions
) -> None:
    runs = []

    def work(txn: Any) -> None:
        runs.append(txn.now)
        if len(runs) == 1:
            sessions.end_all()
        txn.sql.run(MARKS.record_time, at=txn.now)

    board.session.write(work)
    assert len(runs) == 2


def test_a_session_that_always_ends_is_an_error_in_the_end(board: Blackboard, sessions: PostgresqlSessions) -> None:
    runs = []

    def work(txn: Any) -> None:
        runs.append(txn.now)
        sessions.end_all()
        txn.sql.run(MARKS.record_time, at=txn.now)

    with pytest.raises(StoreError, match=r"the connection to .* failed"):
        board.session.write(work)
    assert len(runs) == 5


def test_opening_and_reading_wait_for_no_writer(
    board: Blackboard, board_url: str, sessions: PostgresqlSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_dialect, "BUSY_SECONDS", 0.2)
    board.deposit(Ash(subject="a"))
    with sessions.foreign() as foreign, foreign.transaction():
        foreign.execute("SELECT * FROM board FOR UPDATE")
        for writes in (True, False):
            with Blackboard.open(board_url, writes=writes) as other:
                assert count(other) == 1
                with pytest.raises(StoreBusy, match="another process held"):
                    other.deposit(Ash(subject="b"))
    assert count(board) == 1


def test_a_board_is_not_opened_by_a_psycopg_without_an_internal_that_is_used(
    board_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_internals.cache_clear()
    with monkeypatch.context() as patch:
        patch.delattr("psycopg.errors.error_from_result")
        with pytest.raises(
            StoreError, match=r"psycopg [\d.]+ cannot be used, because psycopg\.errors\.error_from_result"
        ):
            Blackboard.open(board_url)
    with Blackboard.open(board_url, kinds=[Ash]) as board:
        board.deposit(Ash(subject="a"))


@pytest.mark.parametrize("way", WAYS)
def test_a_deposit_waits_as_often_for_the_lock_in_whichever_way_it_is_made(
    board: Blackboard, board_url: str, sessions: PostgresqlSessions, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    monkeypatch.setattr(postgresql_dialect, "BUSY_SECONDS", 0.2)
    waits: list[str] = []
    receive = StatementPipeline.receive

    def noted(pipeline: StatementPipeline) -> None:
        try:
            receive(pipeline)
        except Exception as error:
            waits.append(type(error).__name__)
            raise

    monkeypatch.setattr(StatementPipeline, "receive", noted)
    with Blackboard.open(board_url, author="person:ada", kinds=[Ash]) as other:
        other.deposit(Ash(subject="a"))
        deposit_by(other, way)
        with sessions.foreign() as foreign, foreign.transaction():
            foreign.execute("SELECT * FROM board FOR UPDATE")
            with pytest.raises(StoreBusy, match="another process held"):
                other.deposit(Ash(subject="b"))
    assert waits == ["LockNotAvailable"] * 2


def test_a_transaction_that_waits_for_its_client_holds_others_for_a_bounded_time(
    board_url: str, sessions: PostgresqlSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that drops off the network in a transaction looks like this to the database server."""
    monkeypatch.setattr(postgresql_dialect, "IDLE_SECONDS", 1)
    monkeypatch.setattr(postgresql_dialect, "BUSY_SECONDS", BOUND_SECONDS / 2)
    silent, others = threading.Event(), threading.Event()
    runs = []

    def work(txn: Any) -> None:
        runs.append(txn.now)
        silent.set()
        others.wait(BOUND_SECONDS)
        txn.sql.run(MARKS.record_time, at=txn.now)

    with Blackboard.open(board_url) as host, Blackboard.open(board_url) as other:
        other.deposit(Ash(subject="a"))
        thread = threading.Thread(target=host.session.write, args=(work,))
        thread.start()
        assert silent.wait(BOUND_SECONDS)
        other.deposit(Ash(subject="b"))  # StoreBusy if the host were still silent
        others.set()
        join_all(thread)
        assert len(runs) >= 2  # the work of the host was taken back, and run again
        assert count(other) == 2


@pytest.fixture
def patient_board(
    board_url: str, sessions: PostgresqlSessions, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Blackboard]:
    """Return the board with ten times as many waits for a lock, because a busy server ends a session late."""
    monkeypatch.setattr(postgresql_dialect, "BUSY_SECONDS", 10 * BUSY_SECONDS)
    monkeypatch.setattr(PostgresqlDialect, "lock_waits", 10 * PostgresqlDialect.lock_waits)
    with Blackboard.open(board_url, author="person:ada") as board:
        yield board


def test_one_transaction_of_a_host_that_is_cut_off_holds_others(patient_board: Blackboard) -> None:
    """Test that those that waited behind it give up before it is ended, and that no work of others fails."""
    import psycopg

    board = patient_board
    board.deposit(Ash(subject="a"))
    holder, *waiting = [board.database.connect(writes=True) for _ in range(3)]
    with contextlib.ExitStack() as at_end:
        for connection in (holder, *waiting):
            at_end.callback(connection.close)
        holder.execute("BEGIN")
        holder.execute("SELECT id FROM board WHERE id = 1 FOR UPDATE")
        for connection in waiting:  # nobody reads the answer
            connection.execute("SET lock_timeout = '500ms'")  # much less than the database server lets the holder wait
            connection.pgconn.send_query(b"BEGIN; SELECT id FROM board WHERE id = 1 FOR UPDATE")
            connection.pgconn.flush()
        board.deposit(Ash(subject="b"))
        for connection in waiting:
            results = iter(connection.pgconn.get_result, None)
            assert [result.error_field(SQLSTATE) for result in results] == [None, b"55P03"]  # lock_not_available
        with pytest.raises(psycopg.Error):
            holder.execute("SELECT 1")


def test_a_transaction_that_cannot_be_repeated_waits_as_long_for_the_lock(patient_board: Blackboard) -> None:
    board = patient_board
    board.deposit(Ash(subject="a"))
    holder = board.database.connect(writes=True)
    with contextlib.closing(holder):
        holder.execute("BEGIN")
        holder.execute("SELECT id FROM board WHERE id = 1 FOR UPDATE")
        with board.database.exclusive_transaction() as transaction:
            transaction.cursor.execute("SELECT 1")
    assert count(board) == 1


def test_every_session_has_the_settings_of_the_program(board: Blackboard) -> None:
    rows = board.query(
        "SELECT name, setting FROM pg_settings"
        " WHERE name IN ('lock_timeout', 'idle_in_transaction_session_timeout', 'application_name')"
    )
    settings = {row["name"]: row["setting"] for row in rows}
    assert settings == {
        "lock_timeout": "5000",
        "idle_in_transaction_session_timeout": "8000",
        "application_name": "blackboard",
    }


def test_the_server_lets_a_change_of_the_schema_take_as_long_as_it_needs(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: list[str] = []
    migrate = schema_upgrades.run_migrations

    def noted(connection: Connection) -> None:
        names = ("idle_in_transaction_session_timeout", "statement_timeout")
        settings.extend(str(connection.exec_driver_sql(f"SHOW {name}").scalar()) for name in names)
        migrate(connection)

    monkeypatch.setattr(schema_upgrades, "run_migrations", noted)
    Blackboard.open(empty_url, create=True).close()
    assert settings == ["0", "0"]


def test_work_that_ends_in_a_deadlock_is_run_again(
    board: Blackboard, board_url: str, sessions: PostgresqlSessions
) -> None:
    board.deposit(Smoke(subject="a"))
    sessions.set_default("deadlock_timeout", "50ms")
    held, waits = threading.Event(), threading.Event()

    def interfere() -> None:
        with sessions.foreign() as foreign:
            foreign.execute("SET deadlock_timeout = '60s'")  # so the other one is chosen
            with foreign.transaction():
                foreign.execute("SELECT * FROM mark FOR UPDATE")
                held.set()
                assert waits.wait(BOUND_SECONDS)
                foreign.execute("SELECT * FROM board FOR UPDATE")

    runs = []

    def work(txn: Any) -> None:
        runs.append(txn.now)
        waits.set()
        if len(runs) == 1:
            sessions.wait_for_waiter()  # otherwise the other one would find the deadlock
        txn.sql.cursor.execute("UPDATE mark SET author = author")

    thread = threading.Thread(target=interfere)
    thread.start()
    assert held.wait(BOUND_SECONDS)
    with Blackboard.open(board_url) as other:
        other.session.write(work)
    join_all(thread)
    assert len(runs) == 2


def test_a_timeout_of_the_server_is_reported_and_the_next_call_works(
    board: Blackboard, board_url: str, sessions: PostgresqlSessions
) -> None:
    sessions.set_default("statement_timeout", "3s")
    with Blackboard.open(board_url) as other:
        with sessions.foreign() as foreign, foreign.transaction():
            foreign.execute("SELECT * FROM board FOR UPDATE")
            with pytest.raises(StoreBusy, match="another process held"):
                other.deposit(Ash(subject="a"))
        other.deposit(Ash(subject="a"))
        assert count(other) == 1


def test_a_database_that_can_only_be_read_serves_every_reading(
    board: Blackboard, board_url: str, sessions: PostgresqlSessions
) -> None:
    board.deposit(Ash(subject="a"))
    sessions.set_default("default_transaction_read_only", "on")
    with Blackboard.open(board_url, writes=False) as other:
        assert count(other) == 1
        with pytest.raises(StoreError, match="cannot be written"):
            other.deposit(Ash(subject="b"))
    with pytest.raises(StoreError, match="can only be read"):
        Blackboard.open(board_url)
