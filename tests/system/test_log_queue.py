"""A log line never decides about work: to log neither blocks nor raises, and lost lines are counted."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog

from blackboard.system import log_queue
from blackboard.system.log_queue import MAX_LINES, Log
from tests.support.bounds import BOUND_SECONDS

PACKAGE = Path(log_queue.__file__).parents[1]


def write_to(write: Callable[[str], Any]) -> None:
    """Configure a log whose lines go to a function."""

    class Stream:
        def write(self, text: str) -> int:
            write(text)
            return len(text)

        def flush(self) -> None:
            pass

    stream: Any = Stream()
    structlog.configure([structlog.processors.JSONRenderer()], logger_factory=structlog.WriteLoggerFactory(stream))


def test_lines_are_written_in_order() -> None:
    lines: list[str] = []
    write_to(lines.append)
    for number in range(100):
        Log("test").info("line", number=number)
    assert log_queue.flush(BOUND_SECONDS)
    assert [int(re.findall(r"\d+", line)[0]) for line in lines] == list(range(100))


def test_a_stalled_reader_blocks_nobody_and_lost_lines_are_counted() -> None:
    lines: list[str] = []
    reads, stalls = threading.Event(), threading.Event()

    def write(text: str) -> None:
        stalls.set()
        assert reads.wait(BOUND_SECONDS)
        lines.append(text)

    write_to(write)
    before, log = log_queue.dropped_line_count(), Log("test")
    log.info("first")
    assert stalls.wait(BOUND_SECONDS)
    for _ in range(MAX_LINES + 7):
        log.info("next")
    assert log_queue.dropped_line_count() - before == 7
    assert not log_queue.flush(0)
    reads.set()
    assert log_queue.flush(BOUND_SECONDS)
    assert len([line for line in lines if "next" in line]) == MAX_LINES
    assert len([line for line in lines if '"lines": 7' in line and "dropped" in line]) == 1


def test_long_lines_are_bounded_by_their_length(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    reads, stalls = threading.Event(), threading.Event()

    def write(text: str) -> None:
        stalls.set()
        assert reads.wait(BOUND_SECONDS)
        lines.append(text)

    write_to(write)
    monkeypatch.setattr(log_queue, "MAX_CHARACTERS", 1000)
    before, log = log_queue.dropped_line_count(), Log("test")
    log.info("first")
    assert stalls.wait(BOUND_SECONDS)
    for _ in range(5):
        log.info("x" * 300)
    assert log_queue.dropped_line_count() - before == 2
    reads.set()
    assert log_queue.flush(BOUND_SECONDS)
    log.info("x" * 300)
    assert log_queue.flush(BOUND_SECONDS)
    assert len([line for line in lines if "xxx" in line]) == 4


def test_a_stream_that_breaks_raises_nothing_and_is_used_again() -> None:
    lines: list[str] = []
    broken = True

    def write(text: str) -> None:
        if broken:
            raise BrokenPipeError
        lines.append(text)

    write_to(write)
    before, log = log_queue.dropped_line_count(), Log("test")
    for _ in range(3):
        log.error("lost")
    assert log_queue.flush(BOUND_SECONDS)
    assert log_queue.dropped_line_count() - before == 3
    broken = False
    log.info("found")
    assert log_queue.flush(BOUND_SECONDS)
    assert ["found" in lines[0], "dropped" in lines[1], len(lines)] == [True, True, 2]


def test_a_processor_or_a_logger_that_fails_raises_nothing() -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise ValueError("a fault of the configuration")

    before = log_queue.dropped_line_count()
    structlog.configure([fail])
    Log("test").info("line")
    structlog.configure([structlog.processors.JSONRenderer()], logger_factory=fail)
    Log("test").warning("line")
    assert log_queue.dropped_line_count() - before == 2


def test_a_forked_child_logs_with_a_writer_of_its_own() -> None:
    reader, writer = os.pipe()
    write_to(lambda text: os.write(writer, text.encode()))
    Log("test").info("parent")
    assert log_queue.flush(BOUND_SECONDS)
    assert b"parent" in os.read(reader, 1000)
    if (child := os.fork()) == 0:  # pragma: no cover
        Log("test").info("child")
        os._exit(0 if log_queue.flush(BOUND_SECONDS) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert b"child" in os.read(reader, 1000)
    os.close(reader)
    os.close(writer)


def test_every_log_of_the_package_is_queued() -> None:
    asks = re.compile(r"structlog\.(get|wrap)_logger|getLogger\(")
    users = [path.name for path in PACKAGE.rglob("*.py") if asks.search(path.read_text("utf-8"))]
    # anthropic_client.py silences the loggers of the SDK.
    assert sorted(users) == ["anthropic_client.py", "log_queue.py"]
