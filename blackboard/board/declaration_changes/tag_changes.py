"""Changes of the tags of a kind, which its live marks follow in the transaction of the change.

So no reading ever misses a mark. The history needs no change, because a reading of the past uses payloads.
"""

from __future__ import annotations

import json
from typing import Any

from blackboard.board.mark_tables.watch_scopes import live_batches
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.marks.tags import TagSchema
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.store.rows import MarkRow, MarkTagRow
from blackboard.store.statements import MARKS


def follow(txn: BoardTransaction, name: str, old: KindSpec, new: KindSpec) -> list[str]:
    """Store the new tags of a kind for its live marks, and return a line with the number of tagged marks."""
    before, after = _fields(old), _fields(new)
    for tag in before:
        if before[tag] != after.get(tag):
            txn.sql.run(MARKS.delete_tag, kind=name, name=tag)
    added = tuple(tag for tag in after if after[tag] != before.get(tag))
    if not added:
        return []
    schema = new.model_copy(update={"tags": added}).kind(name).tag_schema
    tagged = 0
    for batch in live_batches(txn, name):
        rows = [tag for row in batch for tag in rows_of(schema, row)]
        txn.sql.run_many(MARKS.insert_tag, [row._asdict() for row in rows])
        tagged += len({row.mark_id for row in rows})
    return [f"kind {name}: {tagged} live marks have the tags {', '.join(added)}"] if tagged else []


def changed_tags(old: KindSpec, new: KindSpec) -> set[str]:
    """Return the tags that a kind keeps but whose values are now compared in another way."""
    before, after = _fields(old), _fields(new)
    return {tag for tag in before.keys() & after.keys() if before[tag] != after[tag]}


def rows_of(schema: TagSchema, row: MarkRow) -> list[MarkTagRow]:
    """Return the rows of the tags of a mark."""
    keys = schema.keys(json.loads(row.payload))
    return [MarkTagRow(row.kind, name, value, row.id) for name, values in keys.items() for value in values]


def _fields(spec: KindSpec) -> dict[str, Any]:
    """Return the tags of a kind, each with the schema that decides how its values are compared."""
    schema = spec.payload_schema or {}
    return {name: (schema.get("properties", {}).get(name), schema.get("$defs")) for name in spec.tags}
