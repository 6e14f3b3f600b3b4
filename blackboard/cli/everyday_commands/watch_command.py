"""The command `watch`: a live view of the strongest marks and of the agents."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from blackboard.cli import completion
from blackboard.cli.cli_session import session_of
from blackboard.cli.terminal.output import count_list, live_console, live_table, number_text, short_duration, to_second

if TYPE_CHECKING:
    from rich.console import Group

    from blackboard.board import Blackboard
    from blackboard.board.result_types.status_results import AgentStatus
    from blackboard.client import Client

STRENGTH_BAR_WIDTH = 20
"""The length of the longest bar in characters."""

MIN_INTERVAL_MILLISECONDS = 50
"""The shortest time between two updates. Each reads the board."""


def watch(
    context: typer.Context,
    kind: Annotated[str | None, typer.Option(help="Only marks of this kind.", autocompletion=completion.kinds)] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most this many marks.")] = 20,
    every: Annotated[
        str, typer.Option(metavar="DURATION", help="The time between two updates, such as 2s; at least 50ms.")
    ] = "500ms",
    once: Annotated[bool, typer.Option("--once", help="Print one view and exit.")] = False,
) -> None:
    """Show the strongest marks and the agents in a view that is kept up to date, until Ctrl-C.

    Examples:
      blackboard watch
      blackboard watch --kind lead --every 2s
      blackboard watch --once
    """
    from rich.live import Live

    from blackboard.board.program_preloading import preload_program
    from blackboard.durations import MILLISECOND, parse_duration
    from blackboard.local_or_remote_calls import calls_on_board

    interval = max(parse_duration(every), MIN_INTERVAL_MILLISECONDS * MILLISECOND)
    with session_of(context).board_or_client() as board:
        screen = live_console()
        if once:
            screen.print(view(board, kind, limit))
            return
        preload_program("cli.terminal", "local_or_remote_calls")
        never = threading.Event()
        live = Live(view(board, kind, limit), console=screen, auto_refresh=False, screen=screen.is_terminal)
        with contextlib.suppress(KeyboardInterrupt), live:
            clock = calls_on_board(board).clock
            while not clock.wait(never, clock.now() + interval):
                live.update(view(board, kind, limit), refresh=True)


def view(board: Blackboard | Client, kind: str | None, limit: int) -> Group:
    """Return a view of the board at this instant: its strongest marks and its agents."""
    from rich.console import Group
    from rich.text import Text

    status, marks = board.status(), board.marks(kind, limit=limit)
    strongest = max((mark.strength for mark in marks), default=1.0) or 1.0
    paused = "  PAUSED" if status.paused else "".join(f"  PAUSED: {model}" for model in sorted(status.paused_models))
    head = f"{to_second(status.as_of)}  {sum(status.marks.values())} marks  {status.waiting} waiting"
    return Group(
        Text(head + paused, style="bold"),
        live_table(
            ("strength", "", "kind", "age", "subject"),
            (
                (
                    number_text(mark.strength),
                    _bar(mark.strength / strongest),
                    mark.kind,
                    short_duration(mark.age_seconds),
                    mark.subject,
                )
                for mark in marks
            ),
        ),
        live_table(("agent", "state", "waiting", "activations"), (_agent(row) for row in board.agents())),
    )


def _bar(share: float) -> str:
    eighths = round(share * STRENGTH_BAR_WIDTH * 8)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def _agent(row: AgentStatus) -> tuple[str, str, int, str]:
    return row.agent, row.state, row.waiting, count_list(row.activations)
