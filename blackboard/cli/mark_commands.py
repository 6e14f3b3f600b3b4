"""The commands that change a board: init, deposit, withdraw, answer, pause, resume."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import Annotated, Any

import typer

from blackboard.cli import completion
from blackboard.cli.cli_session import session_of
from blackboard.cli.output import AsJson, document, note, number, say

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (init, deposit, withdraw, answer, pause, resume):
        app.command()(command)


def init(context: typer.Context) -> None:
    """Create the database, or upgrade it, and put the deployment file in force.

    \b
    Examples:
      blackboard init
      blackboard --config config/leads.toml init
    """
    from blackboard.daemon.liveness import living
    from blackboard.store.schema import refresh_views

    session = session_of(context)
    resolved = session.resolve()
    with session.board(create=True, folder=True, register=False) as board:
        change = session.deploy(board, resolved)
        if message := refresh_views(board.database, living):
            note(message)
        for warning in resolved.warnings:
            note(f"warning: {warning}")
        say(f"{board.database.where}: deployment {board.deployment.version} is in force")
        for line in change.changed if change is not None else ():
            say(f"  {line}")
        if not resolved.settings.names_agents:
            note(f"{resolved.settings.path} names no agents; name a deployment file with --config")


def deposit(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help="The kind, such as lead.", autocompletion=completion.kinds)],
    subject: Annotated[
        str, typer.Argument(help="What the mark is about, such as lead/4711.", autocompletion=completion.subjects)
    ],
    payload: Annotated[str, typer.Option(help="The payload, a JSON object; - reads it from stdin.")] = "{}",
    intensity: Annotated[float, typer.Option(help="At least 0.")] = 1.0,
    key: Annotated[str | None, typer.Option(help="The same key again changes nothing.")] = None,
    half_life: Annotated[str | None, typer.Option(metavar="DURATION", help="A half-life of its own: 90s, 3d.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Full until then, and gone: 2027-01-31.")] = None,
    decay: Annotated[str | None, typer.Option(metavar="JSON", help="A decay law of its own.")] = None,
    as_json: AsJson = False,
) -> None:
    """Leave a mark.

    \b
    Examples:
      blackboard deposit lead lead/4711 --payload '{"message": "80 seats by March"}' --intensity 0.8
      blackboard deposit note kitchen --payload '{"text": "wet paint"}' --half-life 2h
      blackboard deposit note office --payload '{"text": "closed"}' --until 2027-01-31
      blackboard deposit note hall --decay '{"law": "linear", "lifetime": "3d"}' --key hall-1
    """
    from blackboard.errors import UsageError

    if sum(item is not None for item in (half_life, until, decay)) > 1:
        raise UsageError("--half-life, --until and --decay each give the mark a law of its own: name one of them")
    values = _payload(payload)
    law = decay
    if half_life is not None:
        law = json.dumps({"law": "exponential", "half_life": half_life})
    with session_of(context).board(folder=True) as board:
        receipt = board.leave(kind, subject, values, intensity=intensity, key=key, decay=law, until=until)
    if as_json:
        document(dataclasses.asdict(receipt))
        return
    woken = f"; crossed for {', '.join(receipt.crossed)}" if receipt.crossed else ""
    say(f"mark {receipt.mark_id} {receipt.outcome}, strength {number(receipt.strength)}{woken}")


def _payload(text: str) -> Any:
    from blackboard.errors import InvalidMark

    try:
        return json.loads(sys.stdin.read() if text == "-" else text)
    except (ValueError, RecursionError) as error:
        raise InvalidMark(f"the payload is broken JSON: {error}") from None


def withdraw(context: typer.Context, mark_id: Annotated[int, typer.Argument(help="The mark's id.")]) -> None:
    """Take a live mark off the board. It wakes nobody.

    \b
    Example:
      blackboard withdraw 17
    """
    with session_of(context).board() as board:
        board.withdraw(mark_id)
    say(f"mark {mark_id} is withdrawn")


def answer(
    context: typer.Context,
    need_id: Annotated[int, typer.Argument(help="The need's id, as `blackboard inbox` shows it.")],
    text: Annotated[str, typer.Argument(help="What was decided.")],
) -> None:
    """Answer a need: leaves the decision that wakes whoever watches for it.

    \b
    Example:
      blackboard answer 42 "Tuesday 15:00 is fine"
    """
    with session_of(context).board() as board:
        receipt = board.answer(need_id, text)
    woken = f"; crossed for {', '.join(receipt.crossed)}" if receipt.crossed else ""
    say(f"need {need_id} is answered by decision {receipt.mark_id}{woken}")


def pause(
    context: typer.Context,
    agent: Annotated[
        str | None, typer.Argument(help="The agent; all of them by default.", autocompletion=completion.agents)
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Shown wherever the pause is.")] = None,
) -> None:
    """Wake an agent, or any, no more until it is resumed. Crossings go on being recorded.

    \b
    Examples:
      blackboard pause sales --reason "new price list"
      blackboard pause
    """
    with session_of(context).board() as board:
        board.pause(agent, reason)
    say(f"{agent or 'the board'} is paused")


def resume(
    context: typer.Context,
    agent: Annotated[
        str | None, typer.Argument(help="The agent; the whole board by default.", autocompletion=completion.agents)
    ] = None,
) -> None:
    """Wake an agent, or all, again.

    \b
    Examples:
      blackboard resume sales
      blackboard resume
    """
    with session_of(context).board() as board:
        board.resume(agent)
    say(f"{agent or 'the board'} goes on")
