"""Findings about agents: pauses, cooldowns, schedules, and the work of agents that are gone."""

from __future__ import annotations

from collections.abc import Iterator

from blackboard.board.activations import model_pauses
from blackboard.board.deployment_effects import gone_agents
from blackboard.board.diagnosis.examined_board import ExaminedBoard
from blackboard.board.reading.work_queries import schedules
from blackboard.board.result_types.explanation_results import NO_REASON
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.waiting_crossings.scheduled_crossings import LATEST_START
from blackboard.board.work_tables import agent_states
from blackboard.clock import from_datetime, iso
from blackboard.core.records.finding import Finding
from blackboard.plurals import counted
from blackboard.store.statements import ACTIVATIONS


def examine(txn: BoardTransaction, examination: ExaminedBoard) -> Iterator[Finding]:
    """Yield the findings about agents."""
    yield from _pauses(txn)
    yield from _cooldowns(txn)
    yield from _schedules(txn)
    yield from _gone_agents(txn)


def _pauses(txn: BoardTransaction) -> Iterator[Finding]:
    """Yield findings about what is paused: the board, models and agents."""
    row = txn.sql.existing(ACTIVATIONS.board)
    if row.paused:
        problem = f"the board is paused: {row.paused_because or NO_REASON}"
        yield Finding("pause", "wrong", problem, "'blackboard resume' ends the pause")
    for pause in model_pauses.all_pauses(txn):
        if pause.agent and pause.suspect:  # the failed activation itself is shown
            continue
        again = f"tried again at {iso(pause.probe_at)}" if pause.probe_at > txn.now else "the next call tries it again"
        problem = f"{model_pauses.problem(pause)} since {iso(pause.since)} ({again}): {pause.reason}"
        yield Finding(
            "model",
            "note" if pause.suspect else "wrong",
            problem,
            "fix the cause; 'blackboard resume' tries the model immediately",
        )
    for agent, reason in agent_states.paused_agents(txn).items():
        yield Finding(
            "pause", "note", f"{agent} is paused: {reason or NO_REASON}", f"'blackboard resume {agent}' ends the pause"
        )


def _cooldowns(txn: BoardTransaction) -> Iterator[Finding]:
    """Find the agents that wait because they failed, except those that are paused."""
    paused = agent_states.paused_agents(txn)
    states = txn.sql.all(ACTIVATIONS.agent_states)
    for state in states:
        if (agent := state.agent) in paused or agent not in txn.deployment.agents:
            continue
        if state.failures and state.cooldown_until is not None and state.cooldown_until > txn.now:
            until = iso(state.cooldown_until)
            yield Finding(
                "failures",
                "wrong",
                f"{agent} failed {counted(state.failures, 'time')} in a row; its cooldown ends at {until}",
                f"'blackboard activations --agent {agent}' shows the errors, and 'blackboard resume {agent}' ends the"
                " cooldown",
            )


def _schedules(txn: BoardTransaction) -> Iterator[Finding]:
    """Find the schedules whose instant has passed, though nothing defers them."""
    for schedule in schedules(txn, 0):
        since = schedule.next_at or (None if schedule.held_by else schedule.waits_since)
        late = 0 if since is None else txn.now - from_datetime(since)
        if since is not None and late > LATEST_START:
            yield Finding(
                "schedule",
                "wrong",
                f"{schedule.agent}.{schedule.watch}, {schedule.schedule}, has been due since"
                f" {iso(from_datetime(since))}",
                f"let a daemon serve it: 'blackboard run --agents {schedule.agent}';"
                f" 'blackboard explain {schedule.agent}' says what it waits for",
            )


def _gone_agents(txn: BoardTransaction) -> Iterator[Finding]:
    """Find the work of agents that the deployment no longer has."""
    for agent, work in gone_agents.unfinished_work(txn).items():
        held = f"{counted(work.activations, 'activation')} and {counted(work.crossings, 'crossing')}"
        yield Finding(
            "agent",
            "wrong" if work.activations else "note",  # a crossing has absorbed no marks yet, so nothing is lost
            f"{agent} is not in the active deployment; {held} are held",
            "put it back into the deployment file, or name it in 'renamed_from' of its successor; or give activations"
            " up: 'blackboard activations --state held' shows them, 'blackboard discard ID' gives one up",
        )
