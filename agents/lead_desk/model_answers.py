"""The answers that each agent accepts from a model. Their contents are not trusted yet.

Field names are short because every call pays for them. The classes have no docstrings, because pydantic would add them
to the schema in the request.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Pattern", "Patterns", "Pick", "Picks", "PlannedStep", "Ruling", "Rulings", "Steps", "Verdict", "Verdicts"]

Fraction = Annotated[float, Field(ge=0, le=1)]


class _ModelAnswer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Verdict(_ModelAnswer):
    id: int
    score: Fraction
    reason: str
    wants: str
    times: list[str]


class Verdicts(_ModelAnswer):
    verdicts: list[Verdict]


class Pick(_ModelAnswer):
    id: int
    slot: str | None
    clash: str


class Picks(_ModelAnswer):
    picks: list[Pick]


class Pattern(_ModelAnswer):
    pattern: str
    ids: list[int]
    weight: Fraction


class Patterns(_ModelAnswer):
    patterns: list[Pattern]


class Ruling(_ModelAnswer):
    id: int
    slot: str | None
    note: str


class Rulings(_ModelAnswer):
    rulings: list[Ruling]


class PlannedStep(_ModelAnswer):
    id: int
    task: str
    ask: bool


class Steps(_ModelAnswer):
    steps: list[PlannedStep]
