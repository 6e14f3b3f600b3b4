"""The messages to people outside: one function for each cause, called in the transaction of the cause."""

from __future__ import annotations

import json
import shlex
from functools import partial
from typing import Any

from blackboard.board.mark_tables.mark_states import mark_strength
from blackboard.board.outbox import message_rows
from blackboard.board.outbox.message_rows import Notice
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.clock import Instant, iso
from blackboard.core.built_in_marks import Need, possible_answers
from blackboard.core.marks.scopes import WHOLE_BOARD, group_of, scope_in, scope_name, subject_of
from blackboard.core.records.states import ActivationState
from blackboard.core.specs.sink_spec import MARK, Topic
from blackboard.durations import SECOND, format_duration
from blackboard.plurals import counted
from blackboard.store.row_types.activation_row_types import ActivationRow
from blackboard.store.row_types.mark_row_types import MarkRow
from blackboard.store.row_types.watch_row_types import CrossingRow

MAX_MESSAGE_PAYLOAD_BYTES = 8_000
"""The largest payload that a message contains, so that a message stays below 20 kB."""
MAX_MESSAGE_ERROR_CHARACTERS = 1_000


def announce_mark(txn: BoardTransaction, row: MarkRow) -> None:
    """Announce a mark that is new or has a new payload."""
    if not txn.active.sinks_by_topic:
        return
    if row.kind == Need.kind:
        message_rows.announce(txn, Topic.NEED, partial(_need, txn, row, "asks", f"{row.event_id}"))
    topic = MARK + row.kind
    message_rows.announce(txn, topic, lambda: _mark(txn, row))


def announce_overdue_need(txn: BoardTransaction, need: MarkRow, due_at: Instant, assignee: str) -> None:
    """Announce a need that is due and has no answer."""
    message_rows.announce(
        txn, Topic.OVERDUE, lambda: _need(txn, need, "still waits for an answer", f"{need.id}:{due_at}", assignee)
    )


def announce_stuck_activation(txn: BoardTransaction, row: ActivationRow) -> None:
    """Announce an activation that ended as dead or quarantined."""
    topic = Topic.DEAD if row.state == ActivationState.DEAD else Topic.QUARANTINED
    message_rows.announce(txn, topic, lambda: _stuck(txn, row))


def announce_pause(txn: BoardTransaction, reason: str | None) -> None:
    """Announce that the board is paused."""
    message_rows.announce(
        txn,
        Topic.BOARD_PAUSED,
        lambda: Notice(
            occurrence=f"{txn.now}",
            title="The board is paused",
            text=reason or "",
            remedy="blackboard resume",
            data={"reason": reason},
        ),
    )


def announce_cooldown(txn: BoardTransaction, agent: str, failures: int, until: Instant) -> None:
    """Announce an agent that failed several times in a row and has a cooldown."""
    message_rows.announce(
        txn,
        Topic.AGENT_COOLDOWN,
        lambda: Notice(
            occurrence=f"{agent}:{txn.now}",
            title=f"{agent} failed {counted(failures, 'time')} in a row and has a cooldown",
            text=f"The cooldown ends at {iso(until)}.",
            remedy=f"blackboard activations --agent {agent}",
            data={"agent": agent, "failures": failures, "cooldown_until": iso(until)},
            agent=agent,
        ),
    )


def notice_of_unserved_agent(agent: str, reason: str, since: Instant | None) -> Notice:
    """Return the message about an agent that nobody serves."""
    return Notice(
        occurrence=f"{agent}:{since or 0}",
        title=f"Nobody serves the agent {agent}",
        text=reason,
        remedy="blackboard doctor",
        data={"agent": agent, "reason": reason, "since": None if since is None else iso(since)},
        agent=agent,
    )


