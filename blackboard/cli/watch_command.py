"""The command that shows the board as it changes: `watch`. Strengths fade, agents wake; it only looks."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blackboard.cli import completion
from blackboard.cli.cli_session import session_of
from blackboard.cli.output import clean, console, grid, number, short

if TYPE_CHECKING:
    from rich.console import Group

    from blackboard.board import Blackboard

__all__ = ["add_to", "view"]

BAR = 20
"""Characters of the longest bar."""


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(watch)


def watch(
    context: typer.Context,
    kind: Annotated[str | None, typer.Option(help="Marks of this kind alone.", autocompletion=completion.kinds)] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="The strongest so many marks.")] = 20,
    every: Annotated[str, typer.Option(metavar="DURATION", help="How often it looks.")] = "500ms",
    once: Annotated[bool, typer.Option("--once", help="Print one view and end.")] = False,
) -> None:
    """A live view of strengths fading and agents waking. Ctrl-C ends it.

    \b
    Examples:
      blackboard watch
      blackboard watch --kind lead --every 2s
      blackboard watch --once
    """
    from rich.live import Live

    from blackboard.durations import parse_duration

    pause = max(parse_duration(every), 50_000)
    with session_of(context).board() as board:
        screen = console()
        if once:
            screen.print(view(board, kind, limit))
            return
        never = threading.Event()
        try:
            with Live(view(board, kind, limit), console=screen, auto_refresh=False, screen=screen.is_terminal) as live:
                while not board.clock.wait(never, board.clock.now() + pause):
                    live.update(view(board, kind, limit), refresh=True)
        except KeyboardInterrupt:
            return


def view(board: Blackboard, kind: str | None, limit: int) -> Group:
    """The board at this instant: its strongest marks, its agents, its agenda."""
    from rich.console import Group
    from rich.text import Text

    status, marks = board.status(), board.look(kind=kind, limit=limit)
    strongest = max((mark.strength for mark in marks), default=1.0) or 1.0
    paused = "  PAUSED" if status["paused"] else ""
    head = (
        f"{status['as_of'][:19].replace('T', ' ')}  {sum(status['marks'].values())} marks  {status['waiting']} waiting"
    )
    return Group(
        Text(head + paused, style="bold"),
        grid(
            ("strength", "", "kind", "age", "subject"),
            (
                (
                    number(mark.strength),
                    _bar(mark.strength / strongest),
                    mark.kind,
                    short(mark.age_seconds),
                    mark.subject,
                )
                for mark in marks
            ),
        ),
        grid(("agent", "state", "waiting", "activations"), (_agent(row) for row in board.agents())),
    )


def _bar(share: float) -> str:
    eighths = round(share * BAR * 8)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def _agent(row: dict[str, Any]) -> tuple[str, str, int, str]:
    counts = ", ".join(f"{count} {state}" for state, count in row["activations"].items())
    return clean(row["agent"]), clean(row["state"]), row["waiting"], counts or "none"
