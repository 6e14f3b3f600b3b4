"""A trouble of the daemon is logged once, and its end once, however often it shows itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from blackboard import ManualClock
from blackboard.daemon.loop.troubles import BOARD_TROUBLE, OTHER_TROUBLE, THREADS_TROUBLE, Troubles, is_bug, trouble_of
from blackboard.errors import StoreBusy, StoreError, StoreExhausted, StoreMissing

FULL = StoreExhausted("board.db: the disk is full")


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with capture_logs() as entries:
        yield entries


class Reports(list[str | None]):
    """What the service manager is told."""


@pytest.fixture
def reports() -> Reports:
    return Reports()


@pytest.fixture
def troubles(clock: ManualClock, reports: Reports) -> Troubles:
    return Troubles(clock, reports.append)


def said(logs: list[Any]) -> list[str]:
    return [entry["event"] for entry in logs]


def test_a_disk_that_is_full_for_every_other_write_is_one_trouble(
    troubles: Troubles, clock: ManualClock, logs: list[Any], reports: Reports
) -> None:
    for _ in range(2000):
        troubles.note(FULL)
        clock.advance(timedelta(seconds=1))
        troubles.end()
    assert said(logs) == [BOARD_TROUBLE.begins]
    clock.advance(timedelta(minutes=1))
    troubles.end()
    troubles.end()
    assert said(logs) == [BOARD_TROUBLE.begins, BOARD_TROUBLE.ends]
    assert reports == ["the board cannot be used: board.db: the disk is full", None]
    assert troubles.next_end() is None


def test_a_file_that_was_missing_is_there_again_at_once(troubles: Troubles, logs: list[Any]) -> None:
    troubles.note(StoreMissing("board.db was removed"))
    troubles.end()
    assert said(logs) == [BOARD_TROUBLE.begins, BOARD_TROUBLE.ends]


def test_each_error_of_a_trouble_is_logged_once_and_only_some(troubles: Troubles, logs: list[Any]) -> None:
    for _ in range(3):
        troubles.note(FULL)
        troubles.note(StoreBusy("another process held board.db"))
    assert [entry["error"] for entry in logs] == [str(FULL), "another process held board.db"]
    for number in range(100):
        troubles.note(StoreExhausted(f"page {number}"))
    assert len(logs) == 10


def test_a_trouble_ends_while_another_lasts(
    troubles: Troubles, clock: ManualClock, logs: list[Any], reports: Reports
) -> None:
    troubles.note(RuntimeError("can't start new thread"))
    clock.advance(timedelta(seconds=40))
    troubles.note(FULL)
    clock.advance(timedelta(seconds=30))
    troubles.end()
    assert said(logs) == [THREADS_TROUBLE.begins, BOARD_TROUBLE.begins, THREADS_TROUBLE.ends]
    assert reports[-1] is not None
    clock.advance(timedelta(seconds=30))
    troubles.end()
    assert said(logs)[3:] == [BOARD_TROUBLE.ends]
    assert reports[-1] is None


def test_an_own_error_is_logged_with_its_place_and_without_its_words(troubles: Troubles, logs: list[Any]) -> None:
    try:
        raise ValueError("the words of a lead")
    except ValueError as error:
        troubles.note(error)
    assert said(logs) == [OTHER_TROUBLE.begins]
    assert logs[0]["error"].startswith("ValueError (")
    assert "test_troubles.py:" in logs[0]["error"]
    assert "lead" not in logs[0]["error"]


@pytest.mark.parametrize(
    ("error", "trouble", "bug"),
    [
        (StoreError("it cannot be used"), BOARD_TROUBLE, False),
        (RuntimeError("can't start new thread"), THREADS_TROUBLE, False),
        (MemoryError(), OTHER_TROUBLE, False),
        (OSError(24, "Too many open files"), OTHER_TROUBLE, False),
        (RuntimeError("dictionary changed size during iteration"), OTHER_TROUBLE, True),
        (KeyError("lead"), OTHER_TROUBLE, True),
    ],
)
def test_what_the_system_lacks_is_told_from_a_mistake(error: Exception, trouble: Any, bug: bool) -> None:
    assert trouble_of(error) is trouble
    assert is_bug(error) is bug
