"""Names of authors and agents: the reserved names, and names that look alike."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from blackboard.core.text_checks import check_text, without_invisible
from blackboard.errors import InvalidAuthor

BOARD = "blackboard"
"""The author of the board's own deposits. No agent and no other author has this name."""
MAX_AUTHOR_CHARACTERS = 200
MAX_AGENT_CHARACTERS = 64


@lru_cache(maxsize=1024)
def skeleton(name: str) -> str:
    """Return a name as a reader sees it: NFKC and case folded, without spaces and invisible characters."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return without_invisible(folded)


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
