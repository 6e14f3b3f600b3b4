"""Measure deposits over HTTP beside deposits in a process, in one run.

The server runs in a process of its own, as `blackboard serve` does. The load comes from other processes, each with raw
sockets, prepared requests and one epoll loop. Such a generator needs about a tenth of the processor time that the
server needs for a request, which the table shows: it is not the bottleneck.

    python -m benchmarks.server [--seconds 3] [--rounds 3] [--connections 64]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from blackboard import Blackboard
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec

PAYLOAD = {"company": "Acme", "message": "80 seats for the office in Leeds, from March"}
RATE = 200
GENERATORS = 2


class Load(NamedTuple):
    """The result of one load: deposits a second, and the processor time of the generator for each."""

    rate: float
    microseconds: float


def deployment() -> Deployment:
    return Deployment(kinds={"lead": KindSpec()}, agents={})


def request(port: int, token: str, subject: str) -> bytes:
    body = json.dumps({"kind": "lead", "subject": subject, "payload": PAYLOAD}).encode()
    head = (
        f"POST /v1/marks HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Connection:
    """A connection that sends requests, one at a time, and reads whole answers."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answer = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self) -> bool:
        """Read what has come, and return whether the answer is whole."""
        self._answer += self.socket.recv(65_536)
        head, _, body = self._answer.partition(b"\r\n\r\n")
        if not body or len(body) < int(head.lower().partition(b"content-length: ")[2].split(b"\r\n", 1)[0]):
            return False
        assert head.startswith(b"HTTP/1.1 200"), self._answer
        self._answer = b""
        return True


def generate(port: int, token: str, name: str, connections: int, seconds: float, results: Any) -> None:
    """Keep some connections busy for a time; count the answers."""
    requests = (request(port, token, f"{name}/{number}") for number in range(10**9))
    waiting = selectors.EpollSelector()
    opened = [Connection(port) for _ in range(connections)]
    for connection in opened:
        waiting.register(connection.socket, selectors.EVENT_READ, connection)
        connection.send(next(requests))
    begin, used, answers = time.monotonic(), time.process_time(), 0
    while time.monotonic() < begin + seconds:
        for key, _ in waiting.select(1):
            connection = key.data
            if connection.receive():
                answers += 1
                connection.send(next(requests))
    results.put((answers / (time.monotonic() - begin), (time.process_time() - used) / answers * 1e6))
    for connection in opened:
        connection.socket.close()


def over_http(port: int, token: str, name: str, connections: int, seconds: float) -> Load:
    results: Any = multiprocessing.Queue()
    generators = [
        multiprocessing.Process(
            target=generate, args=(port, token, f"{name}/{number}", connections // GENERATORS, seconds, results)
        )
        for number in range(GENERATORS)
    ]
    for generator in generators:
        generator.start()
    found = [results.get() for _ in generators]
    for generator in generators:
        generator.join()
    return Load(sum(rate for rate, _ in found), statistics.fmean(used for _, used in found))


def in_process(board: Blackboard, name: str, threads: int, seconds: float) -> float:
    """Deposit from threads for a time; return the deposits a second."""
    end = time.monotonic() + seconds
    counts = [0] * threads

    def work(index: int) -> None:
        number = 0
        while time.monotonic() < end:
            board.deposit("lead", subject=f"{name}/{index}/{number}", payload=PAYLOAD)
            number += 1
        counts[index] = number

    running = [threading.Thread(target=work, args=(index,)) for index in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return sum(counts) / seconds


def latencies(deposit: Callable[[int], object], seconds: float) -> list[float]:
    """Deposit at a steady rate; return how many milliseconds after its due time each was done."""
    found = []
    begin = time.monotonic()
    for number in range(int(RATE * seconds)):
        due = begin + number / RATE
        if (wait := due - time.monotonic()) > 0:
            threading.Event().wait(wait)
        due = max(due, time.monotonic() - 1 / RATE)
        deposit(number)
        found.append((time.monotonic() - due) * 1e3)
    return sorted(found)


@contextmanager
def served(path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Serve a board in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = path.with_name("server.toml")
    settings.write_text(
        f'[database]\nurl = "{path}"\n[server]\nlisten = "127.0.0.1:{port}"\nrequests_per_second = 1e6\n'
    )
    command = [sys.executable, "-m", "blackboard", "--config", str(settings), "serve"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    threading.Event().wait(0.05)
            yield server, port
        finally:
            server.terminate()


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "board.db")
        with Blackboard.open(path) as board:
            board.deploy(deployment())
            token = board.create_token("load", may=["deposit", "read"])
            ratios = []
            with served(path) as (server, port):
                over_http(port, token, "warm", options.connections, 1)
                print("in-process  over HTTP  ratio | processor time: in-process  server  ratio  generator (us)")
                for turn in range(options.rounds):
                    before = time.process_time()
                    threads = in_process(board, f"p{turn}", options.connections, options.seconds)
                    alone = (time.process_time() - before) / (threads * options.seconds) * 1e6
                    before = processor_seconds(server.pid)
                    load = over_http(port, token, f"h{turn}", options.connections, options.seconds)
                    used = (processor_seconds(server.pid) - before) / (load.rate * options.seconds) * 1e6
                    ratios.append(load.rate / threads)
                    print(
                        f"{threads:>10,.0f} {load.rate:>10,.0f} {ratios[-1]:>6.2f} | {alone:>27.0f} {used:>7.0f}"
                        f" {alone / used:>6.2f} {load.microseconds:>10.0f}"
                    )
                print(f"ratio, median of {options.rounds}: {statistics.median(ratios):.2f}")
                connection = Connection(port)

                def deposit(number: int) -> None:
                    connection.send(request(port, token, f"one/{number}"))
                    while not connection.receive():
                        pass

                for _ in range(options.rounds):
                    ours = latencies(
                        lambda number: board.deposit("lead", subject=f"o/{number}", payload=PAYLOAD),
                        options.seconds,
                    )
                    theirs = latencies(deposit, options.seconds)
                    for name, found in (("in-process", ours), ("over HTTP", theirs)):
                        p50, p99 = found[len(found) // 2], found[len(found) * 99 // 100]
                        print(f"{RATE} a second, {name}: p50 {p50:.2f} ms, p99 {p99:.2f} ms")


if __name__ == "__main__":
    main()
