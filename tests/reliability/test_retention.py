"""Under a steady load the file stops growing. Expired data is removed in bounded batches.

Live marks and the inputs of unfinished activations stay.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from blackboard import Blackboard, Exponential, ManualClock, Mark, agent, strength, total
from blackboard.board.housekeeping import retention
from blackboard.durations import DAY
from blackboard.errors import NotFound
from tests.support.board_steps import in_transaction
from tests.support.manual_daemons import run_until_idle, served


class Smoke(Mark, kind="smoke", decay=Exponential("6h"), on_repeat="separate"):
    detail: str = ""


class Alarm(Mark, kind="alarm", decay=Exponential("6h")):
    text: str = ""


class Tower(Mark, kind="tower"):
    """A mark that never fades."""


@agent(watches={"new": strength(Smoke) >= 0.5, "cold": strength(Smoke) < 0.2}, writes=[Alarm], batch=20, cooldown="1m",
       cooldown_per="subject")  # fmt: skip
def watchman(marks: Any, context: Any) -> list[Alarm]:
    return [Alarm(subject=mark.subject, text=context.watch) for mark in marks]


@agent(watches=total(Alarm) >= 5)
def counter(marks: Any, context: Any) -> None:
    """Absorb the marks."""


TABLES = (
    "absorbed",
    "activation",
    "activation_input",
    "crossing",
    "deposit_key",
    "event",
    "predicted_crossing",
    "law",
    "mark",
    "model_call",
    "subject_cooldown",
    "unique_value",
    "worker",
    "backfill",
    "watch_total",
)


def rows(board: Blackboard) -> dict[str, int]:
    return board.session.read(
        lambda txn: {name: txn.sql.cursor.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in TABLES}
    )


@pytest.mark.file_only("the size of the file is measured")
def test_a_file_stops_growing_under_months_of_steady_load(board: Blackboard, path: Path, clock: ManualClock) -> None:
    daemon = served(
        board, watchman, counter, keep_history="10d", keep_activations="10d", keep_model_calls="10d",
        evaporation_batch=200,
    )  # fmt: skip
    board.deposit(Tower(subject="tower"))
    sizes, counts = [], []
    for day in range(80):
        for number in range(12):
            law = Exponential(f"{6 * 3600 + day * 12 + number}s")  # each with its own law
            board.deposit(Smoke(subject=f"d{day}n{number}", detail="x" * 300), key=f"{day}/{number}", decay=law)
        for _ in range(3):
            run_until_idle(daemon)
            clock.advance(timedelta(hours=8))
        if day % 16 == 15:
            board.database.checkpoint()
            sizes.append(path.stat().st_size)
            counts.append(rows(board))
    assert sizes[-1] <= 1.1 * sizes[1]
    assert [name for name in TABLES if counts[-1][name] > counts[1][name]] == []
    assert board.marks("tower")[0].subject == "tower"
    assert [row.event for row in board.history("tower")] == ["deposited"], "a live mark keeps its history"


@pytest.mark.postgresql
def test_an_unused_law_is_removed_too(board: Blackboard, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "MAX_UNSEARCHED_LAWS", 0)  # a board with few laws is not searched
    daemon = served(board, watchman, keep_history="1d", keep_activations="1d", keep_model_calls="1d")
    board.deposit(Smoke(subject="kitchen"))
    before = rows(board)["law"]
    board.deposit(Smoke(subject="kitchen"), decay=Exponential("7h"))
    assert rows(board)["law"] == before + 1
    for _ in range(3):
        clock.advance(timedelta(days=2))
        run_until_idle(daemon)
        board.deposit(Smoke(subject="hall"))  # the newest event stays with its law
    assert rows(board)["law"] == before


def test_each_transaction_removes_a_bounded_number_and_returns_it(board: Blackboard, clock: ManualClock) -> None:
    board.deposit_many((Smoke(subject=f"s{n}") for n in range(500)), keys=(f"k{n}" for n in range(500)))
    clock.advance(timedelta(days=30))
    daemon = served(board, keep_history="none", keep_activations="none", keep_model_calls="none")
    run_until_idle(daemon)
    removed = []
    while count := in_transaction(
        board, retention.remove, history=10 * DAY, activations=None, model_calls=None, limit=150
    ):
        removed.append(count)
    assert max(removed) <= 2 * 150  # of each category
    clock.advance(timedelta(days=30))
    while count := in_transaction(
        board, retention.remove, history=10 * DAY, activations=None, model_calls=None, limit=150
    ):
        removed.append(count)
    left = rows(board)
    assert left["event"] == 1, "the newest event stays: ids are given on from it"
    assert left["deposit_key"] == 0


@pytest.mark.postgresql
def test_the_inputs_of_an_unfinished_activation_are_kept(board: Blackboard, clock: ManualClock) -> None:
    working = False
    seen: list[str] = []

    @agent(watches=strength(Smoke) >= 0.5, max_attempts=1, cooldown_after_failures=100, name="late")
    def late(marks: Any, context: Any) -> None:
        if not working:
            raise ValueError("not yet")
        seen.extend(mark.subject for mark in marks)

    daemon = served(board, late, keep_history="1d", keep_activations="1d", keep_model_calls="1d")
    board.deposit(Smoke(subject="kitchen"))
    run_until_idle(daemon)
    for _ in range(10):
        clock.advance(timedelta(days=5))
        run_until_idle(daemon)
    (dead,) = board.activations(state="dead")
    working = True
    board.retry(dead.id)
    run_until_idle(daemon)
    assert seen == ["kitchen"]
    board.deposit(Smoke(subject="cellar"))
    run_until_idle(daemon)
    for _ in range(5):
        clock.advance(timedelta(days=5))
        run_until_idle(daemon)
    (newest,) = board.activations()  # it stays: new ids continue from its id
    assert newest.subject == "cellar"
    board.deposit(Smoke(subject="attic"))
    run_until_idle(daemon)
    assert board.activations()[0].id > newest.id
    with pytest.raises(NotFound):
        board.retry(dead.id)
