"""No transaction waits for an agent, a model or a published file, and the write-ahead log stays bounded."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from blackboard import Blackboard, Mark, agent, strength
from blackboard.store.dialects.sqlite_library import sqlite
from tests.support.manual_daemons import run_until_idle, served

LOG_BYTES = 24 * 1024 * 1024
"""Bytes. SQLite's own checkpoint begins at 4,000 pages of 4 KB, and the log also has the transaction that begins it."""


class Knock(Mark, kind="knock", on_repeat="separate"):
    text: str = ""


class Verdict(BaseModel):
    fine: bool


def test_an_agent_its_model_call_and_its_publishing_do_not_block_writers(board: Blackboard, path: Path) -> None:
    free: list[str] = []

    def another_writes(where: str) -> None:
        with closing(sqlite.connect(path, isolation_level=None, timeout=0)) as other:
            other.execute("BEGIN IMMEDIATE")  # fails immediately during a writing transaction
            other.execute("ROLLBACK")
            assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0, "somebody reads"
        free.append(where)

    def answers(data: Any) -> Verdict:
        another_writes("model")
        return Verdict(fine=True)

    def publish(reader: Any, settings: Mapping[str, Any]) -> None:
        another_writes("publish")

    @agent(watches=strength(Knock) >= 0.5, name="porter", publish=publish)
    def porter(marks: Any, context: Any) -> None:
        another_writes("agent")
        assert context.ask("who is it?", {"marks": len(marks)}, Verdict, answers).fine

    daemon = served(board, porter)
    free.clear()
    board.deposit(Knock(subject="door"))
    run_until_idle(daemon)
    assert free == ["agent", "model", "publish"]
    assert [row.state for row in board.activations()] == ["done"]


@pytest.mark.file_only("the size of the log beside the file is measured")
def test_the_write_ahead_log_stays_bounded_under_a_load_that_never_pauses(board: Blackboard, path: Path) -> None:
    log, largest, written = path.with_name("board.db-wal"), 0, 0
    while written < 2 * LOG_BYTES:
        board.deposit_many(Knock(subject=f"s{n}", text="x" * 20_000) for n in range(50))
        with board.database.read() as reader:
            reader.cursor.execute("SELECT count(*) FROM mark").fetchone()
        largest, written = max(largest, log.stat().st_size), written + 50 * 20_000
    assert largest < LOG_BYTES
