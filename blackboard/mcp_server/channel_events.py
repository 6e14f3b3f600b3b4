"""The events of a channel, which tell a session of a coding agent that work waits for a remote agent.

A channel is a capability of Claude Code. Its messages reach the model like messages of the user. So they never contain
a text of a mark, only the agent and the ids of the crossings. The channel claims nothing: if a session does not listen,
other workers can do the work. A process announces each crossing once, and the crossing stays on the agenda.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from blackboard.board.result_types.work_results import AgendaItem
from blackboard.errors import BlackboardError
from blackboard.local_or_remote_calls import calls_on_board
from blackboard.mcp_server.board_access import BoardAccess
from blackboard.system.log_queue import Log

log = Log("blackboard.mcp")

CAPABILITY = "claude/channel"
METHOD = "notifications/claude/channel"
TICK_SECONDS = 10.0
"""The longest time between two reads of a board that is behind a server."""
MAX_NOTIFIED_CROSSINGS = 50
"""The most crossings that one notification names."""


class Channel:
    """Announces the work of one agent.

    Args:
        access: The board.
        agent: The agent.
        run: Runs a read of the board in a thread.
        send: Sends the parameters of a notification to the client.
    """

    def __init__(
        self,
        access: BoardAccess,
        agent: str,
        run: Callable[[Callable[[], Any]], Awaitable[Any]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        self._access, self._agent, self._run, self._send = access, agent, run, send
        self._announced: set[int] = set()

    async def announce(self) -> None:
        """Announce crossings as they become ready, until the task is cancelled."""
        loop, heard, board = asyncio.get_running_loop(), asyncio.Event(), self._access.board

        def hear() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(heard.set)

        with calls_on_board(board).listen(hear, TICK_SECONDS) as tick_seconds:
            while True:
                heard.clear()
                pause = tick_seconds
                try:
                    ready, again_in = await self._run(self._crossings_to_announce)
                    pause = tick_seconds if again_in is None else min(tick_seconds, max(0.0, again_in))
                    if ready:
                        await self._send(self._event(ready))
                except BlackboardError as error:  # the board may be usable again later
                    log.warning("the channel cannot read the board", error=error)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await heard.wait()

    def _crossings_to_announce(self) -> tuple[list[int], float | None]:
        """Return the crossings to announce, and the seconds until the next crossing is ready; None if none will be."""
        with self._access.limit_reads():
            items = self._agenda()
            now: datetime = self._access.board.now()
        waiting = {item.id for item in items}
        self._announced &= waiting  # a crossing that has ended is forgotten
        ready = [item for item in items if item.held_by is None and item.id not in self._announced]
        self._announced |= {item.id for item in ready}
        later = [item.ready_at for item in items if item.held_by is not None and item.ready_at is not None]
        return [item.id for item in ready], min(((at - now) / timedelta(seconds=1) for at in later), default=None)

    def _agenda(self) -> list[AgendaItem]:
        """Return all crossings of the agent that wait, even if many crossings of other agents are stronger."""
        return calls_on_board(self._access.board).agenda_of(self._agent)

    def _event(self, crossing_ids: list[int]) -> dict[str, Any]:
        """Return the parameters of the notification."""
        content = f"Work waits for the agent {self._agent!r} on the blackboard. Call the tool claim with this agent."
        return {
            "content": content,
            "meta": {"agent": self._agent, "crossings": ",".join(map(str, crossing_ids[:MAX_NOTIFIED_CROSSINGS]))},
        }
