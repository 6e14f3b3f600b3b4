"""Metrics of the requests that this server has handled. They are counted in its event loop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from blackboard.server.monitoring.metric_families import MetricCounter, MetricHistogram, gauge
from blackboard.server.request_batcher import RequestBatcher
from blackboard.server.work_threads import WorkThreads

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class RequestMetrics(Collector):
    """The metrics of the requests to one server.

    Args:
        threads: The threads of each pool.
    """

    def __init__(self, threads: Mapping[str, WorkThreads | RequestBatcher[Any, Any]]) -> None:
        self._threads = threads
        self._responses = MetricCounter("http_requests", "Requests that were handled.", ("operation", "status"))
        self._times = MetricHistogram(
            "http_request_seconds", "The time from the headers of a request to its response.", "operation", BOUNDS
        )

    def count(self, operation: str, status: int, seconds: float) -> None:
        """Count a response."""
        self._responses.add((operation, str(status)))
        self._times.observe(operation, seconds)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        yield self._responses.family()
        yield self._times.family()
        present = [((name,), pool.in_progress) for name, pool in self._threads.items()]
        yield gauge("http_requests_present", "Requests that use the board or wait for it.", ("pool",), present)
