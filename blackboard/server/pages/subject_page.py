"""The page of a subject: its marks over time, every event, where its marks came from, and why agents wake or wait."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from pydantic import Field

from blackboard import Blackboard, Explanation, MarkEvent
from blackboard.board import page_readings
from blackboard.core.records.event_kinds import DEPARTURES
from blackboard.server.pages.chart_data import epoch_milliseconds, law_for_browser, threshold_lines
from blackboard.server.pages.page_definition import LivePage, PageCall, PageContent, PageFields
from blackboard.server.pages.provenance_graph import provenance_graph

MAX_EVENTS_OF_A_SUBJECT = 500
"""How many events the page shows, newest first."""
MAX_MEASURED = 20_000
"""If a watch over the board measures more live marks, the page does not explain the watch, because it would read all
these marks."""


class SubjectFields(PageFields):
    """The subject that the page shows: by its name, or by the id of one of its marks."""

    subject: str = ""
    mark: int | None = Field(default=None, ge=1)
    events_before: int | None = Field(default=None, ge=1, description="The page shows events before this event.")
    before: int | None = Field(default=None, ge=1, description="The graph shows activations before this activation.")


@dataclass(frozen=True)
class MarkCurve:
    """The curve of a mark between two of its events. Times are milliseconds since the epoch."""

    id: int
    mark_id: int
    kind: str
    law: str
    intensity: float
    start: float
    end: float | None
    """When the next event began another curve, or the mark evaporated; None if the mark fades without an end."""


def show_subject(call: PageCall[SubjectFields]) -> PageContent:
    """Return everything that the board knows of a subject."""
    board, parameters = call.board, call.parameters
    subject = parameters.subject or _subject_of(board, parameters.mark)
    if not subject:
        found = board.subjects(limit=100)
        return PageContent(
            {"subjects": found},
            {"subject": "", "events": [], "graph": None, "explanations": [], "marks": [], "unexplained": []},
        )
    newest = page_readings.newest_events(board, subject, MAX_EVENTS_OF_A_SUBJECT + 1, parameters.events_before)
    events = newest[:MAX_EVENTS_OF_A_SUBJECT][::-1]
    weights = {name: spec.weight for name, spec in board.deployment.kinds.items()}
    curves = list(_curves(events, weights))
    kinds = {event.kind for event in events}
    laws = {text: law_for_browser(page_readings.law(board, text)) for text in {curve.law for curve in curves}}
    watching, unexplained = _watching_agents(call, kinds)
    explanations = [board.explain(agent, subject) for agent in watching]
    return PageContent(
        {
            "subject": subject,
            "subjects": [],
            "marks": board.marks(subject=subject, limit=100),
            "events": list(reversed(events)),
            "explanations": [item for item in explanations if _concerns_subject(item)],
            "graph": provenance_graph(board, events, parameters.before),
        },
        {"unexplained": unexplained, "older": events[0].id if len(newest) > MAX_EVENTS_OF_A_SUBJECT else None},
        {"items": curves},
        {"laws": laws, "thresholds": [item for item in threshold_lines(board.deployment) if item.kind in kinds]},
    )


def _subject_of(board: Blackboard, mark_id: int | None) -> str:
    """Return the subject of a mark; "" if no mark was named.

    Raises:
        NotFound: The mark no longer exists.
    """
    return "" if mark_id is None else board.mark(mark_id).subject


def _watching_agents(call: PageCall[PageFields], kinds: Set[str]) -> tuple[list[str], list[str]]:
    """Return the agents that watch some of these kinds, and the agents that measure too many marks to be explained."""
    watching, unexplained = set(), set()
    for name, spec in call.board.deployment.agents.items():
        for watch in spec.watches:
            own = watch.condition.kinds
            if kinds.isdisjoint(own):
                continue
            watching.add(name)
            if watch.condition.is_over_board:
                counts = call.counts.now()
                if sum(counts.get(kind, 0) for kind in own) > MAX_MEASURED:
                    unexplained.add(name)
    return sorted(watching - unexplained), sorted(unexplained)


def _concerns_subject(explanation: Explanation) -> bool:
    """Return whether an explanation says that the subject concerns the agent."""
    return bool(
        explanation.last
        or explanation.running
        or explanation.deferred
        or any(watch.live_marks or watch.waiting for watch in explanation.watches)
    )


def _curves(events: Sequence[MarkEvent], weights: Mapping[str, float]) -> Iterator[MarkCurve]:
    """Yield how each mark faded from each of its events to the next."""
    by_mark = defaultdict(list)
    for event in events:
        by_mark[event.mark_id].append(event)
    for own in by_mark.values():
        for event, following in zip(own, [*own[1:], None], strict=True):
            if event.event in DEPARTURES:
                continue
            end = following.recorded_at if following is not None else event.evaporates_at
            yield MarkCurve(
                id=event.id,
                mark_id=event.mark_id,
                kind=event.kind,
                law=event.law,
                intensity=event.intensity * weights.get(event.kind, 1.0),
                start=epoch_milliseconds(event.occurred_at),
                end=None if end is None else epoch_milliseconds(end),
            )


PAGE = LivePage(
    "subject",
    "/subject",
    "Subjects",
    read=show_subject,
    about="All that the board knows of one subject: its marks over time, and why agents woke or wait.",
    withheld_if_redacted=True,
)
