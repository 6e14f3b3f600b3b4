"""The options of `load` for rows: the form of their text, and the mapping of their columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

ExtraColumns = Literal["error", "ignore", "keep"]
"""The treatment of columns that have no field in the kind."""


@dataclass(frozen=True)
class TextForm:
    """The options for the form of a text; None for a property that is detected."""

    delimiter: str | None
    encoding: str | None
    each: str | None
    """The path of a list in each JSON object, whose elements are the rows."""


@dataclass(frozen=True)
class Columns:
    """The mapping as the user states it."""

    kind: str
    subject: Sequence[str]
    """Columns of the subject; the first non-empty column counts."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """The field for each column; an empty field omits the column. `email` -> `contact.email` is understood too."""
    intensity: float | str = 1.0
    """A number, or the column that contains it."""
    extra: ExtraColumns = "error"
    """The treatment of columns that have no field in the kind."""
    key: str | None = None
    """The column that identifies a row; by default the whole row."""
    occurred_at: str | None = None
    """The column with the time when a row occurred; by default the time of the load."""
    tags: Sequence[str] = ()
    """Tags that a row must have, each as NAME=VALUE; all rows count if there are none."""
