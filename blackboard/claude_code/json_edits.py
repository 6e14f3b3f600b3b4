"""Edits of a JSON text: additions of members and items, and their removal.

All other characters stay. So a person finds the file as it was, and after a removal the text is as it was before the
addition.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from json.decoder import JSONDecoder
from typing import Any

from blackboard.claude_code.project_files import newline_of

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = JSONDecoder()
INDENT = "  "

Path = Sequence[str | int]


@dataclass(frozen=True)
class JsonPart:
    """A value in a text, with its place."""

    start: int
    """Where the value begins in the text."""
    end: int
    """Where the value ends in the text."""
    value: Any
    """The value."""
    parts: dict[str | int, JsonPart] = field(default_factory=dict)
    """The values in the object or list, by their keys or positions."""
    starts: dict[str | int, int] = field(default_factory=dict)
    """Where each part begins: in an object, the place of its key."""


def parse(text: str) -> JsonPart:
    """Return the value of a text with the places of its parts.

    Raises:
        ValueError: The text is not JSON.
    """
    json.loads(text)  # what follows expects valid JSON
    return _part(text, _skip(text, 0))


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()


def _part(text: str, start: int) -> JsonPart:
    """Return the value that begins at a place."""
    if text[start] not in "{[":
        value, end = _DECODER.raw_decode(text, start)
        return JsonPart(start, end, value)
    is_object = text[start] == "{"
    parts: dict[str | int, JsonPart] = {}
    starts: dict[str | int, int] = {}
    at = _skip(text, start + 1)
    while text[at] not in "}]":
        begin, key = at, len(parts)
        name: str | int = key
        if is_object:
            name, at = _DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        part = _part(text, at)
        parts[name], starts[name] = part, begin
        at = _skip(text, part.end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    values = {name: part.value for name, part in parts.items()}
    return JsonPart(start, at + 1, values if is_object else list(values.values()), parts, starts)


def find(root: JsonPart, path: Path) -> JsonPart | None:
    """Return the part at a path of keys and positions; None if there is none."""
    part: JsonPart | None = root
    for name in path:
        part = None if part is None else part.parts.get(name)
    return part


def add(text: str, path: Path, value: Any, key: str | None = None) -> str:
    """Return a text with a further last member of an object, or a further last item of a list.

    Args:
        text: The text.
        path: Where the object or the list is.
        value: The value to add.
        key: The key of the member; None for an item of a list.
    """
    container = find(parse(text), path)
    assert container is not None
    outer = _indent_of(text, container.start)
    last = max(container.parts.values(), key=lambda part: part.end, default=None)
    inner = outer + INDENT if last is None else _indent_of(text, min(container.starts.values()))
    is_on_one_line = last is not None and "\n" not in text[container.start : container.end]
    added = json.dumps(value, ensure_ascii=False, indent=None if is_on_one_line else len(INDENT))
    if key is not None:
        added = f"{json.dumps(key, ensure_ascii=False)}: {added}"
    if is_on_one_line:
        return text[: last.end] + f", {added}" + text[last.end :] if last else text
    newline = newline_of(text)
    added = f"\n{inner}" + added.replace("\n", f"\n{inner}")
    added = added.replace("\n", newline)
    if last is None:
        return text[: container.start + 1] + f"{added}{newline}{outer}" + text[container.end - 1 :]
    return text[: last.end] + f",{added}" + text[last.end :]


def _indent_of(text: str, at: int) -> str:
    """Return the white space at the beginning of the line of a place."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip())]


def space_in(text: str, path: Path) -> str:
    """Return the white space in the object or the list at a path; "" if it is not empty."""
    container = find(parse(text), path)
    return "" if container is None or container.parts else text[container.start + 1 : container.end - 1]


def remove(text: str, path: Path, space: str = "") -> str:
    """Return a text without the member or the item at a path.

    Args:
        text: The text.
        path: Where the member or the item is.
        space: The white space to leave, if nothing else is beside it.
    """
    root, name = parse(text), path[-1]
    container = find(root, path[:-1])
    assert container is not None
    names = list(container.parts)
    at = names.index(name)
    if len(names) == 1:
        return text[: container.start + 1] + space + text[container.end - 1 :]
    if at == len(names) - 1:
        return text[: container.parts[names[at - 1]].end] + text[container.parts[name].end :]
    return text[: container.starts[name]] + text[container.starts[names[at + 1]] :]
