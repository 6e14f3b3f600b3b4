"""The commands that list agents, and when they wake next: agents, agenda, schedules."""

from __future__ import annotations

from typing import Annotated

import typer

from blackboard.cli.cli_session import session_of
from blackboard.cli.terminal.output import (
    AsJson,
    count_list,
    place_of,
    print_note,
    print_records,
    short_duration,
    to_second,
    upcoming_time,
)
from blackboard.core.conditions.number_formats import digits_beside, exact_digits


def agents(context: typer.Context, as_json: AsJson = False) -> None:
    """List the agents: their watches, the kinds that they may write, and their state.

    Example:
      blackboard agents
    """
    with session_of(context).board_or_client() as board:
        rows, now = board.agents(), board.now()
    print_records(
        rows,
        lambda row: {
            "agent": f"{row.agent} (remote)" if row.remote else row.agent,
            "state": row.state,
            "until": upcoming_time(row.until, now, minutes=True),
            "waiting": row.waiting,
            "activations": count_list(row.activations),
            "writes": ", ".join(row.writes) or None,
            "withdraws": ", ".join(row.withdraws) or None,
            "watches": "; ".join(
                f"{name}: {condition}{', per subject' if row.per[name] == 'subject' else ''}"
                for name, condition in row.watches.items()
            ),
        },
        as_json=as_json,
        empty="no agents are deployed; 'blackboard --config FILE init' deploys the agents of a deployment file",
        spare=("until", "activations", "writes", "withdraws"),
    )


def agenda(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="At most this many crossings.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the crossings that wait, strongest first, each with the reason why it waits.

    A crossing records that the watch of an agent met its threshold. It waits until a daemon wakes the agent.

    Examples:
      blackboard agenda
      blackboard agenda --limit 10
    """
    with session_of(context).board_or_client() as board:
        items, now = board.agenda(limit=limit + 1), board.now()
    more, items = len(items) > limit, items[:limit]
    print_records(
        items,
        lambda item: {
            "id": item.id,
            "agent": item.agent,
            "watch": item.watch,
            "subject": place_of(item),
            "value": digits_beside(item.value, item.threshold),
            "threshold": exact_digits(item.threshold),
            "crossed": to_second(item.crossed_at),
            "ready": upcoming_time(item.ready_at, now),
            "held_by": item.held_by,
        },
        as_json=as_json,
        empty="no crossing waits",
        spare=("ready", "threshold", "watch"),
    )
    if more:
        print_note(f"these are the strongest {limit}; --limit N shows more")


def schedules(
    context: typer.Context,
    limit: Annotated[
        int, typer.Option(min=1, max=1000, help="Show at most this many coming times of each schedule.")
    ] = 3,
    as_json: AsJson = False,
) -> None:
    """List the schedules of the agents, with their next times, and how late the last crossing was.

    Examples:
      blackboard schedules
      blackboard schedules --limit 10 --json
    """
    with session_of(context).board_or_client() as board:
        rows, now = board.schedules(limit=limit), board.now()
    print_records(
        rows,
        lambda row: {
            "agent": row.agent,
            "watch": row.watch,
            "schedule": row.schedule,
            "catch_up": row.catch_up,
            "next": ", ".join(str(upcoming_time(at, now)) for at in row.upcoming) or "never",
            "waits_since": to_second(row.waits_since),
            "held_by": row.held_by,
            "last": to_second(row.last_at),
            "late": None if row.last_late_seconds is None else short_duration(row.last_late_seconds),
        },
        as_json=as_json,
        empty="no agent has a schedule",
        spare=("late", "last", "held_by", "waits_since", "catch_up"),
    )
