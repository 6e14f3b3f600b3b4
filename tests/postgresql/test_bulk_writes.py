"""Rows that are read and inserted together on PostgreSQL leave the same board as one by one."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from blackboard import Blackboard, Exponential, ManualClock, Mark, Step, agent, count, strength, total
from blackboard.board.mark_changes import mark_removals
from blackboard.board.mark_tables.mark_rows import delete_mark, insert_mark
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.errors import UsageError
from blackboard.store.postgresql.pipelined_transactions import bulk_writes
from blackboard.store.postgresql.pipelined_transactions.statement_pipeline import StatementPipeline
from blackboard.store.row_types.mark_row_types import DepositKeyRow
from blackboard.store.statements import MARKS

pytestmark = pytest.mark.postgresql(only=True)

TABLES = ("event", "mark", "mark_tag", "unique_value", "deposit_key", "window_event", "watch_total", "crossing")


class Ash(Mark, kind="ash", on_repeat="separate"):
    """A kind of which each deposit is a mark."""


class Smoke(Mark, kind="smoke", decay=Exponential("1h"), on_repeat="add", tags=("room",)):
    """A kind whose deposits are added up."""

    room: str = ""


class Badge(Mark, kind="badge", decay=Step("50m"), on_repeat="replace", unique="code", tags=("code",)):
    """A kind of which no two marks have one code, and which evaporates."""

    code: str


KINDS = (Ash, Smoke, Badge)
AGENTS = [
    agent(watches=total(Smoke) >= 2.5, name="near")(lambda marks, context: None),
    agent(watches=total(Smoke, over="board") >= 40, name="far")(lambda marks, context: None),
    agent(watches=count(Ash, within="10m") >= 3, name="often")(lambda marks, context: None),
    agent(watches=strength(Smoke) < 0.5, name="cold")(lambda marks, context: None),
]


def rows(board: Blackboard) -> dict[str, list[Any]]:
    """Return the rows of all tables of marks."""

    def read(txn: BoardTransaction) -> dict[str, list[Any]]:
        return {name: sorted(map(repr, _select(txn, name))) for name in TABLES}

    return board.session.read(read)


def _select(txn: BoardTransaction, table: str) -> list[tuple[Any, ...]]:
    txn.sql.cursor.execute(f"SELECT * FROM {table}")
    return [tuple(row) for row in txn.sql.cursor.fetchall()]


def batch(rng: random.Random, size: int) -> list[tuple[Mark, str | None]]:
    """Return deposits with their keys, of which some subjects, keys and codes are repeated."""
    items: list[tuple[Mark, str | None]] = []
    for _ in range(size):
        subject, place = f"s/{rng.randrange(size // 2)}", str(rng.randrange(5))
        mark = rng.choice(
            [Ash(subject=subject), Smoke(subject=subject, room=place), Badge(subject=subject, code=place)]
        )
        items.append((mark, f"k{rng.randrange(size)}" if rng.random() < 0.3 else None))
    return items


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("copied_from", [1, 5, 10**6])
def test_a_batch_on_postgresql_leaves_the_same_rows_as_in_a_file(
    board_url: str, tmp_path: Path, seed: int, copied_from: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_writes, "ROWS_FOR_COPY", copied_from)
    clock = ManualClock()
    found = []
    for url in (board_url, f"sqlite:///{tmp_path / 'file.db'}"):
        rng = random.Random(seed)
        clock = ManualClock()
        with Blackboard.open(url, author="person:ada", clock=clock, kinds=KINDS) as board:
            board.deploy(*AGENTS)
            receipts = []
            for _ in range(4):
                items, keys = zip(*batch(rng, 60), strict=True)
                receipts += board.deposit_many(items, keys=keys, on_error="return")
                clock.advance(timedelta(minutes=20))
                board.session.write(lambda txn: mark_removals.evaporate_due(txn, 1000))
            found.append((rows(board), [str(receipt) for receipt in receipts]))
    assert found[0] == found[1]


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets an item for each message to the database server."""
    sent: list[int] = []
    receive = StatementPipeline.receive

    def receive_counted(self: StatementPipeline) -> None:
        sent.append(1)
        receive(self)

    monkeypatch.setattr(StatementPipeline, "receive", receive_counted)
    return sent


def test_a_batch_crosses_the_wire_in_few_messages(board_url: str, messages: list[int]) -> None:
    with Blackboard.open(board_url, author="person:ada", kinds=KINDS) as board:
        board.deploy(*AGENTS[:1])
        board.deposit_many(Smoke(subject=f"s/{number}") for number in range(500))
        messages.clear()
        board.deposit_many((Smoke(subject=f"t/{number}") for number in range(500)), keys=map(str, range(500)))
        assert len(messages) < 20
        assert len(board.marks(Smoke, limit=None)) == 1000


