"""Functions that make the methods of both clients from the calls.

A method has the name, the text and the signature of its call. `client_methods` lists them.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, ParamSpec, TypeVar

from blackboard.client.calls.event_calls import BoardEvent, Feed
from blackboard.client.requests_and_responses import ClientCall

P = ParamSpec("P")
T = TypeVar("T")


class SyncCallRunner(ABC):
    """Carries out calls, and waits for the responses."""

    @abstractmethod
    def _run(self, call: ClientCall[T]) -> T:
        """Carry out the steps of a call, and return its result."""

    @abstractmethod
    def _follow(self, feed: Feed) -> Iterator[BoardEvent]:
        """Carry out the steps of following events, and yield them."""


class AsyncCallRunner(ABC):
    """Carries out calls, and awaits the responses."""

    @abstractmethod
    async def _run(self, call: ClientCall[T]) -> T:
        """Carry out the steps of a call, and return its result."""

    @abstractmethod
    def _follow(self, feed: Feed) -> AsyncIterator[BoardEvent]:
        """Carry out the steps of following events, and yield them."""


def sync_method(build: Callable[P, ClientCall[T]]) -> Callable[Concatenate[SyncCallRunner, P], T]:
    """Return the method of `Client` that makes a call."""

    def method(self: SyncCallRunner, /, *args: P.args, **options: P.kwargs) -> T:
        return self._run(build(*args, **options))

    _describe(method, build)
    return method


def async_method(
    build: Callable[P, ClientCall[T]],
) -> Callable[Concatenate[AsyncCallRunner, P], Coroutine[Any, Any, T]]:
    """Return the method of `AsyncClient` that makes a call."""

    async def method(self: AsyncCallRunner, /, *args: P.args, **options: P.kwargs) -> T:
        return await self._run(build(*args, **options))

    _describe(method, build)
    return method


def sync_event_method(build: Callable[P, Feed]) -> Callable[Concatenate[SyncCallRunner, P], Iterator[BoardEvent]]:
    """Return the method of `Client` that follows events."""

    def method(self: SyncCallRunner, /, *args: P.args, **options: P.kwargs) -> Iterator[BoardEvent]:
        return self._follow(build(*args, **options))

    _describe(method, build, "Iterator[BoardEvent]")
    return method


def async_event_method(
    build: Callable[P, Feed],
) -> Callable[Concatenate[AsyncCallRunner, P], AsyncIterator[BoardEvent]]:
    """Return the method of `AsyncClient` that follows events."""

    def method(self: AsyncCallRunner, /, *args: P.args, **options: P.kwargs) -> AsyncIterator[BoardEvent]:
        return self._follow(build(*args, **options))

    _describe(method, build, "AsyncIterator[BoardEvent]")
    return method


def _describe(method: Any, build: Callable[..., Any], result: str | None = None) -> None:
    """Give a method the name, the text and the signature of its call."""
    method.__name__, method.__doc__ = build.__name__, build.__doc__
    signature = inspect.signature(build)
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    if result is None:
        result = str(signature.return_annotation).removeprefix("ClientCall[").removesuffix("]")
    method.__signature__ = signature.replace(
        parameters=[itself, *signature.parameters.values()], return_annotation=result
    )
