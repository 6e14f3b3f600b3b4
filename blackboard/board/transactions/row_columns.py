"""Columns that functions take as keyword arguments and write together into a row."""

from __future__ import annotations

from typing import TypedDict

from blackboard.clock import Instant


class AttemptColumns(TypedDict, total=False):
    """The columns of `activation` that describe its present attempt. They may change with its state."""

    started_at: Instant | None
    finished_at: Instant | None
    retry_at: Instant | None
    attempt: int
    interruptions: int
    error: str | None
    worker: str | None
    lease_until: Instant | None
    fence: int
    marks_deposited: int
    deaths: int | None
    reads_again: int
    read_at: Instant | None


class OrderColumns(TypedDict):
    """The columns of `crossing` that bound its strength, for its place in the order of the agenda."""

    law: str
    order_key: float | None


class MeasuredColumns(OrderColumns):
    """The columns of `crossing` that follow from the marks behind it, and change with them."""

    event_id: int | None
    marks: int
    urgent: int
    ready_at: Instant | None


class SideColumns(TypedDict):
    """The columns of `crossing` that say which side of its condition was met."""

    value: float
    threshold: float
    measure: str | None


class CrossingColumns(MeasuredColumns, SideColumns):
    """The columns of `crossing` besides its key and its state."""

    crossed_at: Instant
    held_by: str | None
    cause: str | None
    began_at: Instant | None


class ActivationColumns(TypedDict):
    """The columns of `activity_event` that say which activation an entry is about."""

    agent: str
    watch_id: int
    subject: str | None
    activation_id: int


class ActivityColumns(TypedDict, total=False):
    """The columns of `activity_event` that say what an entry is about, and who acted."""

    agent: str | None
    watch_id: int | None
    subject: str | None
    activation_id: int | None
    crossing_id: int | None
    mark_id: int | None
    old_state: str | None
    state: str | None
    author: str | None
    token: str | None
    version: int | None
