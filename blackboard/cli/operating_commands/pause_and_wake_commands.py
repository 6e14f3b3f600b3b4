"""The commands `pause` and `resume`, and `wake`, which wakes an agent early."""

from __future__ import annotations

from typing import Annotated

import typer

from blackboard.cli import completion
from blackboard.cli.cli_session import session_of
from blackboard.cli.terminal.output import AsJson, place_of, print_json, print_line, to_second

AgentOrBoard = Annotated[
    str | None, typer.Argument(help="The agent; by default the whole board.", autocompletion=completion.agents)
]


def pause(
    context: typer.Context,
    agent: AgentOrBoard = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="The reason, shown with the pause.")] = None,
    as_json: AsJson = False,
) -> None:
    """Pause an agent, or the whole board, until 'resume'. Crossings are still recorded.

    Examples:
      blackboard pause sales --reason "new price list"
      blackboard pause
    """
    with session_of(context).board_or_client() as board:
        board.pause(agent, reason)
    if as_json:
        from blackboard.presentation import json_shapes

        print_json(json_shapes.Pause(agent, reason))
    else:
        print_line(f"{agent or 'the board'} is paused")


def resume(
    context: typer.Context,
    agent: AgentOrBoard = None,
    as_json: AsJson = False,
) -> None:
    """Resume an agent, or the whole board.

    Examples:
      blackboard resume sales
      blackboard resume
    """
    with session_of(context).board_or_client() as board:
        board.resume(agent)
    if as_json:
        from blackboard.presentation import json_shapes

        print_json(json_shapes.Resumption(agent))
    else:
        print_line(f"{agent or 'the board'} is resumed")


def wake(
    context: typer.Context,
    crossing_id: Annotated[
        int, typer.Argument(metavar="ID", help="The id of the crossing, as 'blackboard agenda' lists it.")
    ],
    as_json: AsJson = False,
) -> None:
    """Wake an agent early: end the batch window of a crossing, and the cooldown that holds it.

    A guard, a budget or a pause still holds the crossing; the command says which.

    Example:
      blackboard wake 17
    """
    with session_of(context).board_or_client() as board:
        result = board.wake(crossing_id)
    if as_json:
        print_json(result)
        return
    about = f" about {place}" if (place := place_of(result)) else ""
    if result.held_by is None:
        print_line(f"{result.agent} may wake{about} now")
    else:
        until = f" until {to_second(result.until)}" if result.until else ""
        print_line(f"{result.agent} does not wake{about} yet; what holds it: {result.held_by}{until}")
