"""The page of the board: each kind is a lane where marks fade towards thresholds, with a forecast of what follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field, field_validator

from blackboard import Blackboard, MarkRecord
from blackboard.board import page_readings
from blackboard.board.reading.tag_texts import read_filters
from blackboard.board.result_types.work_results import EndingDeferral, Prediction
from blackboard.clock import milliseconds_in
from blackboard.core.records.states import HeldBy
from blackboard.core.specs.deployment import Deployment
from blackboard.durations import parse_duration
from blackboard.errors import BlackboardError, UnknownName, UsageError
from blackboard.server.pages.chart_data import epoch_milliseconds, law_for_browser, law_in_words, threshold_lines
from blackboard.server.pages.page_definition import LivePage, PageCall, PageContent, PageFields

MAX_DRAWN = 600
"""How many marks the page draws. All other marks are only counted."""
MIN_DRAWN = 40
"""How many marks of each lane may be drawn, however many lanes there are."""
MAX_LISTED_AHEAD = 20
"""How many coming events the table lists. The picture shows all coming events that were read."""
SHOWN_LENGTHS = ("10m", "1h", "6h", "1d", "7d", "30d", "180d")
"""The lengths of time that the lanes may show."""
MAX_PREDICTIONS = 100
"""How many crossings, and how many ends of deferrals, are read, the soonest first."""
DEFERRAL_ENDS = {
    HeldBy.GUARD: "guard opens",
    HeldBy.COOLDOWN: "cooldown ends",
    HeldBy.RATE: "limit of rate ends",
    HeldBy.BATCH_WINDOW: "batch window ends",
    HeldBy.RETRY: "tried again",
}
"""What happens when a deferral of a waiting crossing ends."""


class BoardFields(PageFields):
    """The part of the board that the page shows."""

    kind: Sequence[str] = ()
    agent: str = Field(default="", description="Only kinds that this agent watches, reads or writes.")
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
    """The marks of one kind."""

    kind: str
    """The name of the kind."""
    shown: int
    """How many marks are drawn."""
    total: int | None
    """How many there are; None if it was not counted."""
    has_more: bool
    """Whether there are more than are drawn."""


@dataclass(frozen=True)
class ComingEvent:
    """Something that time alone will cause."""

    at: float
    """Milliseconds since the epoch."""
    event: str
    agent: str
    watch: str
    condition: str
    subject: str | None
    mark_id: int | None
    """The mark, if the event is about a single mark; otherwise None."""


def show_board(call: PageCall[BoardFields]) -> PageContent:
    """Return the lanes, the strongest marks of each, the thresholds, and what is predicted."""
    board, parameters = call.board, call.parameters
    deployment = board.deployment
    counts = call.counts.now()
    shown, marks = _lanes(board, parameters, counts)
    drawn = [_drawn_mark(mark) for mark in marks]
    laws = {text: law_for_browser(page_readings.law(board, text)) for text in {mark.law for mark in drawn}}
    ahead, more = forecast(board, parameters.agent)
    return PageContent(
        {"lanes": shown, "ahead": ahead[:MAX_LISTED_AHEAD], "strengths": [mark.strength for mark in marks]},
        {
            "kinds": list(deployment.kinds),
            "agents": sorted(deployment.agents),
            "windows": SHOWN_LENGTHS,
            "live": sum(counts.values()),
            "ahead_more": max(0, len(ahead) - MAX_LISTED_AHEAD),
            "ahead_is_cut": more,
        },
        {"items": drawn, "ahead": ahead, "lanes": shown},
        {
            "laws": laws,
            "words": {lane.kind: law_in_words(deployment.kind(lane.kind).decay) for lane in shown},
            "thresholds": list(threshold_lines(deployment, parameters.agent)),
            "at": None if parameters.at is None else epoch_milliseconds(parameters.at),
            "window": milliseconds_in(parse_duration(parameters.window)) if parameters.window else None,
        },
    )


def _lanes(
    board: Blackboard, parameters: BoardFields, counts: Mapping[str, int]
) -> tuple[list[Lane], list[MarkRecord]]:
    """Return the lanes that are shown, and the marks that are drawn in them.

    Args:
        board: The board.
        parameters: The filter of the page.
        counts: The number of live marks of each kind.
    """
    names = _kinds(board.deployment, parameters)
    is_filtered = bool(parameters.subject or parameters.tag or parameters.at)
    if not parameters.kind and not is_filtered:
        names = [name for name in names if counts.get(name)] or names
    limit = max(MIN_DRAWN, MAX_DRAWN // max(1, len(names)))
    lanes: list[Lane] = []
    marks: list[MarkRecord] = []
    for name in names:
        found = _marks(board, name, parameters, limit + 1)
        total = None if is_filtered else counts.get(name, 0)
        if found or not is_filtered or name in parameters.kind:
            lanes.append(Lane(name, min(limit, len(found)), total, len(found) > limit))
        marks += found[:limit]
    return lanes, marks


def _kinds(deployment: Deployment, parameters: BoardFields) -> Sequence[str]:
    """Return the kinds that the filter names, by themselves, by their tags or by an agent."""
    names = parameters.kind or _with_tags(deployment, parameters.tag)
    if not parameters.agent:
        return names
    own = deployment.agent(parameters.agent).kinds
    return [name for name in names if name in own]


def _with_tags(deployment: Deployment, pairs: Sequence[str]) -> list[str]:
    """Return the kinds that have the tags of a filter; all kinds if there is no filter.

    Raises:
        UnknownName: No kind has a tag of the filter.
        UsageError: Each of the tags belongs to a kind, but no kind has all of them.
    """
    tags = {pair.partition("=")[0] for pair in pairs}
    known = {tag for spec in deployment.kinds.values() for tag in spec.tags}
    if unknown := sorted(tags - known):
        raise UnknownName("tag", unknown[0], known)
    names = [name for name, spec in deployment.kinds.items() if tags <= set(spec.tags)]
    if not names:
        raise UsageError(f"no kind has all of the tags {', '.join(sorted(tags))}; filter by fewer tags")
    return names


def _marks(board: Blackboard, kind: str, parameters: BoardFields, limit: int) -> list[MarkRecord]:
    where = read_filters(board.deployment, kind, parameters.tag) if parameters.tag else None
    return board.marks(kind, subject=parameters.subject or None, at=parameters.at, where=where, limit=limit)


def _drawn_mark(mark: MarkRecord) -> DrawnMark:
    return DrawnMark(
        id=mark.id,
        kind=mark.kind,
        subject=mark.subject,
        author=mark.author,
        law=mark.law,
        intensity=mark.weight * mark.intensity,
        fades_from=epoch_milliseconds(mark.fades_from),
        evaporates_at=None if mark.evaporates_at is None else epoch_milliseconds(mark.evaporates_at),
        reinforcements=mark.reinforcements,
    )


def forecast(board: Blackboard, agent: str = "") -> tuple[list[ComingEvent], bool]:
    """Return what time alone will cause for an agent, or for all, soonest first; and whether more may follow.

    A watch crosses, a schedule is due, or the deferral of a waiting crossing ends because a guard opens, for example.
    """
    predictions = page_readings.predictions(board, MAX_PREDICTIONS)
    deferrals = page_readings.ending_deferrals(board, MAX_PREDICTIONS)
    found = [item for item in _events(predictions, deferrals) if agent in ("", item.agent)]
    return sorted(found, key=lambda item: item.at), MAX_PREDICTIONS in (len(predictions), len(deferrals))


def _events(predictions: Sequence[Prediction], deferrals: Sequence[EndingDeferral]) -> Iterator[ComingEvent]:
    """Yield the predicted crossings, and the ends of deferrals."""
    for item in predictions:
        at = epoch_milliseconds(item.due_at)
        yield ComingEvent(
            at=at,
            event="crosses",
            agent=item.agent,
            watch=item.watch,
            condition=item.condition,
            subject=item.subject,
            mark_id=item.mark_id,
        )
    for deferral in deferrals:
        at, event = epoch_milliseconds(deferral.ends_at), DEFERRAL_ENDS[deferral.held_by]
        yield ComingEvent(
            at=at,
            event=event,
            agent=deferral.agent,
            watch=deferral.watch,
            condition=deferral.condition,
            subject=deferral.subject,
            mark_id=deferral.mark_id,
        )


PAGE = LivePage("board", "/", "Board", read=show_board, parameters_withheld=("subject", "tag"))
