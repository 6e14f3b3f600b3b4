"""The commands that change single marks: deposit, reinforce, withdraw."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from blackboard.cli import completion
from blackboard.cli.cli_session import session_of
from blackboard.cli.terminal.output import AsJson, crossed_agents, number_text, print_json, print_line
from blackboard.errors import InvalidMark, UsageError

if TYPE_CHECKING:
    from pydantic import JsonValue

    from blackboard.board import Receipt

MarkIdArgument = Annotated[
    int, typer.Argument(metavar="ID", help="The id of the mark, as 'blackboard marks' lists it.")
]
IfEvent = Annotated[
    int | None,
    typer.Option(
        metavar="EVENT",
        help="Change the mark only if it still has this event_id.",
    ),
]


def deposit(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help="The kind, such as lead.", autocompletion=completion.kinds)],
    subject: Annotated[
        str, typer.Argument(help="The subject of the mark, such as lead/4711.", autocompletion=completion.subjects)
    ],
    payload: Annotated[str, typer.Option(metavar="JSON", help="The payload, a JSON object. Use '-' for stdin.")] = "{}",
    intensity: Annotated[
        float, typer.Option(help="The intensity, at least 0; the board multiplies it by the author's trust.")
    ] = 1.0,
    key: Annotated[
        str | None, typer.Option(help="An idempotency key: the same deposit with the same key is stored once.")
    ] = None,
    half_life: Annotated[
        str | None, typer.Option(metavar="DURATION", help="A half-life for this mark only, such as 90s or 3d.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Keep the full strength until this time, such as 2027-01-31.")
    ] = None,
    decay: Annotated[
        str | None,
        typer.Option(
            metavar="JSON", help='A decay law for this mark only, such as {"law": "linear", "lifetime": "3d"}.'
        ),
    ] = None,
    occurred_at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="When the reported event happened; by default now. The mark fades from then on."
        ),
    ] = None,
    if_event: Annotated[
        int | None,
        typer.Option(
            metavar="EVENT",
            help="Deposit only if the live mark still has this event_id; 0: only if there is no live mark.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    r"""Deposit a mark. A live mark of the same kind and subject is reinforced, unless the kind keeps marks separate.

    Examples:
      blackboard deposit lead lead/4711 --payload '{"message": "80 seats"}' \
        --intensity 0.8
      blackboard deposit note kitchen --payload '{"text": "wet paint"}' \
        --half-life 2h
      blackboard deposit note office --payload '{"text": "closed"}' \
        --until 2027-01-31
      blackboard deposit note hall --payload '{"text": "mind the step"}' \
        --decay '{"law": "linear", "lifetime": "3d"}' --key hall-1
      blackboard deposit smoke kitchen --occurred-at 2027-01-31T14:55
    """
    if sum(item is not None for item in (half_life, until, decay)) > 1:
        raise UsageError("--half-life, --until and --decay each set the decay law of the mark; use only one of them")
    values = _payload(payload)
    law = decay if half_life is None else json.dumps({"law": "exponential", "half_life": half_life})
    with session_of(context).board_or_client(create=None) as board:
        receipt = board.deposit(
            kind,
            subject=subject,
            payload=values,
            intensity=intensity,
            key=key,
            decay=law,
            until=until,
            occurred_at=occurred_at,
            if_event=if_event,
        )
    _report(receipt, as_json=as_json)


def _report(receipt: Receipt, *, as_json: bool) -> None:
    if as_json:
        print_json(receipt)
        return
    crossed = crossed_agents(receipt.crossed)
    print_line(f"mark {receipt.mark_id} {receipt.outcome}, strength {number_text(receipt.strength)}{crossed}")


def _payload(text: str) -> dict[str, JsonValue]:
    from blackboard.core.marks.mark_error_texts import not_json

    try:
        return json.loads(sys.stdin.read() if text == "-" else text)  # type: ignore[no-any-return]
    except json.JSONDecodeError as error:
        hint = """write an object such as '{"text": "wet paint"}', or '-' to read it from stdin"""
        raise InvalidMark(f"the payload is not valid JSON: {error}; {hint}") from None
    except (ValueError, RecursionError) as error:
        raise not_json(error) from None


def reinforce(
    context: typer.Context,
    mark_id: MarkIdArgument,
    by: Annotated[
        float, typer.Option(help="The strength to add, above 0; the board multiplies it by the author's trust.")
    ],
    if_event: IfEvent = None,
    as_json: AsJson = False,
) -> None:
    """Add to the present strength of a live mark, up to the cap of its kind. Its payload does not change.

    Example:
      blackboard reinforce 17 --by 0.2
    """
    with session_of(context).board_or_client() as board:
        receipt = board.reinforce(mark_id, by=by, if_event=if_event)
    _report(receipt, as_json=as_json)


def withdraw(
    context: typer.Context,
    mark_id: MarkIdArgument,
    if_event: IfEvent = None,
    as_json: AsJson = False,
) -> None:
    """Withdraw a live mark from the board. This wakes no agent.

    Example:
      blackboard withdraw 17
    """
    with session_of(context).board_or_client() as board:
        board.withdraw(mark_id, if_event=if_event)
    if as_json:
        from blackboard.presentation import json_shapes

        print_json(json_shapes.Withdrawal(mark_id))
    else:
        print_line(f"mark {mark_id} is withdrawn")
