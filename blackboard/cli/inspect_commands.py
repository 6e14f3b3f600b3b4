"""The commands that only look: marks, history, status, agents, agenda, activations, inbox, explain.

`activations` also retries and discards, since that is decided while looking at them.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated, Any

import typer

from blackboard.cli import completion
from blackboard.cli.cli_session import session_of
from blackboard.cli.output import AsJson, document, note, number, pairs, say, short, table
from blackboard.states import ActivationState

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (marks, history, status, agents, agenda, activations, inbox, explain):
        app.command()(command)


def marks(
    context: typer.Context,
    kind: Annotated[str | None, typer.Option(help="Of this kind alone.", autocompletion=completion.kinds)] = None,
    subject: Annotated[
        str | None, typer.Option(help="Of this subject alone.", autocompletion=completion.subjects)
    ] = None,
    min_strength: Annotated[float | None, typer.Option(help="Leave out what is weaker.")] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="At another instant, past or future.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The strongest so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """The live marks, strongest first.

    \b
    Examples:
      blackboard marks --kind lead --min-strength 0.3
      blackboard marks --subject ada@example.org --at 2027-01-31T15:00
      blackboard marks --json --limit 5
    """
    with session_of(context).board() as board:
        found = board.look(kind=kind, subject=subject, min_strength=min_strength, at=at, limit=limit + 1)
    more, found = len(found) > limit, found[:limit]
    if as_json:
        document([dataclasses.asdict(view) for view in found])
    else:
        table(
            ("id", "kind", "subject", "strength", "age", "evaporates", "author", "payload"),
            (
                (
                    view.id,
                    view.kind,
                    view.subject,
                    number(view.strength),
                    short(view.age_seconds),
                    _minute(view.evaporates_at),
                    view.author,
                    json.dumps(view.payload, ensure_ascii=False),
                )
                for view in found
            ),
            empty="no marks",
            spare=("author", "evaporates"),
        )
    if more:
        note(f"these are the strongest {limit}; --limit N shows more")


def history(
    context: typer.Context,
    subject: Annotated[str, typer.Argument(help="What the marks are about.", autocompletion=completion.subjects)],
    as_json: AsJson = False,
) -> None:
    """Every event of a subject's marks, oldest first.

    \b
    Example:
      blackboard history ada@example.org
    """
    from blackboard.clock import iso

    with session_of(context).board() as board:
        events = board.history(subject)
    if as_json:
        document(
            [
                {
                    **event._asdict(),
                    "recorded_at": iso(event.recorded_at),
                    "evaporates_at": iso(event.evaporates_at),
                    "payload": None if event.payload is None else json.loads(event.payload),
                }
                for event in events
            ]
        )
        return
    table(
        ("recorded", "mark", "kind", "event", "intensity", "author", "activation", "payload"),
        (
            (
                _second(iso(e.recorded_at)),
                e.mark_id,
                e.kind,
                e.event,
                number(e.intensity),
                e.author,
                e.activation_id,
                e.payload,
            )
            for e in events
        ),
        empty=f"nothing ever lay on {subject!r}",
        spare=("activation", "author", "intensity"),
    )


def status(context: typer.Context, as_json: AsJson = False) -> None:
    """The state of the board in one look.

    \b
    Example:
      blackboard status
    """
    with session_of(context).board() as board:
        result = {"board": board.database.where, **board.status()}
    if as_json:
        document(result)
        return
    counts = {name: _counts(value) for name, value in result.items() if isinstance(value, dict)}
    workers = ", ".join(f"{worker['id']} (pid {worker['pid']} on {worker['host']})" for worker in result["workers"])
    pairs({**result, **counts, "paused": result["paused"] or "no", "workers": workers or "none"})


def agents(context: typer.Context, as_json: AsJson = False) -> None:
    """Each agent with what it watches and how it is.

    \b
    Example:
      blackboard agents
    """
    with session_of(context).board() as board:
        found = board.agents()
    if as_json:
        document(found)
        return
    table(
        ("agent", "state", "until", "waiting", "activations", "writes", "watches"),
        (
            (
                row["agent"],
                row["state"],
                _minute(row["until"]),
                row["waiting"],
                _counts(row["activations"]),
                ", ".join(row["writes"]),
                "; ".join(f"{name}: {condition}" for name, condition in row["watches"].items()),
            )
            for row in found
        ),
        empty="no agents are registered; 'blackboard --config FILE init' registers those of a deployment file",
        spare=("until", "activations", "writes"),
    )


def agenda(context: typer.Context, as_json: AsJson = False) -> None:
    """The crossings that wait, strongest first, with what holds each back.

    \b
    Example:
      blackboard agenda
    """
    with session_of(context).board() as board:
        found = board.agenda()
    if as_json:
        document(found)
        return
    table(
        ("id", "agent", "watch", "subject", "value", "threshold", "crossed", "ready", "held_by"),
        (
            (
                row["id"],
                row["agent"],
                row["watch"],
                row["subject"],
                number(row["value"]),
                number(row["threshold"]),
                _second(row["crossed_at"]),
                _second(row["ready_at"]),
                row["held_by"],
            )
            for row in found
        ),
        empty="nothing waits",
        spare=("ready", "threshold", "watch"),
    )


def activations(
    context: typer.Context,
    agent: Annotated[str | None, typer.Option(help="Of this agent alone.", autocompletion=completion.agents)] = None,
    state: Annotated[ActivationState | None, typer.Option(help="In this state alone.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 20,
    retry: Annotated[int | None, typer.Option(metavar="ID", help="Try this one again, with all its attempts.")] = None,
    discard: Annotated[int | None, typer.Option(metavar="ID", help="Give up on this one.")] = None,
    as_json: AsJson = False,
) -> None:
    """The activations, newest first; retry or discard one that is dead, held or quarantined.

    \b
    Examples:
      blackboard activations --agent sales --state dead
      blackboard activations --retry 17
      blackboard activations --discard 18
    """
    from blackboard.errors import UsageError

    if retry is not None and discard is not None:
        raise UsageError("an activation is either retried or discarded: name one of --retry and --discard")
    with session_of(context).board() as board:
        if retry is not None:
            board.retry(retry)
            return _done(retry, ActivationState.READY, "is tried again", as_json)
        if discard is not None:
            board.discard(discard)
            return _done(discard, "discarded", "is discarded", as_json)
        found = board.activations(agent=agent, state=None if state is None else state.value, limit=limit)
    if as_json:
        return document(found)
    return table(
        ("id", "agent", "subject", "state", "attempt", "absorbed", "left", "started", "reason, or error"),
        (
            (
                row["id"],
                row["agent"],
                row["subject"],
                row["state"],
                row["attempt"],
                row["marks_absorbed"],
                row["marks_deposited"],
                _second(row["started_at"]),
                _why(row),
            )
            for row in found
        ),
        empty="no activations",
        spare=("left", "absorbed", "attempt", "started"),
    )


def _done(activation_id: int, state: str, words: str, as_json: bool) -> None:
    if as_json:
        document({"id": activation_id, "state": state})
    else:
        say(f"activation {activation_id} {words}")


def inbox(context: typer.Context, as_json: AsJson = False) -> None:
    """What a person must decide, oldest first; `blackboard answer` answers.

    \b
    Example:
      blackboard inbox
    """
    with session_of(context).board() as board:
        found = board.inbox()
    if as_json:
        document([dataclasses.asdict(view) for view in found])
        return
    if not found:
        say("nothing waits for you")
    for view in found:
        say(f"{view.id}  {view.subject}  ({short(view.age_seconds)} old, from {view.author})")
        say(f"    {view.payload.get('question', '')}")
        if options := view.payload.get("options"):
            say(f"    options: {' | '.join(map(str, options))}")
        if detail := view.payload.get("detail"):
            say(f"    {detail}")
    if found:
        note(f'answer with: blackboard answer {found[0].id} "..."')


def explain(
    context: typer.Context,
    agent: Annotated[str, typer.Argument(help="The agent.", autocompletion=completion.agents)],
    subject: Annotated[
        str | None,
        typer.Argument(help="For this subject; for whatever waits by default.", autocompletion=completion.subjects),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Why an agent has, or has not, woken: value and threshold, guard, rest, pause, until when.

    \b
    Examples:
      blackboard explain sales
      blackboard explain scheduler ada@example.org
    """
    with session_of(context).board() as board:
        found = board.explain(agent, subject)
    if as_json:
        document(found)
        return
    until = f" until {found['until']}" if found["until"] else ""
    say(f"{agent}{f' on {subject}' if subject else ''}: {found['held_by'] + until if found['held_by'] else 'may wake'}")
    for run in found["running"]:
        say(f"  runs activation {run['id']} since {run['started_at']}")
    for item in found["deferred"]:
        why = f": {_first_line(item['why'])}" if item["why"] else ""
        when = f"is tried next at {item['tried_at']}" if item["tried_at"] else "waits"
        say(f"  activation {item['id']} {when}{why}")
    for watch in found["watches"]:
        _explain_watch(watch)
    if last := found["last"]:
        why = _first_line(last["error"]) or last["reason"]
        say(f"  last: activation {last['id']} {last['state']} at {last['at']}: {why}")


