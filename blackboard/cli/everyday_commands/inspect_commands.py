"""The commands that inspect a board: its marks and their history, its agents and what waits."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from blackboard.cli import completion
from blackboard.cli.cli_session import filters_of, group_of, session_of
from blackboard.cli.terminal.output import (
    AsJson,
    count_list,
    note,
    number,
    place,
    print_json,
    say,
    second,
    short,
    show_records,
    upcoming,
)
from blackboard.core.conditions.number_formats import digits_beside, exact_digits
from blackboard.core.states import ActivationState
from blackboard.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from blackboard.board.result_types import ActivationRecord, NeedRecord
    from blackboard.core.marks.full_text import Match

STATES = ", ".join(ActivationState)

TagOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Only marks with this tag. All named tags must match; several values of one tag are alternatives.",
        autocompletion=completion.tags,
    ),
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (marks, search, history, agents, agenda, schedules, activations, inbox, explain):
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
    tag: TagOption = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many marks.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the live marks, strongest first.

    Examples:
      blackboard marks --kind lead --min-strength 0.3
      blackboard marks --kind alert --tag severity=high --tag service=db
      blackboard marks --subject ada@example.org --at 2027-01-31T15:00
      blackboard marks --json --limit 5
    """
    with session_of(context).board_or_client() as board:
        where = filters_of(board, kind, tag or ())
        records = board.marks(kind, subject=subject, min_strength=min_strength, at=at, limit=limit + 1, where=where)
    more, records = len(records) > limit, records[:limit]
    show_records(
        records,
        as_json,
        lambda mark: {
            "id": mark.id,
            "kind": mark.kind,
            "subject": mark.subject,
            "strength": number(mark.strength),
            "age": short(mark.age_seconds),
            "evaporates": upcoming(mark.evaporates_at, mark.as_of, minutes=True),
            "author": mark.author,
            "activation": mark.activation_id,
            "payload": json.dumps(mark.payload, ensure_ascii=False),
        },
        empty="no marks",
        spare=("activation", "author", "evaporates"),
    )
    if more:
        note(f"these are the strongest {limit}; --limit N shows more")


