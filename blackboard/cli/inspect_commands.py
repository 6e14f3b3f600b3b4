"""The commands that inspect a board: marks, history, status, agents, agenda, schedules, activations, inbox, explain."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blackboard.cli import completion
from blackboard.cli.cli_session import model_of, session_of
from blackboard.cli.terminal.output import (
    AsJson,
    count_list,
    describe_gone,
    note,
    number,
    print_json,
    print_pairs,
    say,
    second,
    short,
    show_records,
    timestamp,
    upcoming,
)
from blackboard.conditions import digits_beside, exact_digits
from blackboard.states import ActivationState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from blackboard.board.result_types import ActivationRecord, BoardStatus, NeedsOverview, WorkerStatus

_PAUSES = ("paused_agents", "paused_models", "unusable_answers")
STATES = ", ".join(ActivationState)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (marks, history, status, agents, agenda, schedules, activations, inbox, explain):
        app.command()(command)


def marks(
    context: typer.Context,
    kind: Annotated[str | None, typer.Option(help="Only marks of this kind.", autocompletion=completion.kinds)] = None,
    subject: Annotated[
        str | None, typer.Option(help="Only marks of this subject.", autocompletion=completion.subjects)
    ] = None,
    min_strength: Annotated[float | None, typer.Option(help="Only marks of at least this strength.")] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Show the board at another time, past or future.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many marks.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the live marks, strongest first.

    Examples:
      blackboard marks --kind lead --min-strength 0.3
      blackboard marks --subject ada@example.org --at 2027-01-31T15:00
      blackboard marks --json --limit 5
    """
    with session_of(context).board() as board:
        records = board.marks(kind, subject=subject, min_strength=min_strength, at=at, limit=limit + 1)
    more, records = len(records) > limit, records[:limit]
    show_records(
        records,
        as_json,
        ("id", "kind", "subject", "strength", "age", "evaporates", "author", "activation", "payload"),
        lambda mark: (
            mark.id,
            mark.kind,
            mark.subject,
            number(mark.strength),
            short(mark.age_seconds),
            upcoming(mark.evaporates_at, mark.as_of, minutes=True),
            mark.author,
            mark.activation_id,
            json.dumps(mark.payload, ensure_ascii=False),
        ),
        empty="no marks",
        spare=("activation", "author", "evaporates"),
    )
    if more:
        note(f"these are the strongest {limit}; --limit N shows more")


def history(
    context: typer.Context,
    subject: Annotated[str, typer.Argument(help="The subject.", autocompletion=completion.subjects)],
    as_json: AsJson = False,
) -> None:
    """List every event of a subject's marks, oldest first.

    Example:
      blackboard history ada@example.org
    """
    with session_of(context).board() as board:
        events = board.history(subject)
    show_records(
        events,
        as_json,
        ("recorded", "occurred", "mark", "kind", "event", "intensity", "author", "activation", "payload"),
        lambda event: (
            second(event.recorded_at),
            None if event.occurred_at == event.recorded_at else second(event.occurred_at),
            event.mark_id,
            event.kind,
            event.event,
            number(event.intensity),
            event.author,
            event.activation_id,
            None if event.payload is None else json.dumps(event.payload, ensure_ascii=False, separators=(",", ":")),
        ),
        empty=f"no mark was ever deposited about {subject!r}",
        spare=("activation", "author", "intensity", "occurred"),
    )


