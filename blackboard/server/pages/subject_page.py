"""The page of a subject: its marks over time, every event, where its marks came from, and why agents wake or wait."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from pydantic import Field

from blackboard import Blackboard, Explanation, MarkEvent
from blackboard.board import page_readings
from blackboard.errors import NotFound
from blackboard.server.pages.browser_laws import law_for_browser
from blackboard.server.pages.drawn_values import milliseconds, thresholds
from blackboard.server.pages.live_page import LivePage, Look, PageFields, Sight

MOST_EVENTS = 500
MOST_ACTIVATIONS = 30
"""How many activations the graph shows, the newest."""
COLUMN, LINE, BOX, TALL = 240, 46, 190, 34
"""The distances between two columns and two lines of the graph, and the width and height of its boxes."""


class SubjectFields(PageFields):
    """Which subject the page shows: by its name, or that of a mark."""

    subject: str = ""
    mark: int | None = Field(default=None, ge=1)


@dataclass(frozen=True)
class MarkCurve:
    """How a mark faded between two of its events. Times are milliseconds since the epoch."""

    id: int
    mark_id: int
    kind: str
    law: str
    intensity: float
    start: float
    end: float | None
    """When the next event replaced it, or it evaporated; None if it fades on without an end."""


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


@dataclass(frozen=True)
class Edge:
    """An arrow in the graph."""

    path: str


@dataclass(frozen=True)
class Graph:
    """Where the marks of a subject came from: source marks, the activations that were given them, and their results."""

    width: int
    height: int
    nodes: Sequence[Node]
    edges: Sequence[Edge]


def show_subject(look: Look) -> Sight:
    """Return all that the board knows of a subject."""
    board, asked = look.board, look.parameters
    subject = asked.subject or _subject_of(board, asked.mark)
    if not subject:
        found = board.subjects(limit=100)
        return Sight({"subjects": found}, {"subject": "", "events": [], "graph": None, "explanations": [], "marks": []})
    events = board.history(subject, limit=MOST_EVENTS)
    weights = {name: spec.weight for name, spec in board.deployment.kinds.items()}
    curves = list(_curves(events, weights))
    kinds = {event.kind for event in events}
    laws = {text: law_for_browser(page_readings.law(board, text)) for text in {curve.law for curve in curves}}
    explanations = [board.explain(agent, subject) for agent in sorted(board.deployment.agents)]
    return Sight(
        {
            "subject": subject,
            "subjects": [],
            "marks": board.marks(subject=subject, limit=100),
            "events": list(reversed(events)),
            "explanations": [item for item in explanations if _says_something(item)],
            "graph": _graph(board, events),
        },
        {"more": len(events) == MOST_EVENTS},
        {"items": curves},
        {"laws": laws, "thresholds": [item for item in thresholds(board.deployment) if item.kind in kinds]},
    )


def _subject_of(board: Blackboard, mark_id: int | None) -> str:
    """Return the subject of a mark; "" if no mark was named.

    Raises:
        NotFound: There is no such mark any more.
    """
    return "" if mark_id is None else board.mark(mark_id).subject


def _says_something(explanation: Explanation) -> bool:
    """Return whether an agent has anything to do with the subject."""
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
            if event.event in ("evaporated", "withdrawn"):
                continue
            end = following.recorded_at if following is not None else event.evaporates_at
            yield MarkCurve(
                id=event.id,
                mark_id=event.mark_id,
                kind=event.kind,
                law=event.law,
                intensity=event.intensity * weights.get(event.kind, 1.0),
                start=milliseconds(event.occurred_at),
                end=None if end is None else milliseconds(end),
            )


def _graph(board: Blackboard, events: Sequence[MarkEvent]) -> Graph | None:
    """Return the graph of the activations that made marks of the subject, or were given them."""
    wanted = list(dict.fromkeys(event.activation_id for event in reversed(events) if event.activation_id is not None))
    layers: dict[str, int] = {}
    labels: dict[str, tuple[str, str, str]] = {}
    links: list[tuple[str, str]] = []
    for activation_id in sorted(wanted[:MOST_ACTIVATIONS]):
        try:
            details = board.activation(activation_id)
        except NotFound:  # retention has removed it
            continue
        run = f"activation-{activation_id}"
        for mark in details.marks:
            source = f"mark-{mark.mark_id}"
            layers.setdefault(source, 0)
            labels.setdefault(source, _mark_label(mark.kind or "mark", mark.mark_id, mark.subject or ""))
            links.append((source, run))
        layers[run] = max((layers[source] for source, target in links if target == run), default=-1) + 1
        state = f"activation {activation_id}, {details.activation.state}"
        labels[run] = (details.activation.agent, state, f"id={activation_id}")
        for event in details.deposits:
            result = f"mark-{event.mark_id}"
            layers.setdefault(result, layers[run] + 1)
            labels.setdefault(result, _mark_label(event.kind, event.mark_id, event.subject))
            if (result, run) not in links:
                links.append((run, result))
    if not links:
        return None
    return _laid_out(layers, labels, links)


def _mark_label(kind: str, mark_id: int, subject: str) -> tuple[str, str, str]:
    return (f"{kind} {mark_id}", subject, urlencode({"subject": subject} if subject else {"mark": mark_id}))


def _laid_out(
    layers: Mapping[str, int], labels: Mapping[str, tuple[str, str, str]], links: Sequence[tuple[str, str]]
) -> Graph:
    """Return a graph whose columns are the layers, each node in the next free line of its column."""
    used: dict[int, int] = defaultdict(int)
    nodes = {}
    for key, layer in layers.items():
        label, detail, query = labels[key]
        is_mark = key.startswith("mark-")
        link = f"/{'subject' if is_mark else 'activation'}?{query}"
        nodes[key] = Node(key, label, detail, link, is_mark, layer * COLUMN, used[layer] * LINE)
        used[layer] += 1
    edges = []
    for start, end in links:
        first, last = nodes[start], nodes[end]
        x, y, to_x, to_y = first.x + BOX, first.y + TALL // 2, last.x, last.y + TALL // 2
        middle = (x + to_x) // 2
        edges.append(Edge(f"M{x} {y}C{middle} {y} {middle} {to_y} {to_x} {to_y}"))
    width = (max(layers.values()) + 1) * COLUMN - (COLUMN - BOX)
    return Graph(width, max(used.values()) * LINE, list(nodes.values()), edges)


PAGE = LivePage("subject", "/subject", "Subjects", show_subject, SubjectFields, withheld_if_redacted=True)
