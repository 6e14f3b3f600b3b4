"""The ends of activations and the claims of the next ones need few messages to PostgreSQL and back."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from blackboard import Blackboard, Exponential, ManualClock, Mark, agent, strength
from blackboard.board.activations.agent_claims.claimable_work import WorkSource
from blackboard.board.activations.agent_claims.claims import Claim
from blackboard.board.activations.run_ends import agent_action_checks
from blackboard.board.daemon_work.run_end_transactions import FinishedRun
from blackboard.board.daemon_work.worker import Worker
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.agents.agent_definition import Agent
from blackboard.durations import MINUTE
from blackboard.errors import Undeclared
from blackboard.store.postgresql.pipelined_transactions.statement_pipeline import StatementPipeline
from tests.support.cache_checks import check_transaction_cache
from tests.support.threads import join_all

pytestmark = pytest.mark.postgresql(only=True)

MAX_MESSAGES = 5
"""The start of the transaction with the run and its agent, the load with the crossings and the next id, the mark,
COMMIT. Once, the pipeline also frees an old statement.
"""


class Job(Mark, kind="job", decay=Exponential("3d")):
    number: int = 0


class Note(Mark, kind="note", decay=Exponential("3d")):
    number: int = 0


@agent(watches=strength(Job, subject="job/*") >= 0.1, writes=[Note], batch=1, concurrency=50)
def worker(marks: list[Job], context: Any) -> None:
    """Do nothing."""


@agent(watches=strength(Job, subject="other/*") >= 0.1, writes=[Note], batch=1, concurrency=50)
def other(marks: list[Job], context: Any) -> None:
    """Do nothing."""


@agent(watches=strength(Job, subject="fading/*") >= 0.1, writes=[Note], batch=1, concurrency=50, when_faded="drop")
def fading(marks: list[Job], context: Any) -> None:
    """Do nothing."""


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the numbers of statements in the messages that are sent from now on."""
    sent: list[int] = []
    receive = StatementPipeline.receive

    def counted(pipeline: StatementPipeline) -> None:
        if pipeline.waiting:
            sent.append(pipeline.waiting)
        receive(pipeline)

    monkeypatch.setattr(StatementPipeline, "receive", counted)
    return sent


def worker_of(board: Blackboard, *agents: Agent) -> Worker:
    """Return a registered worker that serves agents."""
    operations = Worker(board, MINUTE, {item.name: item.spec.code for item in agents})
    operations.register()
    return operations


class Ending:
    """Ends of runs in threads, each with the claim of the next activation."""

    def __init__(self, board: Blackboard, operations: Worker) -> None:
        self._board, self._operations = board, operations
        self.claimed: list[Claim] = []
        self.ended: list[FinishedRun] = []
        self.errors: list[Exception] = []

    def end_together(self, runs: Sequence[Claim], returned: Sequence[Mark]) -> None:
        """End runs in one commit. Each returns one mark."""
        threads = [threading.Thread(target=self.end, args=pair) for pair in zip(runs, returned, strict=True)]
        waiting = threading.Semaphore(0)
        self._board.database.group_commit.on_wait = waiting.release
        with self._board.database.group_commit.exclusive():
            for thread in threads:
                thread.start()
                waiting.acquire()
        join_all(*threads)

    def end(self, claim: Claim, mark: Mark) -> None:
        """End one run."""
        found: list[Claim] = []

        def claim_next(txn: BoardTransaction, work_source: WorkSource) -> bool:
            found[:] = [each] if (each := self._operations.claim(txn, claim.agent_spec.name, work_source)) else []
            return bool(found)

        try:
            actions = agent_action_checks.prepare(claim.agent_spec, claim.row.id, [mark])
            finished = self._operations.run_ends.finish(claim, actions, claim_next)
        except Exception as error:
            self.errors.append(error)
        else:
            assert finished is not None
            assert finished.claimed_next == bool(found)
            self.ended.append(finished)
            self.claimed += found


def test_an_end_with_the_next_claim_takes_five_messages(board: Blackboard, messages: list[int]) -> None:
    board.deploy(worker)
    board.deposit_many(Job(subject=f"job/{number}", number=number) for number in range(3))
    operations = worker_of(board, worker)
    [claim] = operations.claim_ready([worker.name], 1)
    ending = Ending(board, operations)
    messages.clear()
    ending.end(claim, Note(subject="one"))
    assert len(messages) <= MAX_MESSAGES, messages
    assert [row.state for row in board.activations()] == ["running", "done"]
    [found] = ending.claimed
    assert found.row.id == claim.row.id + 1


