"""The migrated schema equals the declared schema, one process creates it, and other files are refused clearly."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.command import upgrade
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from blackboard import Blackboard, ManualClock
from blackboard.errors import (
    ConfigurationError,
    StoreBusy,
    StoreError,
    StoreExhausted,
    StoreForeign,
    StoreMissing,
    StoreNewer,
)
from blackboard.store.database_factory import database_of
from blackboard.store.dialects import sqlite_dialect, sqlite_library
from blackboard.store.dialects.postgresql_dialect import PostgresqlErrors
from blackboard.store.dialects.sqlite_dialect import SqliteErrors
from blackboard.store.schema import schema_revisions, schema_upgrades
from blackboard.store.schema.schema_revisions import HEAD, KNOWN
from blackboard.store.schema.tables import metadata
from blackboard.system.files.packaged_files import migrations_folder
from tests.support.bounds import BOUND_SECONDS
from tests.support.world import World, kind

pytestmark = pytest.mark.whole_boards

ROOT = Path(__file__).parents[2]


def test_the_migrated_schema_is_the_declared_one(world: World) -> None:
    with world.board.database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


@pytest.mark.file_only("the texts are those of SQLite")
def test_tables_and_indexes_are_declared_word_for_word_as_migrated(world: World, tmp_path: Path) -> None:
    declared = database_of(f"sqlite:///{tmp_path / 'declared.db'}")
    metadata.create_all(declared.engine)

    def definitions(rows: list[Any]) -> dict[str, str]:
        return {name: " ".join(sql.split()) for name, sql in rows if name != "alembic_version"}

    query = "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL"
    with declared.read() as transaction:
        wanted = definitions(transaction.cursor.execute(query).fetchall())
    assert definitions(world.sql(query)) == wanted
    declared.close()


def test_the_newest_migration_is_the_version_of_the_program() -> None:
    script = ScriptDirectory(str(migrations_folder()))
    assert script.get_heads() == [HEAD]
    assert {item.revision for item in script.walk_revisions()} == set(KNOWN)


@pytest.mark.parametrize("revision", KNOWN[:-1])
def test_a_board_of_an_earlier_version_is_upgraded_and_keeps_its_data(tmp_path: Path, revision: str) -> None:
    url = f"sqlite:///{tmp_path / 'board.db'}"
    database = database_of(url)
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        upgrade(config, revision)
        connection.exec_driver_sql(f"PRAGMA application_id = {sqlite_dialect.APPLICATION_ID}")
        chain, deposited = ("depth", "marks_left") if revision < "0003" else ("chain_length", "marks_deposited")
        connection.exec_driver_sql(
            "INSERT INTO activation (id, agent, watch_id, state, reason, crossed_at, created_at, attempt, fence,"
            f" {chain}, interruptions, marks_absorbed, {deposited})"
            " VALUES (7, 'sales', 1, 'dead', 'so', 1, 1, 3, 3, 1, 0, 2, 0)"
        )
    assert schema_revisions.revision_of(database) == revision
    database.close()
    with Blackboard.open(url, clock=ManualClock()) as board:
        assert schema_revisions.revision_of(board.database) == HEAD
        [row] = board.activations()
        assert (row.id, row.state, row.marks_absorbed) == (7, "dead", 2)


@pytest.mark.postgresql
def test_a_view_of_a_user_reads_a_column_that_a_migration_renames(empty_url: str) -> None:
    database = database_of(empty_url)
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        upgrade(config, "0010")
        connection.exec_driver_sql("CREATE VIEW crossed AS SELECT crossing.subject AS about FROM crossing")
        if database.dialect.mark_as_board:
            connection.exec_driver_sql(database.dialect.mark_as_board)
    schema_upgrades.create_or_upgrade(database, ManualClock().now, upgrade=True)
    with database.read() as sql:
        assert sql.cursor.execute("SELECT about FROM crossed").fetchall() == []
    database.close()


@pytest.mark.file_only("the settings are those of SQLite")
def test_a_board_is_durable_and_checks_its_references(world: World) -> None:
    database = database_of(f"sqlite:///{world.path}")
    connection = database.connect(writes=True)
    asked = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "application_id")
    result = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in asked]
    connection.close()
    assert result == ["wal", 2, 1, 10_000, sqlite_dialect.APPLICATION_ID]
    assert world.sql("PRAGMA integrity_check") == [("ok",)]
    assert world.sql("PRAGMA foreign_key_check") == []


def test_a_new_board_is_private_to_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "board.db"
    Blackboard.open(f"sqlite:///{path}").close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_opening_twice_changes_nothing(world: World) -> None:
    world.deploy({"smoke": kind("smoke")})
    world.put("smoke")
    uid = world.sql("SELECT uid, created_at FROM board")
    world.clock.set(0)
    with Blackboard.open(world.url, clock=world.clock) as again:
        assert len(again.marks()) == 1
    assert world.sql("SELECT uid, created_at FROM board") == uid


OPENER = """
import sys
from blackboard import Blackboard, Mark
class Smoke(Mark, kind="smoke", on_repeat="separate"):
    pass
