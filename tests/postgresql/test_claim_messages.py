"""The end of an activation and the claim of the next one need few messages to a server and back."""

from __future__ import annotations

from typing import Any

import pytest

from blackboard import Blackboard, Exponential, Mark, agent, strength
from blackboard.board.activations.agent_claims.claim_readings import ClaimReadings
from blackboard.board.activations.agent_claims.claims import Claim
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.worker import Worker
from blackboard.durations import MINUTE
from blackboard.store.database_server.transactions.statement_pipeline import StatementPipeline

pytestmark = pytest.mark.postgresql(only=True)

MAX_MESSAGES = 6
"""The start of the transaction, the run with its agent, the load with the crossings, the mark, the next id, COMMIT."""


class Job(Mark, kind="job", decay=Exponential("3d")):
    number: int = 0


@agent(watches=strength(Job) >= 0.1, batch=1)
def worker(marks: list[Job], context: Any) -> None:
    """Do nothing."""


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the numbers of statements in the messages that are sent from now on."""
    sent: list[int] = []
    receive = StatementPipeline.receive

    def counted(pipeline: StatementPipeline) -> None:
        if pipeline._waiting:
            sent.append(len(pipeline._waiting))
        receive(pipeline)

    monkeypatch.setattr(StatementPipeline, "receive", counted)
    return sent


def test_an_end_with_the_next_claim_takes_six_messages(board: Blackboard, messages: list[int]) -> None:
    board.deploy(worker)
    board.deposit_many(Job(subject=f"job {number}", number=number) for number in range(3))
    operations = Worker(board, "measured", MINUTE, {worker.name: worker.spec.code})
    operations.register()
    [claim] = operations.claim_ready([worker.name], 1)
    found: list[Claim | None] = []

    def claim_next(txn: BoardTransaction, readings: ClaimReadings | None) -> bool:
        found.append(operations.claim(txn, worker.name, readings))
        return found[-1] is not None

    messages.clear()
    finished = operations.finish(claim, [], claim_next)
    assert finished is not None
    assert finished.claimed_next
    assert len(messages) <= MAX_MESSAGES, messages
    assert [row.state for row in board.activations()] == ["running", "done"]
    assert found[0] is not None
    assert found[0].row.id == claim.row.id + 1


def test_ids_go_on_where_another_transaction_ended(board: Blackboard) -> None:
    board.deploy(worker)
    operations = Worker(board, "measured", MINUTE, {worker.name: worker.spec.code})
    operations.register()
    for first in (0, 3):
        board.deposit_many(Job(subject=f"job {number}", number=number) for number in range(first, first + 3))
        for claim in operations.claim_ready([worker.name], 1):
            operations.finish(claim, [])
    assert [row.id for row in board.activations()] == [2, 1]
    crossings = board.session.read(lambda txn: txn.sql.cursor.execute("SELECT id FROM crossing ORDER BY id").fetchall())
    assert [id_ for (id_,) in crossings] == [1, 2, 3, 4, 5, 6]
