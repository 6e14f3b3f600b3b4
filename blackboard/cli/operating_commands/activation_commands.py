"""The commands about one activation or crossing: activation, retry, discard, wake."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from blackboard.cli.cli_session import session_of
from blackboard.cli.terminal.output import AsJson, number, place, print_json, print_table, say, second
from blackboard.core.records.states import ActivationState

if TYPE_CHECKING:
    from pydantic import JsonValue

    from blackboard.board.result_types import ActivationDetails, GivenMark, ModelCallRecord


ActivationId = Annotated[
    int, typer.Argument(metavar="ID", help="The id of the activation, as 'blackboard activations' lists it.")
]


def activation(
    context: typer.Context,
    activation_id: ActivationId,
    as_json: AsJson = False,
) -> None:
    """Show one activation: its marks with their present state, its deposits, model calls, cost and error.

    Examples:
      blackboard activation 17
      blackboard activation 17 --json
    """
    with session_of(context).board_or_client() as board:
        details = board.activation(activation_id)
    if as_json:
        print_json(details)
        return
    _show_outcome(details)
    _show_marks(details)
    _show_calls(details)
    if error := details.activation.error:
        say("error:")
        for line in error.splitlines():
            say(f"  {line}", wraps=False)
    if details.is_stuck:
        say(f"to try it again:  blackboard retry {activation_id}", wraps=False)
        say(f"to give it up:    blackboard discard {activation_id}", wraps=False)


def retry(context: typer.Context, activation_id: ActivationId, as_json: AsJson = False) -> None:
    """Retry an activation that failed, is held or is quarantined. Its attempts count from 0 again.

    Example:
      blackboard retry 17
    """
    with session_of(context).board_or_client() as board:
        board.retry(activation_id)
    _confirm(activation_id, ActivationState.READY, "will be retried", as_json=as_json)


def discard(context: typer.Context, activation_id: ActivationId, as_json: AsJson = False) -> None:
    """Give up an activation that failed, is held or is quarantined. Its marks do not wake the agent again.

    Example:
      blackboard discard 18
    """
    with session_of(context).board_or_client() as board:
        board.discard(activation_id)
    _confirm(activation_id, ActivationState.DISCARDED, "is discarded", as_json=as_json)


def wake(
    context: typer.Context,
    crossing: Annotated[
        int, typer.Argument(metavar="ID", help="The id of the crossing, as 'blackboard agenda' lists it.")
    ],
    as_json: AsJson = False,
) -> None:
    """Wake an agent early: end the batch window of a crossing, and the cooldown that holds it.

    A guard, a budget or a pause still holds the crossing; the command says which.

    Example:
      blackboard wake 17
    """
    with session_of(context).board_or_client() as board:
        result = board.wake(crossing)
    if as_json:
        print_json(result)
        return
    about = f" about {result.subject}" if result.subject else ""
    if result.held_by is None:
        say(f"{result.agent} may wake{about} now")
    else:
        until = f" until {second(result.until)}" if result.until else ""
        say(f"{result.agent} does not wake{about} yet: held by {result.held_by}{until}")


def _confirm(activation_id: int, state: ActivationState, words: str, *, as_json: bool) -> None:
    if as_json:
        from blackboard.board import json_shapes

        print_json(json_shapes.ActivationChange(activation_id, state))
    else:
        say(f"activation {activation_id} {words}")


def _show_outcome(details: ActivationDetails) -> None:
    """Print how an activation began, how it ended, and what it was split into."""
    record = details.activation
    about = f" about {about}" if (about := place(record)) else ""
    attempts = "1 attempt" if record.attempt == 1 else f"{record.attempt} attempts"
    say(f"activation {record.id} of {record.agent}{about}: {record.state}, {attempts}")
    say(f"  watch {record.watch}: {record.reason}")
    times = (
        ("crossed", record.crossed_at),
        ("started", record.started_at),
        ("finished", record.finished_at),
        ("to be tried at", record.retry_at),
    )
    say(f"  {', '.join(f'{name} {second(at)}' for name, at in times if at is not None)}")
    if details.split_from is not None:
        say(f"  split from activation {details.split_from}")
    if details.parts:
        say(f"  its marks were split over the activations {', '.join(map(str, details.parts))} too")


def _show_marks(details: ActivationDetails) -> None:
    """Print the marks that an activation was given, and the marks that it deposited."""
    say("marks:")
    print_table(
        ("mark", "", "kind", "subject", "strength", "state now", "payload"),
        (
            (
                mark.mark_id,
                mark.role,
                mark.kind,
                mark.subject,
                number(mark.strength),
                _became(mark),
                _compact(mark.payload),
            )
            for mark in details.marks
        ),
        empty="none",
        spare=("payload",),
    )
    say("deposited:")
    print_table(
        ("mark", "event", "kind", "subject", "intensity", "payload"),
        (
            (event.mark_id, event.event, event.kind, event.subject, number(event.intensity), _compact(event.payload))
            for event in details.deposits
        ),
        empty="nothing",
        spare=("payload",),
    )


def _became(mark: GivenMark) -> str:
    """Return the present state of a mark that was given, as text."""
    at = "" if mark.changed_at is None else f" {second(mark.changed_at)}"
    if mark.state == "live":
        return f"live, {number(mark.strength_now)} now{f', reinforced{at}' if at else ''}"
    return "no longer in the history" if mark.state == "unknown" else f"{mark.state}{at}"


def _show_calls(details: ActivationDetails) -> None:
    """Print the model calls of an activation and their cost."""
    if not details.calls:
        return
    say("model calls:")
    print_table(
        ("call", "model", "state", "sent", "tokens in", "out", "US$", "error"),
        (
            (
                call.id,
                call.model,
                call.state,
                second(call.sent_at),
                _tokens_in(call),
                call.output_tokens,
                None if call.cost_usd is None else f"{call.cost_usd:.4f}",
                (call.error or "").partition("\n")[0],
            )
            for call in details.calls
        ),
        empty="none",
        spare=("error", "sent"),
    )
    say(f"cost: {details.cost_usd:.4f} US$")


def _tokens_in(call: ModelCallRecord) -> int | None:
    read = (call.input_tokens, call.cache_read_tokens, call.cache_write_tokens)
    return None if call.input_tokens is None else sum(tokens or 0 for tokens in read)


def _compact(payload: Mapping[str, JsonValue] | None) -> str | None:
    return None if payload is None else json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
