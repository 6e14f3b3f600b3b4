"""The calls on the agenda, agents, activations and costs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from blackboard.board.json_shapes import ActivationChanges
from blackboard.board.result_types import (
    ActivationDetails,
    ActivationRecord,
    AgendaItem,
    AgentStatus,
    CostRow,
    EarlyWake,
    Explanation,
    ScheduleRecord,
)
from blackboard.client.call_protocol import ClientCall, ask_for, pages, send_only
from blackboard.client.http_messages import get_request, path_of, post_request, texts_of
from blackboard.core.marks.tags import TagChoice, as_data
from blackboard.core.records.micro_dollars import check_cost
from blackboard.errors import UsageError

Stuck = Literal["dead", "held", "quarantined"]


def agents() -> ClientCall[list[AgentStatus]]:
    """Return each deployed agent with its watches and its state, as `Blackboard.agents` does."""
    return (yield from ask_for(list[AgentStatus], get_request("/v1/agents")))


def agenda(*, limit: int | None = None) -> ClientCall[list[AgendaItem]]:
    """Return the crossings that wait, strongest first, as `Blackboard.agenda` does."""
    return (yield from pages(AgendaItem, "/v1/agenda", limit=limit))


def schedules(*, limit: int = 3) -> ClientCall[list[ScheduleRecord]]:
    """Return each schedule with its next instants, as `Blackboard.schedules` does."""
    return (yield from ask_for(list[ScheduleRecord], get_request("/v1/schedules", limit=limit)))


def activations(
    *,
    agent: str | None = None,
    state: str | Iterable[str] | None = None,
    limit: int = 20,
    before: int | None = None,
) -> ClientCall[list[ActivationRecord]]:
    """Return activations, newest first, as `Blackboard.activations` does."""
    states = [state] if isinstance(state, str) else None if state is None else list(state)
    if states == []:
        return []
    return (yield from pages(ActivationRecord, "/v1/activations", agent=agent, state=states, limit=limit, after=before))


def activation(activation_id: int) -> ClientCall[ActivationDetails]:
    """Return one activation with its marks, its deposits and its model calls, as `Blackboard.activation` does."""
    return (yield from ask_for(ActivationDetails, get_request(path_of("/v1/activations/{}", activation_id))))


def explain(agent: str, subject: str | None = None, *, group: TagChoice | None = None) -> ClientCall[Explanation]:
    """Return why an agent has or has not woken, as `Blackboard.explain` does.

    The value of a group is sent as text, and the server reads it by the type of the tag.
    """
    groups = None
    if group is not None:
        value = as_data({"group": group})["group"]
        if not (groups := texts_of(value if isinstance(value, tuple) else [value])):
            raise UsageError("group has no value; give the value of the tag that the group shares")
    return (
        yield from ask_for(
            Explanation, get_request(path_of("/v1/agents/{}/explanation", agent), subject=subject, group=groups)
        )
    )


def pause(agent: str | None = None, reason: str | None = None) -> ClientCall[None]:
    """Pause an agent, or the whole board, until `resume`, as `Blackboard.pause` does."""
    yield from send_only(post_request(_switch(agent, "pause"), {"reason": reason}, is_repeatable=True))


def resume(agent: str | None = None) -> ClientCall[None]:
    """Resume an agent, or the whole board, as `Blackboard.resume` does."""
    yield from send_only(post_request(_switch(agent, "resume"), is_repeatable=True))


def _switch(agent: str | None, verb: str) -> str:
    return f"/v1/{verb}" if agent is None else path_of(f"/v1/agents/{{}}/{verb}", agent)


def wake(crossing_id: int) -> ClientCall[EarlyWake]:
    """Wake an agent early, as `Blackboard.wake` does."""
    return (yield from ask_for(EarlyWake, post_request(path_of("/v1/agenda/{}/wake", crossing_id))))


def retry(activation_id: int) -> ClientCall[None]:
    """Try an activation again, as `Blackboard.retry` does."""
    yield from send_only(post_request(path_of("/v1/activations/{}/retry", activation_id)))


def discard(activation_id: int) -> ClientCall[None]:
    """Give up an activation, as `Blackboard.discard` does."""
    yield from send_only(post_request(path_of("/v1/activations/{}/discard", activation_id)))


def retry_many(*, agent: str | None = None, state: Stuck | None = None) -> ClientCall[ActivationChanges]:
    """Retry at most 1,000 activations that failed, are held or are quarantined.

    Args:
        agent: Only activations of this agent.
        state: Only activations in this state.
    """
    body = {"agent": agent, "state": state}
    return (yield from ask_for(ActivationChanges, post_request("/v1/activations/retry", body)))


def discard_many(*, agent: str | None = None, state: Stuck | None = None) -> ClientCall[ActivationChanges]:
    """Give up at most 1,000 activations that failed, are held or are quarantined.

    Args:
        agent: Only activations of this agent.
        state: Only activations in this state.
    """
    body = {"agent": agent, "state": state}
    return (yield from ask_for(ActivationChanges, post_request("/v1/activations/discard", body)))


def costs(days: int = 30) -> ClientCall[list[CostRow]]:
    """Return the cost of model calls by day and agent, as `Blackboard.costs` does."""
    return (yield from ask_for(list[CostRow], get_request("/v1/costs", days=days)))


def record_cost(call_id: int, usd: float) -> ClientCall[None]:
    """Record the cost of a model call whose outcome or usage is unknown, as `Blackboard.record_cost` does."""
    check_cost(usd)
    yield from send_only(post_request(path_of("/v1/model-calls/{}/cost", call_id), {"usd": usd}))
