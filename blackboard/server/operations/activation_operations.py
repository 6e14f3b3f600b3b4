"""The operations on activations and the costs of their model calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from blackboard import ActivationRecord, CostRow
from blackboard.board.result_types.work_results import ActivationDetails
from blackboard.core.micro_dollars import MAX_COST_USD
from blackboard.core.records.states import RETRIABLE, ActivationState
from blackboard.core.request_limits import MAX_PAGE_ITEMS
from blackboard.errors import WorkError
from blackboard.presentation.json_shapes import ActivationChange, ActivationChanges, RecordedCost
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
    RecordId,
)


class ActivationListParameters(Fields):
    """The activations to list."""

    agent: Name | None = Field(default=None, description="Only activations of this agent.")
    state: Sequence[ActivationState] = Field(
        default=(), description="Only activations in this state. Several states are alternatives."
    )
    limit: Limit = 20
    cursor: Annotated[RecordId | None, *CURSOR_METADATA] = Field(default=None)


class StuckActivationsFields(Fields):
    """The stuck activations to change. At most 1,000 of them are changed, the newest first."""

    agent: Name | None = Field(default=None, description="Only activations of this agent.")
    state: Literal["dead", "held", "quarantined"] | None = Field(default=None, description="Only in this state.")


class CostParameters(Fields):
    """The number of days."""

    days: int = Field(default=30, ge=1, le=36_500, description="The number of days (UTC) up to today.")


class CostFields(Fields):
    """The cost of a call."""

    usd: float = Field(ge=0, lt=MAX_COST_USD, description="US dollars, as the provider's account shows them.")


def activations(call: OperationCall[ActivationListParameters, None]) -> Page[ActivationRecord]:
    """List activations, newest first."""
    parameters = call.parameters
    found = call.board.activations(
        agent=parameters.agent, state=parameters.state or None, limit=parameters.limit + 1, before=parameters.cursor
    )
    return Page(found, parameters.limit, lambda item, number: item.id)


def activation(call: OperationCall[OneRecord, None]) -> ActivationDetails:
    """Show one activation: its marks with their present state, its deposits, model calls, cost and error."""
    return call.board.activation(call.parameters.id)


def retry(call: OperationCall[OneRecord, Empty]) -> ActivationChange:
    """Retry an activation that failed, is held or is quarantined. Its attempts count from 0 again."""
    call.board.retry(call.parameters.id)
    return ActivationChange(call.parameters.id, ActivationState.READY)


def discard(call: OperationCall[OneRecord, Empty]) -> ActivationChange:
    """Give up an activation that failed, is held or is quarantined. Its marks do not wake the agent again."""
    call.board.discard(call.parameters.id)
    return ActivationChange(call.parameters.id, ActivationState.DISCARDED)


def retry_many(call: OperationCall[NoParameters, StuckActivationsFields]) -> ActivationChanges:
    """Retry the activations of an agent, or in a state, if they failed, are held or are quarantined."""
    return _change_many(call, ActivationState.READY)


def discard_many(call: OperationCall[NoParameters, StuckActivationsFields]) -> ActivationChanges:
    """Give up the activations of an agent, or in a state, if they failed, are held or are quarantined."""
    return _change_many(call, ActivationState.DISCARDED)


def _change_many(
    call: OperationCall[NoParameters, StuckActivationsFields], state: ActivationState
) -> ActivationChanges:
    wanted = call.body
    states = [str(item) for item in RETRIABLE] if wanted.state is None else [wanted.state]
    change = call.board.retry if state == ActivationState.READY else call.board.discard
    changed = []
    for record in call.board.activations(agent=wanted.agent, state=states, limit=MAX_PAGE_ITEMS):
        try:
            change(record.id)
        except WorkError:  # somebody else has changed the activation meanwhile
            continue
        changed.append(record.id)
    return ActivationChanges(changed, state)


def costs(call: OperationCall[CostParameters, None]) -> list[CostRow]:
    """Show the cost of model calls by day and agent."""
    return call.board.costs(call.parameters.days)


def record_cost(call: OperationCall[OneRecord, CostFields]) -> RecordedCost:
    """Record the cost of a model call whose outcome or usage is unknown."""
    call.board.record_cost(call.parameters.id, call.body.usd)
    return RecordedCost(call.parameters.id, call.body.usd)


STUCK_PROBLEMS = ("not-found", "not-possible")

OPERATIONS = (
    Operation("GET", "/v1/activations", scope="read", run=activations, problems=("unknown-name",)),
    Operation("POST", "/v1/activations/retry", scope="operate", run=retry_many, problems=("unknown-name",)),
    Operation("POST", "/v1/activations/discard", scope="operate", run=discard_many, problems=("unknown-name",)),
    Operation("GET", "/v1/activations/{id}", scope="read", run=activation, problems=("not-found",)),
    Operation("POST", "/v1/activations/{id}/retry", scope="operate", run=retry, problems=STUCK_PROBLEMS),
    Operation("POST", "/v1/activations/{id}/discard", scope="operate", run=discard, problems=STUCK_PROBLEMS),
    Operation("GET", "/v1/costs", scope="read", run=costs),
    Operation("POST", "/v1/model-calls/{id}/cost", scope="operate", run=record_cost, problems=("not-found",)),
)  # fmt: skip
