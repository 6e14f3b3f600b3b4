"""Costs are shown by day and agent, with the cost per mark and the cost at the Messages API."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from blackboard import ManualClock, agent, strength
from blackboard.board.activations.call_records import model_calls
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.cli.app import app
from blackboard.core.records.view_columns import VIEWS
from blackboard.errors import BlackboardError, NotFound, UsageError
from blackboard.llm.model_settings import ModelSettings
from blackboard.llm.prices import load_prices, without_price
from blackboard.settings.deployment_file import load_settings
from blackboard.settings.deployment_resolver import ResolvedDeployment, resolve
from tests.model_calls.later_batches import BatchEndsLater
from tests.support.board_steps import in_transaction
from tests.support.fake_api_faults import Cut, Status
from tests.support.messages_api import MessagesApi
from tests.support.paying_board import MODEL, Judged, Lead, PayingBoard, judge


@pytest.fixture
def spent(world_of: Callable[..., PayingBoard], api: MessagesApi, clock: ManualClock) -> PayingBoard:
    """Return two days: three calls of the Messages API with one unknown outcome, then one call of the Batch API."""
    world = world_of(batch=1)
    world.deposit_leads(2)
    api.queue(Cut(0))
    world.run_until_quiescent()
    clock.advance(timedelta(days=1))
    world.deploy(use_batch_api=True)
    world.deposit_leads(1, name="later")
    client = BatchEndsLater(api)
    world.run_until_quiescent(client)
    client.close()
    return world


def typed(world: PayingBoard, *words: str) -> str:
    result = CliRunner().invoke(app, ["--database", world.database, *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_status_counts_the_calls_that_were_made(spent: PayingBoard) -> None:
    made = [call for call in spent.calls() if call["sent_at"] is not None]
    assert spent.board.status().model_calls.made == len(made) == 4
    assert f"{len(made)} made" in typed(spent, "status")


def test_costs_are_shown_by_day_and_agent(spent: PayingBoard) -> None:
    first, second = spent.board.costs()
    assert tuple(vars(first)) == VIEWS["costs"]
    assert [(row.day, row.agent, row.calls, row.marks_deposited) for row in (first, second)] == [
        (date(2026, 1, 5), "judge", 3, 2),
        (date(2026, 1, 6), "judge", 1, 1),
    ]
    assert first.usd == pytest.approx(sum(call["cost_usd"] or 0 for call in spent.calls()[:3]))
    assert first.usd_per_mark == pytest.approx(first.usd / 2)
    assert first.usd_direct == first.usd
    assert first.unknown == 1
    assert first.usd_reserved > 0
    assert second.usd_direct == pytest.approx(2 * second.usd, rel=0.02)
    assert spent.board.costs(days=1) == [second]


def test_each_call_has_its_tokens_its_cost_its_latency_and_its_request(spent: PayingBoard) -> None:
    assert {tuple(call) for call in spent.calls()} == {VIEWS["model_calls"]}
    applied = [call for call in spent.calls() if call["state"] == "applied"]
    assert len(applied) == 3
    for call in applied:
        assert call["input_tokens"] > 0 < call["output_tokens"]
        assert call["cost_usd"] > 0 <= call["latency_seconds"]
        assert (call["request_id"] is None) == (call["api"] == "batch")


@pytest.mark.parametrize(
    ("call_id", "usd", "error", "words"),
    [
        (2, 0.1, NotFound, "is applied"),
        (99, 0.1, NotFound, "no model call 99"),
        (1, -1, UsageError, "at least 0"),
    ],
)
def test_a_cost_of_at_least_0_is_recorded_only_for_an_unknown_outcome(
    spent: PayingBoard, call_id: int, usd: float, error: type[BlackboardError], words: str
) -> None:
    with pytest.raises(error, match=words):
        spent.board.record_cost(call_id, usd)


def test_the_command_prints_and_plots_costs(spent: PayingBoard, tmp_path: Path) -> None:
    said = typed(spent, "costs", "--days", "36500", "--plot")
    assert "2026-01-05" in said
    assert "judge" in said
    assert "█" in said
    pytest.importorskip("matplotlib")
    typed(spent, "costs", "--days", "36500", "--png", str(tmp_path / "costs.png"))
    assert (tmp_path / "costs.png").read_bytes().startswith(b"\x89PNG")


def test_a_plot_needs_an_extra(spent: PayingBoard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    command = ["--database", spent.database, "costs", "--png", str(tmp_path / "costs.png")]
    result = CliRunner().invoke(app, command)
    assert "--png needs the package matplotlib" in result.output
    assert result.exit_code == 1


def test_the_command_records_the_cost_of_an_unknown_outcome(spent: PayingBoard) -> None:
    recorded = typed(spent, "record-cost", "1", "--usd", "0.25", "--json")
    assert json.loads(recorded) == {"call_id": 1, "usd": 0.25}
    assert "0.5000" in typed(spent, "record-cost", "1", "--usd", "0.5")
    assert spent.board.costs()[0].unknown == 0
    assert spent.calls()[0]["cost_usd"] == 0.5
    without_amount = CliRunner().invoke(app, ["--database", spent.database, "record-cost", "1"])
    assert without_amount.exit_code == 2
    assert spent.calls()[0]["cost_usd"] == 0.5
    assert spent.board.costs()[0].usd_direct == spent.board.costs()[0].usd


def test_a_mark_with_several_calls_counts_once(world_of: Callable[..., PayingBoard]) -> None:
    @agent(watches=strength(Lead) >= 0.1, writes=[Judged], max_tokens=400, max_attempts=1, name="judge")
    def clumsy(marks: list[Any], context: Any) -> Any:
        left = judge.function(marks, context)
        if len(marks) > 1:
            raise ValueError("more than it can take")
        return left

    world = world_of(agents=[clumsy])
    world.deposit_leads(2)
    world.run_until_quiescent()
    assert [(call["state"], call["marks"]) for call in world.calls()] == [
        ("unusable", 2),
        ("applied", 1),
        ("applied", 1),
    ]
    [row] = world.board.costs()
    assert (row.calls, row.marks_deposited) == (3, 2)


def test_of_two_answers_the_newer_is_applied_and_the_late_answer_is_reported(
    world: PayingBoard, api: MessagesApi
) -> None:
    world.deposit_leads()
    api.queue(Cut(0))
    world.run_until_quiescent()
    late, used = world.calls()
    assert (late["state"], used["state"]) == ("unknown", "applied")
    assert in_transaction(world.board, model_calls.record_answer, late["id"], "{}", None, model_calls.CallCost(cost=1))
    assert world.states() == ["unusable", "applied"]
    assert world.board.costs()[0].marks_deposited == 1

    def two(txn: BoardTransaction) -> None:
        for _ in range(2):
            row = model_calls.plan(txn, 99, agent="judge", model=MODEL, body="{}", marks=1)
            model_calls.reserve(txn, row, 10)
            model_calls.record_answer(txn, row.id, "{}", None, model_calls.CallCost(cost=1))
        model_calls.record_applied(txn, 99)

    world.board.session.write(two)
    assert world.states()[2:] == ["unusable", "applied"]


def test_an_immediately_rejected_request_costs_nothing(world: PayingBoard, api: MessagesApi) -> None:
    world.deposit_leads()
    api.queue(Status(529), Status(429))
    world.run_until_quiescent()
    assert world.states() == ["failed", "failed", "applied"]
    assert [row.calls for row in world.board.costs()] == [1]


def test_status_counts_the_calls_whose_outcome_is_unknown(spent: PayingBoard) -> None:
    assert "1 unknown" in typed(spent, "status")


UNPRICED = '[deployment]\nagents = ["tests.support.paying_board:judge"]\n[model]\nmodel = "claude-nonesuch"\n'
"""A deployment file whose model has no price."""


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    """Return a table with a price of the model."""
    path = tmp_path / "prices.toml"
    path.write_text(
        'as_of = 2026-01-01\n[models."claude-nonesuch"]\n'
        "input = 1\noutput = 5\ncache_write = 1.25\ncache_read = 0.1\nbatch_input = 0.5\nbatch_output = 2.5\n"
    )
    return path


def resolved(tmp_path: Path, text: str) -> ResolvedDeployment:
    file = tmp_path / "deployment.toml"
    file.write_text(text)
    return resolve(load_settings(file, {}))


def test_a_deployment_file_with_a_model_without_a_price_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="model 'claude-nonesuch' has no price"):
        resolved(tmp_path, UNPRICED)


def test_a_model_needs_no_price_where_offline_rules_answer(tmp_path: Path) -> None:
    assert resolved(tmp_path, UNPRICED + 'provider = "offline"\n').settings.model.provider == "offline"


def test_a_price_may_stand_in_a_table_of_its_own(world: PayingBoard, tmp_path: Path, prices: Path) -> None:
    settings = resolved(tmp_path, UNPRICED + f'prices = "{prices}"\n').settings.model
    world.deposit_leads()
    assert without_price(world.board.deployment, settings, load_prices(prices)) == []


def test_a_daemon_whose_model_has_no_price_begins_nothing(world: PayingBoard) -> None:
    world.deposit_leads()
    with pytest.raises(UsageError, match="has no price"):
        world.run_until_quiescent(model=ModelSettings(model="claude-nonesuch"))
    assert world.calls() == []


def test_figures_count_what_calls_used_and_cost(world: PayingBoard) -> None:
    start = world.board.figures()
    world.deposit_leads(1)
    world.run_until_quiescent()
    figures = world.board.figures(start.position)
    [call] = world.calls()
    assert figures.happened.tokens["judge", MODEL, "output"] == call["output_tokens"] > 0
    assert figures.happened.usd["judge", MODEL] == pytest.approx(call["cost_usd"])
    assert world.board.figures(figures.position).happened.tokens == {}
