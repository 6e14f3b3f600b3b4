"""The command `connect`: connects a project of a coding agent to a board."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from blackboard.cli.cli_session import CommandSession, session_of
from blackboard.cli.optional_board_reads import unknown_remote_agent
from blackboard.cli.terminal.output import print_line, print_note
from blackboard.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from blackboard.claude_code.project_connection import ProjectConnection

AUTHOR = "claude-code"
"""The author of the sessions' deposits, if --author names none. Behind a server, the token determines it."""


def connect(
    context: typer.Context,
    program: Annotated[Literal["claude-code"], typer.Argument(help="The coding agent.")],
    agent: Annotated[
        str | None, typer.Option(metavar="NAME", help="The remote agent whose work wakes the sessions of the project.")
    ] = None,
    channel: Annotated[
        bool, typer.Option("--channel", help="Wake the sessions through a channel instead of a hook. Needs --agent.")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Remove exactly what this command has written.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for a confirmation.")] = False,
) -> None:
    """Connect the project in this folder to a board.

    The project gets tools, a skill, and a hook or a channel that wakes its sessions. The command first shows how the
    files will change. Your own text in these files stays. Options such as --database and --url are written to the
    files. If you run the command again, an option that you leave out keeps its value.

    Examples:
      blackboard --database board.db connect claude-code --yes
      blackboard --database board.db connect claude-code --agent review --yes
      blackboard connect claude-code --remove --yes
    """
    from blackboard.claude_code.project_changes import ProjectChanges

    if channel and agent is None:
        raise UsageError("--channel works only with --agent; add --agent")
    changes = ProjectChanges(Path.cwd())
    if remove:
        changes.disconnect()
    else:
        connection = _wanted_connection(session_of(context), agent, changes.earlier, uses_channel=channel)
        changes.connect(connection)
        if (
            agent is not None
            and (warning := unknown_remote_agent(_session_with(connection.options), agent)) is not None
        ):
            print_note(warning)
    for text in changes.notes:
        print_note(text)
    if diff := changes.diff():
        for line in diff.splitlines():
            print_line(line, wraps=False)
        if not yes:
            _confirm()
    names = changes.write()
    print_line(f"changed {', '.join(names)}" if names else "nothing to change")


def _wanted_connection(
    session: CommandSession, agent: str | None, earlier: ProjectConnection | None, *, uses_channel: bool
) -> ProjectConnection:
    """Return the wanted connection of the project. Options that are not given stay as they were.

    The options that say where the board is belong together, and so do --agent and --channel.

    Args:
        session: The common options of this command.
        agent: The agent that is given.
        earlier: The present connection of the project.
        uses_channel: Whether a channel wakes the sessions, if an agent is given.
    """
    from blackboard.claude_code.project_connection import ProjectConnection

    place = {
        "--config": session.config,
        "--database": session.database,
        "--url": session.server,
        "--token-file": session.token_file,
    }
    options = {name: str(value) for name, value in place.items() if value is not None}
    before = {} if earlier is None else dict(zip(earlier.options[::2], earlier.options[1::2], strict=True))
    earlier_author = before.pop("--author", None)
    keeps_place = not options and earlier is not None
    is_behind_server = earlier_author is None if keeps_place else session.server_url is not None
    options = before if keeps_place else options
    if not is_behind_server:
        options["--author"] = session.author or earlier_author or AUTHOR
    if agent is None and earlier is not None:
        agent, uses_channel = earlier.agent, earlier.uses_channel
    return ProjectConnection([word for pair in options.items() for word in pair], agent, uses_channel)


def _session_with(options: Sequence[str]) -> CommandSession:
    """Return a session that finds the board by these options."""
    given = dict(zip(options[::2], options[1::2], strict=True))
    config, token_file = given.get("--config"), given.get("--token-file")
    return CommandSession(
        None if config is None else Path(config),
        given.get("--database"),
        server=given.get("--url"),
        token_file=None if token_file is None else Path(token_file),
    )


def _confirm() -> None:
    """Ask whether the changes should be written.

    Raises:
        UsageError: Nobody can be asked.
        Exit: The user declines.
    """
    if not sys.stdin.isatty():
        raise UsageError("nothing was written; run it again with --yes to write these changes")
    if not typer.confirm("Write these changes?"):
        raise typer.Exit(ExitCode.FAILED)
