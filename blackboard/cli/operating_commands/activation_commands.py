"""The commands about activations: activations, activation, retry, discard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from blackboard.cli import completion
from blackboard.cli.cli_session import session_of
from blackboard.cli.terminal.output import (
    AsJson,
    number_text,
    place_of,
    print_json,
    print_line,
    print_records,
    print_table,
    to_second,
    upcoming_time,
)
from blackboard.core.records.states import ActivationState
from blackboard.plurals import counted

if TYPE_CHECKING:
    from pydantic import JsonValue

    from blackboard.board.result_types.work_results import (
        ActivationDetails,
        ActivationRecord,
        GivenMark,
        ModelCallRecord,
    )

ACTIVATION_STATES = ", ".join(ActivationState)

ActivationId = Annotated[
    int, typer.Argument(metavar="ID", help="The id of the activation, as 'blackboard activations' lists it.")
]


def activations(
    context: typer.Context,
    agent: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Only activations of this agent.", autocompletion=completion.agents),
    ] = None,
    state: Annotated[
        list[ActivationState] | None,
        typer.Option(
            metavar="STATE",
            help=f"Only activations in this state: {ACTIVATION_STATES}. May be repeated; by default all but skipped.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many activations.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List activations, newest first.

    'activation ID' shows one activation in full. 'retry ID' tries a failed or held activation again, and 'discard ID'
    ends it.

    Example:
      blackboard activations --agent sales --state dead --state held
    """
    with session_of(context).board_or_client() as board:
        states = state or [value for value in ActivationState if value != ActivationState.SKIPPED]
        records, now = board.activations(agent=agent, state=states, limit=limit), board.now()
    print_records(
        records,
        lambda record: {
            "id": record.id,
            "agent": record.agent,
            "subject": place_of(record),
            "mark": record.mark_ids[0] if len(record.mark_ids) == 1 else None,
            "state": record.state,
            "attempt": record.attempt,
            "absorbed": record.marks_absorbed,
            "deposited": record.marks_deposited,
            "started": to_second(record.started_at),
            "reason, or error": _reason(record, now),
        },
        as_json=as_json,
        empty="no activations" if state else "no activations; --state skipped shows those that were skipped",
        spare=("deposited", "absorbed", "attempt", "started", "mark"),
    )


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
        print_line("error:")
        for line in error.splitlines():
            print_line(f"  {line}", wraps=False)
    if details.is_stuck:
        print_line(f"to try it again:  blackboard retry {activation_id}", wraps=False)
        print_line(f"to give it up:    blackboard discard {activation_id}", wraps=False)


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


def _reason(record: ActivationRecord, now: datetime) -> str:
    """Return the error of an activation, or its reason if it has none, after the time of a next attempt."""
    reason = _first_line(record.error) or record.reason
    if record.retry_at is None or not record.error:
        return reason
    when = "due since" if record.retry_at <= now else "again at"
    return f"{when} {upcoming_time(record.retry_at, now)}: {reason}"


def _first_line(error: str | None) -> str:
    """Return the first line of an error; --json shows all of it."""
    return (error or "").partition("\n")[0]


def _confirm(activation_id: int, state: ActivationState, words: str, *, as_json: bool) -> None:
    if as_json:
        from blackboard.presentation import json_shapes

        print_json(json_shapes.ActivationChange(activation_id, state))
    else:
        print_line(f"activation {activation_id} {words}")


def _show_outcome(details: ActivationDetails) -> None:
    """Print how an activation began, how it ended, and what it was split into."""
    record = details.activation
    about = f" about {about}" if (about := place_of(record)) else ""
    attempts = counted(record.attempt, "attempt")
    print_line(f"activation {record.id} of {record.agent}{about}: {record.state}, {attempts}")
    print_line(f"  watch {record.watch}: {record.reason}")
    times = (
        ("crossed", record.crossed_at),
        ("started", record.started_at),
        ("finished", record.finished_at),
        ("to be tried at", record.retry_at),
    )
    print_line(f"  {', '.join(f'{name} {to_second(at)}' for name, at in times if at is not None)}")
    if details.split_from is not None:
        print_line(f"  split from activation {details.split_from}")
    if details.parts:
        print_line(f"  other marks of its batch are in the activations {', '.join(map(str, details.parts))}")


def _show_marks(details: ActivationDetails) -> None:
    """Print the marks that an activation was given, and the marks that it deposited."""
    print_line("marks:")
    print_table(
        ("mark", "", "kind", "subject", "strength", "state now", "payload"),
        (
            (
                mark.mark_id,
                mark.role,
                mark.kind,
                mark.subject,
                number_text(mark.strength),
                _became(mark),
                _compact(mark.payload),
            )
            for mark in details.marks
        ),
        empty="none",
        spare=("payload",),
    )
    print_line("deposited:")
    print_table(
        ("mark", "event", "kind", "subject", "intensity", "payload"),
        (
            (
                event.mark_id,
                event.event,
                event.kind,
                event.subject,
                number_text(event.intensity),
                _compact(event.payload),
            )
            for event in details.deposits
        ),
        empty="nothing",
        spare=("payload",),
    )


def _became(mark: GivenMark) -> str:
    """Return the present state of a mark that was given, as text."""
    at = "" if mark.changed_at is None else f" {to_second(mark.changed_at)}"
    if mark.state == "live":
        return f"live, {number_text(mark.strength_now)} now{f', reinforced{at}' if at else ''}"
    return "no longer in the history" if mark.state == "unknown" else f"{mark.state}{at}"


def _show_calls(details: ActivationDetails) -> None:
    """Print the model calls of an activation and their cost."""
    if not details.calls:
        return
    print_line("model calls:")
    print_table(
        ("call", "model", "state", "sent", "tokens in", "out", "US$", "error"),
        (
            (
                call.id,
                call.model,
                call.state,
                to_second(call.sent_at),
                _tokens_in(call),
                call.output_tokens,
                None if call.cost_usd is None else f"{call.cost_usd:.4f}",
                _first_line(call.error),
            )
            for call in details.calls
        ),
        empty="none",
        spare=("error", "sent"),
    )
    print_line(f"cost: {details.cost_usd:.4f} US$")


def _tokens_in(call: ModelCallRecord) -> int | None:
    read = (call.input_tokens, call.cache_read_tokens, call.cache_write_tokens)
    return None if call.input_tokens is None else sum(tokens or 0 for tokens in read)


def _compact(payload: Mapping[str, JsonValue] | None) -> str | None:
    return None if payload is None else json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
