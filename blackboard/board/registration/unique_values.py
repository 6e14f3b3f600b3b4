"""Unique values: which live mark of a kind holds which value of its unique field.

Instants are compared as instants, and numbers as numbers. The schema of the field says what a text stands for. A value
that several marks had before the field became unique has several holders.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import Any

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.deployment import KindSpec
from blackboard.core.marks import Kind
from blackboard.store.statements import MARKS

MAX_NAMED_VALUES = 5
"""The largest number of values that are named."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,18})?", re.ASCII)


def value_of(kind: Kind, payload: str) -> str | None:
    """Return the unique value of a payload, as text that equal values share; None if it has none."""
    if kind.unique is None or (value := json.loads(payload).get(kind.unique)) is None:
        return None
    schema = kind.schema or {}
    return _text(value, schema.get("properties", {}).get(kind.unique), schema)


def follow(txn: BoardTransaction, name: str, old: KindSpec, new: KindSpec) -> list[str]:
    """Let the live marks of a kind hold the values of its new unique field; describe values of several marks.

    This happens in the transaction of the change, because a deposit right after it must meet every value.
    """
    if _field_of(old) == _field_of(new):
        return []
    txn.sql.run(MARKS.delete_unique_values, kind=name)
    kind = new.kind(name)
    holders: defaultdict[str, list[int]] = defaultdict(list)
    for batch in txn.live_batches(name) if kind.unique is not None else ():
        pairs = [(value, row.id) for row in batch if (value := value_of(kind, row.payload)) is not None]
        rows = [{"kind": name, "value": value, "mark_id": mark} for value, mark in pairs]
        txn.sql.run_many(MARKS.insert_unique_value, rows)
        for value, mark in pairs:
            holders[value].append(mark)
    doubles = [(value, marks) for value, marks in holders.items() if len(marks) > 1]
    texts = [
        f"kind {name}: {kind.unique} {readable_value(value)} occurs {len(marks)} times: marks {_ids(marks)}"
        for value, marks in doubles
    ]
    more = (
        [f"kind {name}: {len(texts) - MAX_NAMED_VALUES} more values occur several times"]
        if len(texts) > MAX_NAMED_VALUES
        else []
    )
    return texts[:MAX_NAMED_VALUES] + more


def readable_value(value: str) -> str:
    """Return the text of a unique value as people read it."""
    return str(json.loads(value)) if value.startswith('"') else value


def _ids(marks: list[int]) -> str:
    return ", ".join(map(str, marks[:MAX_NAMED_VALUES])) + (", ..." if len(marks) > MAX_NAMED_VALUES else "")


def _field_of(spec: KindSpec) -> tuple[Any, ...]:
    """Return the field of a kind that is unique, with its schema, which decides how its values are compared."""
    if spec.unique is None:
        return (None,)
    schema = spec.payload or {}
    return (spec.unique, schema.get("properties", {}).get(spec.unique), schema.get("$defs"))


def _text(value: Any, schema: Any, root: Mapping[str, Any]) -> str:
    """Return the text that equal values share. Migration 0004 has a copy."""
    branches = list(_branches(schema, root))
    if isinstance(value, dict):
        members = (f"{json.dumps(name)}:{_text(value[name], _part(branches, name, 0), root)}" for name in sorted(value))
        return f"{{{','.join(members)}}}"
    if isinstance(value, list):
        return f"[{','.join(_text(item, _part(branches, None, i), root) for i, item in enumerate(value))}]"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(str(value))
    if isinstance(value, str):
        if any(branch.get("format") == "decimal" for branch in branches) and _NUMBER.fullmatch(value):
            return _number(value)
        if any(branch.get("format") in ("date-time", "time") for branch in branches):
            value = _instant(value)
    return json.dumps(value, ensure_ascii=False)


def _branches(schema: Any, root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a schema, and the schemas that it refers to or chooses between."""
    if not isinstance(schema, Mapping):
        return
    yield schema
    if isinstance(reference := schema.get("$ref"), str):
        yield from _branches(root.get("$defs", {}).get(reference.rpartition("/")[2]), root)
    for choice in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(choice, ()):
            yield from _branches(part, root)


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