def notice_of_waiting_crossing(
    txn: BoardTransaction, watch: RegisteredWatch, row: CrossingRow, held_by: str | None
) -> Notice:
    """Return the message about a crossing that has waited for a long time."""
    agent, waited = watch.agent_spec.name, txn.now - row.noticed_at
    about = scope_name(row.scope)
    hold = f"What holds it: {held_by}." if held_by else "Nothing holds it."
    return Notice(
        occurrence=f"{row.id}",
        title=f"{agent} has not been woken about {about} for {format_duration(waited - waited % SECOND)}",
        text=f"The watch {watch.spec.name} crossed at {iso(row.crossed_at)}: {watch.spec.when}. {hold}",
        remedy=f"blackboard explain {agent}",
        data={
            "crossing_id": row.id,
            "agent": agent,
            "watch": watch.spec.name,
            "crossed_at": iso(row.crossed_at),
            "noticed_at": iso(row.noticed_at),
            "held_by": held_by,
            **_scope(row.scope),
        },
        scope=row.scope,
        agent=agent,
        kinds=watch.condition.kinds,
        crossing_id=row.id,
    )


def _need(txn: BoardTransaction, row: MarkRow, verb: str, occurrence: str, assignee: str | None = None) -> Notice:
    """Return the notice of a need; `verb` names what happened to it; `assignee` replaces that of its payload."""
    payload = json.loads(row.payload)
    question, options = str(payload.get("question", "")), possible_answers(payload.get("options"))
    assignee = str(payload.get("assignee") or "") if assignee is None else assignee
    lines = [question, str(payload.get("detail") or "")]
    if options:
        lines.append(f"Answers: {', '.join(options)}")
    if assignee:
        lines.append(f"For: {assignee}")
    if payload.get("due"):
        lines.append(f"Due: {payload['due']}")
    return Notice(
        occurrence=occurrence,
        title=f"{row.author} {verb} about {row.subject}",
        text="\n".join(line for line in lines if line),
        remedy=f"blackboard answer {row.id} ANSWER",
        data={
            "need_id": row.id,
            "subject": row.subject,
            "author": row.author,
            "question": question[: message_rows.MAX_MESSAGE_CHARACTERS],
            "options": list(options[:20]),
            "assignee": assignee or None,
            "due": payload.get("due"),
        },
        scope=row.subject,
        agent=_agent(txn, row.author),
        kinds=(row.kind,),
        mark_id=row.id,
    )


def _mark(txn: BoardTransaction, row: MarkRow) -> Notice:
    """Return the message about a mark of a kind that is a topic of a sink."""
    fits = len(row.payload.encode()) <= MAX_MESSAGE_PAYLOAD_BYTES
    text = row.payload if fits else f"The payload has {len(row.payload)} characters."
    return Notice(
        occurrence=f"{row.event_id}",
        title=f"{row.kind} about {row.subject}",
        text="" if row.payload == "{}" else text,
        remedy=f"blackboard history {shlex.quote(row.subject)}",
        data={
            "mark_id": row.id,
            "event_id": row.event_id,
            "kind": row.kind,
            "subject": row.subject,
            "author": row.author,
            "strength": mark_strength(txn, row),
            "payload": json.loads(row.payload) if fits else None,
        },
        scope=row.subject,
        agent=_agent(txn, row.author),
        kinds=(row.kind,),
        mark_id=row.id,
    )


def _stuck(txn: BoardTransaction, row: ActivationRow) -> Notice:
    """Return the message about an activation that a person must look at."""
    watch = txn.active.watches.get(row.watch_id)
    scope = scope_in(row.scope)
    about = "several subjects" if scope == WHOLE_BOARD else scope_name(scope)
    return Notice(
        occurrence=f"{row.id}:{row.fence}",
        title=f"Activation {row.id} of {row.agent} about {about} is {row.state}",
        text=(row.error or "")[:MAX_MESSAGE_ERROR_CHARACTERS],
        remedy=f"blackboard activation {row.id}",
        data={
            "activation_id": row.id,
            "agent": row.agent,
            "state": row.state,
            "attempts": row.attempt,
            "error": (row.error or "")[:MAX_MESSAGE_ERROR_CHARACTERS] or None,
            **_scope(scope),
        },
        scope=scope,
        agent=row.agent,
        kinds=() if watch is None else watch.condition.kinds,
        activation_id=row.id,
    )


def _scope(scope: str) -> dict[str, Any]:
    group = group_of(scope)
    return {"subject": subject_of(scope), "group": None if group is None else str(group)}


def _agent(txn: BoardTransaction, author: str) -> str | None:
    return author if author in txn.deployment.agents else None
