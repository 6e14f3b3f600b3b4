"""The page of costs: by day, agent and model, and what the board has saved, each with its formula."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pydantic import Field

from blackboard import CostRow
from blackboard.board import page_readings
from blackboard.board.result_types.work_results import ModelCostRow
from blackboard.core.micro_dollars import to_usd
from blackboard.errors import UnknownName
from blackboard.llm.prices import load_prices
from blackboard.server.pages.page_definition import LivePage, PageCall, PageContent, PageFields
from blackboard.server.pages.page_rendering import counted_with_commas

WIDTH, HEIGHT = 1000, 160
"""The size of the chart, in units of the drawing."""


class CostsFields(PageFields):
    """The costs that the page shows."""

    days: int = Field(default=30, ge=1, le=3650)


class Saving(NamedTuple):
    """The amount that the board has saved in one way."""

    name: str
    """The way."""
    amount: float
    """What was saved, in US dollars."""
    formula: str
    """How it is computed."""
    meaning: str
    """What the formula assumes."""


class DayBar(NamedTuple):
    """The cost of a day in the chart."""

    day: str
    usd: float
    x: float
    y: float
    width: float
    height: float


def show_costs(call: PageCall[CostsFields]) -> PageContent:
    """Return the costs and the savings of a number of days."""
    days = call.parameters.days
    rows, models = call.board.costs(days), page_readings.costs_by_model(call.board, days)
    unseen = page_readings.faded_unseen(call.board, days)
    return PageContent(
        {"rows": rows, "models": models},
        {
            "savings": list(_savings(rows, models, unseen)),
            "total": sum(row.usd for row in rows),
            "calls": sum(row.calls for row in rows),
            "bars": _bars(rows),
            "width": WIDTH,
            "height": HEIGHT,
            "days": days,
        },
    )


def _savings(rows: Sequence[CostRow], models: Sequence[ModelCostRow], unseen: int) -> Iterator[Saving]:
    """Yield the amount that was saved in each way, with its formula."""
    calls, marks = sum(model.calls for model in models), sum(model.marks for model in models)
    usd = sum(model.usd for model in models)
    mean = usd / calls if calls else 0.0
    yield Saving(
        "Batching",
        max(0, marks - calls) * mean,
        f"({counted_with_commas(marks, 'mark')} − {counted_with_commas(calls, 'call')}) × {mean:.4f} USD a call",
        "Without batches, each mark would have had a call of its own. Each call that batches saved is"
        " counted at the mean price of a call. A call with one mark is shorter, so this is an upper bound.",
    )
    cached = sum(model.cache_read_tokens for model in models)
    yield Saving(
        "Caching",
        _saved_by_cache(models),
        f"{cached:,} tokens read from the cache × (price of input − price of a cache read) − the higher price of"
        " tokens written to it",
        "Without the cache, the same tokens would have been sent at the price of input.",
    )
    yield Saving(
        "Batch API",
        sum(model.usd_direct - model.usd for model in models),
        "the cost of the same tokens outside the Batch API − their cost in it",
        "Only calls of agents that use the Batch API save this.",
    )
    given = sum(row.marks_deposited for row in rows)
    yield Saving(
        "Faded unseen",
        unseen * (usd / marks if marks else 0.0),
        f"{unseen:,} marks that evaporated before any agent was given them × {usd / marks if marks else 0:.4f} USD a"
        " mark in a call",
        "These marks were too weak to wake an agent, so no call read them. In this time, agents deposited"
        f" {given:,} marks.",
    )


def _saved_by_cache(models: Sequence[ModelCostRow]) -> float:
    """Return the US dollars that the cache has saved, at the prices of each model; 0 for a model without a price."""
    prices, saved = load_prices(), 0.0
    for row in models:
        try:
            price = prices.of(row.model)
        except UnknownName:
            continue
        discount = float(price.batch_input / price.input) if row.api == "batch" and price.input else 1.0
        micro_dollars = row.cache_read_tokens * float(price.input - price.cache_read)
        micro_dollars -= row.cache_write_tokens * float(price.cache_write - price.input)
        saved += to_usd(micro_dollars) * discount
    return saved


def _bars(rows: Sequence[CostRow]) -> list[DayBar]:
    """Return the bars of the chart of daily costs."""
    usd: dict[str, float] = {}
    for row in rows:
        usd[row.day.isoformat()] = usd.get(row.day.isoformat(), 0.0) + row.usd
    highest = max(usd.values(), default=0.0) or 1.0
    width = WIDTH / max(1, len(usd))
    return [
        DayBar(
            day=day,
            usd=amount,
            x=round(index * width + width * 0.1, 1),
            y=round(HEIGHT * (1 - amount / highest), 1),
            width=round(width * 0.8, 1),
            height=round(HEIGHT * amount / highest, 1),
        )
        for index, (day, amount) in enumerate(sorted(usd.items()))
    ]


PAGE = LivePage(
    "costs",
    "/costs",
    "Costs",
    read=show_costs,
    about="What model calls have cost, and what they would have cost without a board.",
)