def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Summarize the state of the board.

    Example:
      blackboard status
    """
    session = session_of(context)
    with session.board() as board:
        where, result = board.database.where, board.status()
    served = "; ".join(dict.fromkeys(worker.model or "unknown" for worker in result.workers if worker.alive))
    summary = _summary(result, where, served or model_of(session))
    if as_json:
        print_json(summary)
        return
    workers = ", ".join(map(_worker, result.workers))
    shown = {name: value for name, value in summary.items() if name not in _PAUSES}
    print_pairs(
        {
            **shown,
            "as_of": timestamp(result.as_of),
            "paused": "; ".join(_pauses(result)) or "no",
            "marks": count_list(result.marks),
            "activations": count_list(result.activations),
            "gone_agents": "; ".join(describe_gone(result.gone_agents)) or "none",
            "needs": _needs(result.needs),
            "next_due_need": _next(result.next_due_need, result.as_of),
            "next_predicted_crossing": _next(result.next_predicted_crossing, result.as_of),
            "next_evaporation": _next(result.next_evaporation, result.as_of),
            "model_calls": count_list(vars(result.model_calls)),
            "workers": workers or "none",
        }
    )


def _summary(result: BoardStatus, where: str, answers: str) -> dict[str, Any]:
    """Return everything that `status` says, as its JSON has it."""
    return {
        "board": where,
        "as_of": result.as_of,
        "clock": _clock(result),
        "deployment": result.deployment,
        "paused": result.paused and (result.paused_because or True),
        "answers": answers,
        "paused_agents": result.paused_agents,
        "paused_models": result.paused_models,
        "unusable_answers": result.unusable_answers,
        "marks": result.marks,
        "events": result.events,
        "waiting": result.waiting,
        "activations": result.activations,
        "gone_agents": result.gone_agents,
        "needs": result.needs,
        "next_predicted_crossing": result.next_predicted_crossing,
        "next_due_need": result.next_due_need,
        "next_evaporation": result.next_evaporation,
        "model_calls": result.model_calls,
        "backfills": result.backfills,
        "workers": result.workers,
        **({} if result.file_bytes is None else {"file_bytes": result.file_bytes, "log_bytes": result.log_bytes}),
    }


def _pauses(status: BoardStatus) -> Iterator[str]:
    """Yield everything that is paused: the board, agents and models."""
    from blackboard.board.result_types import NO_REASON

    if status.paused:
        yield f"the board: {status.paused_because or NO_REASON}"
    for agent, because in sorted(status.paused_agents.items()):
        yield f"agent {agent}: {because or NO_REASON}"
    for model, reason in sorted(status.paused_models.items()):
        yield f"model {model}: the provider refuses calls: {reason}"
    for agent, models in sorted(status.unusable_answers.items()):
        yield from (
            f"model {model} for {agent}: its answers are unusable: {reason}" for model, reason in models.items()
        )


def _worker(worker: WorkerStatus) -> str:
    where = f"{worker.id} (pid {worker.pid} on {worker.host})"
    if not worker.alive:
        return f"{where}: dead, last seen at {timestamp(worker.seen_at)}"
    return f"{where}: {worker.problem}" if worker.problem else where


def _needs(needs: NeedsOverview) -> str:
    from blackboard.board.reading.explanation_lines import need_parts

    if not needs.open:
        return "none"
    counts = f"{needs.open} open" + (f", {needs.overdue} overdue" if needs.overdue else "")
    more = "; ..." if needs.open > len(needs.first) else ""
    return f"{counts}: {'; '.join(f'{need.id} {need.subject}{need_parts(need)}' for need in needs.first)}{more}"


def _next(at: datetime | None, now: datetime) -> str | None:
    """Return when something happens next. What is due already waits for a daemon."""
    return timestamp(at) if at is None or at > now else f"due since {timestamp(at)}"


def _clock(status: BoardStatus) -> str:
    if status.doubted_clock is None:
        return "ok"
    return f"not believed: it says {timestamp(status.doubted_clock)}; see the inbox"


def agents(context: typer.Context, as_json: AsJson = False) -> None:
    """List the agents: their watches, the kinds that they may write, and their state.

    Example:
      blackboard agents
    """
    with session_of(context).board() as board:
        rows, now = board.agents(), board.now()
    show_records(
        rows,
        as_json,
        ("agent", "state", "until", "waiting", "activations", "writes", "withdraws", "watches"),
        lambda row: (
            row.agent,
            row.state,
            upcoming(row.until, now, minutes=True),
            row.waiting,
            count_list(row.activations),
            ", ".join(row.writes) or None,
            ", ".join(row.withdraws) or None,
            "; ".join(
                f"{name}: {condition}{', per subject' if row.per[name] == 'subject' else ''}"
                for name, condition in row.watches.items()
            ),
        ),
        empty="no agents are deployed; 'blackboard --config FILE init' deploys those of a deployment file",
        spare=("until", "activations", "writes", "withdraws"),
    )


def agenda(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="At most this many crossings.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the waiting crossings, strongest first, each with what holds it.

    Examples:
      blackboard agenda
      blackboard agenda --limit 10
    """
    with session_of(context).board() as board:
        items, now = board.agenda(limit=limit + 1), board.now()
    more, items = len(items) > limit, items[:limit]
    show_records(
        items,
        as_json,
        ("id", "agent", "watch", "subject", "value", "threshold", "crossed", "ready", "held_by"),
        lambda item: (
            item.id,
            item.agent,
            item.watch,
            item.subject,
            digits_beside(item.value, item.threshold),
            exact_digits(item.threshold),
            second(item.crossed_at),
            upcoming(item.ready_at, now),
            item.held_by,
        ),
        empty="no crossing waits",
        spare=("ready", "threshold", "watch"),
    )
    if more:
        note(f"these are the strongest {limit}; --limit N shows more")


def schedules(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most this many next instants of each.")] = 3,
    as_json: AsJson = False,
) -> None:
    """List the schedules of the agents, with their next instants and how late the last instant was noticed.

    Examples:
      blackboard schedules
      blackboard schedules --limit 10 --json
    """
    with session_of(context).board() as board:
        rows, now = board.schedules(limit=limit), board.now()
    show_records(
        rows,
        as_json,
        ("agent", "watch", "schedule", "catch_up", "next", "waits_since", "held_by", "last", "late"),
        lambda row: (
            row.agent,
            row.watch,
            row.schedule,
            row.catch_up,
            ", ".join(str(upcoming(at, now)) for at in row.upcoming) or "never",
            second(row.waits_since),
            row.held_by,
            second(row.last_at),
            None if row.last_late_seconds is None else short(row.last_late_seconds),
        ),
        empty="no agent has a schedule",
        spare=("late", "last", "held_by", "waits_since", "catch_up"),
    )


