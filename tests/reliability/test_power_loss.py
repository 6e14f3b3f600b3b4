"""After a power loss, every acknowledged deposit exists and the file is intact.

The model: a disk keeps data that was flushed before a commit was acknowledged. Of later writes it keeps any prefix of
the log, torn at any byte, or, during a checkpoint, any selection of the pages written to the database. The model
excludes disks that report a flush without doing it, or that lose other stored data.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from blackboard import Blackboard, ManualClock, Mark, agent, strength
from blackboard.store.dialects import sqlite_library
from blackboard.system.files.board_files import BoardFiles
from tests.support.manual_daemons import run_until_idle, served

pytestmark = [pytest.mark.whole_boards, pytest.mark.file_only("PostgreSQL writes to the disk itself")]

FRAME, HEADER = 4096 + 24, 32


class Smoke(Mark, kind="smoke", on_repeat="separate"):
    detail: str = ""


class Alarm(Mark, kind="alarm", on_repeat="separate"):
    of: int


@agent(watches=strength(Smoke) >= 0.5, writes=[Alarm], batch=3)
def watchman(marks: Any, context: Any) -> list[Alarm]:
    return [Alarm(subject=mark.subject, of=mark.id) for mark in marks]


def files(path: Path) -> tuple[bytes, bytes]:
    log = BoardFiles(path).wal
    return path.read_bytes(), log.read_bytes() if log.exists() else b""


def after_power_loss(folder: Path, database: bytes, log: bytes) -> Path:
    """Return the files that the next process finds. The index of the log is in memory and therefore lost."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path = folder / "board.db"
    path.write_bytes(database)
    if log:
        BoardFiles(path).wal.write_bytes(log)
    return path


def read_back(path: Path) -> tuple[set[str], str]:
    """Return the subjects of the smoke marks, and whether the integrity check passes in the next process."""
    connection = sqlite_library.sqlite.connect(str(path))
    try:
        whole = connection.execute("PRAGMA integrity_check").fetchone()[0]
        return {row[0] for row in connection.execute("SELECT subject FROM mark WHERE kind = 'smoke'")}, whole
    finally:
        connection.close()


def cuts(before: int, after: int, rng: random.Random) -> Iterator[int]:
    """Return the possible ends of the log: the flushed length, the edges of each frame, and torn frames."""
    yield before
    edges = range(max(before, HEADER), after + 1, FRAME)
    for edge in edges:
        yield from {edge, max(before, edge - 1), min(after, edge + 1), min(after, edge + 24)}
    for _ in range(4):
        yield rng.randint(before, after)


def test_acknowledged_deposits_survive_the_loss_of_unflushed_log(board: Blackboard, path: Path, tmp_path: Path) -> None:
    rng = random.Random(4)
    acknowledged: list[str] = []
    _, log = files(path)
    opened = 0
    for number in range(8):
        board.deposit(Smoke(subject=f"s{number}", detail="x" * rng.randint(0, 5000)))
        database, now = files(path)
        for cut in cuts(len(log), len(now), rng):
            there, whole = read_back(after_power_loss(tmp_path / "disk", database, now[:cut]))
            assert whole == "ok"
            assert set(acknowledged) <= there <= {*acknowledged, f"s{number}"}
            opened += 1
        for junk in (bytes(FRAME), rng.randbytes(FRAME + 7)):  # allocated blocks that are not yet written
            there, whole = read_back(after_power_loss(tmp_path / "disk", database, now + junk))
            assert (whole, there) == ("ok", {*acknowledged, f"s{number}"})
        acknowledged.append(f"s{number}")
        log = now
    assert opened > 100


def test_a_partly_written_checkpoint_does_not_damage_the_board(board: Blackboard, path: Path, tmp_path: Path) -> None:
    rng = random.Random(5)
    acknowledged: set[str] = set()
    for round_ in range(4):
        for number in range(15):
            board.deposit(Smoke(subject=f"r{round_}s{number}", detail="x" * rng.randint(0, 3000)))
            acknowledged.add(f"r{round_}s{number}")
        before, log = files(path)
        board.database.checkpoint()
        after, _ = files(path)
        pages = range(0, len(after), 4096)
        for _ in range(15):
            kept = bytearray(before.ljust(rng.choice([len(before), len(after)]), b"\0"))
            for page in pages:
                if page < len(kept) and rng.random() < 0.5:
                    kept[page : page + 4096] = after[page : page + 4096]
            there, whole = read_back(after_power_loss(tmp_path / "disk", bytes(kept), log))
            assert (whole, there) == ("ok", acknowledged)
        # The next deposit restarts the log at its beginning, so that old frames follow the new frames.
        board.deposit(Smoke(subject=f"r{round_}next"))
        database, now = files(path)
        for cut in {0, HEADER, HEADER + 24, HEADER + FRAME - 1, HEADER + FRAME}:
            mixed = now[:cut] + log[cut:]
            there, whole = read_back(after_power_loss(tmp_path / "disk", database, mixed))
            assert whole == "ok"
            assert acknowledged <= there <= {*acknowledged, f"r{round_}next"}
        acknowledged.add(f"r{round_}next")


def test_a_daemon_continues_after_a_torn_log_and_doubles_nothing(path: Path, tmp_path: Path) -> None:
    rng = random.Random(6)
    clock = ManualClock()
    states: list[tuple[bytes, bytes]] = []
    with Blackboard.open(f"sqlite:///{path}", clock=clock) as board:
        daemon = served(board, watchman)
        for number in range(6):
            board.deposit(Smoke(subject=f"s{number}"))
            states.append(files(path))
            run_until_idle(daemon)
            states.append(files(path))
    for (_, flushed), (database, log) in pairwise(states):
        cut = rng.randint(min(len(flushed), len(log)), len(log))
        torn = after_power_loss(tmp_path / "disk", database, log[:cut])
        with Blackboard.open(f"sqlite:///{torn}", clock=clock) as board:
            run_until_idle(served(board, watchman))
            smoke = [mark.id for mark in board.marks(Smoke)]
            assert sorted(mark.of for mark in board.marks(Alarm)) == sorted(smoke)


@pytest.mark.parametrize("writes", [True, False])
def test_every_connection_flushes_before_a_commit_is_acknowledged(board: Blackboard, writes: bool) -> None:
    connection = board.database.connect(writes=writes)
    try:
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    finally:
        connection.close()
