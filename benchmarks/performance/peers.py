"""Other systems on the same disk in the same run, each in its own environment. Environments are optional."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.performance import boards, deposits
from benchmarks.performance.bare_sqlite import percentile
from benchmarks.performance.report import Row
from blackboard import Blackboard

__all__ = ["Failed", "compare", "is_installed", "run_script"]

ENVIRONMENTS = Path(".venv-peers")
SCRIPTS = Path(__file__).with_name("peer_scripts")
PEERS = {"huey": ("huey", "enqueue"), "langgraph": ("LangGraph", "put"), "blackboardx": ("blackboardx", "write")}
"""The title of each system, and its word for storing one record."""

MAX_SECONDS = 300.0


class Failed(Exception):
    """A peer script that failed."""


def compare(folder: Path, *, count: int = 500, rounds: int = 3) -> Iterator[Row]:
    """Compare single deposits to single records of each system, and record the durability of each.

    A peer is measured if its environment exists; `make bench-peers` creates the environments in `.venv-peers`. The aim
    is that a deposit with `synchronous = FULL` is faster than the peer at its own durability.
    """
    ours: dict[str, list[float]] = {"FULL": [], "NORMAL": []}
    theirs: dict[str, list[dict[str, Any]]] = {}
    failed: dict[str, str] = {}
    for name, (title, _) in PEERS.items():
        if is_installed(name):
            theirs[name] = []
        else:
            print(f"{title} is not measured: `make bench-peers` installs it", file=sys.stderr)
    for _ in range(rounds):
        for level, taken in ours.items():
            taken.append(_ours(folder, level, count))
        for name in [name for name in theirs if name not in failed]:
            try:
                theirs[name].append(run_script(name, str(folder / f"peer-{name}"), str(count)))
            except Failed as error:
                failed[name] = str(error)
    for level, taken in ours.items():
        yield Row("blackboard: deposits", None, _median(taken), "a second", detail=f"wal, synchronous = {level}")
    for name, found in theirs.items():
        title, act = PEERS[name]
        if name in failed:
            yield Row(f"{title}: {act}s", None, None, "a second", detail=failed[name])
            continue
        durability, full, rate = (
            found[0]["durability"],
            _median(ours["FULL"]),
            _median([item["rate"] for item in found]),
        )
        yield Row(f"{title}: {act}s", None, rate, "a second", detail=durability)
        detail = f"{full:,.0f} a second against {rate:,.0f}; theirs: {durability}"
        yield Row(f"one deposit against {title}'s {act}", None, full / rate, "", 1.0, detail=detail)


def _ours(folder: Path, level: str, count: int) -> float:
    with Blackboard.open(f"sqlite:///{boards.copy(folder, 1000, 'peers')}", kinds=boards.KINDS) as board:
        loop = deposits.deposits(board, boards.subjects(10**9, 10**7))
        loop(20)
        with board.database.exclusive_transaction() as tx:
            connection = tx.cursor.connection
        connection.execute(f"PRAGMA synchronous = {level}")
        begin = time.perf_counter()
        loop(count)
        return count / (time.perf_counter() - begin)


def is_installed(name: str) -> bool:
    """Return whether a system has its environment."""
    return _python(name).exists()


def run_script(name: str, *arguments: str) -> dict[str, Any]:
    """Run the script of a system in its environment, and return what it prints.

    Raises:
        Failed: It ends with an error, or takes too long.
    """
    # -I: the script must not find a module of this project, which has a package of the same name.
    command = [str(_python(name)), "-I", str(SCRIPTS / f"{name}_peer.py"), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=MAX_SECONDS)
    except subprocess.TimeoutExpired:
        raise Failed(f"no end after {MAX_SECONDS:.0f} s") from None
    if done.returncode:
        raise Failed((done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1][:200])
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def _python(name: str) -> Path:
    return ENVIRONMENTS / name / "bin" / "python"


def _median(values: Sequence[float]) -> float:
    return percentile(values, 0.5)
