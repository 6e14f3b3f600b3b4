"""The answers that each agent accepts from a model, and their match to the marks of the request.

The contents of an answer are not trusted, nor is any id in it.

Field names are short because every call pays for them. The classes of answers have no docstrings, because pydantic
would add them to the schema in the request.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from blackboard.errors import ModelError

__all__ = [
    "Pattern",
    "Patterns",
    "Pick",
    "Picks",
    "PlannedStep",
    "Ruling",
    "Rulings",
    "Steps",
    "Verdict",
    "Verdicts",
    "match_answers",
]

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


class HasId(Protocol):
    """A mark, a meeting request, or an item of an answer."""

    @property
    def id(self) -> int: ...


Q = TypeVar("Q", bound=HasId)
A = TypeVar("A", bound=HasId)


def match_answers(questions: Sequence[Q], answers: Iterable[A]) -> list[tuple[Q, A]]:
    """Pair each question with the answer that has its id, in the order of the questions.

    Answers with unknown ids are ignored.

    Raises:
        ModelError: A question has no answer, or has several.
    """
    answers = list(answers)
    counts = Counter(answer.id for answer in answers)
    wrong = [question.id for question in questions if counts[question.id] != 1]
    if wrong:
        listed = ", ".join(map(str, wrong[:5]))
        raise ModelError(f"the answer must name each mark exactly once; no answer or several for these marks: {listed}")
    by_id = {answer.id: answer for answer in answers}
    return [(question, by_id[question.id]) for question in questions]
