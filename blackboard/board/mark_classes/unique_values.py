"""The values of a unique field, in a form that can be compared.

Instants are compared as instants, and numbers as numbers. The schema of the field says what a text stands for.
"""

from __future__ import annotations

import json

from blackboard.core.marks.json_comparison_keys import comparison_key
from blackboard.core.marks.kinds import Kind


def value_of(kind: Kind, payload: str) -> str | None:
    """Return the unique value of a payload, as text that equal values share; None if it has none."""
    if kind.unique is None or (value := json.loads(payload).get(kind.unique)) is None:
        return None
    schema = kind.payload_schema or {}
    return comparison_key(value, schema.get("properties", {}).get(kind.unique), schema)


def readable_value(value: str) -> str:
    """Return a unique value as text for people."""
    return str(json.loads(value)) if value.startswith('"') else value
