"""Other systems on the same disk in the same run, each in an environment of its own that need not exist."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.performance import boards, deposits
from benchmarks.performance.report import Row
from blackboard import Blackboard

__all__ = ["compared"]

SCRIPTS = Path(__file__).with_name("peer_scripts")
PEERS = {"huey": "huey", "langgraph": "LangGraph SqliteStore", "blackboardx": "blackboardx SqliteStore"}


def compared(folder: Path, *, count: int = 500) -> Iterator[Row]:
    """One record at a time into each, beside one deposit: the peers' own durability is noted with each.

    The interpreter of a peer's environment is taken from `PEER_<NAME>`, such as `PEER_HUEY=/path/to/python`.
    """

    def ours(synchronous: str) -> float:
        with Blackboard.open(f"sqlite:///{boards.copy(folder, 1000, 'peers')}", kinds=boards.KINDS) as board:
            loop = deposits.deposits(board, boards.subjects(10**9, 10**7))
            loop(20)
            with board.database.exclusively() as tx:
                connection = tx.cursor.connection
            connection.execute(f"PRAGMA synchronous = {synchronous}")
            begin = time.perf_counter()
            loop(count)
            return count / (time.perf_counter() - begin)

    for level in ("FULL", "NORMAL"):
        yield Row("blackboard: deposits", None, ours(level), "a second", detail=f"wal, synchronous = {level}")
    for name, title in PEERS.items():
        python = os.environ.get(f"PEER_{name.upper()}")
        if python is None:
            continue
        command = [python, str(SCRIPTS / f"{name}_peer.py"), str(folder / f"peer-{name}"), str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            yield Row(title, None, float("nan"), "a second", detail=done.stderr.strip().splitlines()[-1][:80])
            continue
        found = json.loads(done.stdout)
        yield Row(f"{title}: {found['what']}", None, found["rate"], "a second", detail=found["durability"])
