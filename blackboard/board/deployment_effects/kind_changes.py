"""Changes of kinds: new and changed kinds are registered, and the marks of a kind are adapted.

A backfill adapts the marks to a new law or floor. The tags and unique values of a kind are stored anew in the
transaction of the change. So no reading misses a mark, and the next deposit is compared with every value. The history
needs no change, because a reading of the past uses payloads. If several marks have the same value when its field
becomes unique, all of them keep it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from blackboard.board.mark_tables.marks_in_scopes import live_batches
from blackboard.board.search_index import index_rebuilds
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.work_tables.backfill_rows import plan_backfill
from blackboard.core.marks.json_comparison_keys import readable_key
from blackboard.core.marks.tags import TagSchema
from blackboard.core.records.backfill_targets import BackfillTarget, BackfillTask
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.plurals import counted
from blackboard.store.row_types.mark_row_types import MarkRow, MarkTagRow
from blackboard.store.statements import DEPLOYMENTS, MARKS


@dataclass
class KindChanges:
    """The changes of kinds by a deployment."""

    texts: list[str] = field(default_factory=list)
    """The changes in words."""
    revalued: set[str] = field(default_factory=set)
    """The kinds whose marks have other strengths or ends."""
    retagged: set[tuple[str, str]] = field(default_factory=set)
    """The kinds and tags whose values are compared in another way."""


def register_kinds(txn: BoardTransaction, old: Deployment, new: Deployment) -> KindChanges:
    """Register new and changed kinds, and return the changes."""
    changes = KindChanges()
    for name, spec in new.kinds.items():
        kind, known = new.kind(name), old.kinds.get(name)
        law = txn.laws.register(txn.sql, kind.decay)
        row = txn.sql.one(DEPLOYMENTS.get_kind, name=name)
        if row is None:
            txn.sql.run(MARKS.insert_kind, name=name, weight=kind.weight, floor=kind.floor, law=law)
            changes.texts.append(f"kind {name}: new")
            changes.texts += index_rebuilds.begin(txn, name, KindSpec(), spec)
            continue
        if known == spec:
            continue
        changes.texts += _adapt_marks(txn, name, known, spec)
        changes.retagged |= {(name, tag) for tag in _changed_tags(known or KindSpec(), spec)}
        txn.sql.run(MARKS.update_kind, name=name, weight=kind.weight, floor=kind.floor, law=law)
        if (row.law, row.floor) != (law, kind.floor):
            _plan_backfill(txn, name, None if row.law == law else law, new_floor=row.floor != kind.floor)
        if (row.weight, row.floor, row.law) != (kind.weight, kind.floor, law):
            changes.revalued.add(name)
    return changes


def _adapt_marks(txn: BoardTransaction, name: str, known: KindSpec | None, spec: KindSpec) -> Iterator[str]:
    """Adapt the marks of a kind to its new settings, and yield the changes in words.

    `known` is None if the board knows the kind only from marks of an earlier deployment.
    """
    old = known or KindSpec()
    yield f"kind {name}" if known is None else f"kind {name}: {spec.differing_fields(known)}"
    yield from _store_unique_values(txn, name, old, spec)
    yield from _store_new_tags(txn, name, old, spec)
    yield from index_rebuilds.begin(txn, name, old, spec)
    if known is not None and known.on_repeat != spec.on_repeat:
        yield from _repeat_change(txn, name, known, spec)


def _repeat_change(txn: BoardTransaction, name: str, old_spec: KindSpec, new_spec: KindSpec) -> list[str]:
    """Return a text about the marks of a kind whose `on_repeat` changes: all stay, and only later deposits differ."""
    live = txn.sql.existing(MARKS.count_live, kind=name, now=txn.now)
    if not live.marks:
        return []
    if new_spec.on_repeat == "separate":
        later = "a later deposit joins none of them"
    elif old_spec.on_repeat == "separate" and live.marks > live.subjects:
        later = f"they have {live.subjects} subjects, and a later deposit joins the latest mark of its subject"
    else:
        later = f"a later deposit joins the mark of its subject by {new_spec.on_repeat!r}"
    return [f"kind {name}: its live marks ({live.marks}) stay as they are; {later}"]


def _plan_backfill(txn: BoardTransaction, kind: str, new_law: str | None, *, new_floor: bool) -> None:
    """Plan the backfill of the marks of a kind to a new law (None: they keep theirs), a new floor, or both.

    There is a change for each law that marks have from the kind, because a law with a fixed end differs from mark to
    mark. A new floor also concerns the marks with a law of their own.
    """
    next_law = MARKS.next_law_in_use if new_floor else MARKS.next_followed_law
    for law in txn.sql.each(next_law, after="", kind=kind):
        change = {"law": law, "new_law": new_law or law, "changed_at": txn.now}
        txn.sql.run(DEPLOYMENTS.insert_law_change, kind=kind, **change)
    plan_backfill(txn, BackfillTarget(BackfillTask.KIND, kind=kind))


MAX_NAMED_VALUES = 5
"""The largest number of values that a change names, and of marks with one of these values."""


def _store_unique_values(txn: BoardTransaction, name: str, old_spec: KindSpec, new_spec: KindSpec) -> list[str]:
    """Store the values of a new unique field of a kind; return texts about values that several live marks have.

    The values are stored in the transaction of the change, because the next deposit is compared with all of them.
    """
    if _field_of(old_spec) == _field_of(new_spec):
        return []
    txn.sql.run(MARKS.delete_unique_values, kind=name)
    kind = new_spec.kind(name)
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


def _ids(mark_ids: list[int]) -> str:
    return ", ".join(map(str, mark_ids[:MAX_NAMED_VALUES])) + (", ..." if len(mark_ids) > MAX_NAMED_VALUES else "")


def _field_of(spec: KindSpec) -> tuple[Any, ...]:
    """Return the unique field of a kind, with the schema that decides how values of the field are compared."""
    if spec.unique is None:
        return (None,)
    schema = spec.payload_schema or {}
    return (spec.unique, schema.get("properties", {}).get(spec.unique), schema.get("$defs"))


def _store_new_tags(txn: BoardTransaction, name: str, old_spec: KindSpec, new_spec: KindSpec) -> list[str]:
    """Store the new tags of a kind for its live marks, and return a line with the number of tagged marks."""
    before, after = _fields_of_tags(old_spec), _fields_of_tags(new_spec)
    for tag in before:
        if before[tag] != after.get(tag):
            txn.sql.run(MARKS.delete_tag, kind=name, name=tag)
    added = tuple(tag for tag in after if after[tag] != before.get(tag))
    if not added:
        return []
    schema = new_spec.model_copy(update={"tags": added}).kind(name).tag_schema
    tagged = 0
    for batch in live_batches(txn, name):
        rows = [tag for row in batch for tag in tag_rows(schema, row)]
        txn.sql.run_many(MARKS.insert_tag, [row._asdict() for row in rows])
        tagged += len({row.mark_id for row in rows})
    return [f"kind {name}: {tagged} live marks have the tags {', '.join(added)}"] if tagged else []


def _changed_tags(old_spec: KindSpec, new_spec: KindSpec) -> set[str]:
    """Return the tags that a kind keeps but whose values are now compared in another way."""
    before, after = _fields_of_tags(old_spec), _fields_of_tags(new_spec)
    return {tag for tag in before.keys() & after.keys() if before[tag] != after[tag]}


def tag_rows(schema: TagSchema, row: MarkRow) -> list[MarkTagRow]:
    """Return the rows of the tags of a mark."""
    keys = schema.keys(json.loads(row.payload))
    return [MarkTagRow(row.kind, name, value, row.id) for name, values in keys.items() for value in values]


def _fields_of_tags(spec: KindSpec) -> dict[str, Any]:
    """Return the tags of a kind, each with the schema that decides how its values are compared."""
    schema = spec.payload_schema or {}
    return {name: (schema.get("properties", {}).get(name), schema.get("$defs")) for name in spec.tags}
