"""A crash world: a board, the processes at work on it, and the expected end."""

from __future__ import annotations

import itertools
import json
import random
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Collection
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from blackboard import Blackboard
from blackboard.board.result_types.mark_results import Receipt
from blackboard.clock import Clock, Instant, UsedInstants
from blackboard.daemon import DaemonLoop
from blackboard.system.failpoints import NAMES
from tests.crash.children import Say

__all__ = ["CrashWorld", "Deposit", "FrozenClock"]


class Deposit(NamedTuple):
    """A planned deposit of a depositor."""

    kind: str
    subject: str
    payload: dict[str, Any]
    intensity: float = 1.0
    occurred_at: Instant | None = None


class FrozenClock:
    """A clock that does not advance but waits for the event, with a time limit."""

    def __init__(self, now: Instant) -> None:
        self.used = UsedInstants()
        self._now = now

    def now(self) -> Instant:
        return self._now

    def monotonic(self) -> int:
        return 0

    def wait(self, event: threading.Event, until: Instant | None) -> bool:
        return event.wait(0.2)


class CrashWorld(ABC):
    """A board and its processes.

    Args:
        folder: An empty folder for its files.
        rng: Decides the deposits.
    """

    name: ClassVar[str]
    depositors = 2
    daemons: ClassVar[tuple[int, ...]] = (1, 1, 2)
    """How many daemons may run at the same time; each board has one of these numbers."""
    at_once = 40
    """The largest number of deposits by a depositor per life."""
    fails = False
    asks = False
    publishes = False
    fades = False
    tells = False
    hears = False
    """Whether a client in the process of each daemon reports `hearing`."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.folder, self.rng = folder, rng
        self.path = folder / "board.db"
        self.plans = self.plan()

    @classmethod
    def warm_up(cls, folder: Path) -> None:
        """Run the world once, so that children are forked from a process with all modules loaded."""
        world = cls(folder, random.Random(0))
        world.plans = [plan[:20] for plan in world.plans]
        world.run_through()

    def run_through(self) -> None:
        """Run the whole world in this process without a fault."""
        self.create()
        for number in range(self.depositors):
            self.deposit(number, 0, lambda line: None)
        self.serve(lambda line: None, to_the_end=True)

    @classmethod
    def failpoints(cls) -> tuple[str, ...]:
        """The failpoints that a daemon of this world reaches."""
        left_out = {"migration"}
        left_out |= set() if cls.asks else {"call"}
        # The last three are reached on PostgreSQL, and the others have tests of their own.
        left_out |= {"spool", "batch_api", "partition", "optimistic"}
        left_out |= set() if cls.tells else {"outbox"}
        left_out |= set() if cls.publishes else {"publish"}
        left_out |= set() if cls.fades else {"evaporation", "backfill"}
        left_out |= set() if cls.fails else {"failure"}
        return tuple(name for name in NAMES if name.split(".")[0] not in left_out)

    @abstractmethod
    def plan(self) -> list[list[Deposit]]:
        """Return the deposits of each depositor in order."""

    @abstractmethod
    def create(self) -> None:
        """Create the board and deploy."""

    @abstractmethod
    def make_daemon(self) -> DaemonLoop:
        """Return a daemon on its own board."""

    @abstractmethod
    def clock(self) -> Clock:
        """Return the clock of a new process."""

    def tick(self) -> None:  # noqa: B027
        """Advance the time between two lives."""

    def end(self) -> None:  # noqa: B027
        """Advance the time to an instant at which all work must be done."""

    @abstractmethod
    def check_end(self) -> None:
        """Check the end of the world.

        Raises:
            Broken: The end differs from the expected end.
        """

    def count_done(self, number: int, acknowledged: Collection[str]) -> int:
        """Return how many deposits of a depositor were acknowledged, given all keys that were."""
        return next(done for done in itertools.count() if f"{number}-{done}" not in acknowledged)

    # -- in the children

    def open(self, author: str) -> Blackboard:
        return Blackboard.open(f"sqlite:///{self.path}", author=author, clock=self.clock())

    def deposit(self, number: int, start: int, say: Say, limit: int | None = None) -> None:
        """Deposit the planned marks from `start` on, and report each after the board has acknowledged it.

        After `limit` deposits, wait for the kill.
        """
        board = self.open(f"depositor-{number}")
        end = None if limit is None else start + limit
        for index, one in enumerate(self.plans[number][start:end], start):
            receipt = board.deposit(
                one.kind,
                subject=one.subject,
                payload=one.payload,
                intensity=one.intensity,
                key=f"{number}-{index}",
                occurred_at=one.occurred_at,
            )
            say(f"kept {number}-{index} {receipt.mark_id} {receipt.event_id}")
            self.act_after_deposit(board, one, receipt)
        if limit is not None:
            signal.pause()
        board.close()

    def act_after_deposit(self, board: Blackboard, deposit: Deposit, receipt: Receipt) -> None:  # noqa: B027
        """Do what a depositor does after a deposit."""

    def serve(self, say: Say, *, to_the_end: bool) -> None:
        """Run a daemon until it is killed or no work remains."""
        daemon = self.make_daemon()
        daemon.worker.board_maintenance.checkpoint_bytes = 0
        daemon.on_event.append(lambda event, details: say(f"{event} {json.dumps(details)}"))
        report = daemon.run(until_quiescent=to_the_end)
        say(f"left {json.dumps(report.lines)}")
        daemon.board.close()
