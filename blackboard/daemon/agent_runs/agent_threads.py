"""The threads of a daemon's agents. Each thread runs one task at a time, then waits for the next.

The pool has no fixed size: a free thread or a new thread starts each task immediately, so that a hanging thread blocks
no other task.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

from blackboard.system.log_queue import Log

log = Log("blackboard")

ThreadWork = Callable[[], None]


class AgentThreads:
    """A pool of threads that grows as needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: list[SimpleQueue[ThreadWork | None]] = []
        self._closed = False

    def submit(self, work: ThreadWork) -> None:
        """Run a task in a thread immediately. The task should not raise an exception.

        Raises:
            RuntimeError: The system cannot start another thread: see `troubles.is_without_thread`.
        """
        with self._lock:
            tasks = self._free.pop() if self._free else None
        if tasks is not None:
            tasks.put(work)
            return
        tasks = SimpleQueue()
        tasks.put(work)
        threading.Thread(target=self._serve, args=(tasks,), name="blackboard-agent", daemon=True).start()

    def close(self) -> None:
        """End free threads now and busy threads after their current task."""
        with self._lock:
            free, self._free, self._closed = self._free, [], True
        for tasks in free:
            tasks.put(None)

    def _serve(self, tasks: SimpleQueue[ThreadWork | None]) -> None:
        while (work := tasks.get()) is not None:
            try:
                work()
            except BaseException as error:  # such as a second MemoryError, while the first is handled
                log.error("an agent's thread failed", error=error)
            del work  # the objects of the task are freed before the thread waits
            with self._lock:
                if self._closed:
                    return
                self._free.append(tasks)
