"""Findings about work that waits: activations and needs for people, needs for agents, and messages for delivery."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from blackboard.board import open_needs, worker_registry
from blackboard.board.diagnosis.examined_board import ExaminedBoard
from blackboard.board.need_answers import needs_overview
from blackboard.board.outbox import outbox_administration
from blackboard.board.result_types.status_texts import describe_need
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.waiting_crossings.scheduled_crossings import LATEST_START
from blackboard.clock import from_datetime, iso
from blackboard.core.records.finding import Finding
from blackboard.core.records.states import ActivationState
from blackboard.durations import MINUTE, Duration
from blackboard.errors import nearest
from blackboard.plurals import counted
from blackboard.store.statements import ACTIVATIONS, MARKS

MAX_WAIT_FOR_DELIVERY: Duration = MINUTE
"""How long a message may wait for its first attempt without a finding."""


def examine(txn: BoardTransaction, examination: ExaminedBoard) -> Iterator[Finding]:
    """Yield the findings about work that waits for people, agents or delivery."""
    yield from _stuck_activations(txn)
    yield from _inbox(txn)
    yield from _outbox(txn)
    yield from _answering_agents(txn, examination.dead_workers)


def _stuck_activations(txn: BoardTransaction) -> Iterator[Finding]:
    """Report the activations that only people can end."""
    for state in (ActivationState.DEAD, ActivationState.QUARANTINED, ActivationState.HELD):
        if count := len(txn.sql.all(ACTIVATIONS.in_state, state=state)):
            advice = (
                f"'blackboard activations --state {state}' shows them; 'blackboard retry ID' or 'blackboard discard ID'"
                " ends one"
            )
            yield Finding(
                f"{state} activations",
                "note" if state == ActivationState.HELD else "wrong",
                f"{count} {state}",
                advice,
            )
        elif state == ActivationState.DEAD:
            yield Finding("dead activations", "ok", "none")


def _inbox(txn: BoardTransaction) -> Iterator[Finding]:
    """Report open needs, and those that are overdue."""
    counts = needs_overview.count(txn, txn.now - LATEST_START)
    if counts.number:
        detail = f"open questions: {counts.number}"
        yield Finding("inbox", "note", detail, "'blackboard inbox --all' lists them")
    if not counts.overdue:
        return
    [oldest] = needs_overview.waiting_needs(txn, limit=1)
    detail = f"{counts.overdue} overdue; the oldest is need {oldest.id}, on {oldest.subject!r}{describe_need(oldest)}"
    advice = f"'blackboard answer {oldest.id} ...' answers it; 'blackboard inbox' lists them"
    if counts.unnoticed:
        detail += f"; {counts.unnoticed} without a mark 'overdue', because no daemon ran"
        advice += "; 'blackboard run' deposits the marks"
    yield Finding("overdue", "wrong", detail, advice)


def _answering_agents(txn: BoardTransaction, dead: Collection[str]) -> Iterator[Finding]:
    """Report open needs that name unknown agents, and open needs that wait for agents without a worker."""
    unknown: dict[str, list[int]] = {}
    unserved: dict[str, list[int]] = {}
    known = {name for agent_spec in txn.deployment.agents.values() for name in agent_spec.names}
    for kept in txn.sql.all(MARKS.answerable_needs):
        row = txn.sql.one(MARKS.get_mark, id=kept.mark_id)
        if row is None or not row.is_live(txn.now):
            continue
        for name in dict.fromkeys(open_needs.named_agents(row)):
            if name not in known:
                unknown.setdefault(name, []).append(row.id)
        for name in needs_overview.agents_of_need(txn, row.id, kept.answerable_by).waits_for:
            unserved.setdefault(name, []).append(row.id)
    for name, need_ids in unknown.items():
        detail = f"{_needs_text(need_ids, 'name')} {name!r}, and there is no such agent{nearest(name, known)}"
        yield Finding("needs", "note", detail, "'blackboard inbox' shows the needs that no agent is working on")
    for name, need_ids in unserved.items():
        if (problem := worker_registry.unserved_agent(txn, name, dead)) is not None:
            detail = f"{_needs_text(need_ids, 'wait')} for {name}: {problem.reason}"
            advice = "start a daemon that runs the agent; 'blackboard inbox --all' shows every need"
            yield Finding("needs", "wrong", detail, advice)


def _needs_text(need_ids: Sequence[int], verb: str) -> str:
    """Return what some needs do, such as `need 17 waits` or `need 17 and 2 more wait` for the verb `wait`."""
    return (
        f"need {need_ids[0]} {verb}s"
        if len(need_ids) == 1
        else f"need {need_ids[0]} and {len(need_ids) - 1} more {verb}"
    )


def _outbox(txn: BoardTransaction) -> Iterator[Finding]:
    """Report the sinks whose messages do not arrive."""
    sinks = outbox_administration.overview(txn)
    for sink in sinks:
        if sink.given_up:
            yield Finding(
                "outbox",
                "wrong",
                f"the board gave up {counted(sink.given_up, 'message')} to {sink.sink}: {sink.error}",
                f"fix the cause; 'blackboard outbox list --sink {sink.sink}' shows them, 'blackboard outbox retry ID'"
                " sends one again, and 'blackboard outbox discard ID' gives one up",
            )
        elif sink.retried:
            yield Finding(
                "outbox",
                "wrong",
                f"{counted(sink.waiting, 'message')} could not be delivered to {sink.sink} so far: {sink.error}",
                f"fix its receiver or settings; 'blackboard outbox list --sink {sink.sink}' shows the next attempt",
            )
        elif sink.waiting_since is not None and txn.now - from_datetime(sink.waiting_since) > MAX_WAIT_FOR_DELIVERY:
            yield Finding(
                "outbox",
                "wrong",
                f"no process delivers to {sink.sink}; the oldest of {counted(sink.waiting, 'message')} has waited since"
                f" {iso(from_datetime(sink.waiting_since))}",
                "start 'blackboard run' or 'blackboard serve' with the file that has this sink",
            )
    if txn.deployment.sinks and not any(sink.given_up or sink.retried for sink in sinks):
        waiting = sum(sink.waiting for sink in sinks)
        yield Finding("outbox", "ok", f"{counted(waiting, 'message')} waiting")
