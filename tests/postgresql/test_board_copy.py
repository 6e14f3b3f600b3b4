"""A board moves from a file to PostgreSQL and back, with everything on it."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from blackboard import Blackboard, Daemon, Exponential, ManualClock
from blackboard.board import facade as board_module
from blackboard.board.backups_and_copies import copy_board
from blackboard.board.deployment_effects.deployment_activation import activate
from blackboard.board.deposited_files.read_positions import ReadPosition, record_position
from blackboard.store import database
from blackboard.store.dialects.postgresql_dialect import PostgresqlDialect
from blackboard.store.schema import database_copy
from tests.postgresql import moved_agents
from tests.postgresql.moved_agents import Alert, Beat, Note, Seat
from tests.support.command_line import CommandLine
from tests.support.messages_api import MessagesApi
from tests.support.paying_board import KEY, PayingBoard, answer

pytestmark = pytest.mark.postgresql(only=True)

AGENTS = [name for name in moved_agents.__all__ if name.islower()]
FILE = f"""
[database]
url = "sqlite:///board.db"
author = "person:ada"

[deployment]
agents = {json.dumps([f"tests.postgresql.moved_agents:{name}" for name in AGENTS])}

[[sinks]]
name = "phone"
on = ["need", "dead", "board-paused"]
command = ["false"]
"""
COMMANDS = [
    ("status",),
    ("status", "--json"),
    ("marks", "--json"),
    ("marks", "--kind", "alert", "--tag", "service=web"),
    ("history", "web/1", "--json"),
    ("search", "flood water", "--json"),
    ("agenda", "--json"),
    ("activations", "--json"),
    ("inbox",),
    ("schedules", "--json"),
    ("explain", "asker", "--json"),
    ("outbox", "list", "--json"),
    ("activity", "--json"),
    ("costs", "--json"),
    ("token", "list", "--json"),
    ("check", "--against-board"),
]
"""What people ask of a board; the answers must be the same on its copy."""
DATABASE_FIGURES = re.compile(r"\s*\"?(board|file_bytes|log_bytes|relevance|score)\b")
"""The lines of answers that differ: where the board is, its size, and the scores of two search engines."""

EMPTY = {"followed_watch", "model_pause"}
"""The tables in which the board has no row: what a failing provider and a change of conditions leave for a while."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    """Return a clock that commands read too, so that two of them show the same strengths."""
    clock = ManualClock()
    monkeypatch.setattr(board_module, "SystemClock", lambda: clock)
    return clock


@pytest.fixture
def moving(typed: CommandLine, clock: ManualClock) -> CommandLine:
    """Return a command line in a folder with a paused board that has something in every table."""
    typed.write("blackboard.toml", FILE)
    path = typed.folder / "board.db"
    if not MADE:
        make(path, clock, typed.folder / "blackboard.toml")
        assert typed("pause", "--reason", "moving").code == 0
        MADE.append((path.read_bytes(), clock.now()))
    content, now = MADE[0]
    path.write_bytes(content)
    clock.advance(timedelta(microseconds=now - clock.now()))
    return typed


MADE: list[tuple[bytes, int]] = []
"""The file of the board, once it is made, and the time at which it was."""


def make(path: Path, clock: ManualClock, file: Path) -> None:
    """Make the board: first with an agent that calls a model, then with the agents of the file."""
    with MessagesApi(answer, key=KEY) as api:
        paying = PayingBoard(str(path), clock, api.url)
        paying.deposit_leads(2)
        paying.run_until_quiescent()
        paying.close()
    with Blackboard.open(path, author="person:ada", clock=clock) as board:
        fill(board, clock, file)


def fill(board: Blackboard, clock: ManualClock, file: Path) -> None:
    """Deposit marks of every kind, and let agents work on some of them."""
    daemon = Daemon.from_file(board, file)
    for number in range(4):
        board.deposit(Alert(subject=f"web/{number}", service="web", severity="high"), key=f"alert-{number}")
        board.deposit(Beat(subject="mill", host=f"h{number}"))
        board.deposit(Note(subject="log", title=f"Flood {number}", text="water in the cellar\nnaïve \u2028 \U0001f30a"))
        board.deposit(Seat(subject=f"seat/{number}", number=number))
    daemon.run(until_quiescent=True)
    clock.advance(timedelta(minutes=1))
    board.deposit(Alert(subject="web/1", service="web", severity="low"))
    board.deposit(Note(subject="quiet", title="Later", text="no water"), intensity=0.3)
    board.create_token("laptop", may=["read"])
    board.secret("cookies")
    record_position(board, "alerts.csv", "person:ada", "alert", ReadPosition(7, 1, 4096, "digest", "service"))
    board.deposit("lead", subject="old", payload={"message": "x"})
    alert = board.deployment.kinds["alert"].model_copy(update={"decay": Exponential("5h").spec()})
    changed = board.deployment.model_copy(update={"kinds": {**board.deployment.kinds, "alert": alert}})
    board.session.write(lambda txn: activate(txn, changed), record_instant=True)  # its backfill is still to be done


def answers(line: CommandLine, database: str) -> dict[str, str]:
    """Return what the commands print, without what depends on the kind of the database."""
    printed = {}
    for words in COMMANDS:
        done = line("--database", database, *words)
        assert done.code == 0, (words, done)
        lines = (done.out + done.err).splitlines()
        printed[" ".join(words)] = "\n".join(text.rstrip(", ") for text in lines if not DATABASE_FIGURES.match(text))
    return printed


def test_a_board_moves_to_a_server_and_back(moving: CommandLine, empty_url: str) -> None:
    file = f"sqlite:///{moving.folder / 'board.db'}"
    expected = answers(moving, file)
    there = moving("copy", "board.db", empty_url, "--json")
    assert there.code == 0, there
    assert "event: " in there.err
    rows = {table["name"]: table["rows"] for table in there.json["tables"]}
    assert {name for name, number in rows.items() if not number} == EMPTY
    back = moving("copy", empty_url, "back.db", "--json")
    assert back.code == 0, back
    assert back.json["tables"] == there.json["tables"]
    assert back.json["uid"] == there.json["uid"]
    assert answers(moving, empty_url) == expected
    assert answers(moving, f"sqlite:///{moving.folder / 'back.db'}") == expected


def test_the_copy_goes_on_where_the_board_stopped(moving: CommandLine, empty_url: str, clock: ManualClock) -> None:
    with Blackboard.open(moving.folder / "board.db", clock=clock) as board:
        last = max(mark.id for mark in board.marks(limit=None))
    assert moving("copy", "board.db", empty_url).code == 0
    moving("--database", empty_url, "resume")
    with Blackboard.open(empty_url, author="person:ada", clock=clock) as board:
        again = board.deposit(Alert(subject="web/0", service="web", severity="high"), key="alert-0")
        assert again.outcome == "duplicate"
        assert board.deposit(Beat(subject="mill", host="h9")).mark_id > last
        before = len(board.activations(limit=100))
        Daemon.from_file(board, moving.folder / "blackboard.toml").run(until_quiescent=True)
        assert len(board.activations(limit=100)) > before
        assert [note.title for note in board.search("cellar", kind=Note)]


def test_a_running_depositor_waits_or_fails_and_never_changes_the_copy(
    moving: CommandLine, empty_url: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes: list[str] = []

    def deposit_meanwhile(name: str, done: int, total: int) -> None:
        if name == "event" and done == total:
            late = moving("deposit", "beat", "mill", "--payload", '{"host": "late"}')
            outcomes.append(late.err)

    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    with (
        Blackboard.open(moving.folder / "board.db", clock=clock) as board,
        Blackboard.open(empty_url, clock=clock, create=True) as target,
    ):
        copy_board(board, target, deposit_meanwhile)
        assert len(target.marks("beat", limit=None)) == len(board.marks("beat", limit=None))
    assert "another process held" in outcomes[0]


@pytest.mark.parametrize("broken", ["mark", "search index of note"])
def test_a_copy_that_fails_leaves_nothing(moving: CommandLine, empty_url: str, clock: ManualClock, broken: str) -> None:
    def fail(name: str, done: int, total: int) -> None:
        if name == broken and done:
            raise KeyboardInterrupt

    with (
        Blackboard.open(moving.folder / "board.db", clock=clock) as board,
        Blackboard.open(empty_url, clock=clock, create=True) as target,
    ):
        with pytest.raises(KeyboardInterrupt):
            copy_board(board, target, fail)
        with target.database.read() as transaction:
            assert database_copy.filled_table(transaction) is None
        assert copy_board(board, target).documents == 5


def test_a_copy_that_lacks_a_row_is_refused(
    moving: CommandLine, empty_url: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = PostgresqlDialect.insert_rows

    def insert_all_but_one(dialect: Any, cursor: Any, table: str, columns: Any, rows: Any) -> None:
        insert(dialect, cursor, table, columns, rows[1:])

    monkeypatch.setattr(PostgresqlDialect, "insert_rows", insert_all_but_one)
    done = moving("copy", "board.db", empty_url)
    assert done.code == 1
    assert "the copy of the table" in done.err
    assert "differs" in done.err


def test_a_text_that_a_server_cannot_hold_is_named(moving: CommandLine, empty_url: str, clock: ManualClock) -> None:
    with (
        Blackboard.open(moving.folder / "board.db", clock=clock) as board,
        board.database.exclusive_transaction() as transaction,
    ):
        transaction.cursor.execute("UPDATE event SET author = 'person:' || char(0) WHERE id = 3")
    done = moving("copy", "board.db", empty_url)
    assert done.code == 1
    assert "a row of the table event cannot be copied" in done.err


def test_only_a_board_at_rest_is_copied_and_only_to_an_empty_database(
    moving: CommandLine, empty_url: str, clock: ManualClock
) -> None:
    moving("resume")
    assert "is not paused" in moving("copy", "board.db", empty_url).err
    with Blackboard.open(moving.folder / "board.db", clock=clock) as board:
        worker = board.database.processes.liveness(lambda: None)
        worker.enter()
        assert "a daemon serves" in moving("copy", "board.db", empty_url).err
        worker.release()
    assert "holds no board" in moving("--database", empty_url, "status").err
    moving("pause")
    assert moving("copy", "board.db", empty_url).code == 0
    again = moving("copy", "board.db", empty_url)
    assert again.code == 1
    assert "is not empty" in again.err
    assert "cannot be combined" in moving("--database", "board.db", "copy", "board.db", "other.db").err
