"""The command `explain`: prints why an agent has or has not woken."""

from __future__ import annotations

from typing import Annotated

import typer

from blackboard.cli import completion
from blackboard.cli.cli_session import session_of
from blackboard.cli.terminal.output import AsJson, print_json, print_line


def explain(
    context: typer.Context,
    agent: Annotated[str, typer.Argument(help="The name of the agent.", autocompletion=completion.agents)],
    subject: Annotated[
        str | None,
        typer.Argument(
            help="Only this subject; by default all subjects with waiting work.", autocompletion=completion.subjects
        ),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(metavar="VALUE", help="For a watch with by=TAG: only the group whose TAG has this value."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Explain why an agent has or has not woken.

    For each watch: its value and threshold, and what holds it back (a guard, a cooldown, a pause) and until when.

    Examples:
      blackboard explain sales
      blackboard explain scheduler ada@example.org
      blackboard explain responder --group payments
    """
    from blackboard.local_or_remote_calls import calls_on_board

    with session_of(context).board_or_client() as board:
        values = None if group is None else calls_on_board(board).group_values(agent, group)
        result = board.explain(agent, subject, group=values)
    if as_json:
        from blackboard.presentation.json_shapes import explanation

        print_json(explanation(result))
        return
    from blackboard.presentation.explanation_lines import explanation_lines

    for line in explanation_lines(result):
        print_line(line)
