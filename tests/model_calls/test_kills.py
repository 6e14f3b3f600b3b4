"""A daemon killed at any point of a call pays once for its answer, or reports one unknown outcome."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from blackboard import ManualClock
from blackboard.llm.model_client import ModelClient
from blackboard.system import failpoints
from tests.model_calls.killed_daemon import live
from tests.model_calls.later_batches import BatchEndsLater
from tests.support.bounds import BOUND_SECONDS
from tests.support.fake_api_faults import Hang
from tests.support.messages_api import MessagesApi
from tests.support.paying_board import PayingBoard
from tests.support.storage import Storage

pytestmark = pytest.mark.processes

LATER = datetime(2026, 1, 6, 9, tzinfo=UTC)

CALL_FAILPOINTS = {
    # failpoint: (paid answers at the end, calls with an unknown outcome)
    "call.planned": (1, 0),
    "call.sent": (1, 1),
    "call.answered": (2, 1),
    "call.kept": (1, 0),
    "spool.kept": (1, 0),
}
BATCH_FAILPOINTS = ("batch_api.reserved", "batch_api.submitted", "batch_api.named", "batch_api.kept")
ACTIVATION_FAILPOINTS = (
    "claim.before",
    "claim.within",
    "claim.after",
    "agent.before",
    "agent.after",
    "apply.before",
    "apply.within",
    "apply.after",
)


def test_every_failpoint_of_a_call_is_tested() -> None:
    named = {name for name in failpoints.NAMES if name.startswith(("call.", "spool.", "batch_api."))}
    assert named == {*CALL_FAILPOINTS, *BATCH_FAILPOINTS}
    assert set(ACTIVATION_FAILPOINTS) == {
        name for name in failpoints.NAMES if name.startswith(("claim.", "agent.", "apply."))
    }


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Return a context whose children start from a server with all modules loaded and no threads."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.model_calls.killed_daemon"])
    return context


class Scene:
    """A board on which a child works and dies, and then a second daemon in this process."""

    def __init__(self, processes: ForkServerContext, database: str, api: MessagesApi, **settings: Any) -> None:
        self.processes, self.database, self.api, self.settings = processes, database, api, settings
        world = PayingBoard(database, ManualClock(), api.url, **settings)
        self.leads = world.deposit_leads(2)
        world.close()

    def start(self, name: str, count: int = 1, *, full: bool = False) -> BaseProcess:
        child = self.processes.Process(
            target=live, args=(self.database, self.api.url, (name, count), full, self.settings), daemon=True
        )
        child.start()
        return child

    def child_dies_at(self, failpoint: str, count: int = 1, *, full: bool = False) -> bool:
        """Run a child that is killed at a failpoint; return whether it was killed, or False if it ended before."""
        child = self.start(failpoint, count, full=full)
        child.join(BOUND_SECONDS)
        assert child.exitcode in (0, -signal.SIGKILL), child.exitcode
        return child.exitcode == -signal.SIGKILL

    def recovered(self, client: ModelClient | None = None) -> tuple[int, list[str]]:
        """Recover with a second daemon, and return the result."""
        world = PayingBoard(self.database, ManualClock(LATER), self.api.url, **self.settings)
        try:
            world.run_until_quiescent(client)
            assert world.judged == self.leads
            return world.board.status().model_calls.unknown, world.states()
        finally:
            world.close()


@pytest.fixture
def scene(
    processes: ForkServerContext, storage: Storage, tmp_path: Path, api: MessagesApi
) -> Iterator[Callable[..., Scene]]:
    """Return a function that makes a scene with a board of its own."""
    made: list[str] = []

    def make(**settings: Any) -> Scene:
        made.append(storage.create(tmp_path / f"{len(made)}.db"))
        return Scene(processes, made[-1], api, **settings)

    yield make
    for url in made:
        storage.remove(url)


@pytest.mark.parametrize("name", CALL_FAILPOINTS)
def test_a_kill_during_a_call_pays_once_or_reports_one_unknown_outcome(
    scene: Callable[..., Scene], api: MessagesApi, name: str
) -> None:
    here = scene()
    assert here.child_dies_at(name, full=name == "spool.kept")
    unknown, states = here.recovered()
    assert (api.paid, unknown) == CALL_FAILPOINTS[name]
    assert states.count("applied") == 1
    assert len(set(api.bodies)) == 1


@pytest.mark.parametrize("name", ACTIVATION_FAILPOINTS)
def test_a_kill_around_the_call_pays_once(scene: Callable[..., Scene], api: MessagesApi, name: str) -> None:
    here = scene()
    assert here.child_dies_at(name)
    unknown, states = here.recovered()
    assert (api.paid, unknown) == (1, 0)
    assert states == ["applied"]


def test_a_kill_around_a_commit_pays_once_or_reports_one_unknown_outcome(
    scene: Callable[..., Scene], api: MessagesApi
) -> None:
    tried = 0
    for name in ("commit.before", "commit.after"):
        count = 1
        while True:
            here = scene()
            before = api.paid
            if not here.child_dies_at(name, count):
                break
            unknown, states = here.recovered()
            assert api.paid - before <= 1 + unknown
            assert unknown <= 1
            assert states.count("applied") == 1
            tried, count = tried + 1, count + 1
    assert tried >= 12


def test_a_kill_while_the_api_works_reports_one_unknown_outcome(scene: Callable[..., Scene], api: MessagesApi) -> None:
    here = scene()
    api.queue(Hang())
    child = here.start("migration.begun")  # which the child never reaches
    assert api.wait_for_calls(1, BOUND_SECONDS)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join(BOUND_SECONDS)
    unknown, states = here.recovered()
    assert (api.paid, unknown) == (2, 1)
    assert states == ["unknown", "applied"]


@pytest.mark.parametrize("name", ["call.sent", "call.answered"])
def test_a_kill_during_a_call_waits_for_a_person_if_the_agent_wants_it(
    scene: Callable[..., Scene], api: MessagesApi, name: str
) -> None:
    here = scene(on_unknown="hold")
    assert here.child_dies_at(name)
    world = PayingBoard(here.database, ManualClock(LATER), api.url, on_unknown="hold")
    before = api.paid
    world.run_until_quiescent()
    [held] = world.board.activations(state="held")
    assert "unknown" in str(held.error)
    assert api.paid == before
    world.board.retry(held.id)
    world.run_until_quiescent()
    assert world.judged == here.leads
    world.close()


@pytest.mark.parametrize("name", BATCH_FAILPOINTS)
def test_a_kill_in_the_batch_api_loses_no_batch_and_pays_once(
    scene: Callable[..., Scene], api: MessagesApi, name: str
) -> None:
    here = scene(use_batch_api=True)
    child = here.start(name)
    if name == "batch_api.kept":
        assert api.wait_for_calls(1, BOUND_SECONDS)
        api.end_batches()
    child.join(BOUND_SECONDS)
    assert child.exitcode == -signal.SIGKILL
    api.end_batches()

    client = BatchEndsLater(api, looks=0)
    unknown, states = here.recovered(client)
    client.close()
    assert (api.paid, unknown, states) == (1, 0, ["applied"])
    submitted = [call for call in api.calls if call.path.endswith("/batches") and call.method == "POST"]
    assert len(submitted) == 1
