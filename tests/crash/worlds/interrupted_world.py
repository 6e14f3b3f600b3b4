"""The pure world with depositors whose deposits are interrupted by a signal's handler."""

from __future__ import annotations

import itertools
import random
import signal
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from blackboard.board.result_types.mark_results import Receipt
from tests.crash.children import Say
from tests.crash.worlds.pure_world import Pure
from tests.support.threads import join_all

T = TypeVar("T")


class Interrupt(Exception):
    """The exception of a signal's handler, such as the time limit of a web worker."""


class Interrupted(Pure):
    """Depositors with two threads. The first is interrupted at random instants, and repeats its deposit by its key."""

    name = "interrupted"
    fails = False
    interrupts = True

    def undisturbed(self) -> Interrupted:
        """Return the same world on its own board, for an undisturbed run without interrupts."""
        other = super().undisturbed()
        assert isinstance(other, Interrupted)
        other.interrupts = False
        return other

    def deposit(self, number: int, start: int, say: Say, limit: int | None = None) -> None:
        """Deposit the planned marks from `start` on, every other one in each thread; see `CrashWorld.deposit`."""
        if not self.interrupts:
            super().deposit(number, start, say, limit)
            return
        rng = random.Random(f"{number} {start}")
        before = signal.signal(signal.SIGALRM, _interrupt)
        board = _despite_interrupts(lambda: self.open(f"depositor-{number}"), rng, say)
        end = len(self.plans[number]) if limit is None else min(start + limit, len(self.plans[number]))

        def report(index: int, receipt: Receipt) -> None:
            say(f"kept {number}-{index} {receipt.mark_id} {receipt.event_id}")

        def put(index: int) -> Receipt:
            one = self.plans[number][index]
            return board.deposit(
                one.kind, subject=one.subject, payload=one.payload, intensity=one.intensity, key=f"{number}-{index}"
            )

        def deposit_others() -> None:
            for index in range(start + 1, end, 2):
                report(index, put(index))

        other = threading.Thread(target=deposit_others)
        other.start()
        for index in range(start, end, 2):
            report(index, _despite_interrupts(partial(put, index), rng, say))
        join_all(other)
        if limit is not None:
            signal.pause()
        board.close()
        signal.signal(signal.SIGALRM, before)


def _interrupt(*arguments: object) -> None:
    raise Interrupt


def _despite_interrupts(work: Callable[[], T], rng: random.Random, say: Say) -> T:
    """Repeat work until it was not interrupted. It gets more time at each attempt."""
    for attempt in itertools.count(1):
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, rng.uniform(0.0001, 0.004 * attempt))
                return work()
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except Interrupt:
            say("interrupted")
    raise AssertionError
