"""Results about marks: receipts of deposits, marks as read, and their events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar, overload

from pydantic import JsonValue

from blackboard.core.built_in_marks import possible_answers

F = TypeVar("F", covariant=True)


@dataclass(frozen=True)
class Receipt:
    """The outcome of a deposit."""

    mark_id: int
    event_id: int
    outcome: Literal["deposited", "reinforced", "unchanged", "duplicate", "stale"]
    strength: float
    crossed: tuple[str, ...] = ()
    """The agents whose thresholds the deposit crossed."""


@dataclass(frozen=True)
class MarkPosition:
    """The position of a mark in a list of marks, strongest first, as of one instant."""

    as_of: datetime
    strength: float
    mark_id: int


@dataclass(frozen=True)
class MarkRecord:
    """A mark at one instant."""

    id: int
    kind: str
    subject: str
    payload: Mapping[str, JsonValue]
    author: str
    weight: float
    intensity: float
    strength: float
    law: str
    deposited_at: datetime
    """When the board recorded the first deposit of the mark."""
    reinforced_at: datetime
    """When the board recorded the last deposit or reinforcement of the mark."""
    fades_from: datetime
    """The instant that the age counts from: when the last deposit occurred, when strength was added last, or when the
    law of the kind changed last."""
    evaporates_at: datetime | None
    as_of: datetime
    age_seconds: float
    """The age at `as_of`, counted from `fades_from`. The strength is weight x intensity x share of this age."""
    reinforcements: int
    event_id: int
    activation_id: int | None
    """The activation that deposited this payload; None if its author is not an agent."""
    own_law: bool
    """Whether its deposit named a law other than its kind's. A change of the kind's law does not change this mark."""
    occurred_at: datetime
    """When the deposit with this payload occurred: the latest occurrence among its deposits."""
    recorded_at: datetime
    """Equal to `reinforced_at`. All views that have `occurred_at` use this name."""

    @property
    def position(self) -> MarkPosition:
        """The position of the mark in the list that it came from. The next page begins after this position."""
        return MarkPosition(self.as_of, self.strength, self.id)


@dataclass(frozen=True)
class SearchResult(Sequence[F]):
    """The marks that a search found, the best first. It is a sequence of these marks."""

    marks: tuple[F, ...]
    relevances: tuple[float, ...]
    """How relevant each mark is to the text."""
    scores: tuple[float, ...]
    """Relevance times strength. The results are in this order."""
    exact: bool
    """Whether no other mark has a higher score. If more than 10,000 marks match, only the 1,000 most relevant of them
    were ordered by their score."""
    complete: bool
    """Whether the index had all marks that the search should cover. False while a kind is still being put into the
    index.
    """

    @overload
    def __getitem__(self, key: int) -> F: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[F, ...]: ...
    def __getitem__(self, key: int | slice) -> F | tuple[F, ...]:
        return self.marks[key]

    def __len__(self) -> int:
        return len(self.marks)


@dataclass(frozen=True)
class SearchProgress:
    """The full-text index of a kind."""

    kind: str
    marks: int
    """How many marks the index has."""
    complete: bool
    """Whether the index has all live marks."""
    doing: str
    """What a daemon is doing with the index: adding live or faded marks, or removing a former index; "" if nothing."""
    share: float
    """How much of that is done, from 0 to 1."""


@dataclass(frozen=True)
class NeedRecord(MarkRecord):
    """A need that waits for an answer."""

    withdrawn_causes: tuple[int, ...] = ()
    """The marks that woke the asking agent and that another author has withdrawn since."""
    due_at: datetime | None = None
    """When the need should be answered; None for no due time."""
    assignee: str = ""
    """Who should answer the need; "" if nobody is named."""
    answerable_by: tuple[str, ...] = ()
    """The agents that may answer the need; none if only people may."""
    waits_for: tuple[str, ...] = ()
    """The agents among these that were woken for the need, and whose work on it has not ended and is not held."""

    @property
    def for_people(self) -> bool:
        """Whether the need waits for people: no agent is working on it, or it is overdue, or it has an assignee."""
        return not self.waits_for or self.overdue or bool(self.assignee)

    @property
    def overdue(self) -> bool:
        """Whether the due time has passed."""
        return self.due_at is not None and self.due_at <= self.as_of

    @property
    def question(self) -> str:
        """The question to answer."""
        return str(self.payload.get("question", ""))

    @property
    def options(self) -> tuple[str, ...]:
        """The suggested answers."""
        return possible_answers(self.payload.get("options"))

    @property
    def detail(self) -> str:
        """Background to the question."""
        return str(self.payload.get("detail") or "")


@dataclass(frozen=True)
class MarkEvent:
    """One event in the history of a mark, with the state after it."""

    id: int
    recorded_at: datetime
    """When the board recorded the event."""
    mark_id: int
    kind: str
    subject: str
    event: str
    intensity: float
    law: str
    evaporates_at: datetime | None
    author: str
    activation_id: int | None
    payload: Mapping[str, JsonValue] | None
    occurred_at: datetime
    """When the event happened: at or before `recorded_at`."""
    traceparent: str | None
    """The trace context of the deposit."""


@dataclass(frozen=True)
class StreamEvent(MarkEvent):
    """An event of a mark, as `Blackboard.mark_events` returns it."""

    tags: Mapping[str, JsonValue]
    """The tags that the mark had after the event."""


@dataclass(frozen=True)
class StreamPosition:
    """A position in the events and the activity of a board: the last id of each before it."""

    event_id: int = 0
    """The `id` of the last `MarkEvent`."""
    activity_id: int = 0
    """The `id` of the last `ActivityRecord`."""