def _explain_watch(watch: dict[str, Any]) -> None:
    say(f"  {watch['watch']}: {watch['condition']}")
    for value in watch.get("values", ()):
        met = "met" if value["met"] else "not met"
        of = f"{number(value['value'])} of {number(value['threshold'])}"
        say(f"    {value['measure']} is {of}, over {value['marks']} marks: {met}")
    if watch["guard"]:
        opens = f", opens {watch['guard_opens_at']}" if watch.get("guard_opens_at") else ""
        is_open = "" if "guard_open" not in watch else ": open" if watch["guard_open"] else f": shut{opens}"
        say(f"    guard {watch['guard']}{is_open}")
    say(f"    {watch['verdict']}")


def _counts(counts: dict[str, Any]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none"


def _why(row: dict[str, Any]) -> str:
    """Why an activation is as it is; for one that was put back, first when it is tried next."""
    why = _first_line(row["error"]) or str(row["reason"])
    return f"again at {_second(row['retry_at'])}: {why}" if row["retry_at"] and row["error"] else why


def _first_line(error: str | None) -> str:
    """What a table has room for; --json has the rest, such as where in the agent it was."""
    return (error or "").partition("\n")[0]


def _minute(iso: str | None) -> str | None:
    return None if iso is None else iso[:16].replace("T", " ")


def _second(iso: str | None) -> str | None:
    return None if iso is None else iso[:19].replace("T", " ")
