"""The page of a subject: its marks over time, every event, where its marks came from, and why agents wake or wait."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlencode

from pydantic import Field

from blackboard import Blackboard, Explanation, MarkEvent
from blackboard.board import page_readings
from blackboard.core.records.event_kinds import DEPARTURES
from blackboard.errors import NotFound
from blackboard.server.pages.chart_data import epoch_milliseconds, law_for_browser, threshold_lines
from blackboard.server.pages.page_definition import LivePage, PageCall, PageContent, PageFields

MAX_EVENTS_OF_A_SUBJECT = 500
"""How many events the page shows, newest first."""
MAX_MEASURED = 20_000
"""If a watch over the board measures more live marks, the page does not explain the watch, because it would read all
these marks."""
MAX_ACTIVATIONS = 30
"""How many activations the graph shows, newest first."""
MAX_ALIKE = 6
"""How many marks of a kind have boxes of their own beside an activation. More marks of the kind share a box."""
COLUMN_DISTANCE, LINE_DISTANCE = 240, 46
"""The distances between two columns and between two lines of the graph, in units of the drawing."""
BOX_WIDTH, BOX_HEIGHT = 190, 34


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


@dataclass(frozen=True)
class Node:
    """A mark or an activation in the graph."""

    key: str
    label: str
    detail: str
    link: str
    is_mark: bool
    x: int
    y: int


class BoxLabel(NamedTuple):
    """The texts of a box in the graph, and the parameters of the page that it links to."""

    label: str
    detail: str
    query: str


@dataclass(frozen=True)
class Edge:
    """An arrow in the graph."""

    path: str


@dataclass(frozen=True)
class Graph:
    """The origin of the marks of a subject: source marks, the activations that were given them, and their results."""

    width: int
    height: int
    nodes: Sequence[Node]
    edges: Sequence[Edge]
    older: int | None
    """The oldest activation that is shown; None if there are no older activations."""


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
            "graph": _graph(board, events, parameters.before),
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


def _graph(board: Blackboard, events: Sequence[MarkEvent], before: int | None) -> Graph | None:
    """Return the graph of the activations behind the events of a subject, up to the activation `before`."""
    found = sorted({event.activation_id for event in events if event.activation_id is not None}, reverse=True)
    wanted = [number for number in found if before is None or number < before]
    layers: dict[str, int] = {}
    labels: dict[str, BoxLabel] = {}
    links: list[tuple[str, str]] = []
    boxes: dict[int, str] = {}
    for activation_id in sorted(wanted[:MAX_ACTIVATIONS]):
        try:
            details = board.activation(activation_id)
        except NotFound:  # retention has removed the activation
            continue
        run, state = f"activation-{activation_id}", details.activation.state
        given = {mark.mark_id: (mark.kind or "mark", mark.subject or "") for mark in details.marks}
        made = {event.mark_id: (event.kind, event.subject) for event in details.deposits}
        sources = _boxes(f"in-{activation_id}", given, boxes, labels)
        for source in sources:
            layers.setdefault(source, 0)
        layers[run] = max((layers[source] for source in sources), default=-1) + 1
        labels[run] = BoxLabel(details.activation.agent, f"activation {activation_id}, {state}", f"id={activation_id}")
        boxed = _boxes(f"out-{activation_id}", made, boxes, labels)
        results = [box for box in boxed if box not in sources]  # an activation may reinforce a mark that it was given
        for result in results:
            layers.setdefault(result, layers[run] + 1)
        links += [*((source, run) for source in sources), *((run, result) for result in results)]
    if not links:
        return None
    older = wanted[MAX_ACTIVATIONS - 1] if len(wanted) > MAX_ACTIVATIONS else None
    return _laid_out(layers, labels, links, older)


def _boxes(
    place: str,
    marks: Mapping[int, tuple[str, str]],
    boxes: dict[int, str],
    labels: dict[str, BoxLabel],
) -> list[str]:
    """Return the boxes of marks. A mark without a box gets a new box, which many marks of a kind share.

    Args:
        place: Before or after which activation the marks are.
        marks: The kind and the subject of each by its id.
        boxes: The box of each mark in the graph. It is extended.
        labels: The labels of each box. It is extended.
    """
    by_kind = defaultdict(list)
    for mark_id, (kind, _) in marks.items():
        if mark_id not in boxes:
            by_kind[kind].append(mark_id)
    for kind, alike in by_kind.items():
        if len(alike) <= MAX_ALIKE:
            for mark_id in alike:
                boxes[mark_id] = f"mark-{mark_id}"
                labels[boxes[mark_id]] = _mark_label(kind, mark_id, marks[mark_id][1])
            continue
        subjects = {marks[mark_id][1] for mark_id in alike}
        words = f"of {len(subjects):,} subjects" if len(subjects) > 1 else subjects.pop()
        boxes |= dict.fromkeys(alike, f"{place}-{kind}")
        labels[f"{place}-{kind}"] = BoxLabel(f"{len(alike):,} × {kind}", words, f"id={place.rpartition('-')[2]}")
    return list(dict.fromkeys(boxes[mark_id] for mark_id in marks))


def _mark_label(kind: str, mark_id: int, subject: str) -> BoxLabel:
    return BoxLabel(f"{kind} {mark_id}", subject, urlencode({"subject": subject} if subject else {"mark": mark_id}))


def _laid_out(
    layers: Mapping[str, int],
    labels: Mapping[str, BoxLabel],
    links: Sequence[tuple[str, str]],
    older: int | None,
) -> Graph:
    """Return a graph whose columns are the layers, each node in the next free line of its column."""
    used: dict[int, int] = defaultdict(int)
    nodes = {}
    for key, layer in layers.items():
        label, detail, query = labels[key]
        is_mark = not key.startswith("activation-")
        link = f"/{'activation' if query.startswith('id=') else 'subject'}?{query}"
        nodes[key] = Node(
            key=key,
            label=label,
            detail=detail,
            link=link,
            is_mark=is_mark,
            x=layer * COLUMN_DISTANCE,
            y=used[layer] * LINE_DISTANCE,
        )
        used[layer] += 1
    edges = []
    for start, end in links:
        first, last = nodes[start], nodes[end]
        x, y, to_x, to_y = first.x + BOX_WIDTH, first.y + BOX_HEIGHT // 2, last.x, last.y + BOX_HEIGHT // 2
        middle = (x + to_x) // 2
        edges.append(Edge(f"M{x} {y}C{middle} {y} {middle} {to_y} {to_x} {to_y}"))
    width = (max(layers.values()) + 1) * COLUMN_DISTANCE - (COLUMN_DISTANCE - BOX_WIDTH)
    return Graph(width, max(used.values()) * LINE_DISTANCE, list(nodes.values()), edges, older)


PAGE = LivePage(
    "subject",
    "/subject",
    "Subjects",
    read=show_subject,
    about="All that the board knows of one subject: its marks over time, and why agents woke or wait.",
    withheld_if_redacted=True,
)
