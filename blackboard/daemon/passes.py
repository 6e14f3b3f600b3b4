"""Maintenance passes: each a small object with an interval, a limit, and one bounded piece of work that it does."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Protocol

from blackboard.board import evaporating, finishing, following, retention
from blackboard.board.door import Blackboard
from blackboard.board.moment import Moment
from blackboard.daemon.presence import Presence
from blackboard.store import activations as A

__all__ = ["Checkpoint", "Evaporation", "FollowUps", "Pass", "Recovery", "Retention"]


class Pass(Protocol):
    """A maintenance pass."""

    interval: int
    """Microseconds between looks; 0 for at every look of the daemon."""

    def run_once(self) -> int:
        """Do one bounded piece; returns how much was done, 0 when there is nothing left."""


@dataclass
class FollowUps:
    """Lets marks follow a change of the deployment."""

    board: Blackboard
    limit: int
    interval: int = 0

    def run_once(self) -> int:
        return self.board.write(lambda m: following.follow_batch(m, self.limit))


@dataclass
class Evaporation:
    """Moves evaporated marks to the history, in batches small enough that depositors hardly wait."""

    board: Blackboard
    limit: int
    interval: int = 0

    def run_once(self) -> int:
        return self.board.write(lambda m: evaporating.evaporate_due(m, self.limit))


@dataclass
class Recovery:
    """Takes up what dead workers left behind, keeps this worker's leases, and notes that it was seen."""

    board: Blackboard
    presence: Presence
    lease: int
    interval: int

    def run_once(self) -> int:
        workers = self.board.read(lambda m: [row[0] for row in m.tx.all(A.WORKERS)])
        dead = self.presence.dead_among(workers)

        def work(m: Moment) -> int:
            m.tx.run(A.EXTEND_LEASE, by=self.presence.id, until=m.now + self.lease)
            m.tx.run(A.SEE_WORKER, key=self.presence.id, seen_at=m.now)
            return finishing.recover(m, dead, expired=True)

        return self.board.write(work, record=True)


@dataclass
class Retention:
    """Removes history that is older than it is kept for."""

    board: Blackboard
    history: int | None
    activations: int | None
    model_calls: int | None
    limit: int
    interval: int

    def run_once(self) -> int:
        return self.board.write(
            lambda m: retention.remove(
                m, history=self.history, activations=self.activations, model_calls=self.model_calls, limit=self.limit
            )
        )


@dataclass
class Checkpoint:
    """Moves the write-ahead log into the database file, outside every depositor's commit."""

    board: Blackboard
    interval: int
    at_bytes: int = 4 * 1024 * 1024

    def run_once(self) -> int:
        path = self.board.database.path
        if path is None:
            return 0
        try:
            size = os.stat(f"{path}-wal").st_size
        except OSError:
            return 0
        if size >= self.at_bytes:
            self.board.database.checkpoint()
        return 0
