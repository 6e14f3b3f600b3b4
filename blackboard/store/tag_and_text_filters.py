"""Filters of statements by tags, and by a text that a column contains.

A filter by tags may have any number of them. For each, a fragment with its number is part of the statement. A filter by
a text uses a pattern of LIKE.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from blackboard.store.transaction import Transaction


def tag_filter_text(fragment: str, tags: int, *, first: str | None = None) -> str:
    """Return the text of the fragments for a number of tags; the first fragment may have another form."""
    names = [first or fragment, *[fragment] * tags][:tags]
    return " ".join(f"{{{name}({number})}}" for number, name in enumerate(names))


def tag_filter_parameters(transaction: Transaction, keys: Mapping[str, Collection[str]]) -> dict[str, Any]:
    """Return the parameters of the fragments in `tag_filter_text`, for the keys that each tag may have."""
    values: dict[str, Any] = {}
    for number, (name, allowed) in enumerate(keys.items()):
        values |= {f"tag_{number}": name, f"values_{number}": transaction.list_of(sorted(allowed))}
    return values


def containing_pattern(text: str) -> str:
    """Return the pattern of the texts that contain a text."""
    for sign in ("\\", "%", "_"):
        text = text.replace(sign, "\\" + sign)
    return f"%{text}%"