def search(
    context: typer.Context,
    text: Annotated[
        list[str],
        typer.Argument(help="The words. A mark must have all of them. pric* finds words that begin with pric."),
    ],
    kind: Annotated[str | None, typer.Option(help="Only marks of this kind.", autocompletion=completion.kinds)] = None,
    tag: TagOption = None,
    any_word: Annotated[bool, typer.Option("--any", help="A mark needs only one of the words.")] = False,
    faded: Annotated[bool, typer.Option("--faded", help="Also find marks that have faded.")] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="The text is a query in the language of FTS5, or a tsquery of PostgreSQL.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most this many marks.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Search the text of marks. The best match is first, by relevance times strength.

    Examples:
      blackboard search pricing objections
      blackboard search 'pric*' --kind note --tag topic=sales --limit 5
      blackboard search --raw '"net promoter" NOT score' --faded
    """
    from blackboard.board.json_shapes import found_marks

    match: Match = "any" if any_word else "all"
    with session_of(context).board_or_client() as board:
        where = filters_of(board, kind, tag or ())
        found = board.search(" ".join(text), kind=kind, where=where, limit=limit, faded=faded, match=match, raw=raw)
    if as_json:
        print_json(found_marks(found))
        return
    scores = {mark.id: score for mark, score in zip(found, found.scores, strict=True)}
    show_records(
        found,
        as_json,
        lambda mark: {
            "id": mark.id,
            "kind": mark.kind,
            "subject": mark.subject,
            "score": number(scores[mark.id]),
            "strength": number(mark.strength),
            "age": short(mark.age_seconds),
            "author": mark.author,
            "payload": json.dumps(mark.payload, ensure_ascii=False),
        },
        empty="no marks",
        spare=("author",),
    )
    if not found.exact:
        from blackboard.board.reading.search import MAX_EXACT, RERANKED

        note(f"more than {MAX_EXACT:,} marks match: only the {RERANKED:,} most relevant were ordered by their strength")
    if not found.complete:
        note("the index does not have all marks yet; 'status' shows how far it is")


def history(
    context: typer.Context,
    subject: Annotated[str, typer.Argument(help="The subject.", autocompletion=completion.subjects)],
    as_json: AsJson = False,
) -> None:
    """List every event of a subject's marks, oldest first.

    Example:
      blackboard history ada@example.org
    """
    with session_of(context).board_or_client() as board:
        events = board.history(subject)
    show_records(
        events,
        as_json,
        lambda event: {
            "recorded": second(event.recorded_at),
            "occurred": None if event.occurred_at == event.recorded_at else second(event.occurred_at),
            "mark": event.mark_id,
            "kind": event.kind,
            "event": event.event,
            "intensity": number(event.intensity),
            "author": event.author,
            "activation": event.activation_id,
            "payload": None
            if event.payload is None
            else json.dumps(event.payload, ensure_ascii=False, separators=(",", ":")),
        },
        empty=f"no mark was ever deposited about {subject!r}",
        spare=("activation", "author", "intensity", "occurred"),
    )


def agents(context: typer.Context, as_json: AsJson = False) -> None:
    """List the agents: their watches, the kinds that they may write, and their state.

    Example:
      blackboard agents
    """
    with session_of(context).board_or_client() as board:
        rows, now = board.agents(), board.now()
    show_records(
        rows,
        as_json,
        lambda row: {
            "agent": f"{row.agent} (remote)" if row.remote else row.agent,
            "state": row.state,
            "until": upcoming(row.until, now, minutes=True),
            "waiting": row.waiting,
            "activations": count_list(row.activations),
            "writes": ", ".join(row.writes) or None,
            "withdraws": ", ".join(row.withdraws) or None,
            "watches": "; ".join(
                f"{name}: {condition}{', per subject' if row.per[name] == 'subject' else ''}"
                for name, condition in row.watches.items()
            ),
        },
        empty="no agents are deployed; 'blackboard --config FILE init' deploys the agents of a deployment file",
        spare=("until", "activations", "writes", "withdraws"),
    )


def agenda(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="At most this many crossings.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the crossings that wait, strongest first, each with the reason why it waits.

    A crossing records that the watch of an agent met its threshold. It waits until a daemon wakes the agent.

    Examples:
      blackboard agenda
      blackboard agenda --limit 10
    """
    with session_of(context).board_or_client() as board:
        items, now = board.agenda(limit=limit + 1), board.now()
    more, items = len(items) > limit, items[:limit]
    show_records(
        items,
        as_json,
        lambda item: {
            "id": item.id,
            "agent": item.agent,
            "watch": item.watch,
            "subject": place(item),
            "value": digits_beside(item.value, item.threshold),
            "threshold": exact_digits(item.threshold),
            "crossed": second(item.crossed_at),
            "ready": upcoming(item.ready_at, now),
            "held_by": item.held_by,
        },
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
    """List the schedules of the agents, with their next times, and how late the last wake was.

    Examples:
      blackboard schedules
      blackboard schedules --limit 10 --json
    """
    with session_of(context).board_or_client() as board:
        rows, now = board.schedules(limit=limit), board.now()
    show_records(
        rows,
        as_json,
        lambda row: {
            "agent": row.agent,
            "watch": row.watch,
            "schedule": row.schedule,
            "catch_up": row.catch_up,
            "next": ", ".join(str(upcoming(at, now)) for at in row.upcoming) or "never",
            "waits_since": second(row.waits_since),
            "held_by": row.held_by,
            "last": second(row.last_at),
            "late": None if row.last_late_seconds is None else short(row.last_late_seconds),
        },
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
    """List activations, newest first.

    'activation ID' shows one activation in full. 'retry ID' and 'discard ID' decide about one that failed or is held.

    Example:
      blackboard activations --agent sales --state dead --state held
    """
    with session_of(context).board_or_client() as board:
        states = state or [value for value in ActivationState if value != ActivationState.SKIPPED]
        records, now = board.activations(agent=agent, state=states, limit=limit), board.now()
    show_records(
        records,
        as_json,
        lambda record: {
            "id": record.id,
            "agent": record.agent,
            "subject": place(record),
            "mark": record.mark_ids[0] if len(record.mark_ids) == 1 else None,
            "state": record.state,
            "attempt": record.attempt,
            "absorbed": record.marks_absorbed,
            "deposited": record.marks_deposited,
            "started": second(record.started_at),
            "reason, or error": _reason(record, now),
        },
        empty="no activations" if state else "no activations; --state skipped shows those that were skipped",
        spare=("deposited", "absorbed", "attempt", "started", "mark"),
    )


def inbox(
    context: typer.Context,
    assignee: Annotated[
        str | None, typer.Option(metavar="NAME", help="Show only the needs that this person should answer.")
    ] = None,
    all_needs: Annotated[bool, typer.Option("--all", help="Also show needs that agents are working on.")] = False,
    ids: Annotated[
        bool, typer.Option("--ids", help="Print only the ids of the needs, one on a line, for use in a script.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the needs that wait for a person, overdue needs first. `blackboard answer` answers a need.

    Examples:
      blackboard inbox
      blackboard inbox --assignee ada
      blackboard inbox --all
      for id in $(blackboard inbox --ids); do blackboard answer "$id" yes; done
    """
    if ids and as_json:
        raise UsageError("choose either --ids or --json")
    with session_of(context).board_or_client() as board:
        found = board.inbox(assignee, all_needs=True)
    needs = [need for need in found if all_needs or need.for_people]
    if as_json:
        print_json(needs)
        return
    if ids:
        sys.stdout.write("".join(f"{need.id}\n" for need in needs))
        return
    if not needs:
        say("nothing waits for you")
    for need in needs:
        for line in _need_lines(need):
            say(line)
    if hidden := len(found) - len(needs):
        note(
            f"{hidden} more wait for agents; --all lists them too"
            if hidden > 1
            else "1 more waits for an agent; --all lists it too"
        )
    if needs:
        note(f'answer with: blackboard answer {needs[0].id} "..."')


def _need_lines(need: NeedRecord) -> Iterator[str]:
    """Yield the lines about a need in the inbox."""
    by = "" if need.activation_id is None else f" in activation {need.activation_id}"
    age = (need.as_of - need.reinforced_at).total_seconds()
    yield f"{need.id}  {need.subject}  ({short(age)} old, from {need.author}{by})"
    yield f"    {need.question}"
    if need.options:
        yield f"    options: {' | '.join(need.options)}"
    if need.detail:
        yield f"    {need.detail}"
    if need.assignee:
        yield f"    assigned to {need.assignee}"
    if need.waits_for:
        yield f"    waits for {', '.join(need.waits_for)}"
    elif need.answerable_by:
        yield f"    {', '.join(need.answerable_by)} may answer too"
    if need.due_at is not None:
        seconds = (need.due_at - need.as_of).total_seconds()
        yield f"    OVERDUE for {short(-seconds)}" if need.overdue else f"    due in {short(seconds)}"
    if need.withdrawn_causes:
        ids = ", ".join(map(str, need.withdrawn_causes))
        yield f"    withdrawn since it was asked: mark{'s' * (len(need.withdrawn_causes) > 1)} {ids}"


def explain(
    context: typer.Context,
    agent: Annotated[str, typer.Argument(help="The agent.", autocompletion=completion.agents)],
    subject: Annotated[
        str | None,
        typer.Argument(help="The subject; by default all waiting work.", autocompletion=completion.subjects),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(metavar="VALUE", help="For watches over groups: only this group, named by the value of its tag."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Explain why an agent has or has not woken: value and threshold, guard, cooldown and pause, and when each ends.

    Examples:
      blackboard explain sales
      blackboard explain scheduler ada@example.org
      blackboard explain responder --group payments
    """
    with session_of(context).board_or_client() as board:
        values = None if group is None else group_of(board, agent, group)
        result = board.explain(agent, subject, group=values)
    if as_json:
        from blackboard.board.json_shapes import explanation

        print_json(explanation(result))
        return
    from blackboard.board.reading.explanation_lines import explanation_lines

    for line in explanation_lines(result):
        say(line)


def _reason(record: ActivationRecord, now: datetime) -> str:
    """Return the error of an activation, or its reason if it has none, after the time of a next attempt."""
    reason = _first_line(record.error) or record.reason
    if record.retry_at is None or not record.error:
        return reason
    when = "due since" if record.retry_at <= now else "again at"
    return f"{when} {upcoming(record.retry_at, now)}: {reason}"


def _first_line(error: str | None) -> str:
    """Return the first line of an error; --json shows all of it."""
    return (error or "").partition("\n")[0]
