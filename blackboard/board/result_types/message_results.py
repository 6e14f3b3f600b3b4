"""Results about messages to people outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import JsonValue


@dataclass(frozen=True)
class OutboxMessage:
    """A message to people outside."""

    id: int
    message_id: str
    """The id of the message, the same at every attempt."""
    sink: str
    topic: str
    """What the message is about, such as `need` or `dead`."""
    state: Literal["waiting", "delivered", "failed", "gone", "discarded"]
    title: str
    text: str
    remedy: str
    """A command that helps; "" for none."""
    data: Mapping[str, JsonValue]
    """The same for programs."""
    subject: str | None
    group: str | None
    agent: str | None
    mark_id: int | None
    activation_id: int | None
    crossing_id: int | None
    attempts: int
    created_at: datetime
    due_at: datetime | None
    """When the message is sent next; None if no attempt follows."""
    finished_at: datetime | None
    error: str | None
    """Why the last attempt failed; None if it did not."""


@dataclass(frozen=True)
class SinkStatus:
    """The messages of a sink that were not delivered."""

    sink: str
    waiting: int
    retried: int
    """The number of waiting messages whose attempts have failed so far."""
    given_up: int
    """The number of messages that failed for 3 days, or whose receiver is gone."""
    waiting_since: datetime | None
    """Since when the oldest waiting message has waited; None if none waits."""
    error: str | None
    """Why an attempt for one of these messages failed; None if none has failed."""
