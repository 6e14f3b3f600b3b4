"""The workers of the example, in JavaScript and in shell with curl and jq, do the work of a remote agent."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from blackboard import Blackboard
from blackboard.server.http_app import build_app
from blackboard.server.transport.addresses import Address
from blackboard.server.transport.http_server import HttpServer
from blackboard.settings.deployment_resolver import resolve_file
from blackboard.settings.sections import ServerSection
from tests.support.board_waits import wait_until
from tests.support.bounds import BOUND_SECONDS

EXAMPLE = Path(__file__).parents[2] / "examples" / "remote"
NODE, CURL, JQ = map(shutil.which, ("node", "curl", "jq"))


def has_fetch() -> bool:
    """Return whether Node is there and has `fetch`, as from version 18."""
    if NODE is None:
        return False
    version = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=False).stdout
    return int(version.strip().removeprefix("v").partition(".")[0] or 0) >= 18


WORKERS = [
    pytest.param(
        ["node", str(EXAMPLE / "worker.mjs")],
        marks=pytest.mark.skipif(not has_fetch(), reason="needs Node 18 or later"),
        id="JavaScript",
    ),
    pytest.param(
        ["sh", str(EXAMPLE / "worker.sh")],
        marks=pytest.mark.skipif(CURL is None or JQ is None, reason="needs curl and jq"),
        id="curl and jq",
    ),
]


@contextmanager
def serving(folder: Path) -> Iterator[tuple[Blackboard, dict[str, str]]]:
    """Serve the board of the example, and yield it with the environment of a worker."""
    section = ServerSection(listen="127.0.0.1:0")
    address = Address.parse(section.listen)
    with Blackboard.open(folder / "review.db", author="person:ada") as board:
        board.deploy(resolve_file(EXAMPLE / "blackboard.toml", {}).deployment)
        with HttpServer(build_app(board, section, "offline rules", address), section, address) as server:
            token = board.create_token("reviewer", may=["claim:review"])
            yield board, {**os.environ, "BLACKBOARD_URL": server.url, "BLACKBOARD_TOKEN": token}


@contextmanager
def running(worker: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """Kill a worker at the end of the context."""
    with worker:
        try:
            yield worker
        finally:
            worker.kill()


@pytest.mark.processes
@pytest.mark.parametrize("command", WORKERS)
def test_a_worker_in_another_language_does_the_work(tmp_path: Path, command: list[str]) -> None:
    assert len(Path(command[1]).read_text().splitlines()) <= 30
    with serving(tmp_path) as (board, environ):
        with running(subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)) as worker:
            assert worker.stdout is not None
            for number, text in enumerate(("short", "a text of more than twenty signs")):
                board.deposit("report", subject=f"r/{number}", payload={"text": text})
                assert worker.stdout.readline().startswith(f"activation {number + 1} is done")
        grades = {mark.subject: mark.payload["grade"] for mark in board.marks("verdict")}
        assert grades == {"r/0": "short", "r/1": "thorough"}
        assert board.activations()[0].worker == "remote:reviewer"


WORKER = f"""
import sys
from blackboard import Blackboard
with Blackboard.open(sys.argv[1], author="reviewer") as board:
    found = board.claim("review", wait="{BOUND_SECONDS}s", lease="1s")
    print(found.id, found.fence, flush=True)
    sys.stdin.readline()
    board.finish(found.id, {{"marks": [{{"kind": "verdict", "subject": "r/1", "payload": {{"grade": "short"}}}}]}})
"""


@pytest.mark.processes
def test_a_claim_of_another_process_hears_of_a_deposit_and_its_death_costs_only_the_lease(tmp_path: Path) -> None:
    with serving(tmp_path) as (board, _):
        command = [sys.executable, "-c", WORKER, str(tmp_path / "review.db")]
        with running(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)) as worker:
            assert worker.stdout is not None
            wait_until(board, lambda: board.unserved_agents() == [])
            board.deposit("report", subject="r/1", payload={"text": "short"})
            assert worker.stdout.readline() == "1 1\n"
        found = board.claim("review", wait=f"{BOUND_SECONDS}s")
        assert found is not None
        assert (found.id, found.fence, found.attempt, board.marks("verdict")) == (1, 2, 1, [])
