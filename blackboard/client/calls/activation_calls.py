"""The calls on activations and their costs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from blackboard.board.result_types.work_results import ActivationDetails, ActivationRecord, CostRow
from blackboard.client.requests_and_responses import (
    ClientCall,
    ask_for,
    ask_for_pages,
    get_request,
    path_of,
    post_request,
    send_only,
)
from blackboard.core.micro_dollars import check_cost
from blackboard.presentation.json_shapes import ActivationChanges

Stuck = Literal["dead", "held", "quarantined"]


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
    return (
        yield from ask_for_pages(
            ActivationRecord, "/v1/activations", agent=agent, state=states, limit=limit, after=before
        )
    )


def activation(activation_id: int) -> ClientCall[ActivationDetails]:
    """Return one activation with its marks, its deposits and its model calls, as `Blackboard.activation` does."""
    return (yield from ask_for(ActivationDetails, get_request(path_of("/v1/activations/{}", activation_id))))


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
