"""The command `status`: the state of the whole board."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from blackboard.cli.cli_session import session_of
from blackboard.cli.terminal.output import AsJson, count_list, gone_agent_lines, print_json, print_pairs, timestamp
from blackboard.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from blackboard.board.result_types.mark_results import SearchProgress
    from blackboard.board.result_types.message_results import SinkStatus
    from blackboard.board.result_types.status_results import BoardStatus, NeedsOverview, WorkerStatus

_SHOWN_OTHERWISE = ("as_of", "doubted_clock", "paused_agents", "paused_models", "unusable_answers")
"""The parts of the status that a person sees in other words, under another name or together with other parts."""


def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the state of the board: its marks and work, its needs, what is paused, and its workers.

    Example:
      blackboard status
    """
    from blackboard.board.result_types.status_texts import describe_clock
    from blackboard.local_or_remote_calls import calls_on_board
    from blackboard.presentation.json_shapes import status_of

    session = session_of(context)
    with session.board_or_client() as board:
        shape = calls_on_board(board).summary(session.configured_model)
    if as_json:
        print_json(shape)
        return
    result = status_of(shape)
    workers = ", ".join(map(_worker, result.workers))
    shown = {name: value for name, value in vars(shape).items() if name not in _SHOWN_OTHERWISE}
    print_pairs(
        {
            "board": shape.board,
            "as_of": timestamp(result.as_of),
            "clock": describe_clock(result.doubted_clock),
            **shown,
            "paused": "; ".join(_pauses(result)) or "no",
            "marks": count_list(result.marks),
            "activations": count_list(result.activations),
            "gone_agents": "; ".join(gone_agent_lines(result.gone_agents)) or "none",
            "needs": _needs(result.needs),
            "next_due_need": _next(result.next_due_need, result.as_of),
            "next_predicted_crossing": _next(result.next_predicted_crossing, result.as_of),
            "next_evaporation": _next(result.next_evaporation, result.as_of),
            "model_calls": count_list(vars(result.model_calls)),
            "searches": "; ".join(map(_search, result.searches)) or "none",
            "sinks": "; ".join(map(_sink, result.sinks)) or "nothing waits",
            "workers": workers or "none",
        }
    )


def _pauses(result: BoardStatus) -> Iterator[str]:
    """Yield everything that is paused: the board, agents and models."""
    from blackboard.board.result_types.explanation_results import NO_REASON

    if result.paused:
        yield f"the board: {result.paused_because or NO_REASON}"
    for agent, because in sorted(result.paused_agents.items()):
        yield f"agent {agent}: {because or NO_REASON}"
    for model, reason in sorted(result.paused_models.items()):
        yield f"model {model}: the provider refuses calls: {reason}"
    for agent, models in sorted(result.unusable_answers.items()):
        yield from (
            f"model {model} for {agent}: its answers are unusable: {reason}" for model, reason in models.items()
        )


def _search(search: SearchProgress) -> str:
    done = f", {search.doing}: {search.share:.0%}" if search.doing else ""
    return f"{search.kind}: {counted(search.marks, 'mark')}{done}"


def _sink(sink: SinkStatus) -> str:
    waiting = f"{sink.waiting} waiting" + (f" ({sink.retried} failing)" if sink.retried else "")
    return f"{sink.sink}: {waiting}, {sink.given_up} given up" if sink.given_up else f"{sink.sink}: {waiting}"


def _worker(worker: WorkerStatus) -> str:
    where = f"{worker.id} (pid {worker.pid} on {worker.host})"
    if not worker.alive:
        return f"{where}: dead, last seen at {timestamp(worker.seen_at)}"
    return f"{where}: {worker.problem}" if worker.problem else where


def _needs(needs: NeedsOverview) -> str:
    from blackboard.board.result_types.status_texts import describe_need

    if not needs.open:
        return "none"
    counts = f"{needs.open} open" + (f", {needs.overdue} overdue" if needs.overdue else "")
    more = "; ..." if needs.open > len(needs.first) else ""
    return f"{counts}: {'; '.join(f'{need.id} {need.subject}{describe_need(need)}' for need in needs.first)}{more}"


def _next(at: datetime | None, now: datetime) -> str | None:
    """Return the text for a next instant. A past instant is due and waits for a daemon."""
    return timestamp(at) if at is None or at > now else f"due since {timestamp(at)}"
