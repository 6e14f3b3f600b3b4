"""Full-text queries in the languages of both databases, and the text that PostgreSQL's index takes.

SQLite folds case and accents by itself. For PostgreSQL they are folded here.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from blackboard.core.marks.full_text import Match, Word, without_surrogates
from blackboard.errors import InvalidSearch

MAX_WORD_BYTES = 1000
"""Longer words are left out; PostgreSQL's limit is 2,046 bytes."""
MAX_VECTOR_BYTES = 500_000
"""The largest index entry of a text, without the words after it; PostgreSQL's limit is about 1 MB."""
MAX_POSITIONS = 255
"""The number of occurrences of a word that PostgreSQL's index counts in one text."""

_WORD = re.compile(r"[^\W_]+")


def path_of(name: str) -> str:
    """Return the path of a field for SQLite's JSON functions, which read the text in quotes literally."""
    return f'$."{name}"'


def field_of(path: str) -> str:
    """Return the field of a path."""
    return path[3:-1]


def fts5_query(words: Iterable[Word], match: Match) -> str:
    """Return the query of FTS5 for words. In quotes, only the quote itself has a meaning, so it is doubled."""
    quoted = ('"' + word.text.replace('"', '""') + '"' + " *" * word.is_prefix for word in words)
    return (" OR " if match == "any" else " ").join(quoted)


def tsquery(words: Iterable[Word], match: Match) -> str:
    """Return the query of PostgreSQL for words."""
    phrases = []
    for word in words:
        if parts := _WORD.findall(fold_text(word.text)):
            phrase = " <-> ".join(f"'{part}'" for part in parts) + ":*" * word.is_prefix
            phrases.append(f"({phrase})" if len(parts) > 1 else phrase)
    return (" | " if match == "any" else " & ").join(phrases)


def tsvector(text: str) -> str:
    """Return the words of a text with their positions, as PostgreSQL stores them."""
    positions: defaultdict[str, list[int]] = defaultdict(list)
    size = 0
    for position, found in enumerate(_WORD.finditer(fold_text(text)), 1):
        word = found[0]
        if len(word.encode()) > MAX_WORD_BYTES:
            continue
        size += (0 if word in positions else len(word.encode()) + 8) + 2
        if size > MAX_VECTOR_BYTES:
            break
        if len(positions[word]) < MAX_POSITIONS:
            positions[word].append(min(position, 16_383))
    return " ".join(f"'{word}':{','.join(map(str, places))}" for word, places in positions.items())


def fold_text(text: str) -> str:
    """Return a text without case and accents."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFD", text)
    return "".join(sign for sign in parts if unicodedata.category(sign) != "Mn").lower()


def checked_raw(text: str) -> str:
    """Return a query in the database's own language, after checking that it can be sent.

    Raises:
        InvalidSearch: The query is not valid text, or begins with `*`, as the commands of FTS5 do.
    """
    if "\x00" in text or text != without_surrogates(text):
        raise InvalidSearch("the query contains characters that are not valid text")
    if text.lstrip().startswith("*"):
        raise InvalidSearch("a query cannot begin with *; put the * after the beginning of a word, as in pric*")
    return text
