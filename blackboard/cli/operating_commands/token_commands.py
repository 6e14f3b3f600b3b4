"""The command `token`: tokens of programs that use the board over HTTP."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from blackboard.cli.cli_session import session_of
from blackboard.cli.terminal.help_layout import PlainGroup, Registry
from blackboard.cli.terminal.output import AsJson, print_json, print_line, print_note, print_records, to_second
from blackboard.core.token_scopes import Scopes

TOKEN_HELP = """Make, list and revoke the tokens of programs that use the board over HTTP.

Examples:
  blackboard token create webform --may deposit:lead --may read
  blackboard token list
  blackboard token revoke webform
"""


def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A name for the token, under which it is listed and revoked.")],
    may: Annotated[
        list[str],
        typer.Option(
            metavar="SCOPE",
            help="What the holder of the token may do: read, read-redacted, deposit[:KIND[:SUBJECTS]], claim:AGENT,"
            " answer, operate, sql, admin. May be repeated.",
        ),
    ],
    expires: Annotated[
        str,
        typer.Option(metavar="DURATION", help="How long the token is valid, such as 90d; 'never' for no limit."),
    ] = "90d",
    as_json: AsJson = False,
) -> None:
    """Make a token and print it. It cannot be shown again, because the board keeps only its hash.

    Stdout has the token and nothing else. --author sets the author of deposits with the token; by default, the author
    is the name of the token.

    Examples:
      blackboard token create webform --may deposit:lead --may read
      blackboard token create desk --may answer --author person:ada
      blackboard token create metrics --may read-redacted --expires never
    """
    session = session_of(context)
    lifetime = None if expires == "never" else expires
    with session.board(create=None) as board:
        token = board.create_token(name, may=may, author=session.author, expires=lifetime)
        deployment = board.deployment
    names = {"deposit": set(deployment.kinds), "claim": set(deployment.agents)}
    unknown = [scope for scope in Scopes(may) if scope.name and scope.name not in names[scope.verb]]
    if as_json:
        from blackboard.cli.command_documents import NewToken

        print_json(NewToken(name, token))
    else:
        sys.stdout.write(f"{token}\n")
        print_note("the token is not shown again")
    for scope in unknown:
        print_note(f"the deployment has no {'agent' if scope.verb == 'claim' else 'kind'} {scope.name!r} yet")


def list_tokens(context: typer.Context, as_json: AsJson = False) -> None:
    """List all tokens that were ever made, with their scopes. The board does not store the tokens themselves.

    Example:
      blackboard token list
    """
    with session_of(context).board() as board:
        tokens = board.tokens()
    print_records(
        tokens,
        lambda token: {
            "name": token.name,
            "state": token.state,
            "may": " ".join(token.scopes),
            "signs as": token.author,
            "made": to_second(token.created_at),
            "expires": to_second(token.expires_at),
            "revoked": to_second(token.revoked_at),
        },
        as_json=as_json,
        empty="no tokens; 'blackboard token create' makes one",
        spare=("revoked", "made"),
    )


def revoke(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The name of the token.")],
    as_json: AsJson = False,
) -> None:
    """Revoke a token. The next request with it is refused.

    Example:
      blackboard token revoke webform
    """
    with session_of(context).board() as board:
        board.revoke_token(name)
    if as_json:
        from blackboard.cli.command_documents import RevokedToken

        print_json(RevokedToken(name))
    else:
        print_line(f"the token {name} is revoked")


token = Registry(cls=PlainGroup, no_args_is_help=True, help=TOKEN_HELP)
token.command("create")(create)
token.command("list")(list_tokens)
token.command("revoke")(revoke)
