"""The provenance of the marks of a subject as a graph: source marks, the activations that were given them, and results.

The graph has a box for each activation and mark, in columns from left to right, and arrows between the boxes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlencode

from blackboard import Blackboard, MarkEvent
from blackboard.board.result_types.work_results import ActivationDetails
from blackboard.errors import NotFound

MAX_ACTIVATIONS = 30
"""How many activations the graph shows, newest first."""
MAX_ALIKE = 6
"""How many marks of a kind have boxes of their own beside an activation. More marks of the kind share a box."""
COLUMN_DISTANCE, LINE_DISTANCE = 240, 46
"""The distances between two columns and between two lines of the graph, in units of the drawing."""
BOX_WIDTH, BOX_HEIGHT = 190, 34


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
    """The graph as it is drawn."""

    width: int
    height: int
    nodes: Sequence[Node]
    edges: Sequence[Edge]
    older: int | None
    """The oldest activation that is shown; None if there are no older activations."""


def provenance_graph(board: Blackboard, events: Sequence[MarkEvent], before: int | None) -> Graph | None:
    """Return the graph of the activations behind the events of a subject, up to the activation `before`."""
    found = sorted({event.activation_id for event in events if event.activation_id is not None}, reverse=True)
    wanted = [number for number in found if before is None or number < before]
    boxes = _Boxes()
    for activation_id in sorted(wanted[:MAX_ACTIVATIONS]):
        with suppress(NotFound):  # retention may have removed the activation
            boxes.add(board.activation(activation_id))
    older = wanted[MAX_ACTIVATIONS - 1] if len(wanted) > MAX_ACTIVATIONS else None
    return boxes.graph(older) if boxes.arrows else None


class _BoxContent(NamedTuple):
    """The texts of a box, and the page that it links to."""

    label: str
    detail: str
    link: str
    is_mark: bool = True


class _Boxes:
    """The boxes of activations and marks, and the arrows between them."""

    def __init__(self) -> None:
        self.arrows: list[tuple[str, str]] = []
        """The boxes at the start and at the end of each arrow."""
        self._columns: dict[str, int] = {}
        """The column of each box. An activation is to the right of the marks that it was given."""
        self._contents: dict[str, _BoxContent] = {}
        self._of_marks: dict[int, str] = {}
        """The box of each mark. Many marks of a kind share a box."""

    def add(self, details: ActivationDetails) -> None:
        """Add an activation, the marks that it was given, and the marks that it deposited."""
        record = details.activation
        run = f"activation-{record.id}"
        given = {mark.mark_id: (mark.kind or "mark", mark.subject or "") for mark in details.marks}
        made = {event.mark_id: (event.kind, event.subject) for event in details.deposits}
        sources = self._marks("in", record.id, given)
        for source in sources:
            self._columns.setdefault(source, 0)
        self._columns[run] = max((self._columns[source] for source in sources), default=-1) + 1
        self._contents[run] = _BoxContent(
            record.agent, f"activation {record.id}, {record.state}", f"/activation?id={record.id}", is_mark=False
        )
        boxes = self._marks("out", record.id, made)
        results = [box for box in boxes if box not in sources]  # an activation may reinforce a mark that it was given
        for result in results:
            self._columns.setdefault(result, self._columns[run] + 1)
        self.arrows += [*((source, run) for source in sources), *((run, result) for result in results)]

    def _marks(self, side: str, activation_id: int, marks: Mapping[int, tuple[str, str]]) -> list[str]:
        """Return the boxes of marks on a side of an activation. A mark without a box gets a new box.

        `marks` has the kind and the subject of each mark by its id.
        """
        by_kind = defaultdict(list)
        for mark_id, (kind, _) in marks.items():
            if mark_id not in self._of_marks:
                by_kind[kind].append(mark_id)
        for kind, alike in by_kind.items():
            subjects = {mark_id: marks[mark_id][1] for mark_id in alike}
            if len(alike) <= MAX_ALIKE:
                for mark_id, subject in subjects.items():
                    box = self._of_marks[mark_id] = f"mark-{mark_id}"
                    self._contents[box] = _mark_content(kind, mark_id, subject)
                continue
            box = f"{side}-{activation_id}-{kind}"
            self._of_marks |= dict.fromkeys(alike, box)
            different = set(subjects.values())
            words = f"of {len(different):,} subjects" if len(different) > 1 else different.pop()
            self._contents[box] = _BoxContent(f"{len(alike):,} × {kind}", words, f"/activation?id={activation_id}")
        return list(dict.fromkeys(self._of_marks[mark_id] for mark_id in marks))

    def graph(self, older: int | None) -> Graph:
        """Return the graph, with each box in the next free line of its column."""
        used: dict[int, int] = defaultdict(int)
        nodes = {}
        for key, column in self._columns.items():
            x, y = column * COLUMN_DISTANCE, used[column] * LINE_DISTANCE
            nodes[key] = Node(key=key, **self._contents[key]._asdict(), x=x, y=y)
            used[column] += 1
        edges = [Edge(_curve(nodes[start], nodes[end])) for start, end in self.arrows]
        width = max(self._columns.values()) * COLUMN_DISTANCE + BOX_WIDTH
        return Graph(width, max(used.values()) * LINE_DISTANCE, list(nodes.values()), edges, older)


def _mark_content(kind: str, mark_id: int, subject: str) -> _BoxContent:
    query = urlencode({"subject": subject} if subject else {"mark": mark_id})
    return _BoxContent(f"{kind} {mark_id}", subject, f"/subject?{query}")


def _curve(start: Node, end: Node) -> str:
    """Return the path of an arrow, from the right side of a box to the left side of another."""
    x, y, to_x, to_y = start.x + BOX_WIDTH, start.y + BOX_HEIGHT // 2, end.x, end.y + BOX_HEIGHT // 2
    middle = (x + to_x) // 2
    return f"M{x} {y}C{middle} {y} {middle} {to_y} {to_x} {to_y}"
