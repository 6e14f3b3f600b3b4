"""Changes of the unique field of a kind. From the change on, each live mark holds its value of the new field.

A value that several marks had before the field became unique has several holders.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from blackboard.board.mark_tables.watch_scopes import live_batches
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.marks.json_comparison_keys import readable_key
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.plurals import counted
from blackboard.store.statements import MARKS

MAX_NAMED_VALUES = 5
"""The largest number of values that are named."""


def follow(txn: BoardTransaction, name: str, old: KindSpec, new: KindSpec) -> list[str]:
    """Store the values of a new unique field for the live marks of its kind, and describe values of several marks.

    This happens in the transaction of the change, because the next deposit is compared with every value.
    """
    if _field_of(old) == _field_of(new):
        return []
    txn.sql.run(MARKS.delete_unique_values, kind=name)
    kind = new.kind(name)
    holders: defaultdict[str, list[int]] = defaultdict(list)
    for batch in live_batches(txn, name) if kind.unique is not None else ():
        pairs = [(value, row.id) for row in batch if (value := kind.unique_value_of(row.payload)) is not None]
        rows = [{"kind": name, "value": value, "mark_id": mark} for value, mark in pairs]
        txn.sql.run_many(MARKS.insert_unique_value, rows)
        for value, mark in pairs:
            holders[value].append(mark)
    doubles = [(value, marks) for value, marks in holders.items() if len(marks) > 1]
    texts = [
        f"kind {name}: {kind.unique} {readable_key(value)} occurs {len(marks)} times: marks {_ids(marks)}"
        for value, marks in doubles
    ]
    more = (
        [f"kind {name}: {counted(len(texts) - MAX_NAMED_VALUES, 'more value')} with several marks"]
        if len(texts) > MAX_NAMED_VALUES
        else []
    )
    return texts[:MAX_NAMED_VALUES] + more


def _ids(marks: list[int]) -> str:
    return ", ".join(map(str, marks[:MAX_NAMED_VALUES])) + (", ..." if len(marks) > MAX_NAMED_VALUES else "")


def _field_of(spec: KindSpec) -> tuple[Any, ...]:
    """Return the field of a kind that is unique, with its schema, which decides how its values are compared."""
    if spec.unique is None:
        return (None,)
    schema = spec.payload_schema or {}
    return (spec.unique, schema.get("properties", {}).get(spec.unique), schema.get("$defs"))
