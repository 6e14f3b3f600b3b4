"""What the processes of a host do: deposit, run agents, and claim the work of a remote agent.

Each says what it has done, one line at a time, and tries again what the board refuses.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import structlog

from blackboard import Blackboard, Deposit
from blackboard.board.result_types.mark_results import Receipt
from blackboard.cli.terminal.process_signals import handle_signals
from blackboard.clock import sleep_for
from blackboard.daemon import DaemonEventDetails, DaemonLoop
from blackboard.errors import LeaseLost, StoreError, StoreUnknown
from blackboard.settings.sections import DaemonSection
from blackboard.store.postgresql import commit_record
from tests.crash.children import Say
from tests.crash.hosts.host_agents import AGENTS
from tests.crash.hosts.planned_marks import PER_DEPOSITOR, THREADS, PlannedMark, is_keyed, plan_mark
from tests.crash.hosts.shared_state import SharedState

__all__ = ["Place", "claim", "deposit", "serve"]

T = TypeVar("T")

AGAIN_MICROSECONDS = 50_000
"""The pause before something that was refused is tried again."""
MANY = 5
"""The number of marks that are sometimes deposited together."""


@dataclass(frozen=True)
class Place:
    """A host, as its processes know it."""

    number: int
    """The number of the host."""
    url: str
    """The database, behind the link of the host."""
    state: SharedState
    """What the parent tells."""
    enter: Callable[[], None]
    """Moves this process to the host."""
    seed: int
    """The seed of the run."""
    pace: float
    """The longest pause between two deposits of a thread, in seconds."""

    def prepare(self, say: Say) -> None:
        """Let this process be one of the host: with its clock, and with a log that the parent reads."""
        self.enter()
        self.state.move_clock(self.number)

        def say_event(logger: Any, name: str, event: Any) -> Any:
            say(f"log {name} {event}".replace("\n", " "))
            raise structlog.DropEvent

        structlog.configure([say_event], wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))

    def open(self, author: str, say: Say) -> Blackboard:
        """Open the board as soon as the database server can be reached."""
        return _until_possible(lambda: Blackboard.open(self.url, author=author), say)


def deposit(place: Place, depositor: int, starts: Sequence[int], say: Say, *, patience: float | None = None) -> None:
    """Deposit marks in several threads until the parent says that it is enough.

    Args:
        place: The host.
        depositor: The number of this depositor.
        starts: How many deposits each thread has made or tried in former lives.
        say: Tells the parent of each deposit: `kept`, or `unknown` if it is not known whether it was.
        patience: How long the outcome of a commit is asked for, in seconds; None for as long as the program does.
    """
    place.prepare(say)
    if patience is not None:
        setattr(commit_record, "OUTCOME_SECONDS", patience)  # noqa: B010 (a constant for all other code)
    failures: list[BaseException] = []

    def run(thread: int) -> None:
        try:
            _Depositor(place, board, depositor, thread, say).run(starts[thread])
        except BaseException as error:
            failures.append(error)

    with place.open(f"depositor-{depositor}", say) as board:
        threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]


class _Depositor:
    """A thread of a depositor."""

    def __init__(self, place: Place, board: Blackboard, depositor: int, thread: int, say: Say) -> None:
        self._place, self._board, self._say = place, board, say
        self._depositor, self._thread = depositor, thread
        self._has_keys = is_keyed(depositor)
        self._rng = random.Random()

    def run(self, index: int) -> None:
        while not self._place.state.deposits_end:
            number = MANY if self._rng.random() < 0.1 else 1
            items = [self._item(index + offset) for offset in range(number)]
            numbers = " ".join(str(item.n) for item in items)
            self._say(f"trying {numbers}")
            began = time.monotonic()
            while (receipts := self._deposit(items)) is None:
                sleep_for(AGAIN_MICROSECONDS)
            times = f"{began:.3f} {time.monotonic():.3f}"
            for item, receipt in zip(items, receipts, strict=False):  # no receipts if the outcome is unknown
                self._say(f"kept {item.n} {receipt.mark_id} {receipt.event_id} {times}")
            index += number
            while self._place.state.deposits_pause:
                sleep_for(AGAIN_MICROSECONDS)
            sleep_for(int(self._rng.uniform(0.0, self._place.pace) * 1_000_000))

    def _item(self, index: int) -> PlannedMark:
        n = self._depositor * PER_DEPOSITOR + THREADS * index + self._thread
        return plan_mark(self._place.seed, n)

    def _deposit(self, items: Sequence[PlannedMark]) -> Sequence[Receipt] | None:
        """Deposit marks together; return None if they are to be tried again, and nothing if their fate is unknown."""
        deposits = [
            Deposit(
                item.kind,
                item.subject,
                {"n": item.n},
                intensity=item.intensity,
                key=f"k{item.n}" if self._has_keys else None,
            )
            for item in items
        ]
        try:
            if len(deposits) > 1:
                return self._board.deposit_many(deposits)
            one = deposits[0]
            return [
                self._board.deposit(
                    one.kind, subject=one.subject, payload=one.payload, intensity=one.intensity, key=one.key
                )
            ]
        except StoreUnknown:
            self._say(f"unknown {' '.join(str(item.n) for item in items)}")
            return None if self._has_keys else []
        except StoreError as error:
            self._say(_refusal(error))
            return None


def serve(place: Place, say: Say) -> None:
    """Run a daemon until it is asked to end. If it cannot start, it tries again, as a service manager would do."""
    place.prepare(say)
    started = threading.Event()

    def listen(event: str, details: DaemonEventDetails) -> None:
        if event == "started":
            started.set()
            say(f"started {details['worker']}")

    def run() -> None:
        with Blackboard.open(place.url, author=f"daemon-{place.number}") as board:
            daemon = DaemonLoop(
                board, AGENTS, DaemonSection.model_validate({"lease": "5s", "tick": "1s", "grace": "5s"})
            )
            daemon.on_event.append(listen)
            with handle_signals(daemon):
                daemon.run()

    _until_possible(run, say, unless=started)


def claim(place: Place, say: Say) -> None:
    """Claim the work of the remote agent and finish it, until the parent says that it is enough."""
    place.prepare(say)
    with place.open(f"claimer-{place.number}", say) as board:
        while not place.state.claims_end:
            work = _until_possible(partial(board.claim, "filer", wait="500ms", lease="2s"), say)
            say("claiming")
            if work is None:
                continue
            marks = [
                {"kind": "filed", "subject": mark.subject, "payload": {"n": mark.payload["n"]}} for mark in work.marks
            ]
            try:
                _until_possible(partial(board.finish, work.id, {"marks": marks}, fence=work.fence), say)
            except LeaseLost:
                say("lost a lease")


def _until_possible(work: Callable[[], T], say: Say, *, unless: threading.Event | None = None) -> T:
    """Repeat work while the board cannot be used.

    Raises:
        StoreError: The board cannot be used, and `unless` is set.
    """
    while True:
        try:
            return work()
        except StoreError as error:
            if unless is not None and unless.is_set():
                raise
            say(_refusal(error))
        sleep_for(AGAIN_MICROSECONDS)


def _refusal(error: StoreError) -> str:
    return f"refused {type(error).__name__} {error}".replace("\n", " ")
