"""The marks that every board knows: needs, decisions about them, and needs that are overdue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from blackboard.clock import Instant, instant_of
from blackboard.core.authors import MAX_AUTHOR_CHARACTERS
from blackboard.core.marks.mark_checks import normalize_subject
from blackboard.core.marks.mark_model import Mark
from blackboard.core.text_checks import check_text
from blackboard.durations import parse_duration
from blackboard.errors import InvalidDuration, InvalidMark, InvalidTime


def due_instant(due: str, asked_at: Instant) -> Instant:
    """Return when a need is due.

    Args:
        due: A length of time after `asked_at`, or a time.
        asked_at: When the need was deposited.

    Raises:
        InvalidTime: `due` is neither a length of time nor a time.
    """
    try:
        return asked_at + parse_duration(due)
    except InvalidDuration:
        pass
    try:
        return instant_of(due)
    except InvalidTime:
        raise InvalidTime(f"{due!r} is neither a length of time, such as 15m, nor a time") from None


def _check_due(due: str) -> str:
    try:
        due_instant(due, 0)
    except InvalidTime as error:
        raise ValueError(str(error)) from None
    return due


def check_assignee(name: str) -> str:
    """Return the name of the person who should answer a need, in its stored form; "" if nobody is named.

    Raises:
        InvalidMark: The name cannot be stored.
    """
    if name == "":
        return name
    return normalize_subject(check_text("assignee", name, MAX_AUTHOR_CHARACTERS))


def _checked_assignee(name: str) -> str:
    try:
        return check_assignee(name)
    except InvalidMark as error:
        raise ValueError(str(error)) from None


def possible_answers(options: object) -> tuple[str, ...]:
    """Return the options of a need that can be an answer: those that are not blank."""
    return tuple(option for option in map(str, options) if option.strip()) if isinstance(options, list) else ()


class Need(Mark, kind="need", on_repeat="separate"):
    """A question that a person, or an agent that it names, must answer. It does not fade.

    `blackboard inbox` shows it.
    """

    question: str
    """The text that the person or agent reads."""
    options: list[str] = Field(default_factory=list)
    """The possible answers; any answer if there are none."""
    detail: str = ""
    """Background that helps to answer."""
    due: Annotated[str, AfterValidator(_check_due)] | None = None
    """When it should be answered: a length of time after the deposit, such as `15m`, or a time. Then the board deposits
    a mark of the kind `overdue`, unless the need has been answered."""
    assignee: Annotated[str, AfterValidator(_checked_assignee)] = ""
    """Who should answer; `blackboard assign` changes it."""
    answerable_by: list[str] = Field(default_factory=list)
    """The names of the agents that may answer it by a `Decision`. An agent whose marks led to the need never may."""


class Decision(Mark, kind="decision", on_repeat="separate"):
    """A decision about a subject, by a person or by an agent that declares it."""

    answer: str
    """The decision, in words or as one of the options."""
    need: int | None = None
    """The id of the need that it answers. A need is answered by `Blackboard.answer`, or by an agent that returns a
    decision with its id."""
    question: str = ""
    """The question of the need."""


class Overdue(Mark, kind="overdue", on_repeat="separate"):
    """A mark that the board deposits when a need is due and nobody has answered. It leaves the board with the need."""

    need: int
    question: str
    assignee: str = ""


BUILT_IN_CLASSES: Mapping[str, type[Mark]] = {"need": Need, "decision": Decision, "overdue": Overdue}
"""The mark classes that every process knows. The kind `overdue` is registered when it is first used."""
BUILT_IN_KINDS = {mark_class.kind: mark_class.defaults for mark_class in (Need, Decision)}
"""The kinds that every board gets with its first deployment."""
