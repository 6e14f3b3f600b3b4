"""The events that a daemon reports to its listeners and to the log, and the details of each."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypedDict

from blackboard.core.records.states import ActivationState


class DaemonEvent(StrEnum):
    """An event in the work of a daemon. The docstring of each names its details.

    The details of all events but `STARTED` have the `id` of an activation and the name of its `agent`.
    """

    STARTED = "started"
    """The daemon serves its board. Details: its `worker`, and the number of `recovered` activations."""
    CLAIMED = "claimed"
    """A run begins. Details: the number of its `marks`, and its `watch`."""
    DONE = "done"
    """A run succeeded. Details: as for `CLAIMED`, and the number of marks that it has `deposited`."""
    SKIPPED = "skipped"
    """A run ended without effect, because all needs that it would answer were closed. Details: the `reason`."""
    DEFERRED = "deferred"
    """A run was put back without counting an attempt. Details: the `reason`."""
    FAILED = "failed"
    """A run failed. Details: the `state` of the activation after the run, and the first line of the `error`."""


class DaemonEventDetails(TypedDict, total=False):
    """The details of an event. Each event has those that its docstring in `DaemonEvent` names."""

    worker: str
    recovered: int
    id: int
    agent: str
    watch: str
    marks: int
    deposited: int
    reason: str
    state: ActivationState
    error: str


DaemonListener = Callable[[DaemonEvent, DaemonEventDetails], None]
"""Called with an event and its details."""
