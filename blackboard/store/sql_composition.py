"""Composition of an SQL text from fragments, optional parts and named parameters.

In a text, `{is_live(:now)}` stands for a fragment with its arguments, and `{mark.*}` for the columns of a table.
`[limit: LIMIT :limit]` is an optional part. Values are `:named` parameters.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

_SLOT = re.compile(r"\{(\w+(?:\.\*)?)(?:\(([^{}]*)\))?\}")
_OPTION = re.compile(r" *\[(\w+): ([^\]]*)\]")
PARAMETER = re.compile(r"(?<![:\w]):([a-z_]\w*)")
"""A named parameter in a text."""


class Fragment(NamedTuple):
    """A text with the names of its parameters, which it contains as `{name}`."""

    text: str
    parameters: Sequence[str] = ()

    def fill(self, arguments: Sequence[str]) -> str:
        """Return the text with arguments for its parameters."""
        text = self.text
        for parameter, argument in zip(self.parameters, arguments, strict=True):
            text = text.replace(f"{{{parameter}}}", argument)
        return text


def compose_text(text: str, fragments: Mapping[str, Fragment], options: Collection[str]) -> str:
    """Return a text with some of its optional parts, and with the fragments that it names.

    Raises:
        LookupError: The text has no such optional part, or names a fragment that does not exist.
    """
    if unknown := set(options) - {name for name, _ in _OPTION.findall(text)}:
        raise LookupError(f"there is no optional part {', '.join(sorted(unknown))}")
    text = _OPTION.sub(lambda option: option[2] if option[1] in options else "", text)
    while _SLOT.search(text):  # a fragment may name others
        text = _SLOT.sub(lambda slot: fragments[slot[1]].fill(slot[2].split(", ") if slot[2] else ()), text)
    return text


def bind_parameters(text: str, *, is_numbered: bool) -> tuple[str, tuple[str, ...]]:
    """Return a text with placeholders, and the names of their values in their order.

    A driver takes values by position (`?`), or by number (`$1`). With numbers, a value that occurs twice has one
    number.
    """
    names = tuple(PARAMETER.findall(text))
    if not is_numbered:
        return PARAMETER.sub("?", text), names
    names = tuple(dict.fromkeys(names))
    return PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", text), names
