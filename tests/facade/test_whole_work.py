"""A call does its whole work before it returns, and a function whose call would do nothing is refused."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from blackboard import Blackboard, Daemon, ManualClock, Mark, agent, strength
from blackboard.errors import ConfigurationError, InvalidMark, UsageError


class Job(Mark, kind="job", on_repeat="separate"):
    pass


class Done(Mark, kind="done_job", on_repeat="separate"):
    pass


async def coroutine(*arguments: Any) -> bool:
    return False


def generator(*arguments: Any) -> Iterator[bool]:
    yield False


async def asynchronous_generator(*arguments: Any) -> AsyncIterator[bool]:
    yield False


class Callable:
    async def __call__(self, *arguments: Any) -> bool:
        return False


LAZY: list[Any] = [coroutine, generator, asynchronous_generator, Callable(), functools.partial(coroutine, 1)]


@pytest.fixture
def board(board_url: str, clock: ManualClock) -> Iterator[Blackboard]:
    with Blackboard.open(board_url, clock=clock) as board:
        yield board


def test_no_method_of_a_board_is_lazy() -> None:
    for name, method in inspect.getmembers(Blackboard, inspect.isfunction):
        assert not inspect.isgeneratorfunction(method), name
        assert not inspect.iscoroutinefunction(method), name


def test_many_deposits_are_stored_without_reading_their_receipts(board: Blackboard) -> None:
    board.deposit_many(Job(subject=str(n)) for n in range(3))
    assert len(board.marks(Job)) == 3


@pytest.mark.parametrize("lazy", LAZY, ids=["coroutine", "generator", "asynchronous_generator", "callable", "partial"])
@pytest.mark.parametrize("place", ["publish", "isolate"])
def test_a_hook_that_would_do_nothing_is_refused(place: str, lazy: Any) -> None:
    declare = agent(watches=strength(Job) >= 0.5, **{place: lazy})
    with pytest.raises(ConfigurationError, match=f"{place}: calling it does nothing until"):

        @declare
        def worker(marks: Any, context: Any) -> None:
            return None


def test_an_agent_that_is_an_asynchronous_generator_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="asynchronous generator"):

        @agent(watches=strength(Job) >= 0.5)
        async def worker(marks: Any, context: Any) -> Any:
            yield Done(subject="s")


def test_a_hook_that_returns_a_coroutine_does_not_pass_for_done(board: Blackboard) -> None:
    def isolate(mark: Mark) -> Any:
        return coroutine(mark)

    @agent(watches=strength(Job) >= 0.5, batch=2, isolate=isolate, max_attempts=1)
    def worker(marks: Any, context: Any) -> None:
        return None

    board.deploy(worker)
    board.deposit_many([Job(subject="a"), Job(subject="b")])
    daemon, errors = Daemon(board, [worker]), []
    daemon.on_event.append(lambda event, details: errors.append(str(details.get("error"))))
    daemon.run(until_quiescent=True)
    assert any("isolate: calling it does nothing" in error for error in errors)


def test_offline_rules_that_are_lazy_fail(board: Blackboard) -> None:
    @agent(watches=strength(Job) >= 0.5, max_attempts=1)
    def worker(marks: Any, context: Any) -> None:
        context.ask("system", {}, Job, offline=coroutine)

    board.deploy(worker)
    board.deposit(Job(subject="a"))
    Daemon(board, [worker]).run(until_quiescent=True)
    (activation,) = board.activations()
    assert "offline: calling it does nothing" in (activation.error or "")


def test_a_generator_may_be_an_agent_and_fails_like_any_other(board: Blackboard) -> None:
    @agent(watches=strength(Job) >= 0.5, writes=(kind for kind in [Done]), max_attempts=1)  # type: ignore[arg-type]
    def worker(marks: Any, context: Any) -> Iterator[Done]:
        for mark in marks:
            yield Done(subject=mark.subject)
            if mark.subject == "bad":
                raise ValueError("half way")

    board.deploy(worker)
    board.deposit(Job(subject="good"))
    Daemon(board, [worker]).run(until_quiescent=True)
    board.deposit(Job(subject="bad"))
    Daemon(board, [worker]).run(until_quiescent=True)
    assert [mark.subject for mark in board.marks(Done)] == ["good"]
    assert [item.state for item in board.activations()] == ["dead", "done"]


def test_a_coroutine_cannot_subscribe(board: Blackboard) -> None:
    with pytest.raises(TypeError, match="coroutine function"):
        board.subscribe(coroutine)  # type: ignore[arg-type]


def test_too_few_or_too_many_keys_store_nothing(board: Blackboard) -> None:
    items = [Job(subject=str(n)) for n in range(1500)]
    keys = [f"k{n}" for n in range(1500)]
    with pytest.raises(ValueError, match="keys is shorter than items"):
        board.deposit_many(items, keys=keys[1:])
    with pytest.raises(ValueError, match="keys is longer than items"):
        board.deposit_many(items[1:], keys=keys)
    with pytest.raises(UsageError, match="one key for each item"):
        board.deposit_many(items[:4], keys="k123")
    assert board.marks() == []
    with pytest.raises(ValueError, match="keys is shorter than items; 1000 items handled before"):
        board.deposit_many(iter(items), keys=iter(keys[1:]))
    assert len(board.marks()) == 1000


def test_a_board_that_cannot_be_used_leaves_nothing_open(tmp_path: Path, board_url: str) -> None:
    from pydantic import Field

    class Lossy(Mark, kind="lossy"):
        value: str = Field(default="", exclude=True)

    descriptors = Path("/proc/self/fd")
    before = sorted(descriptors.iterdir()) if descriptors.exists() else []
    with pytest.raises(UsageError):
        Blackboard.open(board_url, kinds=[Lossy])
    assert (sorted(descriptors.iterdir()) if descriptors.exists() else []) == before
    assert not (tmp_path / "board.db").exists()


def test_a_daemon_that_has_ended_says_so_instead_of_waking_nobody(board: Blackboard) -> None:
    @agent(watches=strength(Job) >= 0.5)
    def work(jobs: Any, context: Any) -> None: ...

    daemon = Daemon(board, [work])
    daemon.run(until_quiescent=True)
    with pytest.raises(UsageError, match="runs only once"):
        daemon.run(until_quiescent=True)
    Daemon(board, [work]).run(until_quiescent=True)


def test_a_number_that_python_cannot_read_is_refused(board: Blackboard) -> None:
    class Big(Mark, kind="big"):
        """A mark with a whole number."""

        number: int

    board.deposit(Big(subject="fits", number=10**4000))
    with pytest.raises(InvalidMark, match="more than 4300 digits"):
        board.deposit(Big(subject="does not", number=10**4400))
    assert [mark.subject for mark in board.marks()] == ["fits"]
