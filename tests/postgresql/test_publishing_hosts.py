"""Daemons on several hosts publish to a shared place in turn: an older state never replaces a newer one."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from blackboard import Blackboard
from tests.postgresql.postgresql_sessions import PostgresqlSessions
from tests.postgresql.publishing_host import Page
from tests.support.started_processes import started

pytestmark = [pytest.mark.postgresql(only=True), pytest.mark.processes]

HOST = ["-m", "tests.postgresql.publishing_host"]


def test_the_newer_state_is_the_last(
    board: Blackboard, board_url: str, sessions: PostgresqlSessions, tmp_path: Path
) -> None:
    shared = tmp_path / "pages"
    board.deposit(Page(subject="first"))
    with started([*HOST, board_url, str(shared), "waits"]) as slow:
        slow.event("read", pages=1)
        board.deposit(Page(subject="second"))
        with started([*HOST, board_url, str(shared)]) as quick:
            sessions.wait_for_waiter()
            assert not quick.has_said("read")
            slow.say()
            slow.event("published", pages=1)
            quick.event("published", pages=2)
            assert shared.read_text("utf-8") == "2\n"


def test_a_host_that_dies_while_it_publishes_leaves_the_turn_to_others(
    board: Blackboard, board_url: str, sessions: PostgresqlSessions, tmp_path: Path
) -> None:
    shared = tmp_path / "pages"
    board.deposit(Page(subject="first"))
    with started([*HOST, board_url, str(shared), "waits"]) as slow:
        slow.event("read")
        with started([*HOST, board_url, str(shared)]) as quick:
            sessions.wait_for_waiter()
            slow.signal(signal.SIGKILL)
            quick.event("published", pages=1)
            assert shared.read_text("utf-8") == "1\n"
