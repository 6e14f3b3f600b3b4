"""A history in partitions: new events find theirs, and old partitions are removed without what must stay."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import BigInteger, Column, make_url

from blackboard import Blackboard, ManualClock
from blackboard.board import administration
from blackboard.board.doctor import examine_board
from blackboard.board.housekeeping import history_partitions, retention
from blackboard.board.housekeeping.history_partitions import Progress
from blackboard.durations import DAY
from blackboard.errors import StoreError, UsageError
from blackboard.store.database_server import carried_events, event_partitions
from blackboard.store.rows import COLUMNS
from blackboard.store.schema import HEAD, revision_of
from blackboard.store.tables import metadata
from blackboard.system import failpoints
from tests.cli.conftest import CommandLine
from tests.cli.conftest import typed as typed
from tests.postgresql.partitioned_boards import (
    EVENTS,
    Flood,
    Smoke,
    Tower,
    evaporate,
    fail,
    ids,
    never,
    partition,
    partitioning,
    partitions,
    remove_partitions,
    remove_until,
)
from tests.postgresql.watermark_readings import missed, read_watermarks
from tests.reliability.serving import run_until_idle, served
from tests.support.board_steps import in_transaction
from tests.support.postgresql import server_programs
from tests.support.server_boards import PostgresqlServer

pytestmark = pytest.mark.postgresql(only=True)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def board(empty_url: str, clock: ManualClock) -> Iterator[Blackboard]:
    """Return a board with a history in partitions."""
    with Blackboard.open(empty_url, author="person:ada", clock=clock, create=True) as board:
        partition(board)
        yield board


@pytest.fixture
def plain(tmp_path: Path, clock: ManualClock) -> Iterator[Blackboard]:
    """Return a board in a file, whose history has no partitions."""
    with Blackboard.open(tmp_path / "plain.db", author="person:ada", clock=clock) as board:
        yield board


@pytest.fixture
def foreign(empty_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Return a session of another program."""
    url = make_url(empty_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        yield connection


def fill(board: Blackboard, clock: ManualClock, days: int = 6) -> None:
    """Deposit for some days what is old soon, what never is, and what an agent fails on."""
    daemon = served(board, fail, keep_history="none", keep_activations="none")
    board.deploy(kinds=[Smoke, Tower])
    for day in range(days):
        for number in range(25):
            board.deposit(Smoke(subject=f"{day}/{number}", text=f"smoke {day}"))
        board.deposit(Tower(subject=f"tower/{day}"))
        board.deposit(Flood(subject=f"cellar/{day}"), intensity=3.0)
        run_until_idle(daemon)
        clock.advance(timedelta(days=1))
    evaporate(board)
    daemon.close()


def removed_one_by_one(board: Blackboard, days: float) -> None:
    """Remove what is older than so many days by deletions."""
    while in_transaction(
        board, retention.remove, history=round(days * DAY), activations=None, model_calls=None, limit=50
    ):
        pass


# -- new events --------------------------------------------------------------------------------------------------------


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
    for thread in threads:
        thread.join()
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


# -- what stays --------------------------------------------------------------------------------------------------------


def test_a_partition_keeps_what_deletions_would_keep(board: Blackboard, plain: Blackboard, clock: ManualClock) -> None:
    start = clock.now()
    fill(plain, clock)
    clock.set(start)
    fill(board, clock)
    assert ids(board) == ids(plain)
    before = len(partitions(board))
    assert remove_partitions(board, 2) is Progress.DONE
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
            "UPDATE crossing SET subject = '', state = 'waiting' WHERE id = (SELECT max(id) FROM crossing)"
        )
    )
    before = ids(board)
    assert remove_until(board, 2) is Progress.DONE
    assert ids(board) == before


# -- what changes while the events that stay are copied ----------------------------------------------------------------


def copied(board: Blackboard, clock: ManualClock) -> None:
    """Fill a board, and copy the events that stay of its first partition."""
    fill(board, clock)
    for _ in range(1000):
        assert history_partitions.remove_old(board.session, 2 * DAY, 5) is Progress.MORE
        carry = partitioning(board).carry
        if carry is not None and carry.reached >= carry.end:
            return
    pytest.fail("the copy did not end")


def test_events_that_must_stay_since_they_were_considered_stay(board: Blackboard, clock: ManualClock) -> None:
    copied(board, clock)
    events = board.history("0/0")
    assert events
    changed = {"id": "id + 100", "subject": "'0/0'", "state": "'waiting'", "activation_id": "NULL", "closed_at": "NULL"}
    values = ", ".join(changed.get(column, column) for column in COLUMNS["crossing"])
    board.session.write(
        lambda txn: txn.sql.cursor.execute(
            f"INSERT INTO crossing ({', '.join(COLUMNS['crossing'])}) SELECT {values} FROM crossing ORDER BY id LIMIT 1"
        )
    )
    assert remove_partitions(board, 2) is Progress.DONE
    assert board.history("0/0") == events
    assert board.history("0/1") == []


