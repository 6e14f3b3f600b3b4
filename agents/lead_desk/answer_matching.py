"""Matching of a model's answer to the marks in its request. No id in an answer is trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from blackboard.errors import ModelError

__all__ = ["match_answers"]


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
        raise ModelError(f"the answer must name each mark exactly once; it has none or several for mark {listed}")
    by_id = {answer.id: answer for answer in answers}
    return [(question, by_id[question.id]) for question in questions]
