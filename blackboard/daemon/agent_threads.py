"""The threads in which a daemon's agents run: each does one thing at a time, then waits for the next.

It is no pool of a fixed size: work is taken up at once, by a thread that is free or by a new one. So one that hangs is
left behind and takes no one's place.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

__all__ = ["AgentThreads"]

Work = Callable[[], None]


class AgentThreads:
    """Threads that take up work."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: list[SimpleQueue[Work | None]] = []
        self._over = False

    def take_up(self, work: Work) -> None:
        """Have a thread do this, now. It must not raise.

        Raises:
            RuntimeError: the system gives no more threads.
        """
        with self._lock:
            tasks = self._free.pop() if self._free else None
        if tasks is not None:
            tasks.put(work)
            return
        tasks = SimpleQueue()
        tasks.put(work)
        threading.Thread(target=self._serve, args=(tasks,), name="blackboard-agent", daemon=True).start()

    def dismiss(self) -> None:
        """Let the threads that are free end, and the others when they have done what they do."""
        with self._lock:
            free, self._free, self._over = self._free, [], True
        for tasks in free:
            tasks.put(None)

    def _serve(self, tasks: SimpleQueue[Work | None]) -> None:
        while (work := tasks.get()) is not None:
            work()
            with self._lock:
                if self._over:
                    return
                self._free.append(tasks)
