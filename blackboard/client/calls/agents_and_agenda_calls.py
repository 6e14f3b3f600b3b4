"""The calls on agents and the agenda, and on the pause of the board."""

from __future__ import annotations

from blackboard.board.result_types.explanation_results import Explanation
from blackboard.board.result_types.status_results import AgentStatus
from blackboard.board.result_types.work_results import AgendaItem, EarlyWake, ScheduleRecord
from blackboard.client.requests_and_responses import (
    ClientCall,
    ask_for,
    ask_for_pages,
    get_request,
    path_of,
    post_request,
    send_only,
    texts_of,
)
from blackboard.core.marks.tags import TagChoice, as_data
from blackboard.errors import UsageError


def agents() -> ClientCall[list[AgentStatus]]:
    """Return each deployed agent with its watches and its state, as `Blackboard.agents` does."""
    return (yield from ask_for(list[AgentStatus], get_request("/v1/agents")))


def agenda(*, limit: int | None = None) -> ClientCall[list[AgendaItem]]:
    """Return the crossings that wait, strongest first, as `Blackboard.agenda` does."""
    return (yield from ask_for_pages(AgendaItem, "/v1/agenda", limit=limit))


def schedules(*, limit: int = 3) -> ClientCall[list[ScheduleRecord]]:
    """Return each schedule with its next instants, as `Blackboard.schedules` does."""
    return (yield from ask_for(list[ScheduleRecord], get_request("/v1/schedules", limit=limit)))


def explain(agent: str, subject: str | None = None, *, group: TagChoice | None = None) -> ClientCall[Explanation]:
    """Return why an agent has or has not woken, as `Blackboard.explain` does.

    The value of a group is sent as text, and the server reads it by the type of the tag.
    """
    groups = None
    if group is not None:
        value = as_data({"group": group})["group"]
        if not (groups := texts_of(value if isinstance(value, tuple) else [value])):
            raise UsageError("group is empty; give the value of the tag that names the group")
    return (
        yield from ask_for(
            Explanation, get_request(path_of("/v1/agents/{}/explanation", agent), subject=subject, group=groups)
        )
    )


def pause(agent: str | None = None, reason: str | None = None) -> ClientCall[None]:
    """Pause an agent, or the whole board, until `resume`, as `Blackboard.pause` does."""
    yield from send_only(post_request(_pause_path(agent, "pause"), {"reason": reason}, is_repeatable=True))


def resume(agent: str | None = None) -> ClientCall[None]:
    """Resume an agent, or the whole board, as `Blackboard.resume` does."""
    yield from send_only(post_request(_pause_path(agent, "resume"), is_repeatable=True))


def _pause_path(agent: str | None, verb: str) -> str:
    return f"/v1/{verb}" if agent is None else path_of(f"/v1/agents/{{}}/{verb}", agent)


def wake(crossing_id: int) -> ClientCall[EarlyWake]:
    """Wake an agent early, as `Blackboard.wake` does."""
    return (yield from ask_for(EarlyWake, post_request(path_of("/v1/agenda/{}/wake", crossing_id))))
