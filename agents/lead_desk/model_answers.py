"""The answers that each agent accepts from a model. Their contents are not trusted yet.

Field names are short because every call pays for them. The classes have no docstrings, because pydantic would add them
to the schema in the request.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Pattern", "Patterns", "Pick", "Picks", "PlannedStep", "Ruling", "Rulings", "Steps", "Verdict", "Verdicts"]

Share = Annotated[float, Field(ge=0, le=1)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Verdict(_Answer):
    id: int
    score: Share
    reason: str
    wants: str
    times: list[str]


class Verdicts(_Answer):
    verdicts: list[Verdict]


class Pick(_Answer):
    id: int
    slot: str | None
    clash: str


class Picks(_Answer):
    picks: list[Pick]


class Pattern(_Answer):
    pattern: str
    ids: list[int]
    weight: Share


class Patterns(_Answer):
    patterns: list[Pattern]


class Ruling(_Answer):
    id: int
    slot: str | None
    note: str


class Rulings(_Answer):
    rulings: list[Ruling]


class PlannedStep(_Answer):
    id: int
    task: str
    ask: bool


class Steps(_Answer):
    steps: list[PlannedStep]
