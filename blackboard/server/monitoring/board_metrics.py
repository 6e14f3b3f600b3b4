"""Metrics of the board for Prometheus.

Gauges show the board as of the scrape. Counters count from the start of this server. They include what other processes
do on the board, because the server reads what happened since the last scrape. No subject and no text of a depositor is
in a label.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from blackboard import Blackboard
from blackboard.board.reading.board_figures import BoardFigures, Happened
from blackboard.clock import Instant, from_datetime, seconds_in
from blackboard.core.records.event_kinds import DEPARTURES, DEPOSITS, JOINS
from blackboard.durations import SECOND, Duration
from blackboard.server.monitoring.metric_families import MetricCounter, MetricHistogram, gauge

MIN_FIGURES_REUSE: Duration = SECOND
"""The shortest time for which figures are reused, so that many monitors cost no more than one monitor."""
REUSE_FACTOR = 20
"""Figures are reused for this many times the time that it took to read them."""

RUN_BOUNDS = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600)
WAIT_BOUNDS = (0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 21_600, 86_400)

COUNTED_ENDS = ("done", "dead")
"""The ends of activations whose counters exist from the start, so that a monitor sees the first end as a change."""


class BoardMetrics(Collector):
    """The metrics of a board, for one server.

    Args:
        board: The board that the server serves.
    """

    def __init__(self, board: Blackboard) -> None:
        self._board = board
        self._lock = threading.Lock()
        self._figures: BoardFigures | None = None
        self._shown_until = 0
        self._deposits = MetricCounter("deposits", "Deposits, without those that repeat a key.", ("kind", "outcome"))
        self._departures = MetricCounter("departures", "Marks that evaporated or were withdrawn.", ("kind", "event"))
        self._crossings = MetricCounter("crossings", "Crossings of watches.", ("agent", "watch"))
        self._activations = MetricCounter("activations", "Activations that ended.", ("agent", "state"))
        self._runs = MetricHistogram(
            "activation_seconds", "The durations of the last attempts of ended activations.", "agent", RUN_BOUNDS
        )
        self._waits = MetricHistogram("wake_seconds", "The time from a crossing to its claim.", "agent", WAIT_BOUNDS)
        self._tokens = MetricCounter("model_tokens", "Tokens of answered model calls.", ("agent", "model", "type"))
        self._usd = MetricCounter("model_usd", "The cost of model calls in US dollars.", ("agent", "model"))

    def refresh(self) -> None:
        """Read new figures, unless the last figures are recent.

        Raises:
            BlackboardError: The board cannot be read.
        """
        clock = self._board.clock
        with self._lock:
            start = clock.monotonic()
            if self._figures is not None and start < self._shown_until:
                return
            figures = self._board.figures(None if self._figures is None else self._figures.position)
            now = clock.monotonic()
            self._figures, self._shown_until = (
                figures,
                now + max(MIN_FIGURES_REUSE, REUSE_FACTOR * (now - start)),
            )
            self._begin(figures)
            self._count(figures.happened)

    def _begin(self, figures: BoardFigures) -> None:
        """Make the counters that are known before anything happens."""
        for kind in figures.marks:
            for outcome in JOINS:
                self._deposits.add((kind, outcome), 0)
        for agent, watch in figures.watches:
            self._crossings.add((agent, watch), 0)
            for state in COUNTED_ENDS:
                self._activations.add((agent, state), 0)

    def _count(self, happened: Happened) -> None:
        """Add the latest events of the board to the counters."""
        for (kind, event), number in happened.events.items():
            if event in DEPOSITS:
                self._deposits.add((kind, event), number)
            elif event in DEPARTURES:
                self._departures.add((kind, event), number)
        for names, number in happened.crossings.items():
            self._crossings.add(names, number)
        for run in happened.ended:
            self._activations.add((run.agent, run.state))
            if run.run_seconds is not None and run.waited_seconds is not None:
                self._runs.observe(run.agent, run.run_seconds)
                self._waits.observe(run.agent, run.waited_seconds)
        for used, tokens in happened.tokens.items():
            self._tokens.add(used, tokens)
        for called, usd in happened.usd.items():
            self._usd.add(called, usd)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        for counted in (self._deposits, self._departures, self._crossings, self._activations, self._tokens, self._usd):
            yield counted.family()
        yield self._runs.family()
        yield self._waits.family()
        if (figures := self._figures) is None:
            return
        now = from_datetime(figures.as_of)
        agents = sorted({agent for agent, _ in figures.watches})
        paused = agents if figures.is_paused else figures.paused_agents
        ages = {agent: seconds_in(now - from_datetime(at)) for agent, at in figures.oldest.items()}
        yield gauge("marks", "Live marks.", ("kind",), _by_name(figures.marks))
        yield gauge(
            "agenda_waiting", "Waiting crossings, by what holds them.", ("agent", "held"), figures.waiting.items()
        )
        yield gauge("agenda_oldest_seconds", "The age of the oldest waiting crossing.", ("agent",), _by_name(ages))
        yield gauge(
            "activations_open", "Activations that have not ended.", ("agent", "state"), figures.activations.items()
        )
        served = {agent: agent not in figures.unserved for agent in agents}
        yield gauge("agent_served", "Whether a living daemon claims for the agent.", ("agent",), _by_name(served))
        pauses = {agent: agent in paused for agent in agents}
        yield gauge("agent_paused", "Whether the agent or the board is paused.", ("agent",), _by_name(pauses))
        yield gauge(
            "budget_remaining_usd",
            'What is left of a budget, in US dollars; agent="" is the budget of the board.',
            ("agent", "window"),
            figures.usd_left.items(),
        )
        for name, help_text, value in self._numbers(figures, now):
            if value is not None:
                yield gauge(name, help_text, (), [((), value)])

    def _numbers(self, figures: BoardFigures, now: Instant) -> Iterable[tuple[str, str, float | None]]:
        alarm = figures.next_alarm
        seconds = None if alarm is None else seconds_in(from_datetime(alarm) - now)
        yield "models_paused", "Models that refuse the calls of all agents.", len(figures.paused_models)
        yield "needs_waiting", "Needs that wait for people.", figures.needs
        yield "needs_overdue", "Needs that are overdue.", figures.overdue_needs
        yield "next_alarm_seconds", "The time until the next crossing that needs no deposit.", seconds
        yield "file_bytes", "The size of the database file.", figures.file_bytes
        yield "wal_bytes", "The size of the write-ahead log.", figures.log_bytes
        yield "clock_believed", "0 if the clock is too far ahead to be believed.", figures.is_clock_believed
        yield "workers", "Living daemons and other workers.", figures.workers


def _by_name(values: Mapping[str, float]) -> Iterator[tuple[tuple[str], float]]:
    return (((name,), value) for name, value in values.items())
