"""The operations of remote workers: they claim activations of their agents, and end them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from blackboard import RemoteActivation, RemoteResult, RunState
from blackboard.clock import seconds_in
from blackboard.core.agents.remote_results import ReportedUsage
from blackboard.core.records.states import MAX_REASON_CHARACTERS
from blackboard.core.request_limits import MAX_ID
from blackboard.durations import parse_duration
from blackboard.errors import InvalidDuration
from blackboard.server.api_framework.operation_definition import Empty, Fields, Name, Operation, OperationCall, RecordId
from blackboard.server.open_requests.claim_queue import Attempt, WaitingClaim

MAX_CLAIM_WAIT_SECONDS = 60
"""The longest wait of a claim. Proxies close connections that are silent for longer."""


def _checked_duration(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        parse_duration(text)
    except InvalidDuration as error:
        raise ValueError(str(error)) from None
    return text


def _checked_wait(text: object) -> object:
    checked = _checked_duration(text)
    if isinstance(checked, str) and seconds_in(parse_duration(checked)) > MAX_CLAIM_WAIT_SECONDS:
        raise ValueError(f"the wait is at most {MAX_CLAIM_WAIT_SECONDS}s, not {checked}; to wait longer, claim again")
    return checked


DURATION = WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,5}(ms|s|m|h)$", "examples": ["30s"]})
Lease = Annotated[str, BeforeValidator(_checked_duration), DURATION]
WaitTime = Annotated[str, BeforeValidator(_checked_wait), DURATION]
Fence = Annotated[int, Field(ge=1, le=MAX_ID, description="The fence of the claim.")]


class ClaimParameters(Fields):
    """A claim of an activation of an agent."""

    agent: Name
    wait: WaitTime = Field(default="0s", description="How long to wait for work, up to 60s.")
    lease: Lease | None = Field(default=None, description="The length of the lease, 1s to 24h; by default 5m.")


class OneRun(Fields):
    """One activation of an agent by its id."""

    agent: Name
    id: RecordId


class HeartbeatFields(Fields):
    """An extension of a lease."""

    fence: Fence
    lease: Lease | None = Field(default=None, description="The length of the lease from now on; by default 5m.")


class ResultFields(RemoteResult):
    """The result of a run."""

    fence: Fence


class FailureFields(Fields):
    """The failure of a run."""

    fence: Fence
    reason: Annotated[
        str, Field(min_length=1, max_length=MAX_REASON_CHARACTERS, description="Why it failed, for people.")
    ]
    retry: bool = Field(default=True, description="Whether another attempt may succeed.")
    usage: ReportedUsage = ()


def claim(call: OperationCall[ClaimParameters, Empty]) -> RemoteActivation | None:
    """Claim an activation of a remote agent under a lease, or wait for one. The status is 204 if there is none."""
    parameters = call.parameters
    call.caller.require("claim", parameters.agent)
    return call.board.claim(parameters.agent, lease=parameters.lease)


def waiting_claim(call: OperationCall[ClaimParameters, object], check: Callable[[], object]) -> WaitingClaim:
    """Return the claim that waits for an operation `claim`; each attempt checks the caller again."""
    parameters = call.parameters
    board = call.board

    def attempt() -> Attempt:
        check()
        found = board.claim(parameters.agent, lease=parameters.lease)
        at = None if found is not None else board.claimable_at(parameters.agent)
        return Attempt(found, None if at is None else (at - board.now()) / timedelta(seconds=1))

    def give_back(activation: RemoteActivation) -> bool:
        return board.give_back(activation.id, fence=activation.fence)

    return WaitingClaim(call.caller.token.name, attempt, give_back)


def heartbeat(call: OperationCall[OneRun, HeartbeatFields]) -> RunState:
    """Extend the lease of an activation."""
    parameters = call.parameters
    call.caller.require("claim", parameters.agent)
    body = call.body
    return call.board.heartbeat(parameters.id, agent=parameters.agent, fence=body.fence, lease=body.lease)


def finish(call: OperationCall[OneRun, ResultFields]) -> RunState:
    """Finish an activation: deposit its marks, and end it. The same request again changes nothing."""
    parameters = call.parameters
    call.caller.require("claim", parameters.agent)
    body = call.body
    result = RemoteResult(
        marks=body.marks, withdrawals=body.withdrawals, reinforcements=body.reinforcements, usage=body.usage
    )
    return call.board.finish(parameters.id, result, agent=parameters.agent, fence=body.fence)


def fail(call: OperationCall[OneRun, FailureFields]) -> RunState:
    """Report that an activation has failed. The settings of its agent say whether it is tried again, split or dead."""
    parameters = call.parameters
    call.caller.require("claim", parameters.agent)
    body = call.body
    return call.board.fail(
        parameters.id, body.reason, agent=parameters.agent, fence=body.fence, retry=body.retry, usage=body.usage
    )


CLAIM_PROBLEMS = ("unknown-name", "not-possible")
RUN_PROBLEMS = ("not-found", "unknown-name", "not-possible", "lease-lost")
RESULT_PROBLEMS = (
    *RUN_PROBLEMS, "conflict", "invalid-mark", "invalid-result", "unique-conflict", "key-reused", "law-conflict",
    "out-of-order",
)  # fmt: skip

OPERATIONS = (
    Operation(
        "POST", "/v1/agents/{agent}/claims", scope="claim", run=claim, other_response=RemoteActivation,
        problems=CLAIM_PROBLEMS, waits=True,
    ),
    Operation(
        "POST", "/v1/agents/{agent}/activations/{id}/heartbeat", scope="claim", run=heartbeat, problems=RUN_PROBLEMS,
    ),
    Operation(
        "POST", "/v1/agents/{agent}/activations/{id}/finish", scope="claim", run=finish, problems=RESULT_PROBLEMS,
    ),
    Operation("POST", "/v1/agents/{agent}/activations/{id}/fail", scope="claim", run=fail, problems=RUN_PROBLEMS),
)  # fmt: skip
