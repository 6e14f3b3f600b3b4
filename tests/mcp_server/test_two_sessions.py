"""Two sessions of coding agents that never talk to each other hand work over through marks.

Each is played by the SDK's client and the real commands, in processes of their own. One of them dies with its work.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from blackboard import Blackboard, agent, strength
from tests.mcp_server.sessions import ROOT, Finding, Verdict, awaited, on_stdio, review
from tests.support.bounds import BOUND_SECONDS

pytestmark = pytest.mark.processes


@agent(watches=strength(Verdict) >= 1, writes=[], name="author", batch=1)
def author(verdicts: Any, context: Any) -> None:
    """Stand for session A, which is woken by verdicts on what it found."""


@pytest.fixture
def database(board_url: str) -> str:
    with Blackboard.open(board_url, author="person:ada") as board:
        board.deploy(review, author, kinds=[Finding, Verdict])
        remote = {
            each.spec.name: each.spec.model_copy(update={"remote": True, "code": None}) for each in (review, author)
        }
        board.deploy(board.deployment.model_copy(update={"agents": remote}))
    return board_url


@contextmanager
def command(database: str, session: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command of a session in the background."""
    child = subprocess.Popen(
        [sys.executable, "-m", "blackboard", "--database", database, "--author", session, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def waiting(database: str, session: str, name: str, *words: str) -> Any:
    return command(database, session, "claim", name, "--wait", "10m", *words)


def work_of(child: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for the end of a claim, and return the work that it printed."""
    out, err = child.communicate(timeout=BOUND_SECONDS)
    assert child.returncode == 0, err
    return dict(json.loads(out))


@awaited
async def test_work_is_handed_over_and_its_result_wakes_the_first_session(database: str) -> None:
    with (
        waiting(database, "session-b", "review", "--lease", "5m") as b,
        waiting(database, "session-a", "author", "--hook") as a,
    ):
        async with on_stdio("--database", database, "--author", "session-a", "mcp") as session_a:
            receipt = await session_a.call(
                "deposit", kind="finding", subject="src/store.py", payload={"text": "a race"}, key="1"
            )
            assert receipt["crossed"] == ["review"]
            work = work_of(b)
            assert [(mark["subject"], mark["author"]) for mark in work["marks"]] == [("src/store.py", "session-a")]
            assert a.poll() is None, "nothing wakes session A yet"
        async with on_stdio("--database", database, "--author", "session-b", "mcp") as session_b:
            verdict = {"kind": "verdict", "subject": "src/store.py", "payload": {"text": "confirmed"}}
            ended = await session_b.call(
                "finish", agent="review", id=work["id"], fence=work["fence"], result={"marks": [verdict]}
            )
            assert ended["state"] == "done"
        _, output = a.communicate(timeout=BOUND_SECONDS)
        assert a.returncode == 2
        woken = json.loads(output.splitlines()[1])
        assert [(mark["payload"]["text"], mark["author"]) for mark in woken["marks"]] == [("confirmed", "review")]


@awaited
async def test_the_work_of_a_session_that_dies_goes_to_another(database: str) -> None:
    async with on_stdio("--database", database, "--author", "session-a", "mcp") as session_a:
        with waiting(database, "session-b", "review", "--lease", "2s") as b:
            await session_a.call("deposit", kind="finding", subject="src/store.py", payload={"text": "a race"})
            lost = work_of(b)
        # Session B is gone now: nobody extends its lease.
        with waiting(database, "session-c", "review", "--lease", "5m") as c:
            work = work_of(c)
        assert (work["id"], work["attempt"]) == (lost["id"], lost["attempt"])
        assert work["fence"] > lost["fence"]
        assert [mark["event_id"] for mark in work["marks"]] == [mark["event_id"] for mark in lost["marks"]]
        async with on_stdio("--database", database, "--author", "session-b", "mcp") as late:
            refused = await late.refused("finish", agent="review", id=lost["id"], fence=lost["fence"], result={})
            assert refused["problem"] == "lease-lost"
        with command(database, "session-c", "finish", str(work["id"]), "--fence", str(work["fence"])) as end:
            out, err = end.communicate(timeout=BOUND_SECONDS)
            assert end.returncode == 2, "without a result on stdin, it says so"
            assert "is empty" in err + out
        async with on_stdio("--database", database, "--author", "session-c", "mcp") as session_c:
            ended = await session_c.call("finish", agent="review", id=work["id"], fence=work["fence"], result={})
            assert ended["state"] == "done"
        assert (await session_a.call("agenda"))["crossings"] == []


@awaited
async def test_a_hook_that_is_killed_while_it_waits_loses_nothing(database: str) -> None:
    with waiting(database, "session-b", "review", "--hook") as b:
        b.kill()
        b.wait(BOUND_SECONDS)
    async with on_stdio("--database", database, "--author", "session-a", "mcp") as session_a:
        await session_a.call("deposit", kind="finding", subject="src/store.py", payload={"text": "a race"})
        with waiting(database, "session-b", "review", "--hook") as again:
            _, output = again.communicate(timeout=BOUND_SECONDS)
            assert again.returncode == 2, "the lock of the killed hook is gone"
            assert json.loads(output.splitlines()[1])["claimed"] is True
