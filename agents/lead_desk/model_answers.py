"""What a model may answer, per agent. The names are short because they are paid for; nothing here is trusted yet."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Pattern", "Patterns", "Pick", "Picks", "Ruling", "Rulings", "Step", "Steps", "Verdict", "Verdicts"]

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
    insights: list[Pattern]


class Ruling(_Answer):
    id: int
    slot: str | None
    note: str


class Rulings(_Answer):
    rulings: list[Ruling]


class Step(_Answer):
    id: int
    task: str
    ask: bool


class Steps(_Answer):
    rulings: list[Step]
