"""A daemon that has nothing to do asks a database server for little."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
import pytest

from blackboard import Blackboard, Exponential, Mark, agent, strength
from blackboard.daemon import DaemonLoop
from blackboard.settings.sections import DaemonSection
from blackboard.store.postgresql.pipelined_transactions.statement_pipeline import StatementPipeline, StatementResult

pytestmark = pytest.mark.postgresql(only=True)


class Job(Mark, kind="job", decay=Exponential("3d")):
    """A kind of which there is no mark."""


@agent(watches=strength(Job) >= 0.1)
def worker(marks: list[Job], context: Any) -> None:
    """Do nothing."""


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which each statement that is sent to the database server is added."""
    sent: list[str] = []
    execute, add = psycopg.Cursor.execute, StatementPipeline.add

    def executed(cursor: Any, query: Any, *values: Any, **options: Any) -> Any:
        sent.append(str(query))
        return execute(cursor, query, *values, **options)

    def added(pipeline: Any, text: str, values: Sequence[Any] = (), result: StatementResult | None = None) -> None:
        sent.append(text)
        add(pipeline, text, values, result)

    monkeypatch.setattr(psycopg.Cursor, "execute", executed)
    monkeypatch.setattr(StatementPipeline, "add", added)
    return sent


def test_a_daemon_at_rest_asks_once_what_is_due_and_when_more_will_be(board: Blackboard, statements: list[str]) -> None:
    daemon = DaemonLoop(board, [worker], DaemonSection(workers=1))
    daemon.start()
    try:
        daemon.run_once()  # what is due once after the start
        statements.clear()
        daemon.run_once()
        daemon.wake.set()  # so that the sleep ends immediately
        daemon.sleep()
    finally:
        found = [each for each in statements if "pg_locks" not in each]  # the listener asks for those every 2 seconds
        daemon.close()
    # BEGIN, the start of the transaction, the instants, the deferred work, the waiting watches, COMMIT
    assert len(found) == 6, found
