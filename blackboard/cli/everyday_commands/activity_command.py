"""The command `activity`: what agents, people and programs did, as a list or as it happens."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blackboard.cli.cli_session import session_of
from blackboard.cli.terminal.output import (
    AsJson,
    place_of,
    print_json_line,
    print_line,
    print_note,
    print_records,
    to_second,
)

if TYPE_CHECKING:
    from blackboard.board import Blackboard
    from blackboard.board.result_types.work_results import ActivityRecord
    from blackboard.client import Client


def activity(
    context: typer.Context,
    after: Annotated[
        int | None, typer.Option(min=0, metavar="ID", help="Only entries after this id; by default the newest entries.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many entries.")] = 20,
    follow: Annotated[
        bool, typer.Option("--follow", help="Afterwards, print each new entry as it happens, until Ctrl-C.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List what agents, people and programs did, oldest first: crossings, activations, needs, actions, deployments.

    Examples:
      blackboard activity
      blackboard activity --after 1200 --limit 500 --json
      blackboard activity --follow --json | jq .event
    """
    with session_of(context).board_or_client() as board:
        entries = board.activity(after=after, limit=limit)
        if follow:
            with contextlib.suppress(KeyboardInterrupt):
                _follow(board, entries, after or 0, as_json=as_json)
            return
    print_records(entries, _cells, as_json=as_json, empty="no activity", spare=("watch", "author", "time"))


def _cells(entry: ActivityRecord) -> dict[str, Any]:
    return {
        "id": entry.id,
        "time": to_second(entry.recorded_at),
        "event": entry.event,
        "agent": entry.agent,
        "watch": entry.watch,
        "subject": place_of(entry),
        "state": entry.state if entry.old_state is None else f"{entry.old_state} > {entry.state}",
        "author": entry.author,
        "number": entry.activation_id or entry.crossing_id or entry.mark_id or entry.version or entry.token,
    }


def _follow(board: Blackboard | Client, entries: list[ActivityRecord], last: int, *, as_json: bool) -> None:
    """Print entries, and then each new entry as it comes, each on a line."""
    from blackboard.local_or_remote_calls import calls_on_board

    for entry in entries:
        _print_line(entry, as_json=as_json)
        last = entry.id
    for entry in calls_on_board(board).later_activity(
        last, lambda: print_note("entries are missing here, because the server no longer has them")
    ):
        _print_line(entry, as_json=as_json)


def _print_line(entry: ActivityRecord, *, as_json: bool) -> None:
    if as_json:
        print_json_line(entry)
    else:
        print_line("  ".join(str(cell) for cell in _cells(entry).values() if cell not in (None, "")), wraps=False)
    sys.stdout.flush()