sys.stdin.readline()
board = Blackboard.open(sys.argv[1], author="person:" + sys.argv[2])
for i in range(5):
    board.deposit(Smoke(subject=f"{sys.argv[2]}/{i}"))
board.close()
"""


@pytest.mark.processes
def test_four_processes_may_open_a_new_board_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'board.db'}"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", OPENER, url, str(i)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(4)
    ]
    for item in started:
        assert item.stdin is not None
        item.stdin.write("go\n")
        item.stdin.flush()
    ended = [item.communicate(timeout=BOUND_SECONDS) for item in started]
    assert [item.returncode for item in started] == [0] * 4, ended
    with Blackboard.open(url) as board:
        assert len(board.marks()) == 20
        assert board.session.read(lambda txn: txn.sql.cursor.execute("SELECT count(*) FROM board").fetchall()) == [(1,)]
        assert board.deployment.version == 1


def test_a_newer_board_is_refused(world: World) -> None:
    world.board.database.write(
        lambda transaction: transaction.cursor.execute("UPDATE alembic_version SET version_num = '9999'")
    )
    with pytest.raises(StoreNewer, match=r"at schema 9999.*newer version"):
        Blackboard.open(world.url)


def test_a_foreign_database_is_refused_and_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    connection = sqlite_library.sqlite.connect(path)
    connection.execute("CREATE TABLE mark (id INTEGER)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreForeign, match="another program"):
        Blackboard.open(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_a_file_that_is_not_a_database_is_refused_and_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("buy milk\n" * 500)
    with pytest.raises(StoreForeign, match="is not a database"):
        Blackboard.open(f"sqlite:///{path}")
    assert path.read_text() == "buy milk\n" * 500


@pytest.mark.file_only("the test damages the file")
def test_a_damaged_board_is_refused(world: World) -> None:
    world.deploy({"smoke": kind("smoke", on_repeat="separate")})
    for i in range(50):
        world.put("smoke", f"s{i}", payload={"text": "x" * 500})
    world.close()
    content = bytearray(world.path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    world.path.write_bytes(content)
    with pytest.raises(StoreError, match="is damaged"):
        Blackboard.open(f"sqlite:///{world.path}").marks()


@pytest.mark.file_only("on PostgreSQL, transactions are read-only, not connections")
def test_a_read_only_connection_is_reported_with_advice(world: World) -> None:
    connection = world.board.database.connect(writes=False)
    with pytest.raises(Exception, match="readonly") as caught:
        connection.execute("DELETE FROM mark")
    connection.close()
    translated = world.board.database.dialect.errors.translate(caught.value, "board.db")
    assert "check the file's and folder's permissions" in str(translated)


class DriverError(Exception):
    """An error as a driver raises it: SQLite with a code, PostgreSQL with an SQLSTATE."""

    def __init__(self, words: str, code: int | None = None, sqlstate: str | None = None) -> None:
        super().__init__(words)
        if code is None:
            self.sqlstate = sqlstate
        else:
            self.sqlite_errorcode = code


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        (5, StoreBusy, "another process held board.db"),
        (5 | 2 << 8, StoreBusy, "another process held board.db"),  # SQLITE_BUSY_SNAPSHOT
        (6, StoreBusy, "another process held board.db"),
        (8 | 1 << 8, StoreError, "cannot be written"),  # SQLITE_READONLY_RECOVERY
        (10 | 3 << 8, StoreExhausted, "could not be read or written"),  # SQLITE_IOERR_WRITE
        (11, StoreError, "is damaged"),
        (13, StoreExhausted, "the disk is full"),
        (14, StoreError, "cannot be opened"),
        (26, StoreForeign, "is not a database"),
        (1, StoreError, "board.db: the words"),
    ],
)
def test_an_error_of_sqlite_is_recognized_by_its_code(code: int, error: type[StoreError], words: str) -> None:
    translated = SqliteErrors().translate(DriverError("the words", code), "board.db")
    assert type(translated) is error
    assert words in str(translated)


@pytest.mark.parametrize(
    ("sqlstate", "error", "words"),
    [
        ("25006", StoreError, "cannot be written"),
        ("08006", StoreError, "the connection to postgresql://host/board failed"),
        ("25P03", StoreError, "the connection to postgresql://host/board failed"),
        ("40001", StoreBusy, "conflicted with this one"),
        ("40P01", StoreBusy, "conflicted with this one"),
        ("42501", StoreError, "cannot be written"),
        ("53100", StoreExhausted, "the disk is full"),
        ("55P03", StoreBusy, "another process held"),
        ("57014", StoreBusy, "another process held"),
        ("57P01", StoreError, "the connection to postgresql://host/board failed"),
        ("58030", StoreExhausted, "could not be read or written"),
        ("XX001", StoreError, "is damaged"),
        ("XX002", StoreError, "is damaged"),
    ],
)
def test_an_error_of_postgresql_is_recognized_by_its_sqlstate(
    sqlstate: str, error: type[StoreError], words: str
) -> None:
    translated = PostgresqlErrors(DriverError).translate(
        DriverError("the words", sqlstate=sqlstate), "postgresql://host/board"
    )
    assert type(translated) is error
    assert words in str(translated)


@pytest.mark.parametrize(
    "words",
    [
        'duplicate key value violates unique constraint "full_name"',
        "could not connect: the account is locked",
        "the value is malformed",
        "cannot be busy",
    ],
)
@pytest.mark.parametrize("sqlstate", ["23505", None])
def test_the_text_of_an_error_is_not_interpreted(words: str, sqlstate: str | None) -> None:
    translated = PostgresqlErrors(DriverError).translate(
        DriverError(words, sqlstate=sqlstate), "postgresql://host/board"
    )
    assert type(translated) is StoreError
    assert str(translated) == f"postgresql://host/board: {words}"


def test_a_missing_board_is_created_only_on_request(tmp_path: Path) -> None:
    path = tmp_path / "board.db"
    with pytest.raises(StoreError, match="blackboard init"):
        Blackboard.open(f"sqlite:///{path}", create=False)
    assert not path.exists()
    with pytest.raises(StoreMissing, match="blackboard init"):
        database_of(f"sqlite:///{path}").connect(writes=False)


def test_a_folder_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        Blackboard.open(f"sqlite:///{tmp_path}/file/board.db")


def test_a_folder_at_the_path_of_the_board_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        Blackboard.open(f"sqlite:///{tmp_path}")


@pytest.mark.parametrize("url", ["", "sqlite://", "sqlite:///:memory:", "nonsense:///x"])
def test_a_url_without_a_file_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"database\.url"):
        Blackboard.open(url, clock=ManualClock())


def test_the_versions_that_can_damage_a_board_are_known() -> None:
    safe = [(3, 51, 3), (3, 53, 0), (3, 50, 7), (3, 44, 6)]
    unsafe = [(3, 40, 1), (3, 44, 5), (3, 45, 0), (3, 50, 6), (3, 51, 2)]
    assert [sqlite_library.is_safe_sqlite(version) for version in safe] == [True] * 4
    assert [sqlite_library.is_safe_sqlite(version) for version in unsafe] == [False] * 5


@pytest.mark.file_only("the driver is that of SQLite")
def test_one_driver_is_used_throughout(world: World) -> None:
    assert sqlite_library.sqlite is sqlite_library.choose_driver()
    with world.board.database.read() as transaction:
        assert isinstance(transaction.cursor, sqlite_library.sqlite.Cursor)


@pytest.mark.file_only("the URL of PostgreSQL is read by SQLAlchemy")
@pytest.mark.processes
@pytest.mark.parametrize("arguments", [["marks"], ["run", "--until-quiescent"]], ids=["marks", "run"])
def test_using_a_board_of_this_schema_loads_no_sqlalchemy(world: World, tmp_path: Path, arguments: list[str]) -> None:
    world.close()
    config = tmp_path / "blackboard.toml"
    config.write_text(f'[database]\nurl = "sqlite:///{world.path}"\n')
    command = [sys.executable, "-X", "importtime", "-m", "blackboard", "--config", str(config), *arguments]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=BOUND_SECONDS, check=True)
    modules = {line.rpartition("|")[2].strip().partition(".")[0] for line in run.stderr.splitlines() if "|" in line}
    assert "blackboard" in modules
    assert not modules & {"sqlalchemy", "alembic"}
