"""The answers that a need accepts: any text or, if the need has options, one of them."""

from __future__ import annotations

import difflib
import json
import unicodedata
from collections.abc import Sequence

from blackboard.core.built_in_marks import possible_answers
from blackboard.errors import InvalidMark
from blackboard.store.rows import MarkRow

MIN_SIMILARITY = 0.7
"""The least similarity at which an answer may be a misspelt option."""


def checked_answer(need: MarkRow, text: str, *, any_answer: bool = False) -> str:
    """Return an answer for the decision: if the need has options, the chosen option in the spelling of the need.

    Args:
        need: The need.
        text: The answer.
        any_answer: Whether the answer may differ from the options.

    Raises:
        InvalidMark: The answer is empty, or not one of the options.
    """
    if not text.strip():
        raise InvalidMark('the answer is empty; say what was decided, such as "Tuesday 15:00 is fine"')
    options = possible_answers(json.loads(need.payload).get("options"))
    return _option(text, options, any_answer=any_answer) if options else text


def _option(text: str, options: Sequence[str], *, any_answer: bool) -> str:
    """Return the option that an answer names, in the spelling of the need. Case, width and spaces do not matter.

    With `any_answer`, an answer that names no option is returned unchanged.

    Raises:
        InvalidMark: The answer names no option.
    """
    by_form = {_form(option): option for option in reversed(options)}
    if text in options:
        return text
    if (option := by_form.get(_form(text))) is not None:
        return option
    if any_answer:
        return text
    near = difflib.get_close_matches(_form(text), by_form, 1, MIN_SIMILARITY)
    meant = f"; did you mean {by_form[near[0]]!r}?" if near else "."
    raise InvalidMark(
        f"{text!r} is not one of the options: {' | '.join(options)}{meant} A person may answer in other words with"
        " --any-answer (any_answer=True)"
    )


def _form(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