def activations(
    context: typer.Context,
    agent: Annotated[
        str | None, typer.Option(help="Only activations of this agent.", autocompletion=completion.agents)
    ] = None,
    state: Annotated[
        list[ActivationState] | None,
        typer.Option(metavar="STATE", help=f"One of {STATES}; may be repeated. By default all but skipped."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many activations.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List activations, newest first. 'activation ID' shows one in full; 'retry ID' and 'discard ID' end its wait.

    Example:
      blackboard activations --agent sales --state dead --state held
    """
    with session_of(context).board() as board:
        states = state or [value for value in ActivationState if value != ActivationState.SKIPPED]
        records, now = board.activations(agent=agent, state=states, limit=limit), board.now()
    show_records(
        records,
        as_json,
        ("id", "agent", "subject", "mark", "state", "attempt", "absorbed", "deposited", "started", "reason, or error"),
        lambda record: (
            record.id,
            record.agent,
            record.subject,
            record.mark_ids[0] if len(record.mark_ids) == 1 else None,
            record.state,
            record.attempt,
            record.marks_absorbed,
            record.marks_deposited,
            second(record.started_at),
            _reason(record, now),
        ),
        empty="no activations" if state else "no activations; --state skipped shows those that were skipped",
        spare=("deposited", "absorbed", "attempt", "started", "mark"),
    )


def inbox(
    context: typer.Context,
    assignee: Annotated[
        str | None, typer.Option(metavar="NAME", help="Show only the needs that this person should answer.")
    ] = None,
    all_needs: Annotated[bool, typer.Option("--all", help="Show also the needs on which agents are at work.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the needs that wait for a person, overdue needs first. `blackboard answer` answers a need.

    Examples:
      blackboard inbox
      blackboard inbox --assignee ada
      blackboard inbox --all
    """
    with session_of(context).board() as board:
        needs = board.inbox(assignee, all_needs=all_needs)
    if as_json:
        print_json(needs)
        return
    if not needs:
        say("nothing waits for you")
    for need in needs:
        by = "" if need.activation_id is None else f" in activation {need.activation_id}"
        asked = (need.as_of - need.reinforced_at).total_seconds()
        say(f"{need.id}  {need.subject}  ({short(asked)} old, from {need.author}{by})")
        say(f"    {need.question}")
        if need.options:
            say(f"    options: {' | '.join(need.options)}")
        if need.detail:
            say(f"    {need.detail}")
        if need.assignee:
            say(f"    assigned to {need.assignee}")
        if need.waits_for:
            say(f"    {', '.join(need.waits_for)} may answer, and {'is' if len(need.waits_for) == 1 else 'are'} woken")
        elif need.answerable_by:
            say(f"    {', '.join(need.answerable_by)} may answer too")
        if need.due_at is not None:
            seconds = (need.due_at - need.as_of).total_seconds()
            say(f"    OVERDUE for {short(-seconds)}" if need.overdue else f"    due in {short(seconds)}")
        if need.withdrawn_causes:
            marks = ", ".join(map(str, need.withdrawn_causes))
            say(f"    withdrawn since it was asked: mark{'s' * (len(need.withdrawn_causes) > 1)} {marks}")
    if needs:
        note(f'answer with: blackboard answer {needs[0].id} "..."')


def explain(
    context: typer.Context,
    agent: Annotated[str, typer.Argument(help="The agent.", autocompletion=completion.agents)],
    subject: Annotated[
        str | None,
        typer.Argument(help="The subject; by default all waiting work.", autocompletion=completion.subjects),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Explain why an agent has or has not woken: value and threshold, guard, cooldown and pause, and when each ends.

    Examples:
      blackboard explain sales
      blackboard explain scheduler ada@example.org
    """
    with session_of(context).board() as board:
        result = board.explain(agent, subject)
    if as_json:
        watches = [
            {name: value for name, value in vars(watch).items() if value is not None or name == "guard"}
            for watch in result.watches
        ]
        print_json({**vars(result), "watches": watches})
        return
    from blackboard.board.reading.explanation_lines import explanation_lines

    for line in explanation_lines(result):
        say(line)


def _reason(record: ActivationRecord, now: datetime) -> str:
    """Return the error of an activation, or else its reason; for a deferred activation, first the next attempt."""
    reason = _first_line(record.error) or record.reason
    if record.retry_at is None or not record.error:
        return reason
    when = "due since" if record.retry_at <= now else "again at"
    return f"{when} {upcoming(record.retry_at, now)}: {reason}"


def _first_line(error: str | None) -> str:
    """Return the first line of an error; --json shows all of it."""
    return (error or "").partition("\n")[0]
