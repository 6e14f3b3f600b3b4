"""Changes of kinds: new and changed kinds are registered, and the marks of a kind follow its new law or floor."""

from __future__ import annotations

from collections.abc import Iterator

from blackboard.board.declaration_changes import tag_changes, unique_changes
from blackboard.board.search_index import search_changes
from blackboard.board.transactions.backfill_rows import BackfillTarget, BackfillTask, plan_backfill
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.store.statements import DEPLOYMENTS, MARKS


def register_kinds(
    txn: BoardTransaction, old: Deployment, new: Deployment
) -> tuple[list[str], set[str], set[tuple[str, str]]]:
    """Register new and changed kinds.

    Returns:
        The changes in words, the kinds whose marks have other strengths or ends, and the kinds and tags whose values
        are compared in another way.
    """
    changed, revalued, retagged = [], set(), set()
    for name, spec in new.kinds.items():
        kind, known = new.kind(name), old.kinds.get(name)
        law = txn.laws.register(txn.sql, kind.decay)
        row = txn.sql.one(DEPLOYMENTS.get_kind, name=name)
        if row is None:
            txn.sql.run(MARKS.insert_kind, name=name, weight=kind.weight, floor=kind.floor, law=law)
            changed.append(f"kind {name}: new")
            changed += search_changes.follow(txn, name, KindSpec(), spec)
            continue
        if known == spec:
            continue
        changed += _follow_change(txn, name, known, spec)
        retagged |= {(name, tag) for tag in tag_changes.changed_tags(known or KindSpec(), spec)}
        txn.sql.run(MARKS.update_kind, name=name, weight=kind.weight, floor=kind.floor, law=law)
        if (row.law, row.floor) != (law, kind.floor):
            _plan_backfill(txn, name, None if row.law == law else law, new_floor=row.floor != kind.floor)
        if (row.weight, row.floor, row.law) != (kind.weight, kind.floor, law):
            revalued.add(name)
    return changed, revalued, retagged


def _follow_change(txn: BoardTransaction, name: str, known: KindSpec | None, spec: KindSpec) -> Iterator[str]:
    """Let the marks of a kind follow its new settings, and yield the changes in words.

    `known` is None if the board knows the kind only from marks of an earlier deployment.
    """
    old = known or KindSpec()
    yield f"kind {name}" if known is None else f"kind {name}: {spec.differing_fields(known)}"
    yield from unique_changes.follow(txn, name, old, spec)
    yield from tag_changes.follow(txn, name, old, spec)
    yield from search_changes.follow(txn, name, old, spec)
    if known is not None and known.on_repeat != spec.on_repeat:
        yield from _repeat_change(txn, name, known, spec)


def _repeat_change(txn: BoardTransaction, name: str, old: KindSpec, new: KindSpec) -> list[str]:
    """Return a text about the marks of a kind whose `on_repeat` changes: all stay, and only later deposits differ."""
    live = txn.sql.existing(MARKS.count_live, kind=name, now=txn.now)
    if not live.marks:
        return []
    if new.on_repeat == "separate":
        later = "a later deposit joins none of them"
    elif old.on_repeat == "separate" and live.marks > live.subjects:
        later = f"they have {live.subjects} subjects, and a later deposit joins the latest mark of its subject"
    else:
        later = f"a later deposit joins the mark of its subject by {new.on_repeat!r}"
    return [f"kind {name}: its live marks stay as they are ({live.marks}); {later}"]


def _plan_backfill(txn: BoardTransaction, kind: str, new_law: str | None, *, new_floor: bool) -> None:
    """Plan how the marks of a kind follow a new law (None: they keep theirs), a new floor, or both.

    A mark need not be under the kind's former law to follow: a fixed end makes a law for each mark. A new floor
    concerns the marks with a law of their own, too.
    """
    next_law = MARKS.next_law_in_use if new_floor else MARKS.next_followed_law
    for law in txn.sql.each(next_law, after="", kind=kind):
        change = {"law": law, "new_law": new_law or law, "changed_at": txn.now}
        txn.sql.run(DEPLOYMENTS.insert_law_change, kind=kind, **change)
    plan_backfill(txn, BackfillTarget(BackfillTask.KIND, kind=kind))
