"""Paths into a JSON value, such as `contact.email` and `answers.0.text`.

`labels.name` gives the names of all labels, and `tags.env` the `value` of the object that is called `env`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_NAMES = ("name", "key", "id", "ref", "label", "title")
"""The names of the fields that name an object in a list."""


def find_value(values: Mapping[str, Any], path: str) -> tuple[str, Any] | None:
    """Return the column where a path begins, and the value at its end; None if there is none.

    A column of exactly this name comes first, then the longest name that begins the path.
    """
    if path in values:
        return path, values[path]
    if "." not in path:
        return None
    parts = path.split(".")
    for length in range(len(parts) - 1, 0, -1):
        column = ".".join(parts[:length])
        if column in values and (ends := list(_walk(values[column], parts[length:]))):
            return column, ends[0]
    return None


def values_at(values: Mapping[str, Any], path: str) -> Iterable[Any]:
    """Return the value at a path, as the only item; nothing if there is none."""
    match = find_value(values, path)
    return () if match is None else (match[1],)


def _walk(value: Any, parts: Sequence[str]) -> Iterable[Any]:
    if not parts:
        yield value
    elif isinstance(value, list):
        if parts[0].isdecimal() and int(parts[0][:9]) < len(value):
            yield from _walk(value[int(parts[0][:9])], parts[1:])
        elif ends := [end for item in value for end in _walk(item, parts)]:
            yield ends
        elif (named := _named(value, parts[0])) is not None:
            yield from _walk(named, parts[1:] or ["value"])
    elif isinstance(value, Mapping):
        for length in range(len(parts), 0, -1):
            if (name := ".".join(parts[:length])) in value:
                yield from _walk(value[name], parts[length:])
                return


def _named(items: Sequence[Any], name: str) -> Mapping[str, Any] | None:
    """Return the object in a list that has a name; None if there is none."""
    for item in items:
        if isinstance(item, Mapping) and any(str(item.get(word)) == name for word in _NAMES if word in item):
            return item
    return None


def value_paths(values: Mapping[str, Any], depth: int = 4) -> Iterable[str]:
    """Yield the paths of the plain values in nested objects."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from (f"{name}.{path}" for path in value_paths(value, depth - 1) if depth > 1)
        elif not isinstance(value, list):
            yield name


def list_paths(values: Mapping[str, Any], depth: int = 4) -> Iterable[tuple[str, Sequence[Mapping[str, Any]]]]:
    """Yield the paths of the lists of objects in nested objects, and their objects."""
    for name, value in values.items():
        if isinstance(value, Mapping) and depth > 1:
            yield from ((f"{name}.{path}", items) for path, items in list_paths(value, depth - 1))
        elif isinstance(value, list) and (items := [item for item in value if isinstance(item, Mapping)]):
            yield name, items
