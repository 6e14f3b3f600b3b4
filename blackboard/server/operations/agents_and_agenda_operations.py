"""The operations on agents and on the agenda."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from pydantic import Field

from blackboard import AgendaItem, AgentStatus, EarlyWake, Explanation
from blackboard.board.reading.tag_texts import read_group
from blackboard.board.result_types.work_results import ScheduleRecord
from blackboard.presentation.json_shapes import Pause, Resumption, explanation
from blackboard.server.api_framework.operation_definition import (
    CURSOR_METADATA,
    Empty,
    Fields,
    Limit,
    Name,
    NoParameters,
    OneRecord,
    Operation,
    OperationCall,
    Page,
    Reason,
)


class AgendaParameters(Fields):
    """The part of the agenda to list."""

    limit: Limit = 100
    cursor: Annotated[int, Field(ge=0, le=1_000_000), *CURSOR_METADATA] = Field(default=0)


class ScheduleParameters(Fields):
    """The number of coming times of each schedule to show."""

    limit: Limit = Field(default=3, description="Show at most this many coming times of each schedule.")


class OneAgent(Fields):
    """One agent by its name."""

    agent: Name


class ExplainParameters(OneAgent):
    """The agent to explain, and for which subject or group."""

    subject: str | None = Field(default=None, description="The subject; by default all waiting work.")
    group: Sequence[str] = Field(
        default=(),
        description="The value of the tag that its watches group by. Several values are alternatives.",
    )


def agenda(call: OperationCall[AgendaParameters, None]) -> Page[AgendaItem]:
    """List the crossings that wait, strongest first, each with the reason why it waits."""
    parameters = call.parameters
    start = parameters.cursor
    found = call.board.agenda(limit=start + parameters.limit + 1)[start:]
    return Page(found, parameters.limit, lambda item, number: start + number)


def schedules(call: OperationCall[ScheduleParameters, None]) -> list[ScheduleRecord]:
    """List the schedules of the agents, with their next times, and how late the last crossing was."""
    return call.board.schedules(limit=call.parameters.limit)


def wake(call: OperationCall[OneRecord, Empty]) -> EarlyWake:
    """End the batch window and the cooldown of a crossing. A guard, a budget or a pause still holds it."""
    return call.board.wake(call.parameters.id)


def agents(call: OperationCall[NoParameters, None]) -> list[AgentStatus]:
    """List the agents: their watches, the kinds that they may write, and their state."""
    return call.board.agents()


def explain(call: OperationCall[ExplainParameters, None]) -> dict[str, Any]:
    """Explain why an agent has or has not woken."""
    parameters = call.parameters
    read = partial(read_group, call.board.deployment, parameters.agent)
    group = [value for text in parameters.group for value in read(text)] if parameters.group else None
    return explanation(call.board.explain(parameters.agent, parameters.subject, group=group))


def pause_agent(call: OperationCall[OneAgent, Reason]) -> Pause:
    """Pause an agent until it is resumed. Crossings are still recorded."""
    call.board.pause(call.parameters.agent, call.body.reason)
    return Pause(call.parameters.agent, call.body.reason)


def resume_agent(call: OperationCall[OneAgent, Empty]) -> Resumption:
    """Resume an agent, and end its cooldown after failures."""
    call.board.resume(call.parameters.agent)
    return Resumption(call.parameters.agent)


OPERATIONS = (
    Operation("GET", "/v1/agenda", scope="read", run=agenda),
    Operation("POST", "/v1/agenda/{id}/wake", scope="operate", run=wake, problems=("not-found", "not-possible")),
    Operation("GET", "/v1/schedules", scope="read", run=schedules),
    Operation("GET", "/v1/agents", scope="read", run=agents),
    Operation(
        "GET", "/v1/agents/{agent}/explanation", scope="read", run=explain, other_response=Explanation,
        parameters_withheld=("subject", "group"), problems=("unknown-name",),
    ),
    Operation("POST", "/v1/agents/{agent}/pause", scope="operate", run=pause_agent, problems=("unknown-name",)),
    Operation("POST", "/v1/agents/{agent}/resume", scope="operate", run=resume_agent, problems=("unknown-name",)),
)  # fmt: skip
