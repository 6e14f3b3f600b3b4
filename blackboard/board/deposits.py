"""Leaving a mark, and everything that follows from it in the same transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from blackboard.board import backfill, crossings, evaporation, predicted_crossings
from blackboard.board.board_transaction import BoardTransaction, law_key
from blackboard.decay import Decay
from blackboard.errors import InvalidMark
from blackboard.marks import Kind
from blackboard.reinforcement import State, reinforce
from blackboard.store.rows import EventRow, MarkRow
from blackboard.store.statements import MARKS

__all__ = ["PreparedDeposit", "Receipt", "UniqueConflict", "deposit"]


class PreparedDeposit(NamedTuple):
    """A mark to be left, checked and in the store's terms."""

    kind: str
    subject: str
    payload: str
    intensity: float
    author: str
    key: str | None = None
    decay: Decay | None = None
    unique: str | None = None
    """The value of the kind's unique field, if it has one."""
    activation_id: int | None = None


@dataclass(frozen=True)
class Receipt:
    """What became of a deposit."""

    mark_id: int
    event_id: int
    outcome: Literal["deposited", "reinforced", "unchanged", "duplicate"]
    strength: float
    crossed: tuple[str, ...] = ()
    """The agents whose watches crossed because of it."""


class UniqueConflict(InvalidMark):
    """Another live mark of the kind has the same value in the field that is unique."""


def deposit(txn: BoardTransaction, d: PreparedDeposit) -> Receipt:
    """Leave a mark: join it, record the event, test the watches, compute the falls.

    Raises:
        UnknownName: the kind is not registered.
        Taken: the kind's unique value belongs to another live mark.
    """
    kind = txn.kind(d.kind)
    if d.key is not None and (known := txn.tx.one(MARKS.find_key, key=d.key)) is not None:
        values = txn.tx.one(MARKS.get_mark, id=known[0])
        return Receipt(known[0], known[1], "duplicate", 0.0 if values is None else txn.strength(MarkRow(*values)))
    predicted_crossings.fire_due_of(txn, d.kind, d.subject)
    law = d.decay or kind.decay
    arriving = State(d.intensity * txn.deployment.trust.get(d.author, 1.0), txn.now, law)
    old = None if kind.on_repeat == "separate" else _find_live(txn, kind, d.subject)
    state = reinforce(kind, None if old is None else txn.state(old), arriving)
    if old is not None and state is None:
        _remember_key(txn, d, old.id, old.event_id)
        return Receipt(old.id, old.event_id, "unchanged", txn.strength(old))
    assert state is not None
    row = _reinforce(txn, d, kind, old, state) if old is not None else _insert(txn, d, kind, state)
    _remember_key(txn, d, row.id, row.event_id)
    crossed = crossings.test_deposit(txn, old, row)
    predicted_crossings.predict(txn, old, row)
    predicted_crossings.release_guards(txn, row.kind, row.subject)
    return Receipt(
        row.id,
        row.event_id,
        "deposited" if old is None else "reinforced",
        txn.strength(row),
        tuple(dict.fromkeys(watch.agent.name for watch in crossed)),
    )


def _find_live(txn: BoardTransaction, kind: Kind, subject: str) -> MarkRow | None:
    """The live mark of a kind and subject; one that has evaporated is moved to the history first."""
    live = None
    for values in txn.tx.all(MARKS.marks_of_subject, kind=kind.name, subject=subject):
        row = backfill.migrate(txn, MarkRow(*values))
        if row.evaporates_at is not None and row.evaporates_at <= txn.now:
            evaporation.evaporate(txn, row)
        elif live is None:
            live = row
    return live


def _insert(txn: BoardTransaction, d: PreparedDeposit, kind: Kind, state: State) -> MarkRow:
    _check_unique(txn, d, None)
    event_id = txn.next_event()
    row = MarkRow(
        id=event_id,
        kind=d.kind,
        subject=d.subject,
        payload=d.payload,
        author=d.author,
        intensity=state.intensity,
        law=_law(txn, kind, state.law),
        anchored_at=txn.now,
        event_id=event_id,
        deposited_at=txn.now,
        reinforced_at=txn.now,
        reinforcements=0,
        evaporates_at=state.evaporates_at(kind),
        order_key=state.law.order_key(state.intensity, txn.now),
    )
    _record(txn, d, row, "deposited")
    _claim_unique(txn, d, row.id)
    txn.tx.put(MARKS.insert_mark, row)
    return row


def _reinforce(txn: BoardTransaction, d: PreparedDeposit, kind: Kind, old: MarkRow, state: State) -> MarkRow:
    _check_unique(txn, d, old.id)
    row = old._replace(
        payload=d.payload,
        author=d.author,
        intensity=state.intensity,
        law=_law(txn, kind, state.law),
        anchored_at=txn.now,
        event_id=txn.next_event(),
        reinforced_at=txn.now,
        reinforcements=old.reinforcements + 1,
        evaporates_at=state.evaporates_at(kind),
        order_key=state.law.order_key(state.intensity, txn.now),
    )
    _record(txn, d, row, "reinforced")
    _claim_unique(txn, d, row.id)
    txn.tx.run(MARKS.update_mark, id=row.id, **{name: getattr(row, name) for name in _CHANGED})
    return row


_CHANGED = (
    "payload", "author", "intensity", "law", "anchored_at", "event_id", "reinforced_at", "reinforcements",
    "evaporates_at", "order_key",
)  # fmt: skip


def _record(txn: BoardTransaction, d: PreparedDeposit, row: MarkRow, event: str) -> None:
    txn.tx.put(
        MARKS.insert_event,
        EventRow(
            row.event_id, txn.now, row.id, row.kind, row.subject, event, row.intensity, row.law, row.evaporates_at,
            row.author, d.activation_id, row.payload,
        ),
    )  # fmt: skip


def _law(txn: BoardTransaction, kind: Kind, law: Decay) -> str:
    return law_key(law) if law is kind.decay else txn.laws.key(txn.tx, law)


def _check_unique(txn: BoardTransaction, d: PreparedDeposit, mark_id: int | None) -> None:
    """Before an event's id is drawn: one that was never written would be taken for seen by whoever claims next.

    Raises:
        Taken: the value belongs to another live mark.
    """
    if d.unique is None:
        return
    holder = txn.tx.one(MARKS.find_unique_value, kind=d.kind, value=d.unique)
    if holder is not None and holder[0] != mark_id:
        values = txn.tx.one(MARKS.get_mark, id=holder[0])
        row = None if values is None else backfill.migrate(txn, MarkRow(*values))
        if row is not None and (row.evaporates_at is None or row.evaporates_at > txn.now):
            field = txn.kind(d.kind).unique
            raise UniqueConflict(f"{d.kind}.{field}: {d.unique} belongs to mark {row.id} on {row.subject}")
        if row is not None:
            predicted_crossings.fire_due_of(txn, row.kind, row.subject)
            evaporation.evaporate(txn, row)


def _claim_unique(txn: BoardTransaction, d: PreparedDeposit, mark_id: int) -> None:
    if d.unique is None:
        return
    txn.tx.run(MARKS.delete_unique_value, mark_id=mark_id)
    txn.tx.run(MARKS.insert_unique_value, kind=d.kind, value=d.unique, mark_id=mark_id)


def _remember_key(txn: BoardTransaction, d: PreparedDeposit, mark_id: int, event_id: int) -> None:
    if d.key is not None:
        txn.tx.run(MARKS.insert_key, key=d.key, mark_id=mark_id, event_id=event_id, at=txn.now)
