"""The state of the board, its agents and its deployments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from blackboard.board import worker_registry
from blackboard.board.activations import model_pauses
from blackboard.board.activations.agent_claims.agent_readiness import agent_deferral
from blackboard.board.deployment_effects import gone_agents
from blackboard.board.need_answers import needs_overview
from blackboard.board.outbox import outbox_administration
from blackboard.board.result_types.administration_results import DeploymentRecord
from blackboard.board.result_types.row_conversion import optional_datetime, result_of
from blackboard.board.result_types.status_results import (
    AgentStatus,
    BoardStatus,
    MenuCounts,
    ModelCallCounts,
    WorkerStatus,
)
from blackboard.board.search_index import index_rebuilds
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.crossing_detection.predicted_crossings import next_crossing
from blackboard.board.work_tables import agent_states
from blackboard.clock import to_datetime
from blackboard.core.micro_dollars import to_usd
from blackboard.core.records.states import OPEN_CALLS, ActivationState
from blackboard.core.specs.deployment import Deployment
from blackboard.errors import NotFound
from blackboard.store.database_interfaces.place_interface import FileSizes
from blackboard.store.row_types.deployment_row_types import DeploymentRow
from blackboard.store.row_types.model_call_row_types import ModelPauseRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, DEPLOYMENTS, MARKS, MODEL_CALLS


def agents(txn: BoardTransaction) -> list[AgentStatus]:
    """Return each registered agent with its watches and its state."""
    waiting = {row.watch_id: row.number for row in txn.sql.all(CROSSINGS.count_waiting)}
    counts: dict[str, dict[str, int]] = {}
    for row in txn.sql.all(ACTIVATIONS.count_by_state):
        counts.setdefault(row.agent, {})[row.state] = row.number
    result = []
    for agent_spec in txn.deployment.agents.values():
        deferral = agent_deferral(txn, agent_spec.name)
        watches = txn.active.watches_by_agent.get(agent_spec.name, [])
        states = counts.get(agent_spec.name, {})
        result.append(
            AgentStatus(
                agent=agent_spec.name,
                watches={watch.spec.name: str(watch.condition) for watch in watches},
                writes=tuple(agent_spec.writes),
                withdraws=tuple(agent_spec.withdraws),
                per={watch.spec.name: agent_spec.per_of(watch.spec) for watch in watches},
                state="running" if states.get(ActivationState.RUNNING) else (deferral.reason if deferral else "waits"),
                until=optional_datetime(deferral.until) if deferral else None,
                waiting=sum(waiting.get(watch.id, 0) for watch in watches),
                activations=states,
                remote=agent_spec.remote,
            )
        )
    return result


def deployments(txn: BoardTransaction, *, before: int | None = None, limit: int = 20) -> list[DeploymentRecord]:
    """Return versions of the deployment, newest first; with `before`, only older versions."""
    older = {} if before is None else {"before": before}
    rows = txn.sql.all(DEPLOYMENTS.newest_deployments.using(*older), limit=limit, **older)
    return [_deployment_record(txn, row) for row in rows]


def live_counts(txn: BoardTransaction) -> dict[str, int]:
    """Return the number of live marks of each kind that has any."""
    return dict(txn.sql.all(MARKS.count_live_marks, now=txn.now))


def menu_counts(txn: BoardTransaction) -> MenuCounts:
    """Return what waits for people and agents. The time for this does not grow with the board."""
    stuck = (ActivationState.DEAD, ActivationState.QUARANTINED)
    unfinished = txn.sql.all(ACTIVATIONS.count_unfinished)
    return MenuCounts(
        needs=needs_overview.count(txn, txn.now).number,
        waiting=sum(row.number for row in txn.sql.all(CROSSINGS.count_waiting)),
        stuck=sum(row.number for row in unfinished if row.state in stuck),
        running=sum(row.number for row in unfinished if row.state == ActivationState.RUNNING),
        paused=txn.pause is not None,
    )


def deployment_version(txn: BoardTransaction, version: int) -> Deployment:
    """Return a version of the deployment.

    Raises:
        NotFound: There is no such version.
    """
    rows = txn.sql.all(DEPLOYMENTS.newest_deployments.using("before"), limit=1, before=version + 1)
    if not rows or rows[0].version != version:
        raise NotFound(
            f"there is no version {version} of the deployment; the active version is {txn.deployment.version}"
        )
    return Deployment.model_validate_json(rows[0].content).model_copy(update={"version": version})


def _deployment_record(txn: BoardTransaction, row: DeploymentRow) -> DeploymentRecord:
    deployment = Deployment.model_validate_json(row.content)
    return DeploymentRecord(
        version=row.version,
        deployed_at=to_datetime(row.deployed_at),
        active=row.version == txn.deployment.version,
        agents=tuple(sorted(deployment.agents)),
        kinds=tuple(sorted(deployment.kinds)),
    )


def unserved_agents(txn: BoardTransaction, dead: Collection[str]) -> list[str]:
    """Return the agents that no living worker claims for."""
    return [
        agent for agent in sorted(txn.deployment.agents) if worker_registry.unserved_agent(txn, agent, dead) is not None
    ]


def _unusable_answers(paused: Sequence[ModelPauseRow]) -> dict[str, dict[str, str]]:
    """Return the models that are paused for single agents, with the reason, by agent."""
    models: dict[str, dict[str, str]] = {}
    for pause in paused:
        if pause.agent:
            models.setdefault(pause.agent, {})[pause.model] = pause.reason
    return models


def _count_states(txn: BoardTransaction) -> dict[str, int]:
    """Count the activations by state. A ready activation whose agent is gone counts as held."""
    states: Counter[str] = Counter()
    for row in txn.sql.all(ACTIVATIONS.count_by_state):
        is_held = row.state == ActivationState.READY and gone_agents.is_gone(txn, row.agent)
        states[ActivationState.HELD if is_held else row.state] += row.number
    return dict(states)


def status(txn: BoardTransaction, dead: Collection[str], sizes: FileSizes) -> BoardStatus:
    """Return the state of the board.

    Args:
        txn: The transaction.
        dead: Registered workers that are known to be dead.
        sizes: The sizes of its file.
    """
    board = txn.sql.existing(ACTIVATIONS.board)
    open_calls = dict.fromkeys(OPEN_CALLS, 0) | dict(txn.sql.all(MODEL_CALLS.count_open_calls))
    paused = [pause for pause in model_pauses.all_pauses(txn) if not pause.suspect]
    return BoardStatus(
        as_of=to_datetime(txn.now),
        doubted_clock=optional_datetime(txn.doubted_clock),
        deployment=txn.deployment.version,
        paused=bool(board.paused),
        paused_because=board.paused_because,
        paused_agents=agent_states.paused_agents(txn),
        paused_models={pause.model: pause.reason for pause in paused if not pause.agent},
        unusable_answers=_unusable_answers(paused),
        marks=live_counts(txn),
        last_event_id=txn.last_event_id,
        waiting=sum(row.number for row in txn.sql.all(CROSSINGS.count_waiting)),
        activations=_count_states(txn),
        gone_agents=gone_agents.count(txn),
        needs=needs_overview.overview(txn),
        next_predicted_crossing=optional_datetime(next_crossing(txn)),
        next_due_need=optional_datetime(txn.sql.value(MARKS.next_due_need)),
        next_evaporation=optional_datetime(txn.sql.value(MARKS.next_evaporation)),
        model_calls=ModelCallCounts(
            made=txn.sql.value(MODEL_CALLS.count_sent),
            **open_calls,
            reserved_usd=to_usd(txn.sql.value(MODEL_CALLS.reserved_money)),
        ),
        backfills=len(txn.sql.all(CROSSINGS.backfills)),
        searches=index_rebuilds.progress(txn),
        sinks=outbox_administration.overview(txn),
        workers=tuple(
            result_of(
                WorkerStatus,
                row,
                alive=row.id not in dead,
                agents=tuple(worker_registry.code_of(row)),
                problem=worker_registry.worker_problem(txn, row),
            )
            for row in txn.sql.all(ACTIVATIONS.workers)
        ),
        file_bytes=sizes.file_bytes,
        log_bytes=sizes.log_bytes,
    )
