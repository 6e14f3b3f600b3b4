"""Comparison keys: texts of JSON values. Two values are equal exactly if their keys are the same.

Numbers are compared as numbers and instants as instants. The schema of a value decides whether a text is a number or an
instant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import Any

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,18})?", re.ASCII)


def comparison_key(value: Any, schema: Any, root: Mapping[str, Any]) -> str:
    """Return the text that is the same for all equal values. Migration 0004 has a copy of this function.

    Args:
        value: A JSON value, or a decimal number.
        schema: The schema of the value; None if it has none.
        root: The schema with the definitions that it refers to.
    """
    branches = list(branches_of(schema, root))
    if isinstance(value, dict):
        members = (
            f"{json.dumps(name)}:{comparison_key(value[name], _part(branches, name, 0), root)}"
            for name in sorted(value)
        )
        return f"{{{','.join(members)}}}"
    if isinstance(value, list):
        items = (comparison_key(item, _part(branches, None, place), root) for place, item in enumerate(value))
        return f"[{','.join(items)}]"
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return _number(str(value))
    if isinstance(value, str):
        if any(branch.get("format") == "decimal" for branch in branches) and _NUMBER.fullmatch(value):
            return _number(value)
        if any(branch.get("format") in ("date-time", "time") for branch in branches):
            value = _instant(value)
    return json.dumps(value, ensure_ascii=False)


def readable_key(key: str) -> str:
    """Return a comparison key as text for people."""
    return str(json.loads(key)) if key.startswith('"') else key


def branches_of(schema: Any, root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a schema, and the schemas that it refers to or chooses between."""
    if not isinstance(schema, Mapping):
        return
    yield schema
    if isinstance(reference := schema.get("$ref"), str):
        yield from branches_of(root.get("$defs", {}).get(reference.rpartition("/")[2]), root)
    for choice in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(choice, ()):
            yield from branches_of(part, root)


def _part(branches: list[Mapping[str, Any]], name: str | None, place: int) -> Any:
    """Return the schema of a member of an object, or of an item of a list."""
    for branch in branches:
        first = branch.get("prefixItems", ())
        if name is None and place < len(first):
            return first[place]
        part = branch.get("items") if name is None else branch.get("properties", {}).get(name)
        if part is None and name is not None:
            part = branch.get("additionalProperties")
        if part is not None:
            return part
    return None


def _number(text: str) -> str:
    number = Decimal(text)
    exact = Context(prec=len(number.as_tuple().digits), Emax=MAX_EMAX, Emin=MIN_EMIN)
    number = number.normalize(exact) if number else Decimal(0)
    return f"{number:f}" if abs(number.adjusted()) < 30 else str(number)


def _instant(text: str) -> str:
    """Return a time with a zone in UTC, and any other text as it is."""
    try:
        if text[10:11] in ("T", "t", " ", "_"):
            instant = datetime.fromisoformat(text)
        else:
            clock = time.fromisoformat(text)
            if clock.tzinfo is None:
                return clock.isoformat()
            instant = datetime.combine(date(2000, 1, 2), clock)
        return (instant if instant.tzinfo is None else instant.astimezone(UTC)).isoformat()
    except (ValueError, OverflowError):
        return text