def test_a_new_deployment_lets_the_copy_begin_anew(board: Blackboard, clock: ManualClock) -> None:
    copied(board, clock)
    before = partitioning(board).carry
    board.deploy(never)
    assert history_partitions.remove_old(board.session, 2 * DAY, 5) is Progress.MORE
    after = partitioning(board).carry
    assert before is not None
    assert after is not None
    assert (after.reached, after.deployment) == (0, before.deployment + 1)
    assert remove_partitions(board, 2) is Progress.DONE
    assert board.history("tower/0")


def test_a_forgotten_subject_is_in_no_copy(board: Blackboard, clock: ManualClock) -> None:
    copied(board, clock)
    board.forget("cellar/0")
    board.forget("tower/0")
    words = "SELECT count(*) FROM {} AS e WHERE e::text ~ 'cellar/0|tower/0'"
    assert board.query(words.format("carried_event")) == [(0,)]
    assert remove_partitions(board, 2) is Progress.DONE
    assert board.query(words.format("event")) == [(0,)]
    assert len(board.query("SELECT id FROM event WHERE subject LIKE 'forgotten/%'")) >= 2


def test_a_reader_with_an_older_snapshot_misses_nothing(
    board: Blackboard, clock: ManualClock, foreign: psycopg.Connection[Any]
) -> None:
    fill(board, clock)
    foreign.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    towers = "SELECT count(*) FROM {} WHERE kind = 'tower'"
    assert foreign.execute(towers.format("mark")).fetchone() == (6,)  # its snapshot is from now; it holds no event
    assert remove_until(board, 2) is Progress.LATER
    assert partitioning(board).carried_to == 0
    assert foreign.execute(towers.format("event")).fetchone() == (6,)
    foreign.rollback()
    assert remove_partitions(board, 2) is Progress.DONE
    assert partitioning(board).carried_to > 0


def test_a_reader_of_the_events_delays_the_exchange_and_no_depositor(
    board: Blackboard, clock: ManualClock, foreign: psycopg.Connection[Any]
) -> None:
    copied(board, clock)
    foreign.execute("SELECT count(*) FROM event")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(carried_events, "is_seen_by_all", lambda database, version: True)
        assert remove_until(board, 2) is Progress.LATER
    board.deposit(Tower(subject="meanwhile"))  # with no wait: the manual clock stands still
    foreign.rollback()
    assert remove_partitions(board, 2) is Progress.DONE
    assert board.history("meanwhile")


def test_depositors_and_readers_go_on_meanwhile(board: Blackboard, empty_url: str, clock: ManualClock) -> None:
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
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=use) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        progress = remove_partitions(board, 2)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert progress is Progress.DONE
    assert ids(board)[-1] == len({*ids(board)} | set(range(1, ids(board)[-1] + 1)))


# -- crashes -----------------------------------------------------------------------------------------------------------


@pytest.mark.processes
@pytest.mark.parametrize("failpoint", [name for name in failpoints.NAMES if name.startswith("partition.")])
def test_a_process_that_dies_loses_nothing_and_the_next_one_goes_on(
    board: Blackboard, empty_url: str, clock: ManualClock, failpoint: str
) -> None:
    fill(board, clock)
    stays = {subject: board.history(subject) for subject in ("tower/0", "tower/1", "cellar/0", "5/1")}
    arguments = [sys.executable, "-m", "tests.postgresql.partitioned_boards", empty_url, "2"]
    for armed, code in ((failpoint, -signal.SIGKILL), ("", 0)):
        ended = subprocess.run(
            [*arguments, armed, str(clock.now())], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
        )
        assert ended.returncode == code, ended.stderr
        assert {subject: board.history(subject) for subject in stays} == stays
    assert partitioning(board).carry is None
    assert board.history("0/1") == []
    assert board.query("SELECT to_regclass('carried_event') IS NULL") == [(True,)]


# -- a whole board -----------------------------------------------------------------------------------------------------


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
        administration.partition_history(plain, 1_000_000)