@pytest.mark.parametrize("size", [4, 12])
def test_ends_that_share_a_commit_share_their_messages(
    board: Blackboard, messages: list[int], monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    board.deploy(worker, other, kinds=[Note])
    board.deposit_many(
        Job(subject=f"{name}/{number}", number=number, intensity=1 + number / 100)
        for number in range(size)
        for name in ("job", "other")
    )
    operations = worker_of(board, worker, other)
    runs = operations.claim_ready([worker.name, other.name], size)
    ending = Ending(board, operations)
    messages.clear()
    ending.end_together(runs, [Note(subject=f"n/{number}") for number in range(size)])
    assert not ending.errors
    assert len(messages) <= MAX_MESSAGES, messages
    assert [found.row.id for found in sorted(ending.claimed, key=lambda each: each.row.id)] == [
        *range(size + 1, 2 * size + 1)
    ]
    subjects = [subject for run in (*runs, *ending.claimed) for subject in run.subjects]
    assert sorted(subjects) == sorted(f"{name}/{number}" for name in ("job", "other") for number in range(size))
    for name in (worker.name, other.name):  # the strongest first
        numbers = [
            int(run.subjects[0].partition("/")[2])
            for run in sorted((*runs, *ending.claimed), key=lambda each: each.row.id)
            if run.agent_spec.name == name
        ]
        assert numbers == sorted(numbers, reverse=True)
    check_transaction_cache(monkeypatch)
    ending.end_together(runs := ending.claimed[:], [Note(subject="one") for _ in runs])
    assert not ending.errors
    assert {row.state for row in board.activations(limit=100)} == {"done"}


def test_a_claim_sees_what_the_claims_before_it_have_closed(board: Blackboard, clock: ManualClock) -> None:
    """The claims of a commit meet crossings whose marks have faded, close them, and go on."""
    board.deploy(worker, fading, kinds=[Note])
    laws = {"slow": "30d", "fast": "1h"}
    board.deposit_many(
        Job(subject=f"fading/{law}/{number}", number=number).with_options(decay=Exponential(half_life))
        for number in range(4)
        for law, half_life in laws.items()
    )
    operations = worker_of(board, fading)
    runs = operations.claim_ready([fading.name], 3)
    clock.advance(timedelta(days=1))
    ending = Ending(board, operations)
    ending.end_together(runs, [Note(subject="one") for _ in runs])
    ending.end_together(claimed := ending.claimed[:], [Note(subject="one") for _ in claimed])
    assert not ending.errors
    given = [subject for run in (*runs, *ending.claimed) for subject in run.subjects]
    assert sorted(subject for subject in given if "slow" in subject) == [f"fading/slow/{number}" for number in range(4)]
    assert len(given) == len(set(given))
    states = Counter(row.state for row in board.activations(limit=100))
    assert states["faded"] == 8 - len(given)
    assert [row["number"] for row in board.query("SELECT count(*) AS number FROM agenda")] == [0]


def test_a_result_that_is_refused_does_not_fail_the_ends_beside_it(board: Blackboard) -> None:
    board.deploy(worker, kinds=[Note])
    board.deposit_many(Job(subject=f"job/{number}", number=number) for number in range(8))
    operations = worker_of(board, worker)
    runs = operations.claim_ready([worker.name], 4)
    ending = Ending(board, operations)
    refused = Note(subject="old").with_options(if_event=12345)  # there is no such mark
    ending.end_together(runs, [Note(subject="a"), refused, Note(subject="b"), Note(subject="c")])
    [error] = ending.errors
    assert not isinstance(error, Undeclared)
    assert len(ending.ended) == len(ending.claimed) == 3
    assert sorted(mark.subject for mark in board.marks(Note)) == ["a", "b", "c"]
    states = sorted(row.state for row in board.activations(limit=20))
    assert states == ["done"] * 3 + ["running"] * 4


def test_ids_go_on_where_another_transaction_ended(board: Blackboard) -> None:
    board.deploy(worker)
    operations = worker_of(board, worker)
    for first in (0, 3):
        board.deposit_many(Job(subject=f"job/{number}", number=number) for number in range(first, first + 3))
        for claim in operations.claim_ready([worker.name], 1):
            operations.run_ends.finish(claim, [])
    assert [row.id for row in board.activations()] == [2, 1]
    crossings = board.session.read(lambda txn: txn.sql.cursor.execute("SELECT id FROM crossing ORDER BY id").fetchall())
    assert [id_ for (id_,) in crossings] == [1, 2, 3, 4, 5, 6]
