"""Remote work under kills: a server, two workers, a daemon and a depositor share a board, and die at any instant.

Run as `python -m tests.server.remote_kills FOLDER KILLS SEED`. It ends with an error if a report has not exactly one
verdict, which a worker deposited over HTTP, and one note, which an agent of the daemon made of it.
"""

from __future__ import annotations

import http.client
import json
import random
import signal
import socket
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from blackboard import Blackboard, Mark, agent, strength
from blackboard.clock import sleep_for
from blackboard.core.specs.agent_spec import AgentSettings
from blackboard.daemon import Daemon
from blackboard.durations import Microseconds, parse_duration
from blackboard.server.http_app import build_app
from blackboard.server.transport.http_server import HttpServer
from blackboard.settings.sections import DaemonSection, ServerSection
from tests.crash import invariants
from tests.crash.children import Child, Say, watch
from tests.support.bounds import BOUND_SECONDS

REPORTS = 15
WORKERS = 2
AGAIN = 5_000
"""The pause in microseconds before a request is sent again."""


class Report(Mark, kind="report"):
    """A report that a remote worker grades."""


class Verdict(Mark, kind="verdict", on_repeat="separate"):
    """The grade of a report."""


class Slip(Mark, kind="slip", on_repeat="separate"):
    """What the daemon makes of a verdict."""


@agent(watches=strength(Report) >= 0.5, writes=[Verdict], name="review")
def review(marks: Any, context: Any) -> None:
    """Stand for the declaration of the remote agent."""


@agent(watches=strength(Verdict) >= 0.5, writes=[Slip])
def archive(verdicts: list[Verdict], context: Any) -> list[Slip]:
    """Make a slip of each verdict."""
    return [Slip(subject=verdict.subject) for verdict in verdicts]


def create(path: Path) -> str:
    """Create the board, and return a token for its workers and depositors."""
    with Blackboard.open(path, author="person:ada") as board:
        board.deploy(review, archive)
        settings = AgentSettings(batch=3, concurrency=8, timeout=Microseconds(parse_duration("1h")))
        remote = review.spec.model_copy(update={"remote": True, "code": None, "settings": settings})
        board.deploy(board.deployment.model_copy(update={"agents": {**board.deployment.agents, "review": remote}}))
        return board.create_token("worker", may=["claim:review", "deposit:report"])


def serve(path: Path, listener: socket.socket, say: Say) -> None:
    """Serve the board on a socket that listens, as those of a service manager do."""
    section = ServerSection(requests_per_second=10_000)
    with (
        Blackboard.open(path, author="person:ada") as board,
        HttpServer(build_app(board, section, "", None), section, None, inherited=[listener]),
    ):
        say("serving")
        signal.pause()


def run_daemon(path: Path, say: Say) -> None:
    """Run the agent of the daemon."""
    with Blackboard.open(path, author="person:ada") as board:
        Daemon(board, [archive], DaemonSection(tick=Microseconds(parse_duration("200ms")))).run()


def post(port: int, token: str, path: str, body: dict[str, Any], key: str | None = None) -> tuple[int, Any]:
    """Post a body until there is a response, and return the status and the response."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    if key is not None:
        headers["Idempotency-Key"] = key
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=BOUND_SECONDS)
        try:
            connection.request("POST", path, json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            sleep_for(AGAIN)  # the server is dead
            continue
        finally:
            connection.close()
        if response.status < 500:
            return response.status, json.loads(text) if text else None
        sleep_for(AGAIN)


def work(port: int, token: str, say: Say) -> None:
    """Claim and finish without an end."""
    while True:
        status, found = post(port, token, "/v1/agents/review/claims?wait=1s&lease=1s", {})
        if status != 200:
            continue
        verdicts = [{"kind": "verdict", "subject": mark["subject"]} for mark in found["marks"]]
        body = {"fence": found["fence"], "marks": verdicts}
        status, response = post(port, token, f"/v1/agents/review/activations/{found['id']}/finish", body)
        assert status == 200 or response["type"].endswith("lease-lost"), response


def deposit(port: int, token: str, say: Say) -> None:
    """Deposit the reports, each until it is answered."""
    for number in range(REPORTS):
        body = {"kind": "report", "subject": f"r/{number}"}
        status, response = post(port, token, "/v1/marks", body, key=f"key {number}")
        assert status == 200, response
        say("deposited")


def main(folder: Path, kills: int, seed: int) -> None:
    """Kill processes, let the work end, and check what became of each report."""
    rng, path = random.Random(seed), folder / "board.db"
    token = create(path)
    listener = socket.create_server(("127.0.0.1", 0))
    port = int(listener.getsockname()[1])
    roles: dict[str, Any] = {"server": partial(serve, path, listener), "daemon": partial(run_daemon, path)}
    roles |= {f"worker {number}": partial(work, port, token) for number in range(WORKERS)}
    depositor = Child("depositor", partial(deposit, port, token))
    children: dict[str, Child] = {}
    killed: Counter[str] = Counter()
    try:
        while killed.total() < kills:
            for role, run in roles.items():
                if role not in children or not children[role].alive:
                    children[role] = Child(role, run)
            watch([*children.values(), depositor], rng.uniform(0.02, 0.25))
            broken = [child for child in (*children.values(), depositor) if child.failed]
            assert not broken, [child.lines[-20:] for child in broken]
            role = rng.choice(list(roles))
            children[role].signal()
            watch([children[role]], BOUND_SECONDS)
            killed[role] += 1
            invariants.check(path, {})
            invariants.clear_deaths(path)
        for role, run in roles.items():
            if not children[role].alive:
                children[role] = Child(role, run)
        assert watch([depositor], BOUND_SECONDS, lambda: len(depositor.lines) == REPORTS), depositor.lines
        _wait_for_end(path, list(children.values()))
    finally:
        for child in (*children.values(), depositor):
            child.signal()
    print(json.dumps(killed))


def _wait_for_end(path: Path, children: list[Child]) -> None:
    end = time.monotonic() + BOUND_SECONDS
    expected = Counter({f"r/{number}": 1 for number in range(REPORTS)})
    with Blackboard.open(path, author="person:ada") as board:
        while Counter(mark.subject for mark in board.marks("slip", limit=1000)) != expected:
            assert time.monotonic() < end, [(item.id, item.state, item.error) for item in board.activations()]
            watch(children, 0.05)
        assert Counter(mark.subject for mark in board.marks("verdict", limit=1000)) == expected
        assert all(item.state in ("done", "running") for item in board.activations(limit=1000))
    invariants.check(path, {})


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
