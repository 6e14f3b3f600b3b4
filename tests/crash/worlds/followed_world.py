"""The pure world with depositors that follow files, whose writers go on, rename and truncate them meanwhile."""

from __future__ import annotations

import csv
import fcntl
import io
import os
import random
import shutil
import signal
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from blackboard.board.deposited_files.loaded_files import source_of
from blackboard.cli.row_files.column_matching import Columns
from blackboard.cli.row_files.row_follower import Follower
from blackboard.cli.row_files.row_reader import BadRow, TextForm
from blackboard.cli.terminal.process_signals import StopSignals
from tests.crash.children import Say
from tests.crash.invariants import Broken, rows
from tests.crash.worlds.crash_world import Deposit
from tests.crash.worlds.pure_world import Pure

HEADER = b"subject,n,intensity\n"


class LogWriter:
    """Writes rows to a file, and renames or truncates it. How far it is follows from its files alone.

    A process that takes a step may be killed within it, and another one goes on.
    """

    def __init__(self, folder: Path, planned: Sequence[Deposit], rng: random.Random) -> None:
        self.path = folder / "log" / "a.csv"
        self._cut = folder / "cut"
        self._lock = folder / "lock"
        self._lines, self._rng = [_line(deposit) for deposit in planned], rng
        for place in (self.path.parent, self._cut):
            place.mkdir(parents=True, exist_ok=True)

    def step(self, deposited: int, *, may_truncate: bool = False) -> None:
        """Take a step, when `deposited` rows are on the board."""
        with self._locked():
            before, current = self._texts()
            rows_before, written = _count(before), _count([*before, current])
            begun = len(current) - (current.rfind(b"\n") + 1)
            if begun:  # a part of a line
                self._append(self._lines[written][begun:])
            elif may_truncate and current and deposited == written and self._rng.random() < 0.5:
                shutil.copy(self.path, self._cut / f"{len(before):04}")
                os.truncate(self.path, 0)
            # If it were renamed again before it was read, its rows would be lost.
            elif deposited > rows_before and self._rng.random() < 0.2:
                self._rename(len(before), self._lines[written : written + 1])
            else:
                self._write(self._lines[written : written + self._rng.randint(1, 6)], is_new=not current)

    def _rename(self, number: int, late: Sequence[bytes]) -> None:
        """Rename the file. Some writers write a last row to it afterwards."""
        renamed = self.path.with_name(f"a.csv.{number:04}")
        self.path.rename(renamed)
        if self._rng.random() < 0.5:
            with renamed.open("ab", buffering=0) as file:
                file.write(b"".join(late))

    def _write(self, lines: Sequence[bytes], *, is_new: bool) -> None:
        """Write rows, sometimes without the end of the last one. Some writers do not repeat the header."""
        has_header = not any((*self.path.parent.glob("a.csv.*"), *self._cut.iterdir()))
        text = (HEADER if is_new and (has_header or self._rng.random() < 0.5) else b"") + b"".join(lines)
        self._append(text[: -self._rng.randint(1, 8)] if lines and self._rng.random() < 0.3 else text)

    def _append(self, text: bytes) -> None:
        with self.path.open("ab", buffering=0) as file:
            file.write(text)

    def _texts(self) -> tuple[list[bytes], bytes]:
        """Return the texts of the files that were renamed or truncated, and of the current one."""
        before = [*self.path.parent.glob("a.csv.*"), *self._cut.iterdir()]
        return [path.read_bytes() for path in before], self.path.read_bytes() if self.path.exists() else b""

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


class WriterSteps(StopSignals):
    """What happens between two looks of a follower, in place of time and signals."""

    def __init__(self, world: Followed, number: int, say: Say, limit: int | None) -> None:
        super().__init__()
        self._world, self._number, self._say = world, number, say
        self.log = world.writer(number)
        self._said: set[str] = set()
        self._enough = None if limit is None else limit + len(world.keys(number))

    def wait(self, seconds: float | None, *descriptors: int) -> bool:
        """Report what is on the board, and let the writer take a step. At the limit, wait for the kill."""
        keys = self._world.keys(self._number)
        for key in keys.keys() - self._said:
            mark_id, event_id = keys[key]
            self._say(f"kept {key} {mark_id} {event_id}")
        self._said |= keys.keys()
        if len(keys) == len(self._world.plans[self._number]):
            self.is_requested = True
        if self._enough is not None and (self.is_requested or len(keys) >= self._enough):
            signal.pause()
        if not self.is_requested:
            self.log.step(len(keys))
        return self.is_requested


class Followed(Pure):
    """Depositors that follow a file. Some of its lines are equal."""

    name = "followed"
    fails = False
    follows = True

    def plan(self) -> list[list[Deposit]]:
        """Return the deposits of the pure world, some of them again, too weak to wake an agent."""
        plans: list[list[Deposit]] = []
        for planned in super().plan():
            equal = [deposit._replace(intensity=0.1) for deposit in planned[::10]]
            plans.append(sorted([*planned, *equal, *equal], key=lambda deposit: int(deposit.payload["n"])))
        return plans

    def undisturbed(self) -> Followed:
        """Return the same world on its own board, for an undisturbed run whose depositors follow no files."""
        other = super().undisturbed()
        assert isinstance(other, Followed)
        other.follows = False
        return other

    def tick(self) -> None:
        """Let the writers go on while some followers are dead. Only here is a file truncated: all was read."""
        for number in range(self.depositors):
            if self.rng.random() < 0.5 and self.keys(number):
                self.writer(number).step(len(self.keys(number)), may_truncate=True)

    def writer(self, number: int) -> LogWriter:
        """Return the writer of the file of a depositor."""
        return LogWriter(self.folder / f"{number}", self.plans[number], self.rng)

    def keys(self, number: int) -> dict[str, tuple[int, int]]:
        """Return the keys of the rows of a depositor that are on the board, with the ids of mark and event."""
        text = "SELECT key, mark_id, event_id FROM deposit_key WHERE author = ?"
        with rows(self.path) as query:
            return {key: (mark, event) for key, mark, event in query(text, f"depositor-{number}")}

    def count_done(self, number: int, acknowledged: Collection[str]) -> int:
        source = source_of(str(self.writer(number).path), follows=False)
        return sum(key.startswith(f"follow:{source[:16]}-") for key in acknowledged)

    def deposit(self, number: int, start: int, say: Say, limit: int | None = None) -> None:
        """Follow the file until all planned rows are deposited; see `CrashWorld.deposit`."""
        if not self.follows:
            super().deposit(number, start, say, limit)
            return
        columns = Columns("spark", ["subject"], intensity="intensity")
        stop = WriterSteps(self, number, say, limit)
        with self.open(f"depositor-{number}") as board:
            follower = Follower(board, columns, TextForm(None, None, None), _refuse, lambda note: None, stop)
            follower.follow(str(stop.log.path))


def _line(deposit: Deposit) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow((deposit.subject, deposit.payload["n"], deposit.intensity))
    return text.getvalue().encode()


def _count(texts: Sequence[bytes]) -> int:
    """Return the number of complete rows."""
    lines = [line for text in texts for line in text.splitlines(keepends=True)]
    return sum(line.endswith(b"\n") and line != HEADER for line in lines)


def _refuse(row: BadRow) -> None:
    raise Broken(f"a row is rejected: {row}")
