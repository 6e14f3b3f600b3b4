"""Plans that a database server made when a board was new still use an index when the board has grown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from blackboard import Blackboard, Mark, agent, strength
from blackboard.board.daemon_work.worker import Worker
from blackboard.durations import MINUTE
from blackboard.store.statement_file import Statement
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, MARKS

pytestmark = pytest.mark.postgresql(only=True)

WAITING = 2_000
MAX_READ = 60
"""The number of rows that a statement may read, far less than wait."""


class Job(Mark, kind="job"):
    number: int = 0


@agent(watches=strength(Job) >= 0.1, batch=1)
def worker(marks: list[Job], context: Any) -> None:
    """Do nothing."""


@pytest.fixture
def connection(board: Blackboard) -> Iterator[Any]:
    """Return a connection that writes to a board with a few rows, and keeps one plan for each statement."""
    board.deploy(worker)
    board.deposit_many(Job(subject=f"first/{number}", number=number) for number in range(5))
    operations = Worker(board, MINUTE, {worker.name: worker.spec.code})
    operations.register()
    for claim in operations.claim_ready([worker.name], 3):
        operations.run_ends.finish(claim, [])
    connection = board.database.connect(writes=True)
    connection.execute("VACUUM (ANALYZE) activation, crossing, mark, event")  # the database server learns their sizes
    connection.execute("SET plan_cache_mode = force_generic_plan")
    yield connection
    connection.close()


def planned(connection: Any, board: Blackboard, statement: Statement[Any]) -> list[str]:
    """Prepare a statement under its name, and return the plan that the database server makes."""
    sql, names = statement.compile(board.database.dialect)
    name = statement.name.replace(".", "_")
    connection.execute(f"PREPARE {name} AS {sql.strip().rstrip(';')}")
    arguments = f" ({', '.join(['NULL'] * len(names))})" if names else ""
    return [row[0] for row in connection.execute(f"EXPLAIN EXECUTE {name}{arguments}")]


def rows_read(node: dict[str, Any]) -> float:
    """Return the number of rows that the scans of a plan have read."""
    here = 0.0
    if "Scan" in node["Node Type"] and "Relation Name" in node:
        here = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    return here + sum(map(rows_read, node.get("Plans", ())))


@pytest.mark.parametrize(
    "statement",
    [
        ACTIVATIONS.run_to_end,
        ACTIVATIONS.agent_load,
        ACTIVATIONS.finish_activation,
        CROSSINGS.finish_crossings,
        CROSSINGS.close_crossing,
        MARKS.mark_with_event,
        MARKS.marks_of_subject,
        MARKS.get_event,
    ],
    ids=lambda statement: statement.name,
)
def test_a_plan_of_a_small_board_uses_an_index(board: Blackboard, connection: Any, statement: Statement[Any]) -> None:
    plan = planned(connection, board, statement)
    assert [line for line in plan if "Seq Scan" in line and "model_call" not in line] == [], plan


def test_a_scan_is_not_compiled_because_it_should_not_be_chosen(connection: Any) -> None:
    plan = [row[0] for row in connection.execute("EXPLAIN SELECT sum(intensity), count(payload) FROM event")]
    assert any("Seq Scan" in line for line in plan), plan
    assert [line for line in plan if "JIT" in line] == []


def test_a_claim_reads_few_of_the_crossings_that_wait(board: Blackboard, connection: Any) -> None:
    for statement in (CROSSINGS.first_claimable, CROSSINGS.waiting_watches):
        planned(connection, board, statement)
    board.deposit_many(Job(subject=f"job/{number}", number=number) for number in range(WAITING))
    [watch] = board.session.read(lambda txn: txn.active.watches)
    now = board.clock.now()
    for execution in (f"crossings_first_claimable ({watch}, {now}, 4)", f"crossings_waiting_watches ({now})"):
        [explained] = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE {execution}").fetchone()
        assert rows_read(explained[0]["Plan"]) <= MAX_READ, json.dumps(explained, indent=1)
