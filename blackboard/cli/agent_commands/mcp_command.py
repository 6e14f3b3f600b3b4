"""The command `mcp`: the board as tools for models, by the Model Context Protocol on stdin and stdout."""

from __future__ import annotations

from typing import Annotated

import typer

from blackboard.cli import completion
from blackboard.cli.cli_session import session_of
from blackboard.cli.optional_board_reads import unknown_remote_agent
from blackboard.cli.terminal.output import print_note
from blackboard.core.token_scopes import VERBS, Scopes
from blackboard.errors import MissingPackage, UsageError

_SCOPES = ", ".join(verb + limit if limit.startswith(":") else verb for verb, limit in VERBS.items())
"""Each scope, with the part that it needs."""


def mcp(
    context: typer.Context,
    may: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SCOPE",
            help=f"What the model may do: {_SCOPES}. May be repeated; by default all except answer.",
        ),
    ] = None,
    channel: Annotated[
        str | None,
        typer.Option(
            metavar="AGENT",
            help="Act as a channel of Claude Code: tell the client when work waits for this remote agent.",
            autocompletion=completion.remote_agents,
        ),
    ] = None,
) -> None:
    """Serve the board to a model, by the Model Context Protocol (MCP) on stdin and stdout.

    A client such as a coding agent starts it. --author sets the author of the model's deposits. With --url, the
    command uses the board of a server, and the token limits what the model may do.

    Examples:
      blackboard --author claude mcp
      blackboard --author claude mcp --may read --may deposit:finding
      blackboard --author claude mcp --channel review
      blackboard --url http://127.0.0.1:8787 --token-file token mcp
    """
    from blackboard.board.program_preloading import preload_program
    from blackboard.mcp_server.board_access import BoardAccess

    scopes = Scopes(may) if may else None
    if channel is not None and scopes is not None and not scopes.allow("claim", channel):
        raise UsageError(
            f"--channel {channel} announces work that this session may not claim: add --may claim:{channel}"
        )
    session = session_of(context)
    if channel is not None and (warning := unknown_remote_agent(session, channel)) is not None:
        print_note(warning)
    with session.board_or_client() as board:
        try:
            from blackboard.mcp_server.stdio_transport import serve_stdio
        except ModuleNotFoundError as error:
            raise MissingPackage("the MCP server", error.name, extra="mcp") from None
        preload_program("cli.terminal", "local_or_remote_calls", "mcp_server")
        serve_stdio(BoardAccess(board, scopes), channel)
