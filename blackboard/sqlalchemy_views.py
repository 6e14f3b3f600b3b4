"""The SQL views as SQLAlchemy tables, for queries such as `select(live_marks).where(live_marks.c.strength > 0.5)`.

Run them on `board.engine()`. Times are aware datetimes, and payloads are objects.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Column, Date, DateTime, Dialect, Float, Integer, MetaData, Table, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from blackboard.clock import from_datetime, iso
from blackboard.core.records.view_columns import VIEWS
from blackboard.store.dialects.dialect import SQLITE

__all__ = [
    "activation_marks",
    "activations",
    "activity",
    "agenda",
    "costs",
    "live_marks",
    "mark_history",
    "mark_tags",
    "model_calls",
    "needs",
    "outbox",
    "provenance",
    "schedules",
    "searchable_marks",
    "watch_states",
]


class Time(TypeDecorator[datetime]):
    """A time, which the views show as ISO 8601 text. A naive datetime is UTC."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type in the database."""
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: datetime | str | None, dialect: Dialect) -> str | None:
        """Return the text of a time; text stays as it is."""
        return iso(from_datetime(value)) if isinstance(value, datetime) else value

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """Return the time of a text."""
        return None if value is None else datetime.fromisoformat(value)


class Day(TypeDecorator[date]):
    """A day, which the views show as ISO 8601 text."""

    impl = Date
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type in the database."""
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: date | str | None, dialect: Dialect) -> str | None:
        """Return the text of a day; text stays as it is."""
        return value.isoformat() if isinstance(value, date) else value

    def process_result_value(self, value: str | None, dialect: Dialect) -> date | None:
        """Return the day of a text."""
        return None if value is None else date.fromisoformat(value)


class Payload(TypeDecorator[Any]):
    """A payload or a list, which the views show as JSON text.

    On PostgreSQL, cast the column to `JSONB` to look into it in SQL.
    """

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type in the database."""
        return dialect.type_descriptor(JSON() if dialect.name == SQLITE else Text())

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return the object of a JSON text."""
        return json.loads(value) if isinstance(value, str) else value


_TYPES: dict[str, type[TypeEngine[Any]]] = {
    "payload": Payload,
    "mark_ids": Payload,
    "content": Payload,
    "answerable_by": Payload,
    "day": Day,
}
for _type, _names in {
    Integer: "activation_id attempt attempts cache_read_tokens cache_write_tokens calls chain_length crossing_id"
    " event_id id input_tokens interruptions mark_id marks marks_absorbed marks_deposited output_tokens"
    " overdue own_law parent_mark_id reinforcements unknown version",
    Float: "age_seconds cost_usd intensity last_late_seconds latency_seconds order_key relevance reserved_usd score"
    " share_from_cache strength threshold usd usd_direct usd_per_mark usd_reserved value weight",
    Text: "agent api assignee author batch_id error event group_tag group_value held_by kind law message_id model"
    " name old_state reason request_id role schedule sink state subject text token topic traceparent type watch"
    " words worker would_hold",
    Time: "answered_at applied_at as_of asked_at began_at created_at crossed_at deposited_at due_at evaporates_at"
    " fades_from finished_at last_at next_at noticed_at occurred_at planned_at ready_at recorded_at"
    " reinforced_at retry_at scheduled_for scheduled_from sent_at started_at waits_since",
}.items():
    _TYPES.update(dict.fromkeys(_names.split(), _type))

_metadata = MetaData()


def _view(name: str, **types: type[TypeEngine[Any]]) -> Table:
    """Return the table of a view. A column has the type of its name in all views, unless `types` names another."""
    return Table(name, _metadata, *(Column(column, types.get(column, _TYPES[column])) for column in VIEWS[name]))


live_marks = _view("live_marks")
"""The live marks."""
searchable_marks = _view("searchable_marks")
"""The live marks whose text is searched."""
mark_tags = _view("mark_tags", value=Text)
"""The tags of the live marks."""
mark_history = _view("mark_history")
"""The events of marks, in their order."""
needs = _view("needs")
"""The needs that wait for an answer."""
agenda = _view("agenda")
"""The crossings that wait."""
activations = _view("activations")
"""The activations of agents."""
activity = _view("activity")
"""What agents, people and programs did."""
outbox = _view("outbox")
"""The messages to people outside."""
activation_marks = _view("activation_marks")
"""The marks that each activation was given or has read."""
schedules = _view("schedules")
"""The schedules of agents."""
watch_states = _view("watch_states")
"""The stored states of watches over time."""
provenance = _view("provenance")
"""The marks behind each mark."""
model_calls = _view("model_calls")
"""The calls of a model."""
costs = _view("costs")
"""The costs by day and agent."""
