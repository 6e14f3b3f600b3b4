"""The processes on a board in a file: locks and sockets in the run folder beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from blackboard.clock import Instant
from blackboard.store.database_interfaces.process_interface import BoardProcesses
from blackboard.store.row_types.board_row_types import WorkerRow
from blackboard.store.sqlite.local_processes.worker_liveness import WorkerLiveness, any_alive, living_workers
from blackboard.store.sqlite.local_processes.worker_sockets import WorkerNotifier
from blackboard.store.sqlite.local_processes.write_listener import writes_heard
from blackboard.store.sqlite.local_processes.write_lock import WriteLock
from blackboard.store.transaction import Transaction
from blackboard.system.files.board_files import BoardFiles


class SqliteProcesses(BoardProcesses):
    """The processes on the board of a file; see `BoardProcesses`."""

    expiry_is_death = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._notifier = WorkerNotifier(BoardFiles(path).run_folder)

    def liveness(self, wake: Callable[[], None]) -> WorkerLiveness:
        return WorkerLiveness(self._path, wake)

    def dead_among(self, workers: Sequence[WorkerRow], now: Instant, transaction: Transaction) -> set[str]:
        ids = {row.id for row in workers}
        return ids - living_workers(self._path, ids)

    def is_served(self) -> bool:
        return any_alive(self._path)

    def notify(self) -> None:
        self._notifier.notify()

    @contextmanager
    def hear_commits(self, wake: Callable[[], None]) -> Iterator[bool]:
        liveness = self.liveness(wake)
        liveness.remove_dead([])
        try:
            liveness.enter()
            yield True
        finally:
            liveness.release()

    def hear_writes(self, wake: Callable[[], None]) -> AbstractContextManager[bool]:
        return writes_heard(self._path, wake)

    def lock(self, name: str, seconds: float) -> WriteLock:
        return WriteLock(BoardFiles(self._path).run_folder / name, seconds, permissions_from=self._path)

    def close(self) -> None:
        self._notifier.close()
