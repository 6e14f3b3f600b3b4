"""Names of authors and agents: the reserved names, and names that look alike."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from blackboard.errors import InvalidAuthor, InvalidMark

BOARD = "blackboard"
"""The author of the board's own deposits. No agent and no other author has this name."""
MAX_AUTHOR_CHARACTERS = 200
MAX_AGENT_CHARACTERS = 64

# The characters that Unicode calls ignorable, and the blank pattern of Braille, have no width or no ink.
_INVISIBLE = re.compile(
    r"[\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0000-\U000e0fff]*"
)
_NOT_TEXT = re.compile(r"[\x00\ud800-\udfff]")


def is_blank(text: str) -> bool:
    """Return whether a text has no visible character."""
    return _INVISIBLE.fullmatch(text) is not None


@lru_cache(maxsize=1024)
def skeleton(name: str) -> str:
    """Return a name as a reader sees it: NFKC and case folded, without spaces and invisible characters."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return _INVISIBLE.sub("", folded)


def check_text(label: str, text: object, longest: int, error: type[InvalidMark] = InvalidMark) -> str:
    """Return a text that names something, such as an author, after checking that it can be stored.

    Raises:
        InvalidMark: The value is not text, has no visible character, is too long, or is not valid Unicode. The argument
            `error` sets another class.
    """
    if not isinstance(text, str):
        raise error(f"the {label} must be text, not {text!r}")
    if is_blank(text):
        raise error(f"the {label} is blank")
    if len(text) > longest:
        raise error(f"the {label} is {len(text)} characters long; at most {longest} are allowed")
    if (wrong := _NOT_TEXT.search(text)) is not None:
        raise error(f"the {label} contains {wrong[0]!r}, which is not valid text")
    return text


@lru_cache(maxsize=1024)  # each deposit is checked, and few names sign
def check_author(name: str) -> str:
    """Return the name of an author after checking that a person or a program may sign with it.

    Raises:
        InvalidAuthor: The name cannot be stored, or looks like the board's own name.
    """
    check_text("author", name, MAX_AUTHOR_CHARACTERS, InvalidAuthor)
    if skeleton(name) == BOARD:
        raise InvalidAuthor(f"the author {name!r} is reserved for the board itself; choose another name")
    return name


def agent_name_problem(name: str) -> str | None:
    """Return the mistake in the name of an agent, or None."""
    if not (name.isascii() and name.isidentifier()) or len(name) > MAX_AGENT_CHARACTERS:
        letters = f"up to {MAX_AGENT_CHARACTERS} letters (a to z), digits and underscores"
        return f"the name of an agent has {letters}, such as sales"
    if name.casefold() == BOARD:
        return "this name is reserved for the board itself; choose another one"
    return None
