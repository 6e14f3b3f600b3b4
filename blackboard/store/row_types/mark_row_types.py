"""The rows of the tables for marks: marks, events, keys, tags, needs, windows and followed files.

Every deposit makes some of these rows. Code that makes them on this path passes the fields by position, in their order,
because named arguments take two to four times as long. A comment at each value names its field;
`tests/store/test_rows_by_position.py` compares these comments with the fields.
"""

from __future__ import annotations

from typing import NamedTuple

from blackboard.clock import Instant
from blackboard.core.marks.fading_marks import is_live
from blackboard.store.row_types.column_types import AddedInstant, Flag, Id


class MarkRow(NamedTuple):
    """A row of `mark`: a live mark, or an evaporated mark that is not yet moved to the history.

    Its id is the id of its first event, so it is never used again.
    """

    id: Id
    kind: str
    subject: str
    payload: str
    author: str
    intensity: float
    law: str
    anchored_at: Instant
    event_id: Id
    deposited_at: Instant
    reinforced_at: Instant
    reinforcements: int
    evaporates_at: Instant | None
    order_key: float | None
    other_event_id: Id | None = None
    """The last event that counts for the agent that caused the mark's last event:

    | author of the last event | value |
    |---|---|
    | not an agent | the last event |
    | an agent; others caused earlier events | the last event of the others |
    | an agent, which caused all events | None |
    """
    activation_id: Id | None = None
    """The activation of the last deposit; None if its author is not an agent."""
    own_law: Flag = 0
    """Whether the deposit named the law, and the kind had another law. Such a mark keeps its law when the law of the
    kind changes."""
    occurred_at: AddedInstant = 0
    """When the deposit occurred whose payload and author the mark shows, which is the latest of its deposits."""
    last_author: str | None = None
    """The author of the last event; None if that is `author`."""

    @property
    def changed_by(self) -> str:
        """The author of the last event: of a deposit, or of a reinforcement, which keeps the payload."""
        return self.author if self.last_author is None else self.last_author

    @property
    def changed_at(self) -> Instant:
        """When the board recorded the present state: at the last deposit, or at a later change of the law."""
        return max(self.reinforced_at, self.anchored_at)

    def is_live(self, at: Instant) -> bool:
        """Return whether the mark is live at an instant."""
        return is_live(self.evaporates_at, at)


class EventRow(NamedTuple):
    """A row of `event`: a change of a mark, with the state after it."""

    id: Id
    recorded_at: Instant
    mark_id: Id
    kind: str
    subject: str
    event: str
    intensity: float
    law: str
    evaporates_at: Instant | None
    author: str
    activation_id: Id | None
    payload: str | None
    own_law: Flag = 0
    """As in `MarkRow`."""
    occurred_at: AddedInstant = 0
    """When the event happened. This is not after `recorded_at`, when the board learned of the event."""
    anchored_at: AddedInstant = 0
    """The instant of `intensity`. This is after `occurred_at` if the board already knew a later deposit.

    For a stale deposit, it is the time of the deposit that had replaced the stale deposit.
    """
    deposited_intensity: float | None = None
    """The intensity of the deposit itself, with the trust in its author; None for other events."""
    shown_event_id: Id | None = None
    """The later deposit whose payload the mark still shows after this deposit; None for all other events."""
    traceparent: str | None = None
    """The trace context of the deposit; None for other events, and if there was none."""


def mark_after(event: EventRow) -> MarkRow:
    """Return the mark in its state after an event, without its payload and its earlier events."""
    return MarkRow(
        id=event.mark_id,
        kind=event.kind,
        subject=event.subject,
        payload="{}",
        author=event.author,
        intensity=event.intensity,
        law=event.law,
        anchored_at=event.anchored_at,
        event_id=event.id,
        deposited_at=event.recorded_at,
        reinforced_at=event.recorded_at,
        reinforcements=0,
        evaporates_at=event.evaporates_at,
        order_key=None,
        activation_id=event.activation_id,
        own_law=event.own_law,
        occurred_at=event.occurred_at,
    )


