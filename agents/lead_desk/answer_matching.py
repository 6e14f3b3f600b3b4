"""Holds a model's answer to the marks that it was asked about. It trusts no id, and it never calls a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Protocol, TypeVar

from blackboard.errors import ModelError

__all__ = ["clipped", "matched", "prompt"]


class Numbered(Protocol):
    """A mark, a wish about one, or an item of an answer."""

    @property
    def id(self) -> int: ...


N = TypeVar("N", bound=Numbered)
M = TypeVar("M", bound=Numbered)


@cache
def prompt(name: str) -> str:
    """The system prompt of that name, from lead_desk/prompts/."""
    return files("lead_desk").joinpath("prompts", f"{name}.md").read_text(encoding="utf-8").strip()


def matched(given: Sequence[M], items: Iterable[N]) -> list[tuple[M, N]]:
    """Each given mark with the one item that answers it, in the order given. Items of other ids are left out.

    Raises:
        ModelError: a mark has no answer, or more than one.
    """
    answers = list(items)
    counts = Counter(item.id for item in answers)
    wrong = [mark.id for mark in given if counts[mark.id] != 1]
    if wrong:
        listed = ", ".join(map(str, wrong[:5]))
        raise ModelError(f"the answer must speak once of every mark; it does not for mark {listed}")
    by_id = {item.id: item for item in answers}
    return [(mark, by_id[mark.id]) for mark in given]


def clipped(text: str, limit: int) -> str:
    """The text on one line, of at most `limit` characters, without characters that are not text."""
    line = " ".join(text.replace("\x00", " ").split()).encode("utf-8", "ignore").decode()
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