def test_an_evaporation_crosses_the_wire_in_few_messages(
    board_url: str, clock: ManualClock, messages: list[int]
) -> None:
    with Blackboard.open(board_url, author="person:ada", clock=clock, kinds=KINDS) as board:
        board.deposit_many(Badge(subject=f"s/{number}", code=str(number)) for number in range(500))
        clock.advance(timedelta(hours=1))
        messages.clear()
        assert board.session.write(lambda txn: mark_removals.evaporate_due(txn, 1000)) == 500
        assert len(messages) < 20
        assert not any(rows(board)[name] for name in ("mark", "mark_tag", "unique_value"))


def test_a_change_of_law_on_postgresql_leaves_the_same_rows_as_in_a_file(board_url: str, tmp_path: Path) -> None:
    found = []
    for url in (board_url, f"sqlite:///{tmp_path / 'file.db'}"):
        clock = ManualClock()
        with Blackboard.open(url, author="person:ada", clock=clock, kinds=KINDS) as board:
            board.deploy(*AGENTS)
            board.deposit_many(
                Smoke(subject=f"s/{number % 150}", intensity=0.5 + number / 100) for number in range(300)
            )
            board.deposit_many(Badge(subject=f"s/{number}", code=str(number)) for number in range(100))
            clock.advance(timedelta(minutes=7))
            for spec in (
                {"smoke": {"decay": Exponential("3h").spec()}, "badge": {"decay": Step("30m").spec()}},
                {"smoke": {"weight": 2.0}},
                {"smoke": {"decay": Step("8m").spec(), "weight": 0.1}},
            ):
                kinds = {
                    name: kind.model_copy(update=spec.get(name, {})) for name, kind in board.deployment.kinds.items()
                }
                board.deploy(board.deployment.model_copy(update={"kinds": kinds}))
                clock.advance(timedelta(minutes=7))
                board.session.write(lambda txn: mark_removals.evaporate_due(txn, 1000))
            found.append(rows(board))
    assert found[0] == found[1]


def test_a_change_of_law_crosses_the_wire_in_few_messages(board_url: str, messages: list[int]) -> None:
    with Blackboard.open(board_url, author="person:ada", kinds=KINDS) as board:
        board.deploy(*AGENTS[:2])
        board.deposit_many(Smoke(subject=f"s/{number}", intensity=0.01) for number in range(500))
        kinds = {name: kind.model_copy() for name, kind in board.deployment.kinds.items()}
        kinds["smoke"] = kinds["smoke"].model_copy(update={"decay": Exponential("3h").spec()})
        messages.clear()
        board.deploy(board.deployment.model_copy(update={"kinds": kinds}))
        assert len(messages) < 100


def test_a_statement_sees_the_rows_that_wait(board_url: str) -> None:
    with Blackboard.open(board_url, author="person:ada", kinds=KINDS) as board:
        board.deposit(Ash(subject="a"))

        def work(txn: BoardTransaction) -> tuple[int, int]:
            [row] = txn.marks_of_subject("ash", "a")
            for number in range(100):
                insert_mark(txn, row._replace(id=row.id + 1000 + number, event_id=row.event_id + 1000 + number))
                txn.sql.put(MARKS.insert_key, DepositKeyRow(str(number), "a", "ash", "", row.id, row.event_id, txn.now))
            before = len(txn.marks_of_subject("ash", "a"))
            delete_mark(txn, row)
            assert txn.sql.one(MARKS.find_key, author="a", kind="ash", key="7") is not None
            return before, len(txn.marks_of_subject("ash", "a"))

        assert board.session.write(work) == (101, 100)


def test_rows_that_wait_are_rolled_back(board_url: str) -> None:
    with Blackboard.open(board_url, author="person:ada", kinds=KINDS) as board:
        marks = [Ash(subject=f"a/{number}") for number in range(100)]
        mistaken: list[Any] = [*marks, "no mark"]
        with pytest.raises(UsageError):
            board.deposit_many(mistaken)
        assert board.marks(Ash, limit=None) == []
        board.deposit_many(marks)
        assert len(board.marks(Ash, limit=None)) == 100


def test_texts_that_a_server_cannot_compare_are_refused_alone(board_url: str) -> None:
    with Blackboard.open(board_url, author="person:ada", kinds=KINDS) as board:
        good = [Ash(subject=f"a/{number}") for number in range(3)]
        keys = ["fine", "\0", "\ud800"]
        results = board.deposit_many(good, keys=keys, on_error="return")
        assert [isinstance(result, UsageError) for result in results] == [False, True, True]
