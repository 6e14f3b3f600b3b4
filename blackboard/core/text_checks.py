"""Checks of short texts that others write: names, keys and assignees.

A board stores such a text only if a person can see it and a database can hold it.
"""

from __future__ import annotations

import re

from blackboard.errors import InvalidMark

# The characters that Unicode calls ignorable, and the blank pattern of Braille, have no width or no ink.
_INVISIBLE = re.compile(
    r"[\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0000-\U000e0fff]*"
)
_NOT_TEXT = re.compile(r"[\x00\ud800-\udfff]")


def without_invisible(text: str) -> str:
    """Return a text without spaces and invisible characters."""
    return _INVISIBLE.sub("", text)


def check_text(label: str, text: object, longest: int, error: type[InvalidMark] = InvalidMark) -> str:
    """Return a text that names something, such as an author, after checking that it can be stored.

    Args:
        label: What the text names.
        text: The value.
        longest: The largest number of characters.
        error: The class of the error to raise.

    Raises:
        InvalidMark: The value is not text, has no visible character, is too long, or is not valid Unicode.
    """
    if not isinstance(text, str):
        raise error(f"the {label} must be text, not {text!r}")
    if _INVISIBLE.fullmatch(text):
        raise error(f"the {label} is blank")
    if len(text) > longest:
        raise error(f"the {label} is {len(text)} characters long; at most {longest} are allowed")
    if (wrong := _NOT_TEXT.search(text)) is not None:
        raise error(f"the {label} contains {wrong[0]!r}, which is not valid text")
    return text
