"""Claims of remote agents: how soon after a commit a claim that waits over HTTP is answered.

Run as `python -m benchmarks.remote_claims`. The server is a process of its own. The deposits come from this process, so
the server hears of each by a datagram; or over HTTP from the server itself. Each claim finishes its activation before
the next deposit. Times are from the return of the deposit to the whole answer of the claim, on one machine.
"""

from __future__ import annotations

import argparse
import http.client
import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from blackboard import Blackboard
from blackboard.settings.deployment_resolver import resolve_file

DEPLOYMENT = """
[kinds.report.payload_schema]
type = "object"
[agents.review]
remote = true
watches = 'strength("report") >= 0.5'
"""


class Connection:
    """A connection to a server that stays open, with a token."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=90)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Post a body, and return the answer; None for none."""
        self._connection.request("POST", path, json.dumps(body or {}), self._headers)
        response = self._connection.getresponse()
        text = response.read()
        assert response.status < 300, text
        return json.loads(text) if text else None


@contextmanager
def serving(folder: Path) -> Iterator[tuple[Blackboard, int]]:
    """Serve a new board with a remote agent in a process of its own, and yield it with the port."""
    path = folder / "board.db"
    (folder / "board.toml").write_text(DEPLOYMENT)
    with Blackboard.open(path, author="bench") as board:
        board.deploy(resolve_file(folder / "board.toml", {}).deployment)
        command = [sys.executable, "-m", "blackboard", "--database", str(path), "serve", "--listen", "127.0.0.1:0"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
            try:
                assert server.stderr is not None
                line = next(line for line in server.stderr if "serving" in line)
                yield board, int(json.loads(line)["urls"][0].rpartition(":")[2])
            finally:
                server.terminate()


def latencies(board: Blackboard, port: int, deposit: Callable[[str], object], count: int) -> list[float]:
    """Return the milliseconds from each deposit to the answer of the claim that waited for it."""
    answers: queue.Queue[float] = queue.Queue()
    worker = Connection(port, board.create_token(f"worker {time.monotonic_ns()}", may=["claim:review"]))

    def work() -> None:
        for _ in range(count):
            found = None
            while found is None:
                found = worker.post("/v1/agents/review/claims?wait=60s")
            answers.put(time.perf_counter())
            worker.post(f"/v1/agents/review/activations/{found['id']}/finish", {"fence": found["fence"]})

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    result = []
    for number in range(count):
        time.sleep(0.02)  # the next claim waits by then
        deposit(f"r/{time.monotonic_ns()}/{number}")
        committed = time.perf_counter()
        result.append((answers.get(timeout=60) - committed) * 1e3)
    thread.join(60)
    return result


def report(name: str, taken: list[float]) -> None:
    """Print the percentiles of some times."""
    ordered = sorted(taken)
    p50, p95, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.95, 0.99))
    print(f"{name}: p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms ({len(taken)} claims)")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="deposits of each kind")
    count: int = parser.parse_args().count
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as (board, port):
        payload: dict[str, Any] = {}
        by_datagram = latencies(board, port, lambda name: board.deposit("report", subject=name, payload=payload), count)
        report("a deposit by another process, to the answer of a waiting claim", by_datagram)
        depositor = Connection(port, board.create_token("depositor", may=["deposit"]))
        over_http = latencies(
            board, port, lambda name: depositor.post("/v1/marks", {"kind": "report", "subject": name}), count
        )
        report("a deposit over HTTP, to the answer of a waiting claim", over_http)


if __name__ == "__main__":
    main()
