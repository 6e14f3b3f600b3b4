"""Queries about the tokens and the costs of model calls: by day, by model and by activation."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from blackboard.board.result_types.row_conversion import result_of
from blackboard.board.result_types.work_results import ActivationUsage, CostRow, ModelCostRow
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import first_instant_of_days, to_datetime
from blackboard.core.micro_dollars import to_usd
from blackboard.store.statements import MODEL_CALLS


def costs(txn: BoardTransaction, days: int) -> list[CostRow]:
    """Return the cost of model calls by day and agent, for a number of days up to today."""
    since = to_datetime(first_instant_of_days(txn.now, days)).date().isoformat()
    rows = txn.sql.all(MODEL_CALLS.costs, since=since)
    return [result_of(CostRow, row, day=date.fromisoformat(str(row.day))) for row in rows]


def costs_by_model(txn: BoardTransaction, days: int) -> list[ModelCostRow]:
    """Return the tokens and the cost of the calls of each model, for a number of days up to today."""
    rows = txn.sql.all(MODEL_CALLS.costs_by_model, since=first_instant_of_days(txn.now, days))
    return [result_of(ModelCostRow, row, usd=to_usd(row.cost), usd_direct=to_usd(row.direct_cost)) for row in rows]


def usage_by_activation(txn: BoardTransaction, activation_ids: Collection[int]) -> list[ActivationUsage]:
    """Return the tokens and the cost of the model calls of some activations, without activations that made none."""
    rows = txn.sql.all(MODEL_CALLS.usage_by_activation, ids=txn.sql.list_of(activation_ids))
    return [result_of(ActivationUsage, row, usd=to_usd(row.cost)) for row in rows]