def test_a_size_out_of_range_is_refused(board: Blackboard) -> None:
    with pytest.raises(UsageError, match="1,000 to 1,000,000,000 events"):
        administration.partition_history(board, 999)


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
    event_partitions.analyze(board.database)
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
    foreign.execute("DROP TABLE submission; DROP FUNCTION take_turn; UPDATE alembic_version SET version_num = '0010'")
    foreign.commit()
    with Blackboard.open(empty_url, author="person:ada", clock=clock, create=True) as upgraded:
        assert revision_of(upgraded.database) == HEAD
        assert partitioning(upgraded).carry is None
        assert remove_partitions(upgraded, 2) is Progress.DONE
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
        administration.copy_board(board, file)
        partition(other)
        administration.copy_board(file, other)
        assert ids(other) == ids(file) == ids(board)
        assert other.history("tower/0") == board.history("tower/0")
        assert len(partitions(other)) >= (ids(board)[-1] - ids(board)[0]) / EVENTS
        other.resume()
        other.deposit(Smoke(subject="new"))
        evaporate(other)
        assert remove_partitions(other, 1) is Progress.DONE
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
    if (programs := request.config.getoption("--postgresql-programs") or server_programs()) is not None:
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    copied(board, clock)
    copy = administration.back_up(board, tmp_path / "board.dump")
    url = postgresql_server.create_database()
    administration.restore(copy.path, url, 0)
    with Blackboard.open(url, clock=clock) as restored:
        assert partitions(restored) == partitions(board)
        assert partitioning(restored)[:-1] == partitioning(board)[:-1]
        assert ids(restored) == ids(board)
        assert remove_partitions(restored, 2) is Progress.DONE
        assert len(restored.history("tower/0")) == 1
    postgresql_server.drop_board(url)


@pytest.mark.processes
def test_a_watermark_misses_nothing(board: Blackboard, empty_url: str) -> None:
    partition(board, events=10)
    board.deposit_many([Smoke(subject=f"{number}") for number in range(EVENTS - 5)])
    found, events = read_watermarks(empty_url, 20, 3)
    assert missed(found, events) == 0
    assert len(partitions(board)) > 2


# -- commands and rights -----------------------------------------------------------------------------------------------


def test_init_gives_a_board_partitions(typed: CommandLine, empty_url: str) -> None:
    typed.write("blackboard.toml", f'[database]\nurl = "{empty_url}"\n')
    assert typed("init", "--partition-history").code == 0
    with Blackboard.open(empty_url) as board:
        assert partitioning(board).events == 1_000_000
        assert typed("init", "--partition-history", "--partition-events", "5000").code == 0
        assert partitioning(board).events == 5000
        assert typed("init").code == 0
        assert partitioning(board).events == 5000
    assert "1 partition of the history" in typed("doctor").out
    assert typed("status").code == 0


def test_init_refuses_partitions_in_a_file(typed: CommandLine) -> None:
    typed.write("blackboard.toml", '[database]\nurl = "sqlite:///board.db"\n')
    done = typed("init", "--partition-history")
    assert (done.code, "only for a board on a server" in done.err) == (2, True)
    assert not (typed.folder / "board.db").exists()
    done = typed("init", "--partition-events", "5000")
    assert (done.code, "give both" in done.err) == (2, True)


def test_a_user_who_does_not_own_the_tables_deposits_and_forgets(
    board: Blackboard, empty_url: str, clock: ManualClock, foreign: psycopg.Connection[Any]
) -> None:
    copied(board, clock)
    while history_partitions.extend(board.session):
        pass
    user = f"user_{secrets.token_hex(4)}"
    foreign.execute(f"CREATE ROLE {user} LOGIN")
    foreign.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {user}")
    foreign.commit()
    url = make_url(empty_url).set(username=user).render_as_string(hide_password=False)
    try:
        with Blackboard.open(url, author="person:bob", clock=clock) as other:
            other.deposit(Smoke(subject="by bob"))
            with pytest.raises(StoreError, match="no partition for new events"):
                other.deposit_many([Smoke(subject=f"{number}") for number in range(3 * EVENTS)])
            assert other.history("by bob")
            assert remove_until(other, 2) is Progress.DONE
            [finding] = [each for each in examine_board(other) if each.name == "partitions"]
            assert "does not own" in finding.detail
            other.forget("tower/0")
        assert board.query("SELECT count(*) FROM carried_event WHERE subject = 'tower/0'") == [(0,)]
        assert remove_partitions(board, 2) is Progress.DONE
    finally:
        foreign.execute(f"DROP OWNED BY {user}")
        foreign.execute(f"DROP ROLE {user}")
        foreign.commit()


def test_granted_rights_stay_when_a_board_gets_partitions(
    empty_url: str, clock: ManualClock, foreign: psycopg.Connection[Any]
) -> None:
    with Blackboard.open(empty_url, clock=clock, create=True) as board:
        role = f"role_{secrets.token_hex(4)}"
        foreign.execute(f"CREATE ROLE {role}; GRANT SELECT, UPDATE ON event TO {role}; GRANT SELECT ON costs TO {role}")
        foreign.commit()
        partition(board)
        query = f"SELECT has_table_privilege('{role}', {{}}, 'SELECT')"
        for name in ("'event'", "'event_partitioning'", "'costs'"):
            assert foreign.execute(query.format(name)).fetchone() == (True,)
        foreign.execute(f"DROP OWNED BY {role}")
        foreign.execute(f"DROP ROLE {role}")
        foreign.commit()
