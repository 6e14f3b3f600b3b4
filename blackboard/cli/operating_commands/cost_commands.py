"""The cost commands: `costs` shows the cost of model calls, `record-cost` records an unknown cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blackboard.cli.cli_session import session_of
from blackboard.cli.terminal.output import AsJson, print_json, print_line, print_note, print_records
from blackboard.plurals import counted

if TYPE_CHECKING:
    from blackboard.board.result_types.work_results import CostRow

COST_BAR_WIDTH = 40
"""The length of the longest bar in characters."""


def costs(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=36_500, help="The number of days (UTC) up to today.")] = 30,
    plot: Annotated[bool, typer.Option("--plot", help="Also print a bar of US dollars for each day.")] = False,
    png: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the plot to a PNG file; needs the extra 'plot'.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the cost of model calls by day and agent.

    Examples:
      blackboard costs --days 7 --plot
      blackboard costs --png costs.png
      blackboard costs --json
    """
    with session_of(context).board_or_client() as board:
        rows = board.costs(days)
        unknown = board.status().model_calls.unknown
    if png is not None:
        _draw(rows, png)
    print_records(  # fits 80 columns; --json and the view have the tokens by category
        rows,
        lambda row: {
            "day": row.day,
            "agent": row.agent,
            "calls": row.calls,
            "tokens": _short(row.input_tokens + row.cache_read_tokens + row.cache_write_tokens + row.output_tokens),
            "US$": _usd(row.usd),
            "per mark": _usd(row.usd_per_mark),
            "direct": _usd(row.usd_direct),
            "cached": None if row.share_from_cache is None else f"{row.share_from_cache:.0%}",
        },
        as_json=as_json,
        empty="no model calls",
    )
    if as_json:
        return
    if rows:
        print_line(
            f"total: {_usd(sum(row.usd for row in rows))} US$ for {counted(sum(row.calls for row in rows), 'call')}"
        )
    if plot:
        _bars(rows)
    _note_uncertain(rows, unknown)


def _note_uncertain(rows: Sequence[CostRow], unknown: int) -> None:
    """Say which costs are not known yet, because the total may change."""
    if unknown:
        print_note(
            f"the outcome of {counted(unknown, 'call')} is unknown, so the reserve is kept;"
            " 'blackboard record-cost' records the cost"
        )
    elif reserved := sum(row.usd_reserved for row in rows):
        print_note(
            f"{_usd(reserved)} US$ are reserved for calls in progress and for calls whose answer did not state its"
            " usage; 'blackboard record-cost' records the cost of the latter"
        )


def record_cost(
    context: typer.Context,
    call_id: Annotated[int, typer.Argument(metavar="ID", help="The id of the call, as the view model_calls shows it.")],
    usd: Annotated[
        float, typer.Option(metavar="AMOUNT", help="US dollars, as the provider's account shows them; 0 for none.")
    ],
    as_json: AsJson = False,
) -> None:
    """Record the cost of a model call whose outcome or usage is unknown.

    Until then, the budget counts the highest cost that the call may have.

    Examples:
      blackboard sql "select id, agent, state, sent_at, error
        from model_calls where reserved_usd > 0"
      blackboard record-cost 17 --usd 0
      blackboard record-cost 18 --usd 0.0042
    """
    with session_of(context).board_or_client() as board:
        board.record_cost(call_id, usd)
    if as_json:
        from blackboard.presentation import json_shapes

        print_json(json_shapes.RecordedCost(call_id, usd))
    else:
        print_line(f"the cost of call {call_id} is recorded: {_usd(usd)} US$")


def _short(tokens: int) -> str:
    """Return a number of tokens to three digits: 950, 12.3k, 4.56M."""
    for unit, name in ((1_000_000, "M"), (1_000, "k")):
        if tokens >= unit:
            return f"{tokens / unit:.3g}{name}"
    return str(tokens)


def _usd(value: float | None) -> str | None:
    """Return US dollars in text. Calls cost from a hundredth of a cent to dollars, so small values get more digits."""
    if value is None:
        return None
    digits = next((digits for least, digits in ((10, 2), (0.01, 4)) if value >= least), 6)
    return f"{value:.{digits}f}"


def _by_day(rows: list[CostRow]) -> dict[str, float]:
    days: dict[str, float] = defaultdict(float)
    for row in rows:
        days[row.day.isoformat()] += row.usd
    return dict(sorted(days.items()))


def _bars(rows: list[CostRow]) -> None:
    days = _by_day(rows)
    highest = max(days.values(), default=0.0)
    for day, usd in days.items():
        print_line(
            f"{day} {'█' * round(COST_BAR_WIDTH * usd / highest if highest else 0):<{COST_BAR_WIDTH}} {_usd(usd)}"
        )


def _draw(rows: list[CostRow], path: Path) -> None:
    """Draw the costs of each day as bars, one color for each agent."""
    from blackboard.errors import MissingPackage, WorkError

    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingPackage("--png", "matplotlib", extra="plot") from None
    days = list(_by_day(rows))
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    below = dict.fromkeys(days, 0.0)
    for agent in sorted({row.agent for row in rows}):
        heights = {row.day.isoformat(): row.usd for row in rows if row.agent == agent}
        axes.bar(days, [heights.get(day, 0.0) for day in days], bottom=list(below.values()), label=agent)
        below = {day: below[day] + heights.get(day, 0.0) for day in days}
    axes.set_ylabel("US dollars")
    axes.tick_params(axis="x", rotation=45)
    if days:
        axes.legend()
    try:
        figure.savefig(path, format="png")
    except OSError as error:
        raise WorkError(f"{path} cannot be written: {error.strerror}") from None
