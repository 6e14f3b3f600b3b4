"""The rows of the tables: named tuples in the order of the columns."""

from __future__ import annotations

from typing import NamedTuple

from blackboard.store.view_columns import VIEWS

__all__ = [
    "COLUMNS",
    "ActivationRow",
    "AgentStateRow",
    "BackfillRow",
    "BoardRow",
    "CallRow",
    "CrossingRow",
    "DeploymentRow",
    "EventRow",
    "InputRow",
    "LawChangeRow",
    "LiveMarkRow",
    "MarkRow",
    "PredictedCrossingRow",
    "WorkerRow",
]


class MarkRow(NamedTuple):
    """A row of `mark`: a live mark, or an evaporated mark that is not yet moved to the history."""

    id: int
    kind: str
    subject: str
    payload: str
    author: str
    intensity: float
    law: str
    anchored_at: int
    event_id: int
    deposited_at: int
    reinforced_at: int
    reinforcements: int
    evaporates_at: int | None
    order_key: float | None

    def is_live(self, at: int) -> bool:
        """Return whether the mark is live at an instant; the fragment `is_live` says the same in SQL."""
        return self.evaporates_at is None or self.evaporates_at > at


class LiveMarkRow(NamedTuple):
    """A live mark with its kind's weight, and its strength at the instant of the query."""

    id: int
    kind: str
    subject: str
    payload: str
    author: str
    intensity: float
    law: str
    anchored_at: int
    event_id: int
    deposited_at: int
    reinforced_at: int
    reinforcements: int
    evaporates_at: int | None
    order_key: float | None
    weight: float
    strength: float

    @property
    def mark(self) -> MarkRow:
        """The columns of `mark` alone."""
        return MarkRow(*self[:-2])


class EventRow(NamedTuple):
    """A row of `event`: a change of a mark, with the state after it."""

    id: int
    recorded_at: int
    mark_id: int
    kind: str
    subject: str
    event: str
    intensity: float
    law: str
    evaporates_at: int | None
    author: str
    activation_id: int | None
    payload: str | None


class CrossingRow(NamedTuple):
    """A row of `crossing`."""

    id: int
    watch_id: int
    subject: str
    mark_id: int
    state: str
    crossed_at: int
    noticed_at: int
    value: float
    threshold: float
    marks: int
    urgent: int
    ready_at: int | None
    held_by: str | None
    law: str
    order_key: float | None
    event_id: int | None
    activation_id: int | None
    closed_at: int | None


class PredictedCrossingRow(NamedTuple):
    """A row of `predicted_crossing`."""

    watch_id: int
    subject: str
    mark_id: int
    due_at: int | None


class InputRow(NamedTuple):
    """A row of `activation_input` with the event of its mark. The columns of an event that was removed are null."""

    input_mark_id: int
    role: str
    strength: float
    id: int | None
    recorded_at: int
    mark_id: int
    kind: str
    subject: str
    event: str
    intensity: float
    law: str
    evaporates_at: int | None
    author: str
    activation_id: int | None
    payload: str | None

    @property
    def event_row(self) -> EventRow | None:
        """The row of `event` alone, or None if it was removed."""
        return None if self.id is None else EventRow._make(self[3:])


class ActivationRow(NamedTuple):
    """A row of `activation`."""

    id: int
    agent: str
    watch_id: int
    subject: str | None
    state: str
    reason: str
    crossed_at: int
    created_at: int
    started_at: int | None = None
    finished_at: int | None = None
    retry_at: int | None = None
    attempt: int = 0
    interruptions: int = 0
    error: str | None = None
    worker: str | None = None
    lease_until: int | None = None
    fence: int = 0
    chain_length: int = 0
    marks_absorbed: int = 0
    marks_deposited: int = 0
    split_from: int | None = None
    split_after_call: int | None = None


class CallRow(NamedTuple):
    """A row of `model_call`. Money is in micro-dollars."""

    id: int
    activation_id: int
    agent: str
    model: str
    api: str
    state: str
    body: str
    marks: int
    planned_at: int
    sent_at: int | None = None
    answered_at: int | None = None
    applied_at: int | None = None
    reserved: int = 0
    reply: str | None = None
    request_id: str | None = None
    custom_id: str | None = None
    submission: int | None = None
    batch_id: str | None = None
    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    cost: int | None = None
    direct_cost: int | None = None
    error: str | None = None
    would_hold: str | None = None


class BoardRow(NamedTuple):
    """The row of `board`."""

    id: int
    uid: str
    created_at: int
    last_recorded_at: int
    version: int
    paused: int
    paused_because: str | None
    views_hash: str | None


class DeploymentRow(NamedTuple):
    """A row of `deployment`."""

    version: int
    deployed_at: int
    content: str


class LawChangeRow(NamedTuple):
    """A row of `law_change`."""

    kind: str
    law: str
    new_law: str
    changed_at: int


class BackfillRow(NamedTuple):
    """A row of `backfill`."""

    id: int
    task: str
    name: str
    at: int
    up_to: int
    position: int


class AgentStateRow(NamedTuple):
    """A row of `agent_state`."""

    agent: str
    paused: int
    paused_because: str | None
    cooldown_until: int | None
    failures: int


class WorkerRow(NamedTuple):
    """A row of `worker`."""

    id: str
    pid: int
    host: str
    started_at: int
    seen_at: int
    version: str | None


COLUMNS: dict[str, tuple[str, ...]] = {
    "activation": ActivationRow._fields,
    "agent_state": AgentStateRow._fields,
    "backfill": BackfillRow._fields,
    "board": BoardRow._fields,
    "crossing": CrossingRow._fields,
    "deployment": DeploymentRow._fields,
    "event": EventRow._fields,
    "law_change": LawChangeRow._fields,
    "mark": MarkRow._fields,
    "model_call": CallRow._fields,
    "predicted_crossing": PredictedCrossingRow._fields,
    "worker": WorkerRow._fields,
    **VIEWS,
}
"""The columns of tables and views, for which `{mark.*}` stands in a statement. A test compares them with the schema."""
