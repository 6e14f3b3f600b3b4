"""The page of the board: each kind is a lane, in which marks fade towards the thresholds of their watches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field, field_validator

from blackboard import Blackboard, MarkRecord
from blackboard.board import page_readings
from blackboard.board.reading.tag_texts import read_filters
from blackboard.core.deployment import Deployment
from blackboard.durations import parse_duration
from blackboard.errors import BlackboardError, UnknownName
from blackboard.server.pages.browser_laws import law_for_browser
from blackboard.server.pages.drawn_values import milliseconds, thresholds
from blackboard.server.pages.live_page import LivePage, Look, PageFields, Sight

MOST_DRAWN = 600
"""How many marks a page draws. The others are counted."""
LEAST_DRAWN = 40
"""How many marks of each lane may be drawn, however many lanes there are."""
MOST_PREDICTIONS = 100
WINDOWS = ("10m", "1h", "6h", "1d", "7d", "30d", "180d")
"""The lengths of time that the lanes may show."""


class BoardFields(PageFields):
    """What the page shows of the board."""

    kind: Sequence[str] = ()
    subject: str = ""
    tag: Sequence[str] = ()
    at: datetime | None = None
    window: str = Field(default="", description="The length of time that the lanes show; by default one that fits.")

    @field_validator("window")
    @classmethod
    def _is_a_duration(cls, text: str) -> str:
        if text:
            try:
                parse_duration(text)
            except BlackboardError as error:
                raise ValueError(str(error)) from None
        return text

    @field_validator("at")
    @classmethod
    def _has_a_zone(cls, at: datetime | None) -> datetime | None:
        if at is not None and at.tzinfo is None:
            raise ValueError("add a zone, such as Z")
        return at


@dataclass(frozen=True)
class DrawnMark:
    """A mark as scripts draw it. Times are milliseconds since the epoch."""

    id: int
    kind: str
    subject: str
    author: str
    law: str
    intensity: float
    """Its strength at `fades_from`: weight x intensity."""
    fades_from: float
    evaporates_at: float | None
    reinforcements: int


@dataclass(frozen=True)
class Lane:
    """The marks of one kind.

    Attributes:
        kind: The kind.
        shown: How many marks are drawn.
        total: How many there are; None if it was not counted.
        has_more: Whether there are more than are drawn.
    """

    kind: str
    shown: int
    total: int | None
    has_more: bool


@dataclass(frozen=True)
class Ahead:
    """Something that happens at a time ahead, if no mark changes before."""

    at: float
    """Milliseconds since the epoch."""
    event: str
    """What happens: a watch crosses, or a waiting crossing is free for its agent."""
    held_by: str | None
    """What holds the crossing until then."""
    agent: str
    watch: str
    condition: str
    subject: str | None


def show_board(look: Look) -> Sight:
    """Return the lanes, the strongest marks of each, the thresholds, and what is predicted."""
    board, asked = look.board, look.parameters
    deployment = board.deployment
    counts = page_readings.live_counts(board)
    names = asked.kind or _with_tags(deployment, asked.tag)
    is_filtered = bool(asked.subject or asked.tag or asked.at)
    if not asked.kind and not is_filtered:
        names = [name for name in names if counts.get(name)] or names
    limit = max(LEAST_DRAWN, MOST_DRAWN // max(1, len(names)))
    lanes: list[Lane] = []
    marks: list[MarkRecord] = []
    for name in names:
        found = _marks(board, name, asked, limit + 1)
        total = None if is_filtered else counts.get(name, 0)
        lanes.append(Lane(name, min(limit, len(found)), total, len(found) > limit))
        marks += found[:limit]
    drawn = [_drawn(mark) for mark in marks]
    shown = [lane for lane in lanes if lane.shown or not is_filtered or lane.kind in asked.kind]
    laws = {text: law_for_browser(page_readings.law(board, text)) for text in {mark.law for mark in drawn}}
    return Sight(
        {"lanes": shown, "marks": marks},
        {"kinds": list(deployment.kinds), "windows": WINDOWS},
        {"items": drawn, "ahead": list(_ahead(board))},
        {
            "lanes": [lane.kind for lane in shown],
            "laws": laws,
            "thresholds": list(thresholds(deployment)),
            "at": None if asked.at is None else milliseconds(asked.at),
            "window": parse_duration(asked.window) / 1000 if asked.window else None,
        },
    )


def _with_tags(deployment: Deployment, pairs: Sequence[str]) -> list[str]:
    """Return the kinds that have the tags of a filter; all kinds if there is no filter.

    Raises:
        UnknownName: No kind has them.
    """
    tags = {pair.partition("=")[0] for pair in pairs}
    names = [name for name, spec in deployment.kinds.items() if tags <= set(spec.tags)]
    if not names:
        raise UnknownName(
            "tag", ", ".join(sorted(tags)), {tag for spec in deployment.kinds.values() for tag in spec.tags}
        )
    return names


def _marks(board: Blackboard, kind: str, asked: BoardFields, limit: int) -> list[MarkRecord]:
    where = read_filters(board.deployment, kind, asked.tag) if asked.tag else None
    return board.marks(kind, subject=asked.subject or None, at=asked.at, where=where, limit=limit)


def _drawn(mark: MarkRecord) -> DrawnMark:
    return DrawnMark(
        id=mark.id,
        kind=mark.kind,
        subject=mark.subject,
        author=mark.author,
        law=mark.law,
        intensity=mark.weight * mark.intensity,
        fades_from=milliseconds(mark.fades_from),
        evaporates_at=None if mark.evaporates_at is None else milliseconds(mark.evaporates_at),
        reinforcements=mark.reinforcements,
    )


def _ahead(board: Blackboard) -> Iterator[Ahead]:
    """Yield what happens by time alone: crossings and schedules, and holds of the agenda that end."""
    for item in page_readings.predictions(board, MOST_PREDICTIONS):
        at = milliseconds(item.due_at)
        yield Ahead(at, "crosses", None, item.agent, item.watch, item.condition, item.subject)
    now = board.now()
    for waiting in board.agenda(limit=MOST_PREDICTIONS):
        if waiting.ready_at is not None and waiting.ready_at > now:
            at = milliseconds(waiting.ready_at)
            yield Ahead(
                at, "is free", waiting.held_by, waiting.agent, waiting.watch, waiting.condition, waiting.subject
            )


PAGE = LivePage("board", "/", "Board", show_board, BoardFields, parameters_withheld=("subject", "tag"))
