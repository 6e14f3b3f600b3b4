"""Log configuration: readable lines on a terminal, one JSON object per line otherwise; always on stderr."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from blackboard.cli.standard_streams import LogStream
from blackboard.clock import Clock, SystemClock, iso


def configure(level: int = logging.INFO, clock: Clock | None = None) -> None:
    """Configure structured logs for this process."""
    clock = clock or SystemClock()

    def stamp(logger: Any, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        event["at"] = iso(clock.now())
        return event

    for_people = sys.stderr.isatty()
    stream: Any = LogStream(sys.stderr)  # structlog only calls `write` and `flush`
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            stamp,
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(timestamp_key="at") if for_people else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