class WindowEventRow(NamedTuple):
    """A row of `window_event`: a deposit that a window of the active deployment may count."""

    kind: str
    subject: str
    occurred_at: Instant
    event_id: Id
    mark_id: Id
    intensity: float
    """The intensity of the deposit itself, with the trust in its author."""
    agent: str
    """The agent that deposited it; "" if it was none."""


class WindowTagRow(NamedTuple):
    """A row of `window_tag`: a tag of a deposit with its value, by which a window of the active deployment finds it."""

    kind: str
    name: str
    value: str
    """The key of the value, as in `MarkTagRow`."""
    occurred_at: Instant
    event_id: Id
    subject: str


class DepositKeyRow(NamedTuple):
    """A row of `deposit_key`: the first request that an author made with a key for a kind.

    `author` or `kind` is "" if an earlier version did not record it. Such a key holds for every author or kind.
    """

    key: str
    author: str
    kind: str
    digest: str
    """The digest of the request; "" if an earlier version stored the key."""
    mark_id: Id
    event_id: Id
    at: Instant
    source: str | None = None
    """The file that the deposit was loaded from, as `loaded_files` names it; None for other deposits."""


class ReadPositionRow(NamedTuple):
    """A row of `read_position`: all lines of a followed file before the position were deposited."""

    source: str
    """The file, as `loaded_files` names it."""
    author: str
    kind: str
    inode: str
    """The number of the file in its file system, as text: the number may need 64 bits without a sign."""
    generation: Id
    """The number of files that were read at this path, including this file."""
    position: Id
    """Bytes from the start of the file; all lines before it are deposited or rejected."""
    digest: str
    """A digest of the bytes right before the position, which identifies the file after a restart."""
    header: str
    """The line with the names of the columns; "" for a file without one."""
    at: Instant


class OpenNeedRow(NamedTuple):
    """A row of `open_need`: a need on the board that has a due time or an assignee, or that agents may answer."""

    mark_id: Id
    due_at: Instant | None
    remind_at: Instant | None
    """The due time until the board has deposited the mark `overdue`; then None."""
    assignee: str
    """Who should answer; "" if nobody is named."""
    answerable_by: str | None = None
    """The agents that may answer it, as a JSON list: the agents that it names, without the agents in its chain."""
    agents_behind: str | None = None
    """The agents in its chain of provenance, as a JSON list; None if it names no agents, or the chain is not known."""


class UniqueValueRow(NamedTuple):
    """A row of `unique_value`: a mark and the value of its unique field, in a form that equal values share."""

    kind: str
    value: str
    mark_id: Id


class MarkTagRow(NamedTuple):
    """A row of `mark_tag`: a value of a tag that a mark has. A tag with a list of texts has a row for each text."""

    kind: str
    name: str
    value: str
    """The key of the value (see `tags`), which equal values share."""
    mark_id: Id


class MarkWithEvent(NamedTuple):
    """A mark, and the event that produced its state."""

    mark: MarkRow
    event: EventRow


class MarkKey(NamedTuple):
    """A mark, with the number that orders the marks of its law by strength."""

    id: Id
    order_key: float


class EventCount(NamedTuple):
    """The number of events with one name, for marks of one kind."""

    kind: str
    event: str
    number: int


class LiveCount(NamedTuple):
    """The number of live marks of a kind, and the number of their subjects."""

    marks: int
    subjects: int


class WaitingNeedRow(NamedTuple):
    """A need that waits for an answer."""

    id: Id
    subject: str
    due_at: Instant | None
    assignee: str
    answerable_by: str | None
    """As in `OpenNeedRow`."""


class NeedCount(NamedTuple):
    """The number of needs that wait for an answer."""

    number: int
    overdue: int
    unnoticed: int
    """The number of overdue needs that no daemon has noticed."""


class LiveMark(NamedTuple):
    """A live mark with the weight of its kind."""

    mark: MarkRow
    weight: float
    strength: float
    """NULL under a law that this process does not know; `marks_with_strength` raises an error then."""


class WindowPayload(NamedTuple):
    """A deposit that windows count, and its payload; None if it was erased."""

    deposit: WindowEventRow
    payload: str | None


class ErasedEvent(NamedTuple):
    """An event of an erased subject, in a file of any version."""

    id: Id
    recorded_at: Instant
