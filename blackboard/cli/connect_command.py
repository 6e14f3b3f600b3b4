"""The command `connect`: a project of a coding agent, connected to a board."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from blackboard.cli.cli_session import CommandSession, session_of
from blackboard.cli.terminal.output import note, say
from blackboard.errors import UsageError

if TYPE_CHECKING:
    from blackboard.claude_code.wanted_entries import Wish

AUTHOR = "claude-code"
"""Who signs for the sessions, if --author does not say. On a server, a token does."""


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(connect)


def connect(
    context: typer.Context,
    program: Annotated[Literal["claude-code"], typer.Argument(help="The coding agent.")],
    agent: Annotated[
        str | None, typer.Option(metavar="NAME", help="The remote agent whose work wakes the sessions of the project.")
    ] = None,
    channel: Annotated[
        bool, typer.Option("--channel", help="Wake them by a channel, and not by a hook. It needs --agent.")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take back exactly what this command has written.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Write without asking.")] = False,
) -> None:
    """Connect the project in this folder to a board: its tools, a skill, and what wakes its sessions.

    It shows the changes of the files first. What you have written or changed in them stays. Options such as --database
    and --url are written as they are given here.

    Examples:
      blackboard --database board.db connect claude-code --yes
      blackboard --database board.db connect claude-code --agent review --yes
      blackboard connect claude-code --remove --yes
    """
    from blackboard.claude_code.project_changes import ProjectChanges

    if channel and agent is None:
        raise UsageError("--channel needs --agent: the agent whose work is announced")
    changes = ProjectChanges(Path.cwd())
    if remove:
        changes.disconnect()
    else:
        changes.connect(_wish(session_of(context), agent, channel))
    for text in changes.notes:
        note(text)
    if diff := changes.diff():
        for line in diff.splitlines():
            say(line, wraps=False)
        _confirm(yes)
    names = changes.write()
    say(f"changed {', '.join(names)}" if names else "nothing to change")


def _wish(session: CommandSession, agent: str | None, uses_channel: bool) -> Wish:
    """Return what the project is to be connected with, with the common options of this command."""
    from blackboard.claude_code.wanted_entries import Wish

    given = {
        "--config": session.config,
        "--database": session.database,
        "--url": session.server,
        "--token-file": session.token_file,
        "--author": None if session.server_url is not None else session.author or AUTHOR,
    }
    options = [word for name, value in given.items() if value is not None for word in (name, str(value))]
    return Wish(options, agent, uses_channel)


def _confirm(yes: bool) -> None:
    """Ask whether the changes should be written.

    Raises:
        UsageError: Nobody can be asked.
        Exit: They should not.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nothing was written; run it again with --yes to write these changes")
    if not typer.confirm("Write these changes?"):
        raise typer.Exit(1)
