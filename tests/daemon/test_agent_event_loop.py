"""Asynchronous activations of a daemon run on one loop in one thread.

None ends the loop, and none blocks it unnoticed.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import inspect
import random
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from blackboard import Blackboard, ManualClock, Mark, agent, strength
from blackboard.core.agents.agent_definition import Agent
from blackboard.daemon import DaemonLoop
from blackboard.daemon.agent_runs.agent_event_loop import AgentLoop, DaemonExecutor, NoEventLoop
from blackboard.settings.sections import DaemonSection
from tests.support.bounds import BOUND_SECONDS


class Job(Mark, kind="job", on_repeat="separate"):
    pass


@pytest.fixture
def board(board_url: str, clock: ManualClock) -> Iterator[Blackboard]:
    with Blackboard.open(board_url, clock=clock, kinds=(Job,)) as opened:
        yield opened


@pytest.fixture
def loop() -> Iterator[AgentLoop]:
    loop = AgentLoop()
    yield loop
    loop.close()


def serve(board: Blackboard, *agents: Agent, jobs: int) -> DaemonLoop:
    board.deploy(*agents, kinds=(Job,))
    for number in range(jobs):
        board.deposit(Job(subject=f"job/{number}"))
    return DaemonLoop(board, agents, DaemonSection(workers=8), rng=random.Random(1))


def ends(board: Blackboard) -> list[tuple[str, int]]:
    return [(row.state, row.attempt) for row in board.activations(limit=100)]


def test_all_activations_share_one_loop_and_one_thread(board: Blackboard) -> None:
    seen = set()
    queue: asyncio.Queue[str] = asyncio.Queue()  # belongs to the first loop that waits for it

    async def use(job: Job) -> None:
        seen.add((id(asyncio.get_running_loop()), threading.get_ident()))
        waiting = asyncio.create_task(queue.get())
        await asyncio.sleep(0)
        await queue.put(job.subject)
        await waiting

    @agent(watches=strength(Job) >= 0.5, batch=1)
    async def first(jobs: list[Job], context: Any) -> None:
        await use(jobs[0])

    @agent(watches=strength(Job) >= 0.5, batch=1)
    async def second(jobs: list[Job], context: Any) -> None:
        await use(jobs[0])

    serve(board, first, second, jobs=20).run(until_quiescent=True)
    assert ends(board) == [("done", 1)] * 40
    assert len(seen) == 1


def test_activations_wait_for_each_other_on_the_loop(board: Blackboard) -> None:
    arrived: list[str] = []
    both = asyncio.Event()

    @agent(watches=strength(Job) >= 0.5, batch=1, concurrency=2)
    async def worker(jobs: list[Job], context: Any) -> None:
        arrived.append(jobs[0].subject)
        if len(arrived) == 2:
            both.set()
        await asyncio.wait_for(both.wait(), BOUND_SECONDS)

    serve(board, worker, jobs=2).run(until_quiescent=True)
    assert ends(board) == [("done", 1)] * 2


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, asyncio.CancelledError, ValueError])
def test_no_error_ends_the_loop(board: Blackboard, error: type[BaseException]) -> None:
    async def fail_later() -> None:
        raise error

    @agent(watches=strength(Job) >= 0.5, batch=1, max_attempts=1, cooldown_after_failures=99)
    async def worker(jobs: list[Job], context: Any) -> None:
        context.left = asyncio.create_task(fail_later())
        await asyncio.sleep(0)
        if jobs[0].subject == "job/1":
            raise error

    serve(board, worker, jobs=3).run(until_quiescent=True)
    assert sorted(ends(board)) == [("dead", 1), ("done", 1), ("done", 1)]


def test_an_activation_past_its_timeout_is_cancelled(board: Blackboard) -> None:
    cleaned = threading.Event()

    @agent(watches=strength(Job) >= 0.5, batch=1, max_attempts=1, timeout="1m", cooldown_after_failures=99)
    async def worker(jobs: list[Job], context: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    daemon = serve(board, worker, jobs=1)
    daemon.start()
    daemon.run_once()
    [run] = daemon.runs.current()
    run.deadline = 0
    daemon.run_once()
    assert cleaned.wait(BOUND_SECONDS)
    assert ends(board) == [("dead", 1)]
    daemon.close()


def test_the_end_of_the_daemon_cancels_what_is_left(board: Blackboard) -> None:
    waits, cleaned = threading.Event(), threading.Event()

    @agent(watches=strength(Job) >= 0.5, batch=1)
    async def worker(jobs: list[Job], context: Any) -> None:
        waits.set()
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    daemon = serve(board, worker, jobs=1)
    thread = threading.Thread(target=daemon.run)
    thread.start()
    assert waits.wait(BOUND_SECONDS)
    daemon.stop(now=True)
    thread.join(BOUND_SECONDS)
    assert cleaned.is_set()
    assert ends(board) == [("ready", 0)]


def block(until: threading.Event) -> None:
    assert until.wait(BOUND_SECONDS)


def test_a_function_that_blocks_the_loop_is_named_while_it_blocks(loop: AgentLoop) -> None:
    lines: list[dict[str, Any]] = []
    named = threading.Event()

    def collect(logger: Any, method: str, event: Any) -> Any:
        lines.append(dict(event))
        named.set()
        raise structlog.DropEvent

    async def rude() -> str:
        async def helper() -> None:
            block(named)

        await asyncio.create_task(helper())
        return "done"

    structlog.configure([collect])
    assert loop.run(1, "rude_agent", rude()) == "done"
    [line] = lines
    assert line["agent"] == "rude_agent"
    first = inspect.getsourcelines(test_a_function_that_blocks_the_loop_is_named_while_it_blocks)[1]
    file, _, number = line["function"].rpartition(":")
    assert (file, int(number) - first in range(5, 20)) == (__file__, True)
    assert line["blocked_in"].rpartition(":")[0] == threading.__file__


def test_a_busy_loop_that_is_not_blocked_is_not_reported(loop: AgentLoop) -> None:
    async def polite() -> None:
        deadline = asyncio.get_running_loop().time() + 1.5
        while asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0)

    with structlog.testing.capture_logs() as lines:
        loop.run(1, "polite", polite())
    assert lines == []


def test_threads_of_the_loop_start_at_once(loop: AgentLoop) -> None:
    meet = threading.Barrier(40, timeout=BOUND_SECONDS)  # more than the usual executor has

    async def many() -> int:
        return len(await asyncio.gather(*(asyncio.to_thread(meet.wait, BOUND_SECONDS) for _ in range(40))))

    assert loop.run(1, "many", many()) == 40


def test_threads_of_the_loop_do_not_delay_the_end_of_the_process() -> None:
    executor = DaemonExecutor()
    ready, release = threading.Event(), threading.Event()

    def work() -> bool:
        ready.set()
        return release.wait(BOUND_SECONDS)

    future = executor.submit(work)
    assert ready.wait(BOUND_SECONDS)
    threads = [thread for thread in threading.enumerate() if thread.name == "blackboard-agent"]
    assert threads
    assert all(thread.daemon for thread in threads)
    executor.shutdown()  # does not wait
    release.set()
    assert future.result(BOUND_SECONDS)


def test_a_loop_without_descriptors_leaves_nothing_half_made(loop: AgentLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    async def work() -> int:
        return 1

    with monkeypatch.context() as patch:
        patch.setattr(socket, "socketpair", refuse)
        with pytest.raises(NoEventLoop):
            loop.run("first", "agent", work())
        gc.collect()  # a half-made loop would report itself, which fails this test
    assert loop.run("second", "agent", work()) == 1


def test_a_loop_that_has_ended_takes_nothing_more(loop: AgentLoop) -> None:
    loop.close()

    async def late() -> None:
        raise AssertionError

    work = late()
    with pytest.raises(RuntimeError, match="the daemon has ended"):
        loop.run(1, "late", work)
    work.close()
