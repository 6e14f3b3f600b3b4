"""The operations on the agenda and on agents."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated

from pydantic import Field

from blackboard import AgendaItem, AgentStatus, EarlyWake, Explanation
from blackboard.board.json_shapes import Pause, Resumption, explanation
from blackboard.board.reading.tag_texts import read_group
from blackboard.board.result_types import ScheduleRecord
from blackboard.server.request_handling.operation_definition import (
    Call,
    Empty,
    Encoded,
    Fields,
    Limit,
    Name,
    Operation,
    Page,
    RecordId,
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

    crossing: RecordId


class OneAgent(Fields):
    """One agent by its name."""

    agent: Name


class ExplainedAgent(OneAgent):
    """What to explain."""

    subject: str | None = Field(default=None, description="The subject; by default all waiting work.")
    group: Sequence[str] = Field(
        default=(),
        description="The value of the tag that its watches group by. Several values are alternatives.",
    )


class Reason(Fields):
    """Why something is paused."""

    reason: Annotated[str, Field(max_length=1000)] | None = None


def agenda(call: Call) -> Page:
    """List the waiting crossings, strongest first, each with what holds it."""
    parameters: ListedAgenda = call.parameters
    start = parameters.page
    found = call.board.agenda(limit=start + parameters.limit + 1)[start:]
    return Page(found, parameters.limit, lambda item, number: start + number)


def schedules(call: Call) -> list[ScheduleRecord]:
    """List the schedules of the agents, with their next instants, and how late the last instant was noticed."""
    return call.board.schedules(limit=call.parameters.limit)


def wake(call: Call) -> EarlyWake:
    """End the batch window and the cooldown of a crossing. A guard, a budget or a pause still holds it."""
    return call.board.wake(call.parameters.crossing)


def agents(call: Call) -> list[AgentStatus]:
    """List the agents: their watches, the kinds that they may write, and their state."""
    return call.board.agents()


def explain(call: Call) -> Explanation:
    """Explain why an agent has or has not woken."""
    parameters: ExplainedAgent = call.parameters
    read = partial(read_group, call.board.deployment, parameters.agent)
    group = [value for text in parameters.group for value in read(text)] if parameters.group else None
    return explanation(call.board.explain(parameters.agent, parameters.subject, group=group))  # type: ignore[return-value]


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


OPERATIONS = (
    Operation("GET", "/v1/agenda", "read", agenda, list[AgendaItem], ListedAgenda),
    Operation(
        "POST", "/v1/agenda/{crossing}/wake", "operate", wake, EarlyWake, OneCrossing, Empty,
        problems=("not-found", "not-possible"),
    ),
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
)  # fmt: skip
