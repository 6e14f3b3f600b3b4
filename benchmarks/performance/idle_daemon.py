"""An idle daemon on a large board: its start time, CPU and memory."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.performance import boards
from benchmarks.performance.report import Row, as_installed, quiet
from blackboard import Blackboard, ManualClock
from blackboard.board.deployment_effects.deployment_activation import activate
from blackboard.core.agents.agent_definition import Agent
from blackboard.daemon import Daemon

__all__ = ["idle", "main"]


def idle(folder: Path, size: int, *, conditions: int = 1000, seconds: float = 25.0) -> Iterator[Row]:
    """Measure a daemon in its own process: its start, an idle time, and an hour of simulated time."""
    path = boards.copy(folder, size, "idle")
    with Blackboard.open(f"sqlite:///{path}", kinds=boards.KINDS) as board:
        # Skip the backfill of the existing marks: no condition would be met, and it would take an hour.
        board.session.write(
            lambda txn: activate(txn, boards.deployment(*boards.crowd(conditions))),
            record_instant=True,
        )
        board.session.write(lambda txn: txn.sql.cursor.execute("DELETE FROM backfill"))
    command = [sys.executable, "-m", "benchmarks.performance.idle_daemon", str(path), str(conditions), str(seconds)]
    environ = as_installed()
    begin = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        ready = time.monotonic() - begin
        found = json.loads(process.stdout.read())
    yield Row("start of a daemon, a whole process", size, ready, "s", 1.0, "at most", f"{conditions:,} conditions")
    yield Row("an idle daemon", size, found["core"] * 100, "% of a core", 0.1, "at most", f"{conditions:,} conditions")
    yield Row("memory of a daemon, model client loaded", size, found["memory_mb"], "MB", 120, "at most")
    yield Row("memory growth in an hour of simulated time", size, found["growth_mb"], "MB", 2.0, "at most")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("board")
    parser.add_argument("conditions", type=int)
    parser.add_argument("seconds", type=float)
    arguments = parser.parse_args()
    quiet()
    crowd = boards.crowd(arguments.conditions)
    with Blackboard.open(f"sqlite:///{arguments.board}", kinds=boards.KINDS) as board:
        daemon = Daemon(board, crowd)
        daemon.on_event.append(lambda event, details: print(event, flush=True) if event == "started" else None)
        thread = threading.Thread(target=daemon.run)
        thread.start()
        import anthropic  # noqa: F401  (what a daemon with a key has loaded)

        time.sleep(min(8.0, arguments.seconds))  # until start-up work is done
        begin, used = time.monotonic(), time.process_time()
        time.sleep(arguments.seconds)
        core = (time.process_time() - used) / (time.monotonic() - begin)
        memory = _memory()
        daemon.stop()
        thread.join()
        growth = _simulated_hour(board, crowd) - memory
    print(json.dumps({"core": core, "memory_mb": memory, "growth_mb": max(0.0, growth)}))


def _simulated_hour(board: Blackboard, crowd: list[Agent]) -> float:
    """Run a daemon for an hour of a manual clock, which every wait advances, and return its memory."""
    clock = ManualClock(board.now())
    end = clock.now() + 3_600_000_000
    board.session.clock = board.clock = clock
    daemon = Daemon(board, crowd)
    thread = threading.Thread(target=daemon.run)
    thread.start()
    while clock.now() < end and thread.is_alive():
        time.sleep(0.05)
    daemon.stop()
    thread.join()
    return _memory()


def _memory() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
