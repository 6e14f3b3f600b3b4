"""A process that deposits: one mark for each input line, or as many as possible until its input ends.

python -m benchmarks.performance.depositor URL --lines 200
python -m benchmarks.performance.depositor URL --until-eof
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time

from benchmarks.performance import boards
from benchmarks.performance.bare_sqlite import percentile
from blackboard import Blackboard

__all__ = ["main"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--lines", type=int, default=0)
    parser.add_argument("--until-eof", action="store_true")
    arguments = parser.parse_args()
    with Blackboard.open(arguments.url, author="depositor", kinds=boards.KINDS) as board:
        if arguments.until_eof:
            _deposit_until_eof(board)
        for number in range(arguments.lines):
            sys.stdin.readline()
            subject = f"wake/other/{number}"
            board.deposit(boards.Trace(subject=subject))
            print(subject, time.monotonic(), flush=True)


def _deposit_until_eof(board: Blackboard) -> None:
    """Deposit until the input ends, then print the rate and the durations."""
    over = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    taken: list[float] = []
    subjects = boards.subjects(10**9, 10**8)
    begin = time.monotonic()
    print("ready", flush=True)
    while not over.is_set():
        start = time.monotonic()
        board.deposit(boards.Trace(subject=next(subjects), detail="meanwhile"))
        taken.append(time.monotonic() - start)
    seconds = time.monotonic() - begin
    print(
        json.dumps({"rate": len(taken) / seconds, "p99_ms": percentile(taken, 0.99) * 1e3, "max_ms": max(taken) * 1e3}),
        flush=True,
    )


if __name__ == "__main__":
    main()
