"""Listening for commits: a function is called after each commit on a board, of this process or another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from blackboard.board.board_session import BoardSession
from blackboard.clock import seconds_in
from blackboard.durations import MILLISECOND, SECOND, Duration

TICK: Duration = 10 * SECOND
"""The longest time between two reads of the board by a listener."""
UNNOTIFIED_TICK: Duration = SECOND
"""The same where no process is notified of commits, as behind a pooler without a direct address."""
UNHEARD_TICK: Duration = 100 * MILLISECOND
"""The same for a listener to every commit, if the system does not report the writes of other processes."""


@contextmanager
def listen_to_commits(
    session: BoardSession, callback: Callable[[], None], *, every_commit: bool = False
) -> Iterator[float]:
    """Call a function in the context after each commit, here or in another process, that may wake an agent.

    With `every_commit`, also after every other commit. Yields the number of seconds after which the caller should read
    the board in any case.
    """
    processes = session.database.processes
    with ExitStack() as stack:
        stack.callback(session.subscribe(callback, every_commit=every_commit))
        is_heard = stack.enter_context(processes.hear_commits(callback))
        tick = TICK if is_heard else UNNOTIFIED_TICK
        if every_commit and not stack.enter_context(processes.hear_writes(callback)):
            tick = UNHEARD_TICK
        yield seconds_in(tick)
