"""Full text: the fields of a kind that are searched, the words of a text, and queries for both databases.

Words are compared without case and without accents. A user's text is a list of words and never a query language.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from blackboard.core.marks.comparison_keys import branches_of
from blackboard.errors import InvalidSearch, UnknownName

Match = Literal["all", "any"]
"""Whether a mark must have all words of a text, or any of them."""

MAX_WORDS = 64
"""The number of different words of a text that are searched, from its start."""
MAX_WORD_BYTES = 1000
"""Longer words are left out; PostgreSQL's limit is 2,046 bytes."""
MAX_VECTOR_BYTES = 500_000
"""The index takes the text up to here; PostgreSQL's limit is about 1 MB."""
MAX_POSITIONS = 255
"""The number of occurrences of a word that a server's index counts in one text."""

_WORD = re.compile(r"[^\W_]+")
_TYPE_NAMES = {str: "string", type(None): "null"}


@dataclass(frozen=True)
class SearchSchema:
    """The fields of a kind's payload that are searched.

    Attributes:
        kind: The name of the kind.
        names: The fields, in their order.
        schema: The JSON schema of the payload; None if any field may have any value.
    """

    kind: str
    names: tuple[str, ...]
    schema: Mapping[str, Any] | None = None

    def problems(self) -> Iterator[str]:
        """Yield why fields cannot be searched."""
        if len(set(self.names)) < len(self.names):
            yield "search names a field twice"
        for name in (name for name in self.names if '"' in name):
            yield f"search: {name!r} contains a quote, and such a field cannot be searched"
        if self.schema is None:
            return
        fields = self.schema.get("properties", {})
        for name in self.names:
            if name not in fields:
                yield str(UnknownName("field", name, fields, f"search: the payload has no field {name!r}"))
            elif not _is_text(fields[name], self.schema):
                yield f"search: {name!r} must be a text to be searched"

    def text(self, payload: Mapping[str, Any]) -> str:
        """Return the text of a payload that is searched: its fields, each on a line."""
        return "\n".join(value for name in self.names if isinstance(value := payload.get(name), str))


def path_of(name: str) -> str:
    """Return the path of a field for SQLite's JSON functions, which take what is in the quotes as it is."""
    return f'$."{name}"'


def field_of(path: str) -> str:
    """Return the field of a path."""
    return path[3:-1]


def _is_text(schema: Any, root: Mapping[str, Any]) -> bool:
    """Return whether a schema allows texts, and nothing else but null."""
    types: set[str] = set().union(*map(_types_of, branches_of(schema, root)))
    return "string" in types and types <= {"string", "null"}


def _types_of(branch: Mapping[str, Any]) -> set[str]:
    """Return the types that a branch of a schema allows; "other" stands for all but texts and null."""
    if "type" in branch:
        named = branch["type"]
        return {named} if isinstance(named, str) else set(named)
    if "enum" in branch or "const" in branch:
        values = branch.get("enum", [branch.get("const")])
        return {_TYPE_NAMES.get(type(value), "other") for value in values}
    refers = any(word in branch for word in ("$ref", "anyOf", "oneOf", "allOf"))  # to branches that are tested too
    return set() if refers else {"string", "null", "other"}


class Word(NamedTuple):
    """A word of a user's text. With `is_prefix` it stands for every word that begins with it (`pric*`)."""

    text: str
    is_prefix: bool = False


def words_of(text: str) -> list[Word]:
    """Return the different words of a user's text, at most `MAX_WORDS`. A part without a letter or digit is no word.

    A part such as `e-mail` is one word here. The index has two, which must stand side by side.
    """
    found: dict[Word, None] = {}
    for part in re.split(r"[\s\x00]+", _without_surrogates(text)):
        word = Word(part.rstrip("*"), part.endswith("*"))
        if any(unicodedata.category(sign)[0] in "LN" for sign in word.text):
            found[word] = None
            if len(found) == MAX_WORDS:
                break
    return list(found)


def fts5_query(words: Iterable[Word], match: Match) -> str:
    """Return the query of FTS5 for words. In quotes, no sign has a meaning but the quote itself, which is doubled."""
    quoted = ('"' + word.text.replace('"', '""') + '"' + " *" * word.is_prefix for word in words)
    return (" OR " if match == "any" else " ").join(quoted)


def tsquery(words: Iterable[Word], match: Match) -> str:
    """Return the query of PostgreSQL for words."""
    phrases = []
    for word in words:
        if parts := _WORD.findall(folded(word.text)):
            phrase = " <-> ".join(f"'{part}'" for part in parts) + ":*" * word.is_prefix
            phrases.append(f"({phrase})" if len(parts) > 1 else phrase)
    return (" | " if match == "any" else " & ").join(phrases)


def tsvector(text: str) -> str:
    """Return the words of a text with their positions, as PostgreSQL stores them."""
    positions: defaultdict[str, list[int]] = defaultdict(list)
    size = 0
    for position, found in enumerate(_WORD.finditer(folded(text)), 1):
        word = found[0]
        if len(word.encode()) > MAX_WORD_BYTES:
            continue
        size += (0 if word in positions else len(word.encode()) + 8) + 2
        if size > MAX_VECTOR_BYTES:
            break
        if len(positions[word]) < MAX_POSITIONS:
            positions[word].append(min(position, 16_383))
    return " ".join(f"'{word}':{','.join(map(str, places))}" for word, places in positions.items())


def folded(text: str) -> str:
    """Return a text without case and accents."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFD", text)
    return "".join(sign for sign in parts if unicodedata.category(sign) != "Mn").lower()


def checked_raw(text: str) -> str:
    """Return a query in the database's own language, after checking that it can be sent.

    Raises:
        InvalidSearch: It is not text, or one of the commands by which FTS5 is tested.
    """
    if "\x00" in text or text != _without_surrogates(text):
        raise InvalidSearch("the query contains characters that are not valid text")
    if text.lstrip().startswith("*"):
        raise InvalidSearch("a query cannot begin with *; a prefix is written pric*")
    return text


def _without_surrogates(text: str) -> str:
    """Return a text without halves of surrogate pairs, which no database takes."""
    return text.encode(errors="replace").decode()
