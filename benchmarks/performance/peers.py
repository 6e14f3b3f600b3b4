"""Other systems on the same disk in the same run, each in an environment of its own that need not exist."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.performance import boards, deposits
from benchmarks.performance.raw import percentile
from benchmarks.performance.report import Row
from blackboard import Blackboard

__all__ = ["compared"]

ENVIRONMENTS = Path(".venv-peers")
SCRIPTS = Path(__file__).with_name("peer_scripts")
PEERS = {"huey": "huey", "langgraph": "LangGraph SqliteStore", "blackboardx": "blackboardx SqliteStore"}


def compared(folder: Path, *, count: int = 500, rounds: int = 3) -> Iterator[Row]:
    """One record at a time into each, in turn, beside one deposit; what each counts as durable is noted with it.

    A peer is measured where its environment is: `make bench-peers` makes those under `.venv-peers`.
    """
    rates: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for level in ("FULL", "NORMAL"):
            rates.setdefault(("blackboard: deposits", f"wal, synchronous = {level}"), []).append(
                _ours(folder, level, count)
            )
        for name, title in PEERS.items():
            if (python := ENVIRONMENTS / name / "bin" / "python").exists():
                found = _theirs(python, name, folder, count)
                rates.setdefault((f"{title}: {found['what']}", found["durability"]), []).append(found["rate"])
    for (what, durability), taken in rates.items():
        yield Row(what, None, percentile(taken, 0.5), "a second", detail=durability)


def _ours(folder: Path, level: str, count: int) -> float:
    with Blackboard.open(f"sqlite:///{boards.copy(folder, 1000, 'peers')}", kinds=boards.KINDS) as board:
        loop = deposits.deposits(board, boards.subjects(10**9, 10**7))
        loop(20)
        with board.database.exclusively() as tx:
            connection = tx.cursor.connection
        connection.execute(f"PRAGMA synchronous = {level}")
        begin = time.perf_counter()
        loop(count)
        return count / (time.perf_counter() - begin)


def _theirs(python: Path, name: str, folder: Path, count: int) -> dict[str, Any]:
    # -I: nothing of this project is to be found there, least of all a package of the same name.
    command = [str(python), "-I", str(SCRIPTS / f"{name}_peer.py"), str(folder / f"peer-{name}"), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1][:80]
        return {"what": "failed", "rate": float("nan"), "durability": reason}
    return json.loads(done.stdout)  # type: ignore[no-any-return]
