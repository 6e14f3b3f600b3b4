"""Crashes during the creation of boards: several processes open a file that does not exist yet, and die."""

from __future__ import annotations

import random
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

from blackboard import Blackboard
from blackboard.errors import StoreBusy
from tests.crash import invariants
from tests.crash.children import Child, Say, watch
from tests.crash.harness import Figures
from tests.crash.invariants import Broken
from tests.crash.worlds.pure_world import Spark
from tests.support.bounds import BOUND_SECONDS

__all__ = ["births"]

PLACES = ("migration.begun", "migration.made", "migration.committed", "commit.before", "transaction.begun")
MIDWIVES = 3


def births(folder: Path, seed: int, kills: int, first: int = 0) -> Figures:
    """Create boards until enough creating processes are dead, and check that each board is intact.

    Raises:
        Broken: A law is violated; the message has the command that repeats the run.
    """
    figures = Figures()
    began = time.monotonic()
    _open(folder / "warm.db", 0, lambda line: None)
    while figures.kills < kills or not figures.failpoints.keys() >= set(PLACES):
        board = first + figures.boards
        figures.boards += 1
        try:
            kill_at_birth(folder / f"{board}.db", board, random.Random(f"{seed} births {board}"), figures)
        except Broken as broken:
            again = f"python -m tests.crash --world births --seed {seed} --first {board}"
            raise Broken(f"{broken}\nboard: {folder / f'{board}.db'}\nsee it again with: {again}") from broken
    figures.seconds = time.monotonic() - began
    return figures


def kill_at_birth(path: Path, board: int, rng: random.Random, figures: Figures) -> None:
    # The place follows from the number of the board alone, so that a single board can be repeated.
    armed = (PLACES[board % len(PLACES)], 1) if rng.random() < 0.7 else None
    makers = [
        Child("maker", partial(_open, path, number), armed if number == 0 else None) for number in range(MIDWIVES)
    ]
    if armed is None:
        watch(makers, rng.uniform(0.001, 0.3))
        rng.choice(makers).signal()
    watch(makers, BOUND_SECONDS)
    if any(maker.alive or maker.failed for maker in makers):
        for maker in makers:
            maker.signal()
        raise Broken("\n".join(line for maker in makers for line in maker.lines[-30:]))
    for maker in makers:
        if maker.killed:
            figures.kills += 1
            if maker.failpoint is not None:
                figures.failpoints[maker.failpoint[0]] += 1
    last = Child("maker", partial(_open, path, MIDWIVES))
    watch([last], BOUND_SECONDS)
    kept = {}
    for line in (line for item in [*makers, last] for line in item.lines):
        key, mark, event = line.split()
        kept[key] = int(mark), int(event)
    if f"k{MIDWIVES}" not in kept:
        raise Broken("\n".join(["a board that was killed at its birth cannot be used", *last.lines]))
    invariants.check(path, kept)
    figures.acknowledged += len(kept)
    figures.recoveries.append(time.monotonic() - last.born)


def _open(path: Path, number: int, say: Say) -> None:
    while True:  # on a busy machine, others may hold the write lock for longer than a process waits
        with suppress(StoreBusy), Blackboard.open(f"sqlite:///{path}", author=f"maker-{number}") as board:
            receipt = board.deposit(Spark(subject="s", n=number), key=f"k{number}")
            say(f"k{number} {receipt.mark_id} {receipt.event_id}")
            return
