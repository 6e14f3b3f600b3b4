"""Threads of tests, which must end: a thread that hangs fails its test where it is waited for."""

from __future__ import annotations

from threading import Thread

from tests.support.bounds import BOUND_SECONDS


def join_all(*threads: Thread) -> None:
    """Wait for threads, and check that each has ended."""
    for thread in threads:
        thread.join(BOUND_SECONDS)
    assert [thread.name for thread in threads if thread.is_alive()] == []
