"""The calls of workers of remote agents: they claim activations, and end them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from blackboard.board.result_types.remote_work_results import RemoteActivation, RunState
from blackboard.client.requests_and_responses import (
    ClientCall,
    HttpRequest,
    ask_for,
    decode_response,
    encode_body,
    path_of,
    post_request,
    query_of,
)
from blackboard.core.agents.remote_results import ModelUsage, RemoteResult
from blackboard.core.records.states import MAX_REASON_CHARACTERS
from blackboard.durations import SECOND, DurationLike, parse_duration
from blackboard.errors import UsageError

WAIT_SECONDS = 20
"""How long one request waits for work. This is shorter than the time for which clients and proxies wait."""


def claim(
    agent: str, *, wait: DurationLike = "0s", lease: DurationLike | None = None
) -> ClientCall[RemoteActivation | None]:
    """Claim an activation of a remote agent, as `Blackboard.claim` does. Needs the scope `claim` for the agent."""
    seconds = parse_duration(wait) / SECOND
    while True:
        share = min(seconds, WAIT_SECONDS)
        query = query_of({"wait": _text(share), "lease": _lease(lease)})
        path = path_of("/v1/agents/{}/claims", agent)
        response = yield HttpRequest("POST", path, query, encode_body({}), is_repeatable=False, wait_seconds=share)
        if response.body:
            return decode_response(RemoteActivation, response.body)
        seconds -= share
        if seconds <= 0:
            return None


def heartbeat(
    activation_id: int, *, fence: int | None = None, agent: str | None = None, lease: DurationLike | None = None
) -> ClientCall[RunState]:
    """Extend the lease of an activation, as `Blackboard.heartbeat` does. Over HTTP, the agent and fence are needed."""
    path = path_of("/v1/agents/{}/activations/{}/heartbeat", *_run_of(activation_id, agent, fence))
    return (
        yield from ask_for(RunState, post_request(path, {"fence": fence, "lease": _lease(lease)}, is_repeatable=True))
    )


def finish(
    activation_id: int,
    result: RemoteResult | Mapping[str, object] | None = None,
    *,
    fence: int | None = None,
    agent: str | None = None,
) -> ClientCall[RunState]:
    """Finish an activation, as `Blackboard.finish` does. Over HTTP, the agent and the fence are needed."""
    path = path_of("/v1/agents/{}/activations/{}/finish", *_run_of(activation_id, agent, fence))
    given = result if isinstance(result, RemoteResult) else RemoteResult.of(result or {})
    body: dict[str, Any] = {**given.model_dump(mode="json", exclude_defaults=True), "fence": fence}
    return (yield from ask_for(RunState, post_request(path, body, is_repeatable=True)))


def fail(
    activation_id: int,
    reason: str,
    *,
    retry: bool = True,
    usage: Iterable[ModelUsage] = (),
    fence: int | None = None,
    agent: str | None = None,
) -> ClientCall[RunState]:
    """End the run of an activation as failed, as `Blackboard.fail` does. The agent and the fence are needed."""
    if not reason.strip():
        raise UsageError("the reason is empty; say why the activation failed")
    path = path_of("/v1/agents/{}/activations/{}/fail", *_run_of(activation_id, agent, fence))
    calls = [item.model_dump(mode="json", exclude_defaults=True) for item in usage]
    body = {"fence": fence, "reason": reason[:MAX_REASON_CHARACTERS], "retry": retry, "usage": calls}
    return (yield from ask_for(RunState, post_request(path, body)))


def _run_of(activation_id: int, agent: str | None, fence: int | None) -> tuple[str, int]:
    if agent is None or fence is None:
        raise UsageError("over HTTP, give the agent and the fence that the claimed activation has")
    return agent, activation_id


def _lease(lease: DurationLike | None) -> str | None:
    return None if lease is None else _text(parse_duration(lease) / SECOND)


def _text(seconds: float) -> str:
    """Return seconds as the server reads them."""
    return f"{round(seconds * 1000)}ms" if seconds % 1 else f"{round(seconds)}s"
