"""Observations of the board for the conditions of scents: pheromones, traces, and the emissions of the last hour."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from blackboard import Blackboard, MarkRecord, StreamEvent
from blackboard.clock import Instant, from_datetime
from blackboard.core.records.event_kinds import JOINS
from blackboard.durations import MILLISECOND
from blackboard.server.sbp.pheromones import law_of
from blackboard.server.sbp.sbp_marks import Pheromone, Scent, Trace, fields_of, live_records
from blackboard.server.sbp.scents.condition_evaluation import EmissionRecord, FadingPheromone, Observation, TraceValue
from blackboard.server.sbp.scents.scent_conditions import MAX_WINDOW_MS

EVENTS_PER_READ = 1000
"""How many events are read in one transaction."""
PAST_EVENTS = 10_000
"""How many events before its start a reader searches for emissions."""
MAX_EMISSIONS = 100_000
"""How many emissions are remembered. If an hour has more, long windows count only the newest emissions."""
MEASURED = frozenset({Pheromone.kind, Scent.kind, Trace.kind})
"""The kinds of marks that conditions measure, and the kind of scents, which have the conditions."""


class EmissionReader:
    """Follows the events of a board, and remembers the emissions of the last hour.

    Args:
        board: The board that the server serves.
    """

    def __init__(self, board: Blackboard) -> None:
        self._board = board
        self._emissions: deque[EmissionRecord] = deque(maxlen=MAX_EMISSIONS)
        self._position = max(0, board.stream_position().event_id - PAST_EVENTS)

    def read(self) -> bool:
        """Read the events since the last call, and return whether a condition may have changed by them."""
        is_measured = False
        while True:
            events = self._board.mark_events(after=self._position, limit=EVENTS_PER_READ)
            for event in events:
                self._position = event.id
                if event.kind in MEASURED:
                    is_measured = True
                    self._remember(event)
            if len(events) < EVENTS_PER_READ:
                return is_measured

    def _remember(self, event: StreamEvent) -> None:
        if event.kind == Pheromone.kind and event.event in JOINS:
            trail, type_ = event.tags["trail"], event.tags["type"]
            self._emissions.append(EmissionRecord(from_datetime(event.recorded_at), str(trail), str(type_)))

    def recent(self, now: Instant) -> tuple[EmissionRecord, ...]:
        """Return the emissions that a window may have, oldest first."""
        start = now - MAX_WINDOW_MS * MILLISECOND
        while self._emissions and self._emissions[0].at < start:
            self._emissions.popleft()
        return tuple(self._emissions)


def observe_board(board: Blackboard, emissions: Iterable[EmissionRecord] = ()) -> tuple[Observation, Instant]:
    """Return the present pheromones and traces with the given emissions, and the instant at which they were read."""
    records = live_records(board, Pheromone)
    traces = [
        TraceValue(fields["trail"], fields["key"], fields["value"])
        for fields in map(fields_of, live_records(board, Trace))
    ]
    now = from_datetime(records[0].as_of if records else board.now())
    return Observation(tuple(map(_fading_pheromone, records)), tuple(emissions), tuple(traces)), now


def _fading_pheromone(record: MarkRecord) -> FadingPheromone:
    fields = fields_of(record)
    ends = record.evaporates_at
    return FadingPheromone(
        id=record.id,
        trail=fields["trail"],
        type=fields["type"],
        tags=fields["tags"],
        intensity=record.intensity,
        law=law_of(record),
        fades_from=from_datetime(record.fades_from),
        evaporates_at=None if ends is None else from_datetime(ends),
    )
