"""Loops over bare SQLite as the base of comparisons, with the same driver and durability."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from blackboard.store.dialects.sqlite_library import sqlite

__all__ = ["RawTable", "in_turn", "percentile"]


class RawTable:
    """A table in its own file, written with one durable commit per row."""

    def __init__(self, path: Path, *, synchronous: str = "FULL") -> None:
        self.connection: Any = sqlite.connect(str(path), isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = WAL", f"synchronous = {synchronous}"):
            self.connection.execute(f"PRAGMA {pragma}").fetchall()
        self.connection.execute(
            "CREATE TABLE IF NOT EXISTS bare"
            " (id INTEGER PRIMARY KEY, kind TEXT, subject TEXT, payload TEXT, intensity REAL, at INTEGER)"
        )
        self.lock = threading.Lock()

    def commit_one(self, subject: str) -> None:
        """Insert one row and commit."""
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        execute(
            "INSERT INTO bare (kind, subject, payload, intensity, at) VALUES (?, ?, ?, ?, ?)",
            ("trace", subject, '{"detail":"one"}', 1.0, time.time_ns() // 1000),
        )
        execute("COMMIT")

    def commits(self, subjects: Iterator[str]) -> Callable[[int], None]:
        """Return a loop of such commits."""

        def loop(count: int) -> None:
            for _ in range(count):
                self.commit_one(next(subjects))

        return loop

    def close(self) -> None:
        self.connection.close()


def in_turn(rounds: int, count: int, *loops: Callable[[int], object]) -> list[float]:
    """Return the median seconds per iteration of each loop.

    The loops alternate for `rounds` rounds, so that disturbances affect all of them.
    """
    times: list[list[float]] = [[] for _ in loops]
    for _ in range(rounds):
        for loop, taken in zip(loops, times, strict=True):
            begin = time.perf_counter()
            loop(count)
            taken.append((time.perf_counter() - begin) / count)
    return [percentile(taken, 0.5) for taken in times]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that a share of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
