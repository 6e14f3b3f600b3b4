"""Single operations of the hot paths, measured by pytest-benchmark."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.performance import boards
from benchmarks.performance.bare_sqlite import RawTable
from benchmarks.performance.boards import Trace
from blackboard import Blackboard, Exponential
from blackboard.board.mark_changes import deposits
from blackboard.core.conditions.condition_parser import parse_condition
from blackboard.core.marks.deposit_requests import DepositRequest
from blackboard.core.marks.fading_marks import FadingState
from blackboard.core.marks.payload_json import dump_payload
from blackboard.core.marks.reinforcement import join_states
from blackboard.store.statements import MARKS


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Blackboard]:
    """Open a small board with two agents that watch its traces."""
    path = boards.copy(tmp_path_factory.mktemp("parts"), 1000, "parts")
    with Blackboard.open(f"sqlite:///{path}", kinds=boards.KINDS) as board:
        yield board


@pytest.fixture
def subjects() -> Iterator[str]:
    return boards.subjects(10**9, 10**7)


def test_a_raw_durable_commit(benchmark: Any, tmp_path: Path) -> None:
    raw = RawTable(tmp_path / "raw.db")
    benchmark(raw.commit_one, "s")
    raw.close()


def test_a_deposit(benchmark: Any, board: Blackboard, subjects: Iterator[str]) -> None:
    benchmark(lambda: board.deposit(Trace(subject=next(subjects))))


def test_a_reinforcement(benchmark: Any, board: Blackboard) -> None:
    known = itertools.cycle(boards.subjects(100))
    benchmark(lambda: board.deposit(Trace(subject=next(known))))


def test_a_hundred_deposits_without_the_commit(benchmark: Any, board: Blackboard, subjects: Iterator[str]) -> None:
    def many(txn: Any) -> None:
        for subject in itertools.islice(subjects, 100):
            deposits.deposit(txn, DepositRequest("trace", subject, {}, "person:bench"))

    benchmark(lambda: board.session.write(many))


def test_an_empty_transaction(benchmark: Any, board: Blackboard) -> None:
    benchmark(lambda: board.session.write(lambda txn: None))


def test_read_the_strongest_twenty(benchmark: Any, board: Blackboard) -> None:
    benchmark(lambda: board.marks("trace", limit=20))


def test_a_lookup_by_kind_and_subject(benchmark: Any, board: Blackboard) -> None:
    subject = next(boards.subjects(1))
    benchmark(
        lambda: board.session.read(lambda txn: txn.sql.all(MARKS.marks_of_subject, kind="trace", subject=subject))
    )


def test_build_and_dump_a_mark(benchmark: Any) -> None:
    benchmark(lambda: dump_payload(Trace(subject="s", detail="one").payload))


def test_a_reinforced_state(benchmark: Any) -> None:
    law = Exponential("1h")
    old, new = FadingState(1.0, 0, law), FadingState(0.5, 60_000_000, law)
    benchmark(join_states, Trace.defaults, old, new, 60_000_000)


def test_parse_a_condition(benchmark: Any) -> None:
    numbers = itertools.count(1)  # parsed texts are cached, so each text is new
    benchmark(lambda: parse_condition(f'(total("smoke") >= {next(numbers)}) & (count("fire", subject="hall/*") >= 1)'))
