"""The marks of the protocol: their kinds, and the steps that its methods share to read, change and withdraw them.

Each kind is registered with its first deposit, and programs may watch it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypeVar

from pydantic import Field, JsonValue

from blackboard import Blackboard, Exponential, Mark, MarkRecord, Step
from blackboard.clock import Instant, from_datetime, whole_milliseconds_in
from blackboard.core.marks.tags import Where
from blackboard.errors import Conflict, NotFound, UnknownName

T = TypeVar("T")

MAX_CHANGE_ATTEMPTS = 100
"""How often a change of a mark is tried. An attempt fails if another program changes the mark after it was read."""


class Pheromone(Mark, kind="sbp_pheromone", decay=Exponential("5m"), on_repeat="replace",
                tags=("trail", "type", "tags", "identity")):  # fmt: skip
    """A pheromone. Its intensity is the intensity of the mark, and its decay model is the law of the mark.

    The method `emit` computes the pheromone after an emission, because each emission says how it is merged.
    """

    trail: str
    type: str
    content: dict[str, JsonValue] = Field(default_factory=dict)
    """The payload of the pheromone, as the protocol calls it."""
    tags: list[str] = Field(default_factory=list)
    decay: dict[str, JsonValue]
    """The decay model. The law of a linear or stepped model depends on the intensity, so each emission computes it."""
    source_agent: str | None = None
    identity: str
    """A text that is the same for all pheromones that an emission may join."""


class Scent(Mark, kind="sbp_scent", decay=Step("10m"), on_repeat="replace"):
    """A condition that a program waits for, and its state. Its subject is the id of the scent.

    It evaporates at the end of its lease, unless the lease is renewed.
    """

    condition: dict[str, JsonValue]
    agent_endpoint: str = ""
    cooldown_ms: float = 0
    activation_payload: dict[str, JsonValue] = Field(default_factory=dict)
    trigger_mode: Literal["level", "edge_rising", "edge_falling"] = "level"
    hysteresis: float = 0
    max_execution_ms: float = 30_000
    context_trails: list[str] = Field(default_factory=list)
    sessions: dict[str, int] = Field(default_factory=dict)
    """The sessions that get its triggers, each with the last event before the session asked for the triggers."""
    lease_until: Instant
    """When its lease ends."""
    met: bool = False
    """Whether the condition was met when it was last measured."""
    is_armed: bool = True
    """Whether its value has left the band of the hysteresis since the last trigger."""
    last_triggered_at: Instant | None = None
    """When it last triggered; None if it has not."""


class ScentTrigger(Mark, kind="sbp_trigger", decay=Step("1h"), on_repeat="separate"):
    """A trigger of a scent, as it is sent. It stays an hour, for clients that connect again."""

    sessions: list[str]
    """The sessions that get it."""
    notification: dict[str, JsonValue]


class Trace(Mark, kind="sbp_trace", on_repeat="replace", tags=("trail", "key", "tags"), max_payload=2 * 1024 * 1024):
    """A durable record with a version."""

    trail: str
    key: str
    value: dict[str, JsonValue]
    tags: list[str] = Field(default_factory=list)
    source_agent: str | None = None
    version: int


def live_records(
    board: Blackboard, kind: type[Mark], where: Where | None = None, subject: str | None = None
) -> list[MarkRecord]:
    """Return the live marks of a kind, strongest first; none if the kind is not registered."""
    try:
        return board.marks(kind.kind, where=where, subject=subject)
    except UnknownName:
        return []


def fields_of(record: MarkRecord) -> Mapping[str, Any]:
    """Return the fields of a mark of the protocol, which its class has checked."""
    return record.payload


def trails_of(records: Iterable[MarkRecord]) -> list[str]:
    """Return the trails of pheromones or traces."""
    return sorted({fields_of(record)["trail"] for record in records})


def retry_conflicts(change: Callable[[], T]) -> T:
    """Return the result of a change, which is tried again if another program changes the mark meanwhile.

    Raises:
        Conflict: Other programs changed the same mark during each attempt.
    """
    for _ in range(MAX_CHANGE_ATTEMPTS - 1):
        try:
            return change()
        except Conflict:
            continue
    return change()


def withdraw_unchanged(board: Blackboard, records: Iterable[MarkRecord]) -> list[MarkRecord]:
    """Withdraw marks that nobody has changed or removed since they were read, and return these marks."""
    gone = []
    for record in records:
        try:
            board.withdraw(record.id, if_event=record.event_id)
        except (Conflict, NotFound):
            continue
        gone.append(record)
    return gone


def identity_of(*parts: Any) -> str:
    """Return a text that is the same for equal JSON values. The order of their members does not matter."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def milliseconds_of(at: datetime) -> int:
    """Return a time as whole milliseconds since 1970."""
    return whole_milliseconds_in(from_datetime(at))


def reading_time_ms(board: Blackboard, records: Sequence[MarkRecord]) -> int:
    """Return when marks were read, in milliseconds since 1970; the present time if there are no marks."""
    return milliseconds_of(records[0].as_of if records else board.now())


def intensity_of(record: MarkRecord) -> float:
    """Return the intensity that a mark has now, without the weight that a deployment may give its kind."""
    return record.strength / record.weight if record.weight else 0.0
