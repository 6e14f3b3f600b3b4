"""Several daemons and depositors on one file, each in its own process.

python -m tests.processes.concurrent_process FOLDER SECONDS

It prints the results as one JSON document. The laws of the crash tests check the board.
"""

from __future__ import annotations

import gc
import json
import logging
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from blackboard import Blackboard, Daemon, Mark, agent, strength
from blackboard.settings.sections import DaemonSection
from tests.crash import invariants
from tests.crash.children import Child, Say, watch
from tests.crash.invariants import Broken
from tests.support.bounds import BOUND_SECONDS

DAEMONS = 4
DEPOSITORS = 8


class Knock(Mark, kind="knock", on_repeat="separate"):
    """An event from outside."""

    n: int


class Echo(Mark, kind="echo", on_repeat="separate"):
    """The result of a knock."""

    n: int


@agent(watches=strength(Knock) >= 0.5, writes=[Echo], batch=20, concurrency=8)
def echoing(marks: Sequence[Knock], context: Any) -> list[Echo]:
    """Return an echo for each knock."""
    return [Echo(subject=mark.subject, n=mark.n) for mark in marks]


def main(path: Path, seconds: float) -> dict[str, Any]:
    with Blackboard.open(f"sqlite:///{path}") as board:
        board.deploy(echoing)
    gc.collect()
    gc.freeze()
    daemons = [Child("daemon", partial(_serve, path, False)) for _ in range(DAEMONS)]
    children = daemons
    try:
        if not watch(daemons, BOUND_SECONDS, lambda: all(_lines_of(daemon, "started") for daemon in daemons)):
            raise Broken("a daemon did not start")
        depositors = [Child("depositor", partial(_deposit, path, number, seconds)) for number in range(DEPOSITORS)]
        children = [*daemons, *depositors]
        watch(depositors, seconds + BOUND_SECONDS)
        for daemon in daemons:
            daemon.signal(signal.SIGTERM)
        watch(children, BOUND_SECONDS)
        last = Child("daemon", partial(_serve, path, True))
        children = [*children, last]
        watch([last], BOUND_SECONDS)
    finally:
        for child in children:
            child.signal()
    for child in children:
        if child.failed or child.killed or child.alive or _lines_of(child, "trouble"):
            raise Broken("\n".join([f"a {child.role} came to trouble", *child.lines[-20:]]))
    return _checked(path, daemons, depositors)


def _serve(path: Path, to_the_end: bool, say: Say) -> None:
    def troubled(logger: Any, name: str, event: Any) -> Any:
        say(f"trouble {event}")
        raise structlog.DropEvent

    structlog.configure([troubled], wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    board = Blackboard.open(f"sqlite:///{path}", author="daemon")
    daemon = Daemon(board, [echoing], DaemonSection(), rng=random.Random(1))
    signal.signal(signal.SIGTERM, lambda number, frame: threading.Thread(target=daemon.stop).start())
    daemon.on_event.append(lambda event, details: say(f"{event} {json.dumps(details)}"))
    daemon.run(until_quiescent=to_the_end)
    board.close()


def _deposit(path: Path, number: int, seconds: float, say: Say) -> None:
    waits: list[float] = []
    with Blackboard.open(f"sqlite:///{path}", author=f"depositor-{number}") as board:
        until = time.monotonic() + seconds
        while (began := time.monotonic()) < until:
            n = len(waits)
            receipt = board.deposit("knock", subject=f"s/{number}", payload={"n": n}, key=f"{number}-{n}")
            waits.append(time.monotonic() - began)
            say(f"kept {number}-{n} {receipt.mark_id} {receipt.event_id}")
    waits.sort()
    say(f"waits {json.dumps([len(waits), waits[len(waits) // 2], waits[-len(waits) // 100], waits[-1]])}")


def _lines_of(child: Child, word: str) -> list[str]:
    return [line.partition(" ")[2] for line in child.lines if line.startswith(word + " ")]


def _checked(path: Path, daemons: list[Child], depositors: list[Child]) -> dict[str, Any]:
    kept = {}
    for depositor in depositors:
        for line in _lines_of(depositor, "kept"):
            key, mark, event = line.split()
            kept[key] = int(mark), int(event)
    invariants.check(path, kept)
    invariants.check_finished(path)
    with invariants.rows(path) as query:
        knocks = query("SELECT subject, payload FROM event WHERE kind = 'knock' ORDER BY 1, 2")
        echoes = query("SELECT subject, payload FROM event WHERE kind = 'echo' ORDER BY 1, 2")
        [[late]] = query("SELECT count(*) FROM activation WHERE interruptions > 0")
    if knocks != echoes or len(knocks) != len(kept):
        raise Broken(f"{len(kept)} deposits, {len(knocks)} knocks, {len(echoes)} echoes")
    waits = [json.loads(line) for depositor in depositors for line in _lines_of(depositor, "waits")]
    return {
        "deposits": len(kept),
        "by_depositor": [count for count, *_ in waits],
        "median_wait": max(median for _, median, _, _ in waits),
        "p99_wait": max(p99 for _, _, p99, _ in waits),
        "longest_wait": max(longest for *_, longest in waits),
        "activations_by_daemon": [len(_lines_of(daemon, "done")) for daemon in daemons],
        "workers": [json.loads(line)["worker"] for daemon in daemons for line in _lines_of(daemon, "started")],
        "interrupted": late,
    }


def run(arguments: Sequence[str], out: Callable[[str], object] = print) -> None:
    out(json.dumps(main(Path(arguments[0]) / "board.db", float(arguments[1]))))


if __name__ == "__main__":
    run(sys.argv[1:])
