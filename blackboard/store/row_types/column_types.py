"""The types of columns, by which `schema.tables` chooses the type of a column in each database."""

from __future__ import annotations

from blackboard.clock import Instant
from blackboard.durations import Duration

# `schema.tables` takes the type of a column from the name by which a field spells its type, since a named tuple keeps
# the text of an annotation. So these names are not interchangeable, although most of them stand for `int`.
Id = int
"""The id of a row whose number may exceed 32 bits."""
Money = int
"""Whole micro-dollars."""
Flag = int
"""0 or 1; by default 0."""
Number = int
"""A number of 64 bits."""
AddedNumber = int
"""A number of 64 bits in a column that a migration added to a table with rows; by default 0."""
AddedInstant = Instant
"""An instant in a column that a migration added to a table with rows; by default 0."""
AddedDuration = Duration
"""A duration in a column that a migration added to a table with rows; by default 0."""
