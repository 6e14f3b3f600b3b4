"""The keyword arguments of methods that have two forms: for a class of marks, and for the name of a kind.

Only the overloads name them, so `help` shows each argument of a method with its default.
"""

from __future__ import annotations

from typing import TypedDict

from blackboard.board.result_types.mark_results import MarkPosition
from blackboard.clock import When
from blackboard.core.marks.decay import Decay
from blackboard.core.marks.full_text import Match
from blackboard.core.marks.tags import Where


class DepositKeywords(TypedDict, total=False):
    """The keyword arguments of both forms of `deposit`."""

    intensity: float | None
    key: str | None
    decay: Decay | str | None
    until: When | None
    occurred_at: When | None
    if_event: int | None


class MarksKeywords(TypedDict, total=False):
    """The keyword arguments of both forms of `marks`."""

    subject: str | None
    min_strength: float | None
    at: When | None
    limit: int | None
    where: Where | None
    after: MarkPosition | None


class MarksOfClassKeywords(MarksKeywords, total=False):
    """The keyword arguments of `marks` with a class."""

    strict: bool


class SearchKeywords(TypedDict, total=False):
    """The keyword arguments of both forms of `search`, besides the kind."""

    where: Where | None
    limit: int
    faded: bool
    match: Match
    raw: bool
