"""Event streams: what an idle server with many of them costs, and how soon a commit reaches one.

Run as `python -m benchmarks.streams [--streams 500] [--seconds 30]`. The server is a process of its own. Beside it runs
a bare loop that wakes ten times a second, because what a wake costs differs between machines and with their load.
Latencies are from the return of a deposit, in this process, to its event.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blackboard import Blackboard
from blackboard.settings.deployment_resolver import resolve_file

DEPLOYMENT = """
[server]
requests_per_second = 100_000
[kinds.lead.payload_schema]
type = "object"
[kinds.note.payload_schema]
type = "object"
[agents.review]
remote = true
watches = 'strength("lead") >= 0.5'
"""
LOOP = """
import asyncio
async def wake():
    while True:
        await asyncio.sleep(0.1)
asyncio.run(wake())
"""
SETTLING_SECONDS = 5.0
"""The time after the last stream was opened, until nothing of its opening is left to do."""
PAUSE_SECONDS = 0.05
"""The time between two deposits, after which the reader of the streams rests again."""


@contextmanager
def serving(folder: Path) -> Iterator[tuple[Blackboard, int, int]]:
    """Serve a new board in a process of its own, and yield it with the port and the id of the process."""
    path, file = folder / "board.db", folder / "board.toml"
    file.write_text(DEPLOYMENT)
    command = [sys.executable, "-m", "blackboard", "--config", str(file), "--database", str(path)]
    command += ["serve", "--listen", "127.0.0.1:0"]
    with Blackboard.open(path, author="bench") as board:
        board.deploy(resolve_file(file, {}).deployment)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
            try:
                assert server.stderr is not None
                found = re.search(r"http://127\.0\.0\.1:(\d+)", server.stderr.readline())
                assert found is not None
                yield board, int(found[1]), server.pid
            finally:
                server.terminate()


def open_stream(port: int, token: str) -> socket.socket:
    """Open a stream of all events."""
    stream = socket.create_connection(("127.0.0.1", port))
    head = f"GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\r\n"
    stream.sendall(head.encode())
    found = b""
    while b"event: ready" not in found:
        piece = stream.recv(4096)
        assert piece, found
        found += piece
        assert found.startswith(b"HTTP/1.1 200 OK"), found
    return stream


def processor_seconds(pid: int) -> float:
    """Return how long the threads of a process have run."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def shares(pids: list[int], seconds: float) -> list[float]:
    """Return the share of a core that each process takes over some seconds, in percent."""
    before, begin = [processor_seconds(pid) for pid in pids], time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - begin
    return [(processor_seconds(pid) - used) / passed * 100 for pid, used in zip(pids, before, strict=True)]


def delay(board: Blackboard, stream: socket.socket, kind: str, number: int) -> float:
    """Deposit a mark, and return how many milliseconds later its event has come."""
    receipt = board.deposit(kind, subject=f"{kind}/{number}", payload={})
    begin, found = time.perf_counter(), b""
    while json.dumps(receipt.mark_id).encode() not in found or b"event: marks" not in found:
        found += stream.recv(65_536)
    return (time.perf_counter() - begin) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--deposits", type=int, default=100)
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder)) as (board, port, server),
        subprocess.Popen([sys.executable, "-c", LOOP]) as loop,
    ):
        try:
            token = board.create_token("reader", may=["read"])
            for count in (0, 1, arguments.streams):
                streams = [open_stream(port, token) for _ in range(count)]
                time.sleep(SETTLING_SECONDS)
                used, bare = shares([server, loop.pid], arguments.seconds)
                print(f"{count:4} idle streams: {used:.2f} % of a core; a bare loop of 10 wakes a second: {bare:.2f} %")
                if count == 1:
                    for kind, what in (("lead", "that wakes an agent"), ("note", "that wakes nobody")):
                        found = []
                        for number in range(arguments.deposits):
                            time.sleep(PAUSE_SECONDS)
                            found.append(delay(board, streams[0], kind, number))
                        cuts = statistics.quantiles(found, n=100)
                        print(f"a deposit of another process {what}: p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms")
                for stream in streams:
                    stream.close()
        finally:
            loop.kill()


if __name__ == "__main__":
    main()
