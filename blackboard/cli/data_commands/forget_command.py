"""The command `forget`, which erases a subject."""

from __future__ import annotations

from typing import Annotated

import typer

from blackboard.cli import completion
from blackboard.cli.cli_session import session_of
from blackboard.cli.data_commands.erasure_output import show_erasure
from blackboard.cli.terminal.output import AsJson, print_json, print_note
from blackboard.errors import ExitCode


def forget(
    context: typer.Context,
    subject: Annotated[
        str,
        typer.Argument(help="The subject, exactly as 'blackboard marks' shows it.", autocompletion=completion.subjects),
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for a confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase the data of a subject: its marks, their payloads in the history, and model calls that mention it.

    The ids, times, kinds, intensities and costs of its events stay, under a random name. This cannot be undone.

    Example:
      blackboard forget ada@example.org
    """
    if not yes and not as_json:
        typer.confirm(f"Erase the data of {subject!r} permanently?", abort=True)
    with session_of(context).board_or_client() as board:
        report = board.forget(subject)
    if as_json:
        from blackboard.presentation.json_shapes import erasure

        print_json(erasure(subject, report))
    else:
        show_erasure(subject, report)
    if report.not_compacted is not None:
        print_note(
            f"error: unused parts of the file may still contain words of {subject!r}: {report.not_compacted};"
            " run this command again, or 'blackboard compact', to finish"
        )
        raise typer.Exit(ExitCode.FAILED)
