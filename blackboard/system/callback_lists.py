"""Lists of callbacks: functions that are called when something happens."""

from __future__ import annotations

import inspect
from collections.abc import Callable


class Listeners:
    """Functions to call at an event. Calling the object calls each of them."""

    def __init__(self) -> None:
        self._functions: list[Callable[[], object]] = []

    def subscribe(self, function: Callable[[], object]) -> Callable[[], None]:
        """Add a function, and return a function that removes it again.

        Raises:
            TypeError: The function is a coroutine function, whose call alone does nothing.
        """
        if inspect.iscoroutinefunction(function):
            raise TypeError(
                f"{function!r} is a coroutine function, which is never awaited here; use an ordinary function"
            )
        self._functions.append(function)

        def unsubscribe() -> None:
            if function in self._functions:
                self._functions.remove(function)

        return unsubscribe

    def __call__(self) -> None:
        """Call each function."""
        for function in tuple(self._functions):
            function()
