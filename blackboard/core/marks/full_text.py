"""Full text: the fields of a kind that are searched, and the words of a user's text.

A user's text is a list of words and never a query language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from blackboard.core.marks.json_comparison_keys import branches_of
from blackboard.errors import UnknownName

Match = Literal["all", "any"]
"""Whether a mark must have all words of a text, or any of them."""

MAX_WORDS = 64
"""The number of different words of a text that are searched, from its start."""
MAX_EXACT = 10_000
"""The largest number of matches of a search whose order is exact."""
RERANKED = 1_000
"""If a search has more than `MAX_EXACT` matches, only this number of the most relevant is ordered by score."""

_TYPE_NAMES = {str: "string", type(None): "null"}


@dataclass(frozen=True)
class SearchSchema:
    """The fields of a kind's payload that are searched."""

    kind: str
    """The name of the kind."""
    names: tuple[str, ...]
    """The fields, in their order."""
    schema: Mapping[str, Any] | None = None
    """The JSON schema of the payload; None if any field may have any value."""

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


def _is_text(schema: Any, root: Mapping[str, Any]) -> bool:
    """Return whether a schema allows texts, and nothing else but null."""
    types: set[str] = set().union(*map(_types_of, branches_of(schema, root)))
    return "string" in types and types <= {"string", "null"}


def _types_of(branch: Mapping[str, Any]) -> set[str]:
    """Return the types that a branch of a schema allows; "other" means any type except text and null."""
    if "type" in branch:
        named = branch["type"]
        return {named} if isinstance(named, str) else set(named)
    if "enum" in branch or "const" in branch:
        values = branch.get("enum", [branch.get("const")])
        return {_TYPE_NAMES.get(type(value), "other") for value in values}
    refers = any(word in branch for word in ("$ref", "anyOf", "oneOf", "allOf"))  # what it refers to is also tested
    return set() if refers else {"string", "null", "other"}


class Word(NamedTuple):
    """A word of a user's text. With `is_prefix` it stands for every word that begins with it (`pric*`)."""

    text: str
    is_prefix: bool = False


def words_of(text: str) -> list[Word]:
    """Return the different words of a user's text, at most `MAX_WORDS`. A part without a letter or digit is not a word.

    A part such as `e-mail` is one word here. The index has two words for it, which must follow each other.
    """
    found: dict[Word, None] = {}
    for part in re.split(r"[\s\x00]+", without_surrogates(text)):
        word = Word(part.rstrip("*"), part.endswith("*"))
        if any(unicodedata.category(sign)[0] in "LN" for sign in word.text):
            found[word] = None
            if len(found) == MAX_WORDS:
                break
    return list(found)


def without_surrogates(text: str) -> str:
    """Return a text without halves of surrogate pairs, which no database takes."""
    return text.encode(errors="replace").decode()
