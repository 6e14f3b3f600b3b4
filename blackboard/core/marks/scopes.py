"""Scopes: a watch measures together the marks of a subject, of a group, or of the whole board.

A scope is a text everywhere, and the whole board is the empty text, `WHOLE_BOARD`. None is never a scope: a function
returns None if there is no scope, for example no group because a mark lacks the tag. Some columns hold NULL for the
whole board; `nullable_scope` and `scope_in` translate it.

A group has all marks with one value of a tag, whatever their subjects are. Its text begins with a character that begins
no subject. So a table needs one column, `scope`, for the subjects and the groups that its rows are about.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import NamedTuple

WHOLE_BOARD = ""
"""The scope of a watch over the whole board."""
SEPARATOR = "\x1d"
"""The first character of the scope of a group, and the separator between its tag and the key of its value.

It is Unicode's own "group separator". JSON escapes it, so that no key contains it.
"""
DIGEST = "#"
"""The first character of a key that is a digest (see `tags`): the value cannot be read back from it."""

GroupValue = str | bool | int | float


class Group(NamedTuple):
    """The marks with one value of a tag."""

    tag: str
    key: str
    """The comparison key of the value, as the board stores it."""

    @classmethod
    def of(cls, tag: str, keys: Mapping[str, Collection[str]]) -> Group | None:
        """Return the group for these keys of tags; None unless they have exactly one value of the tag."""
        found = keys.get(tag, ())
        return cls(tag, next(iter(found))) if len(found) == 1 else None

    @property
    def scope(self) -> str:
        """The scope of the group."""
        return f"{SEPARATOR}{self.tag}{SEPARATOR}{self.key}"

    @property
    def is_digest(self) -> bool:
        """Whether the key is the digest of a text of more than 500 bytes."""
        return self.key.startswith(DIGEST)

    @property
    def value(self) -> GroupValue:
        """The value that its marks share; for a text above 500 bytes, its digest."""
        if self.is_digest:
            return self.key
        value: GroupValue = json.loads(self.key)
        return value

    def __str__(self) -> str:
        return group_text(self.tag, self.value)


def is_group(scope: str) -> bool:
    """Return whether a scope is a group."""
    return scope.startswith(SEPARATOR)


def group_of(scope: str) -> Group | None:
    """Return the group of a scope; None if the scope is a subject or the board."""
    if not is_group(scope):
        return None
    _, tag, key = scope.split(SEPARATOR, 2)
    return Group(tag, key)


def subject_of(scope: str) -> str | None:
    """Return the subject of a scope; None if the scope is a group or the board."""
    return None if is_group(scope) else scope or None


def nullable_scope(scope: str) -> str | None:
    """Return a scope as a column that may be NULL holds it: NULL for the whole board."""
    return scope or None


def scope_in(column: str | None) -> str:
    """Return the scope in a column that holds NULL for the whole board."""
    return column or WHOLE_BOARD


def scope_name(scope: str) -> str:
    """Return a scope as people read it."""
    group = group_of(scope)
    return str(group) if group is not None else scope or "the board"


def group_text(tag: str | None, value: GroupValue) -> str:
    """Return a group as people read it, such as `service="payments"`."""
    return f"{tag}={json.dumps(value, ensure_ascii=False)}"
