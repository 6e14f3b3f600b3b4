"""The record of the text that was written into a project. `connect --remove` removes exactly this text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from blackboard.claude_code.project_entries import BEGIN, MEMORY, SERVERS, SETTINGS, SKILL
from blackboard.errors import UsageError

RECORD = ".claude/blackboard.json"

FOLDERS = ".folders"
"""The key of the folders that were made."""
WISH = ".wish"
"""The key of the options that the project was connected with."""


def read_record(text: str | None) -> dict[str, Any]:
    """Return the record by the names of the files; empty without a text.

    Args:
        text: A JSON object.

    Raises:
        UsageError: The text is not a record that this module wrote.
    """
    record: dict[str, Any] = json.loads(text or "{}")
    for name, value in record.items():
        check = _CHECKS.get(name)
        if check is None or not check(value):
            raise UsageError(
                f"{RECORD} is damaged at {name!r}; restore it, or delete it and remove by hand what was written"
            )
    return record


def write_record(record: dict[str, Any]) -> str:
    """Return the text of a record, the same for equal records."""
    return json.dumps({name: record[name] for name in _CHECKS if name in record}, ensure_ascii=False, indent=2) + "\n"


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_entry(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"value", "added", "space"}
        and isinstance(value["value"], dict)
        and isinstance(value["added"], list)
        and all(_is_texts(path) for path in value["added"])
        and isinstance(value["space"], str)
        and not value["space"].strip(" \t\r\n")
    )


def _is_section(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"value", "is_new"}
        and isinstance(value["value"], str)
        and BEGIN in value["value"]
        and isinstance(value["is_new"], bool)
    )


def _is_wish(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"options", "agent", "uses_channel"}
        and _is_texts(value["options"])
        and len(value["options"]) % 2 == 0
        and isinstance(value["agent"], str | None)
        and isinstance(value["uses_channel"], bool)
    )


_CHECKS: dict[str, Callable[[Any], bool]] = {
    SERVERS: _is_entry,
    SETTINGS: _is_entry,
    SKILL: lambda value: isinstance(value, str),
    MEMORY: _is_section,
    FOLDERS: _is_texts,
    WISH: _is_wish,
}
