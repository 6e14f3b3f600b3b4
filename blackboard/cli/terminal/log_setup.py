"""Log configuration: readable lines on a terminal, one JSON object per line otherwise; always on stderr."""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog

from blackboard.cli.terminal.standard_streams import LogStream
from blackboard.cli.terminal.table_layout import clean_text
from blackboard.clock import Clock, SystemClock, iso
from blackboard.system.error_descriptions import class_name, place_in, shows_messages
from blackboard.system.log_queue import Log


def configure(level: int = logging.INFO, clock: Clock | None = None) -> None:
    """Configure structured logs for this process."""
    clock = clock or SystemClock()

    def stamp(logger: Any, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        event["at"] = iso(clock.now())
        return event

    def show(logger: Any, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        """Convert each text to one line without control characters, which the renderer would print on the terminal."""
        shown = {name: clean_text(value) if isinstance(value, str) else value for name, value in event.items()}
        if isinstance(trace := event.get("exception"), str):  # a traceback has several lines, all of them indented
            shown["exception"] = "\n".join(f"    {clean_text(line)}" for line in trace.splitlines())
        return shown

    for_people = sys.stderr.isatty()
    render: list[Any] = [structlog.processors.JSONRenderer()]  # JSON escapes control characters
    if for_people:
        # `format_exc_info` has made the error a text. With another formatter, structlog before 26.1 warns of this.
        plain = structlog.dev.plain_traceback
        render = [show, structlog.dev.ConsoleRenderer(timestamp_key="at", exception_formatter=plain)]
    stream: Any = LogStream(sys.stderr)  # structlog only calls `write` and `flush`
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            stamp,
            structlog.processors.format_exc_info,
            *render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )


@contextmanager
def log_thread_errors() -> Iterator[None]:
    """Log warnings, and uncaught errors in threads and finalizers, whose messages Python would print."""
    log = Log("blackboard")

    def log_thread(failure: threading.ExceptHookArgs) -> None:
        if failure.exc_type is not SystemExit:
            log.error("a thread failed", error=failure.exc_value)

    def log_ignored(failure: Any) -> None:
        log.error("an error could not be raised", error=failure.exc_value)

    def log_warning(message: Any, category: type[Warning], filename: str, lineno: int, *_: Any, **__: Any) -> None:
        text = str(message) if shows_messages() else None
        log.warning("Python warns", category=class_name(category), place=place_in(filename, lineno), message=text)

    hooks = threading.excepthook, sys.unraisablehook, warnings.showwarning
    threading.excepthook, sys.unraisablehook = log_thread, log_ignored
    warnings.showwarning = log_warning
    try:
        yield
    finally:
        threading.excepthook, sys.unraisablehook, warnings.showwarning = hooks
