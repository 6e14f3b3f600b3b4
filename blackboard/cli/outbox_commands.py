"""The command `outbox`: messages to people outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from blackboard.cli.cli_session import session_of
from blackboard.cli.terminal.help_layout import PlainGroup, Registry
from blackboard.cli.terminal.output import AsJson, print_json, print_pairs, say, second, show_records, timestamp

if TYPE_CHECKING:
    from blackboard.board.result_types import OutboxMessage

HELP = """Show the messages that the board sends to people elsewhere; send one again, or give it up.

Examples:
  blackboard outbox list --state failed
  blackboard outbox show 17
  blackboard outbox retry 17 18
  blackboard outbox discard 19
"""

MessageId = Annotated[int, typer.Argument(metavar="ID", help="The id of the message, as 'outbox list' shows it.")]
MessageIds = Annotated[
    list[int], typer.Argument(metavar="ID...", help="The ids of messages, as 'outbox list' shows them.")
]


def add_to(app: typer.Typer) -> None:
    """Register the command with its subcommands."""
    outbox = Registry(cls=PlainGroup, no_args_is_help=True, help=HELP)
    outbox.command("list")(list_messages)
    outbox.command("show")(show)
    outbox.command("retry")(retry)
    outbox.command("discard")(discard)
    app.add_typer(outbox, name="outbox")


def list_messages(
    context: typer.Context,
    sink: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Only messages to this sink, as [[sinks]] in the deployment file names it."),
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(
            metavar="STATE", help="Only messages in this state: waiting, delivered, failed, gone or discarded."
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many messages.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List messages, newest first.

    Example:
      blackboard outbox list --sink phone --state failed
    """
    with session_of(context).board_or_client() as board:
        messages = board.outbox(sink=sink, state=state, limit=limit)
    show_records(
        messages,
        as_json,
        ("id", "sink", "topic", "state", "attempts", "title", "made", "next", "error"),
        lambda message: (
            message.id,
            message.sink,
            message.topic,
            message.state,
            message.attempts,
            message.title,
            second(message.created_at),
            second(message.due_at),
            message.error,
        ),
        empty="no messages",
        spare=("made", "next"),
    )


def show(context: typer.Context, message: MessageId, as_json: AsJson = False) -> None:
    """Show one message: what it says, to whom, and what became of it.

    Example:
      blackboard outbox show 17
    """
    with session_of(context).board_or_client() as board:
        found = board.outbox_message(message)
    if as_json:
        print_json(found)
        return
    times = {"created_at": found.created_at, "due_at": found.due_at, "finished_at": found.finished_at}
    hidden = {*times, "data", "text"}
    print_pairs(
        {
            **{name: value for name, value in vars(found).items() if name not in hidden and value not in (None, "")},
            **{name: timestamp(at) for name, at in times.items() if at is not None},
        }
    )
    for line in found.text.splitlines():
        say(f"  {line}", wraps=False)


def retry(context: typer.Context, messages: MessageIds, as_json: AsJson = False) -> None:
    """Send messages again, whatever their state. Their ids stay, and their attempts count from 0 again.

    Example:
      blackboard outbox retry 17
    """
    with session_of(context).board_or_client() as board:
        changed = [board.retry_message(message) for message in messages]
    _confirm(changed, "will be sent again", as_json)


def discard(context: typer.Context, messages: MessageIds, as_json: AsJson = False) -> None:
    """Give up messages that wait or were not delivered.

    Example:
      blackboard outbox discard 19
    """
    with session_of(context).board_or_client() as board:
        changed = [board.discard_message(message) for message in messages]
    _confirm(changed, "is given up", as_json)


def _confirm(changed: list[OutboxMessage], verb: str, as_json: bool) -> None:
    if as_json:
        print_json([{"id": message.id, "state": message.state} for message in changed])
        return
    for message in changed:
        say(f"message {message.id} to {message.sink} {verb}")
