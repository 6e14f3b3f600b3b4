"""The command `outbox`: messages to people outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from blackboard.cli.cli_session import session_of
from blackboard.cli.terminal.help_layout import PlainGroup, Registry
from blackboard.cli.terminal.output import (
    AsJson,
    print_json,
    print_line,
    print_pairs,
    print_records,
    timestamp,
    to_second,
)
from blackboard.core.records.states import MessageState
from blackboard.errors import UsageError
from blackboard.plurals import counted

if TYPE_CHECKING:
    from blackboard.board.result_types.message_results import OutboxMessage

OUTBOX_HELP = """Show the messages that the board sends to people elsewhere; send one again, or give it up.

Examples:
  blackboard outbox list --state failed
  blackboard outbox show 17
  blackboard outbox retry 17 18
  blackboard outbox retry --sink phone --state failed
  blackboard outbox discard 19
"""

MessageId = Annotated[
    int, typer.Argument(metavar="ID", help="The id of the message, as 'blackboard outbox list' lists it.")
]
MessageIds = Annotated[
    list[int] | None, typer.Argument(metavar="ID", help="The ids of messages, as 'blackboard outbox list' lists them.")
]
OfSink = Annotated[
    str | None, typer.Option("--sink", metavar="NAME", help="All undelivered messages of this sink, instead of ids.")
]
InState = Annotated[
    str | None,
    typer.Option(
        "--state",
        metavar="STATE",
        help="All messages in this state, instead of ids: waiting, failed, or gone (the receiver answered 410).",
    ),
]


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
    print_records(
        messages,
        lambda message: {
            "id": message.id,
            "sink": message.sink,
            "topic": message.topic,
            "state": message.state,
            "attempts": message.attempts,
            "title": message.title,
            "made": to_second(message.created_at),
            "next": to_second(message.due_at),
            "error": message.error,
        },
        as_json=as_json,
        empty="no messages",
        spare=("made", "next"),
    )


def show(context: typer.Context, message_id: MessageId, as_json: AsJson = False) -> None:
    """Show one message: its text, its receiver and its state.

    Example:
      blackboard outbox show 17
    """
    with session_of(context).board_or_client() as board:
        found = board.outbox_message(message_id)
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
        print_line(f"  {line}", wraps=False)


def retry(
    context: typer.Context,
    message_ids: MessageIds = None,
    sink: OfSink = None,
    state: InState = None,
    as_json: AsJson = False,
) -> None:
    """Send messages again, whatever their state. Their ids stay, and their attempts count from 0 again.

    Examples:
      blackboard outbox retry 17
      blackboard outbox retry --sink phone --state failed
    """
    _check_choice(message_ids, sink, state)
    with session_of(context).board_or_client() as board:
        if message_ids:
            changed = [board.retry_message(message_id) for message_id in message_ids]
            _print_messages(changed, "will be sent again", as_json=as_json)
        else:
            ids = board.retry_messages(sink=sink, state=state)
            _print_number(ids, MessageState.WAITING, "will be sent again", as_json=as_json)


def discard(
    context: typer.Context,
    message_ids: MessageIds = None,
    sink: OfSink = None,
    state: InState = None,
    as_json: AsJson = False,
) -> None:
    """Give up messages that wait or were not delivered.

    Examples:
      blackboard outbox discard 19
      blackboard outbox discard --sink phone
    """
    _check_choice(message_ids, sink, state)
    with session_of(context).board_or_client() as board:
        if message_ids:
            changed = [board.discard_message(message_id) for message_id in message_ids]
            _print_messages(changed, "is given up", as_json=as_json)
        else:
            ids = board.discard_messages(sink=sink, state=state)
            _print_number(ids, MessageState.DISCARDED, "given up", as_json=as_json)


def _check_choice(message_ids: list[int] | None, sink: str | None, state: str | None) -> None:
    """Check that a command names messages in one way.

    Raises:
        UsageError: The command names no messages, or names them in both ways.
    """
    if bool(message_ids) == (sink is not None or state is not None):
        raise UsageError("name the messages by their ids, or all messages of a --sink or in a --state")


def _print_messages(changed: list[OutboxMessage], verb: str, *, as_json: bool) -> None:
    if as_json:
        from blackboard.cli.command_documents import MessageChange

        print_json([MessageChange(message.id, MessageState(message.state)) for message in changed])
        return
    for message in changed:
        print_line(f"message {message.id} to {message.sink} {verb}")


def _print_number(ids: list[int], state: MessageState, words: str, *, as_json: bool) -> None:
    if as_json:
        from blackboard.cli.command_documents import MessageChange

        print_json([MessageChange(message_id, state) for message_id in ids])
    else:
        print_line(f"{counted(len(ids), 'message')} {words}")


outbox = Registry(cls=PlainGroup, no_args_is_help=True, help=OUTBOX_HELP)
outbox.command("list")(list_messages)
outbox.command("show")(show)
outbox.command("retry")(retry)
outbox.command("discard")(discard)
