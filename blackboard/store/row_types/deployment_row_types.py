"""The rows of the tables for a deployment: its versions, kinds and laws, and the work after a change."""

from __future__ import annotations

from typing import NamedTuple

from blackboard.clock import Instant
from blackboard.durations import Duration
from blackboard.store.row_types.column_types import Id


class DeploymentRow(NamedTuple):
    """A row of `deployment`."""

    version: int
    deployed_at: Instant
    content: str


class LawRow(NamedTuple):
    """A row of `law`."""

    law: str
    name: str
    length: float
    """The length of time in the SQL expression of the law, in microseconds; 0 if it has none."""
    shape: float
    """The other number in the SQL expression of the law, such as an exponent; 0 if it has none."""
    spec: str


class LawSegmentRow(NamedTuple):
    """A row of `law_segment`: a straight piece of a curve."""

    law: str
    age: Duration
    share: float
    slope: float


class KindRow(NamedTuple):
    """A row of `kind`."""

    name: str
    weight: float
    floor: float
    law: str


class LawChangeRow(NamedTuple):
    """A row of `law_change`: a change of law or floor that the backfill has not yet carried to all marks."""

    kind: str
    law: str
    new_law: str
    changed_at: Instant


class BackfillRow(NamedTuple):
    """A row of `backfill`: work after a change of the deployment, done in bounded batches."""

    id: int
    task: str
    name: str
    at: Instant
    up_to: Id
    position: Id
