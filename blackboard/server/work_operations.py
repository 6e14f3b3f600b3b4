"""The operations on the agenda, agents, activations and costs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from blackboard import ActivationRecord, AgendaItem, AgentStatus, CostRow, EarlyWake, Explanation
from blackboard.board.json_shapes import (
    ActivationChange,
    ActivationChanges,
    Pause,
    RecordedCost,
    Resumption,
    explanation,
)
from blackboard.board.reading.tag_texts import read_group
from blackboard.board.result_types import ActivationDetails, ScheduleRecord
from blackboard.core.micro_dollars import COST_LIMIT_USD
from blackboard.core.states import RETRIABLE, ActivationState
from blackboard.errors import WorkError
from blackboard.server.operations import (
    MAX_LIMIT,
    Call,
    Empty,
    Encoded,
    Fields,
    Id,
    Limit,
    Name,
    Operation,
    Page,
)


class ListedAgenda(Fields):
    """Which part of the agenda to list."""

    limit: Limit = 100
    page: Annotated[int, Field(ge=0, le=1_000_000), *Encoded] = Field(default=0, alias="cursor")


class ListedSchedules(Fields):
    """How much of each schedule to list."""

    limit: Limit = Field(default=3, description="The largest number of next instants of each schedule.")


class OneCrossing(Fields):
    """One crossing by its id."""

    crossing: Id


class OneAgent(Fields):
    """One agent by its name."""

    agent: Name


class ExplainedAgent(OneAgent):
    """What to explain."""

    subject: str | None = Field(default=None, description="The subject; by default all waiting work.")
    group: Sequence[str] = Field(
        default=(),
        description="The value of the tag by which its watches measure groups. Several values are alternatives.",
    )


class Reason(Fields):
    """Why something is paused."""

    reason: Annotated[str, Field(max_length=1000)] | None = None


class ListedActivations(Fields):
    """Which activations to list."""

    agent: Name | None = Field(default=None, description="Only activations of this agent.")
    state: Sequence[ActivationState] = Field(
        default=(), description="Only activations in this state. Several states are alternatives."
    )
    limit: Limit = 20
    page: Annotated[Id | None, *Encoded] = Field(default=None, alias="cursor")


class OneActivation(Fields):
    """One activation by its id."""

    id: Id


class StuckActivations(Fields):
    """Which stuck activations to change. At most 1,000 of them are changed, the newest first."""

    agent: Name | None = Field(default=None, description="Only activations of this agent.")
    state: Literal["dead", "held", "quarantined"] | None = Field(default=None, description="Only in this state.")


class Days(Fields):
    """For how many days."""

    days: int = Field(default=30, ge=1, le=36_500, description="The number of days (UTC) up to today.")


class OneCall(Fields):
    """One model call by its id."""

    call: Id


class Cost(Fields):
    """What a call cost."""

    usd: float = Field(ge=0, lt=COST_LIMIT_USD, description="US dollars, as the provider's account shows them.")


def agenda(call: Call) -> Page:
    """List the waiting crossings, strongest first, each with what holds it."""
    asked: ListedAgenda = call.parameters
    start = asked.page
    found = call.board.agenda(limit=start + asked.limit + 1)[start:]
    return Page(found, asked.limit, lambda item, number: start + number)


def schedules(call: Call) -> list[ScheduleRecord]:
    """List the schedules of the agents, with their next instants and the delay of the last instant."""
    return call.board.schedules(limit=call.parameters.limit)


def wake(call: Call) -> EarlyWake:
    """End the batch window of a crossing and the cooldown that holds it. Guards, budgets and pauses still hold it."""
    return call.board.wake(call.parameters.crossing)


def agents(call: Call) -> list[AgentStatus]:
    """List the agents: their watches, the kinds that they may write, and their state."""
    return call.board.agents()


def explain(call: Call) -> Explanation:
    """Explain why an agent has or has not woken."""
    asked: ExplainedAgent = call.parameters
    read = partial(read_group, call.board.deployment, asked.agent)
    group = [value for text in asked.group for value in read(text)] if asked.group else None
    return explanation(call.board.explain(asked.agent, asked.subject, group=group))  # type: ignore[return-value]


def pause_agent(call: Call) -> Pause:
    """Pause an agent until it is resumed. Crossings are still recorded."""
    return _pause(call, call.parameters.agent)


def resume_agent(call: Call) -> Resumption:
    """Resume an agent, and end its cooldown after failures."""
    return _resume(call, call.parameters.agent)


def pause_board(call: Call) -> Pause:
    """Pause the whole board until it is resumed. Crossings are still recorded."""
    return _pause(call, None)


def resume_board(call: Call) -> Resumption:
    """Resume the whole board."""
    return _resume(call, None)


def _pause(call: Call, agent: str | None) -> Pause:
    reason: str | None = call.body.reason
    call.board.pause(agent, reason)
    return Pause(agent, reason)


def _resume(call: Call, agent: str | None) -> Resumption:
    call.board.resume(agent)
    return Resumption(agent)


def activations(call: Call) -> Page:
    """List activations, newest first."""
    asked: ListedActivations = call.parameters
    found = call.board.activations(
        agent=asked.agent, state=asked.state or None, limit=asked.limit + 1, before=asked.page
    )
    return Page(found, asked.limit, lambda item, number: item.id)


def activation(call: Call) -> ActivationDetails:
    """Show one activation: its marks and what became of them, its deposits, model calls, cost and error."""
    return call.board.activation(call.parameters.id)


def retry(call: Call) -> ActivationChange:
    """Retry an activation that failed, is held or is quarantined. Its attempts count from 0 again."""
    call.board.retry(call.parameters.id)
    return ActivationChange(call.parameters.id, ActivationState.READY)


def discard(call: Call) -> ActivationChange:
    """Give up an activation that failed, is held or is quarantined. Its marks stay absorbed."""
    call.board.discard(call.parameters.id)
    return ActivationChange(call.parameters.id, ActivationState.DISCARDED)


def retry_many(call: Call) -> ActivationChanges:
    """Retry the activations of an agent, or in a state, that failed, are held or are quarantined."""
    return _change_many(call, ActivationState.READY)


def discard_many(call: Call) -> ActivationChanges:
    """Give up the activations of an agent, or in a state, that failed, are held or are quarantined."""
    return _change_many(call, ActivationState.DISCARDED)


def _change_many(call: Call, state: ActivationState) -> ActivationChanges:
    asked: StuckActivations = call.body
    states = [str(item) for item in RETRIABLE] if asked.state is None else [asked.state]
    change = call.board.retry if state == ActivationState.READY else call.board.discard
    changed = []
    for record in call.board.activations(agent=asked.agent, state=states, limit=MAX_LIMIT):
        try:
            change(record.id)
        except WorkError:  # somebody else has changed it meanwhile
            continue
        changed.append(record.id)
    return ActivationChanges(changed, state)


def costs(call: Call) -> list[CostRow]:
    """Show the cost of model calls by day and agent."""
    return call.board.costs(call.parameters.days)


def record_cost(call: Call) -> RecordedCost:
    """Record the cost of a model call whose outcome or usage is unknown, and release its reserve."""
    usd: float = call.body.usd
    call.board.record_cost(call.parameters.call, usd)
    return RecordedCost(call.parameters.call, usd)


STUCK = ("not-found", "not-possible")

OPERATIONS = (
    Operation("GET", "/v1/agenda", "read", agenda, list[AgendaItem], ListedAgenda),
    Operation("POST", "/v1/agenda/{crossing}/wake", "operate", wake, EarlyWake, OneCrossing, Empty, problems=STUCK),
    Operation("GET", "/v1/schedules", "read", schedules, list[ScheduleRecord], ListedSchedules),
    Operation("GET", "/v1/agents", "read", agents, list[AgentStatus]),
    Operation(
        "GET", "/v1/agents/{agent}/explanation", "read", explain, Explanation, ExplainedAgent,
        parameters_withheld=("subject", "group"), problems=("unknown-name",),
    ),
    Operation(
        "POST", "/v1/agents/{agent}/pause", "operate", pause_agent, Pause, OneAgent, Reason, problems=("unknown-name",)
    ),
    Operation(
        "POST", "/v1/agents/{agent}/resume", "operate", resume_agent, Resumption, OneAgent, Empty,
        problems=("unknown-name",),
    ),
    Operation("POST", "/v1/pause", "operate", pause_board, Pause, body=Reason),
    Operation("POST", "/v1/resume", "operate", resume_board, Resumption, body=Empty),
    Operation(
        "GET", "/v1/activations", "read", activations, list[ActivationRecord], ListedActivations,
        problems=("unknown-name",),
    ),
    Operation("POST", "/v1/activations/retry", "operate", retry_many, ActivationChanges, body=StuckActivations,
              problems=("unknown-name",)),
    Operation("POST", "/v1/activations/discard", "operate", discard_many, ActivationChanges, body=StuckActivations,
              problems=("unknown-name",)),
    Operation(
        "GET", "/v1/activations/{id}", "read", activation, ActivationDetails, OneActivation, problems=("not-found",)
    ),
    Operation(
        "POST", "/v1/activations/{id}/retry", "operate", retry, ActivationChange, OneActivation, Empty, problems=STUCK
    ),
    Operation(
        "POST", "/v1/activations/{id}/discard", "operate", discard, ActivationChange, OneActivation, Empty,
        problems=STUCK,
    ),
    Operation("GET", "/v1/costs", "read", costs, list[CostRow], Days),
    Operation(
        "POST", "/v1/model-calls/{call}/cost", "operate", record_cost, RecordedCost, OneCall, Cost,
        problems=("not-found",),
    ),
)  # fmt: skip
