"""Texts of errors about payloads: a payload is not JSON, or does not fit the class of its kind."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pydantic import BaseModel, ValidationError

from blackboard.core.validation_problems import describe_problem
from blackboard.errors import InvalidMark
from blackboard.plurals import counted


def not_json(error: Exception) -> InvalidMark:
    """Return the error of a payload that cannot be written as JSON."""
    reason = str(error)
    if "set_int_max_str_digits" in reason:  # Python's own words are about how to raise the limit
        reason = f"a number has more than {sys.get_int_max_str_digits()} digits; store it as text"
    if isinstance(error, RecursionError):
        reason = "it is nested too deeply"
    return InvalidMark(f"the payload is not JSON: {reason}")


def printable_text(text: str) -> str:
    """Return a text of a depositor, with escapes in place of line breaks and other unprintable characters."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def describe_invalid(kind: str, mark_class: type[BaseModel], error: ValidationError) -> str:
    """Return an error of the class of a kind as one line that names each invalid field, up to 10."""
    parts = []
    for problem in error.errors(include_url=False, include_input=False)[:10]:
        place = ".".join(str(step) for step in problem["loc"]) or "payload"
        parts.append(printable_text(f"{place}: {describe_problem(mark_class, problem, 'field')}"))
    return f"the payload does not fit kind {kind!r}: {'; '.join(parts)}"


def unreadable_text(mark_class: type, problems: Sequence[str]) -> str:
    """Return the text of the error about marks that do not fit a class: their number, and the first problem."""
    return f"{counted(len(problems), 'mark')} cannot be read as {mark_class.__qualname__}: {problems[0]}"
