"""Deposits of marks, with everything that follows from a deposit in the same transaction."""

from __future__ import annotations

from typing import NamedTuple

from blackboard.board import backfill, crossings, evaporation, predicted_crossings
from blackboard.board.board_transaction import BoardTransaction, law_key
from blackboard.board.results import Receipt
from blackboard.decay import Decay
from blackboard.errors import InvalidMark
from blackboard.marks import Kind
from blackboard.reinforcement import State, reinforce
from blackboard.store.rows import EventRow, MarkRow
from blackboard.store.statements import MARKS

__all__ = ["PreparedDeposit", "UniqueConflict", "deposit"]


class PreparedDeposit(NamedTuple):
    """A checked mark in the store's terms."""

    kind: str
    subject: str
    payload: str
    intensity: float
    author: str
    key: str | None = None
    decay: Decay | None = None
    unique: str | None = None
    """The value of the kind's unique field, if the kind has one."""
    activation_id: int | None = None


class UniqueConflict(InvalidMark):
    """Another live mark of the kind has the same value in the unique field."""


def deposit(txn: BoardTransaction, prepared: PreparedDeposit) -> Receipt:
    """Deposit a mark: join it with a live one, record the event, test the watches and predict crossings.

    Raises:
        UnknownName: The kind is not registered.
        UniqueConflict: The value of the unique field belongs to another live mark.
    """
    kind = txn.kind(prepared.kind)
    if prepared.key is not None and (known := txn.tx.one(MARKS.find_key, key=prepared.key)) is not None:
        row = txn.tx.one(MARKS.get_mark, id=known.mark_id)
        return Receipt(known.mark_id, known.event_id, "duplicate", 0.0 if row is None else txn.strength(row))
    predicted_crossings.fire_due_of(txn, prepared.kind, prepared.subject)
    law = prepared.decay or kind.decay
    new = State(prepared.intensity * txn.deployment.trust.get(prepared.author, 1.0), txn.now, law)
    old = None if kind.on_repeat == "separate" else _take_live(txn, kind, prepared.subject)
    state = reinforce(kind, None if old is None else txn.state(old), new)
    if old is not None and state is None:
        _insert_key(txn, prepared, old)
        return Receipt(old.id, old.event_id, "unchanged", txn.strength(old))
    assert state is not None
    row = _write(txn, prepared, kind, old, state)
    _insert_key(txn, prepared, row)
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


def _take_live(txn: BoardTransaction, kind: Kind, subject: str) -> MarkRow | None:
    """Return the live mark of a kind and subject, after moving evaporated ones to the history."""
    live = None
    for row in txn.tx.all(MARKS.marks_of_subject, kind=kind.name, subject=subject):
        row = backfill.migrate(txn, row)
        if not row.is_live(txn.now):
            evaporation.evaporate(txn, row)
        elif live is None:
            live = row
    return live


def _write(txn: BoardTransaction, prepared: PreparedDeposit, kind: Kind, old: MarkRow | None, state: State) -> MarkRow:
    """Write a new mark, or the reinforcement of an old one, with its event."""
    _check_unique(txn, prepared, old)
    event_id = txn.next_event()
    row = MarkRow(
        id=event_id if old is None else old.id,
        kind=prepared.kind,
        subject=prepared.subject,
        payload=prepared.payload,
        author=prepared.author,
        intensity=state.intensity,
        law=law_key(state.law) if state.law is kind.decay else txn.laws.key(txn.tx, state.law),
        anchored_at=txn.now,
        event_id=event_id,
        deposited_at=txn.now if old is None else old.deposited_at,
        reinforced_at=txn.now,
        reinforcements=0 if old is None else old.reinforcements + 1,
        evaporates_at=state.evaporates_at(kind),
        order_key=state.law.order_key(state.intensity, txn.now),
    )
    event = EventRow(
        id=event_id,
        recorded_at=txn.now,
        mark_id=row.id,
        kind=row.kind,
        subject=row.subject,
        event="deposited" if old is None else "reinforced",
        intensity=row.intensity,
        law=row.law,
        evaporates_at=row.evaporates_at,
        author=row.author,
        activation_id=prepared.activation_id,
        payload=row.payload,
    )
    txn.tx.put(MARKS.insert_event, event)
    if prepared.unique is not None:
        txn.tx.run(MARKS.delete_unique_value, mark_id=row.id)
        txn.tx.run(MARKS.insert_unique_value, kind=row.kind, value=prepared.unique, mark_id=row.id)
    if old is None:
        txn.tx.put(MARKS.insert_mark, row)
    else:
        txn.tx.run(MARKS.update_mark, **row._asdict())
    return row


def _check_unique(txn: BoardTransaction, prepared: PreparedDeposit, old: MarkRow | None) -> None:
    """Check that no other live mark has the unique value; one that has evaporated gives it up.

    It must run before an event id is allocated: an id that is never written would count as absorbed in the next claim.

    Raises:
        UniqueConflict: The value belongs to another live mark.
    """
    if prepared.unique is None:
        return
    holder = txn.tx.value(MARKS.find_unique_value, kind=prepared.kind, value=prepared.unique)
    if holder is None or (old is not None and holder == old.id):
        return
    if (row := txn.tx.one(MARKS.get_mark, id=holder)) is None:
        return
    row = backfill.migrate(txn, row)
    if row.is_live(txn.now):
        field = txn.kind(prepared.kind).unique
        raise UniqueConflict(
            f"{prepared.kind}.{field}: {prepared.unique} belongs to mark {row.id} with subject {row.subject}"
        )
    predicted_crossings.fire_due_of(txn, row.kind, row.subject)
    evaporation.evaporate(txn, row)


def _insert_key(txn: BoardTransaction, prepared: PreparedDeposit, row: MarkRow) -> None:
    if prepared.key is not None:
        txn.tx.run(MARKS.insert_key, key=prepared.key, mark_id=row.id, event_id=row.event_id, at=txn.now)
