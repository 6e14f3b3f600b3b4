"""Leaving a mark, and everything that follows from it in the same transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from blackboard.board import backfill, crossings, evaporation, predicted_crossings
from blackboard.board.board_transaction import BoardTransaction, law_key
from blackboard.decay import Decay
from blackboard.errors import InvalidMark
from blackboard.marks import Kind
from blackboard.reinforcement import State, join
from blackboard.store import marks as M
from blackboard.store.rows import EventRow, MarkRow

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


def deposit(m: BoardTransaction, d: PreparedDeposit) -> Receipt:
    """Leave a mark: join it, record the event, test the watches, compute the falls.

    Raises:
        UnknownName: the kind is not registered.
        Taken: the kind's unique value belongs to another live mark.
    """
    kind = m.kind(d.kind)
    if d.key is not None and (known := m.tx.one(M.FIND_KEY, key=d.key)) is not None:
        found = m.tx.one(M.GET_MARK, id=known[0])
        return Receipt(known[0], known[1], "duplicate", 0.0 if found is None else m.strength(MarkRow(*found)))
    predicted_crossings.fire_due_of(m, d.kind, d.subject)
    law = d.decay or kind.decay
    arriving = State(d.intensity * m.deployment.trust.get(d.author, 1.0), m.now, law)
    old = None if kind.on_repeat == "separate" else _find_live(m, kind, d.subject)
    state = join(kind, None if old is None else m.state(old), arriving)
    if old is not None and state is None:
        _remember_key(m, d, old.id, old.event_id)
        return Receipt(old.id, old.event_id, "unchanged", m.strength(old))
    assert state is not None
    row = _reinforce(m, d, kind, old, state) if old is not None else _insert(m, d, kind, state)
    _remember_key(m, d, row.id, row.event_id)
    crossed = crossings.test_deposit(m, old, row)
    predicted_crossings.predict(m, old, row)
    predicted_crossings.release_guards(m, row.kind, row.subject)
    return Receipt(
        row.id,
        row.event_id,
        "deposited" if old is None else "reinforced",
        m.strength(row),
        tuple(dict.fromkeys(watch.agent.name for watch in crossed)),
    )


def _find_live(m: BoardTransaction, kind: Kind, subject: str) -> MarkRow | None:
    """The live mark of a kind and subject; one that has evaporated is moved to the history first."""
    live = None
    for found in m.tx.all(M.FIND_MARK, kind=kind.name, subject=subject):
        row = backfill.migrate(m, MarkRow(*found))
        if row.evaporates_at is not None and row.evaporates_at <= m.now:
            evaporation.evaporate(m, row)
        elif live is None:
            live = row
    return live


def _insert(m: BoardTransaction, d: PreparedDeposit, kind: Kind, state: State) -> MarkRow:
    _check_unique(m, d, None)
    event_id = m.next_event()
    row = MarkRow(
        id=event_id,
        kind=d.kind,
        subject=d.subject,
        payload=d.payload,
        author=d.author,
        intensity=state.intensity,
        law=_law(m, kind, state.law),
        anchored_at=m.now,
        event_id=event_id,
        deposited_at=m.now,
        reinforced_at=m.now,
        reinforcements=0,
        evaporates_at=state.evaporates_at(kind),
        order_key=state.law.order_key(state.intensity, m.now),
    )
    _record(m, d, row, "deposited")
    _claim_unique(m, d, row.id)
    m.tx.put(M.INSERT_MARK, row)
    return row


def _reinforce(m: BoardTransaction, d: PreparedDeposit, kind: Kind, old: MarkRow, state: State) -> MarkRow:
    _check_unique(m, d, old.id)
    row = old._replace(
        payload=d.payload,
        author=d.author,
        intensity=state.intensity,
        law=_law(m, kind, state.law),
        anchored_at=m.now,
        event_id=m.next_event(),
        reinforced_at=m.now,
        reinforcements=old.reinforcements + 1,
        evaporates_at=state.evaporates_at(kind),
        order_key=state.law.order_key(state.intensity, m.now),
    )
    _record(m, d, row, "reinforced")
    _claim_unique(m, d, row.id)
    m.tx.run(M.UPDATE_MARK, key=row.id, **{name: getattr(row, name) for name in _CHANGED})
    return row


_CHANGED = (
    "payload", "author", "intensity", "law", "anchored_at", "event_id", "reinforced_at", "reinforcements",
    "evaporates_at", "order_key",
)  # fmt: skip


def _record(m: BoardTransaction, d: PreparedDeposit, row: MarkRow, event: str) -> None:
    m.tx.put(
        M.INSERT_EVENT,
        EventRow(
            row.event_id, m.now, row.id, row.kind, row.subject, event, row.intensity, row.law, row.evaporates_at,
            row.author, d.activation_id, row.payload,
        ),
    )  # fmt: skip


def _law(m: BoardTransaction, kind: Kind, law: Decay) -> str:
    return law_key(law) if law is kind.decay else m.laws.key(m.tx, law)


def _check_unique(m: BoardTransaction, d: PreparedDeposit, mark_id: int | None) -> None:
    """Before an event's id is drawn: one that was never written would be taken for seen by whoever claims next.

    Raises:
        Taken: the value belongs to another live mark.
    """
    if d.unique is None:
        return
    holder = m.tx.one(M.FIND_UNIQUE, kind=d.kind, value=d.unique)
    if holder is not None and holder[0] != mark_id:
        found = m.tx.one(M.GET_MARK, id=holder[0])
        row = None if found is None else backfill.migrate(m, MarkRow(*found))
        if row is not None and (row.evaporates_at is None or row.evaporates_at > m.now):
            field = m.kind(d.kind).unique
            raise UniqueConflict(f"{d.kind}.{field}: {d.unique} belongs to mark {row.id} on {row.subject}")
        if row is not None:
            predicted_crossings.fire_due_of(m, row.kind, row.subject)
            evaporation.evaporate(m, row)


def _claim_unique(m: BoardTransaction, d: PreparedDeposit, mark_id: int) -> None:
    if d.unique is None:
        return
    m.tx.run(M.DELETE_UNIQUE, mark_id=mark_id)
    m.tx.run(M.INSERT_UNIQUE, kind=d.kind, value=d.unique, mark_id=mark_id)


def _remember_key(m: BoardTransaction, d: PreparedDeposit, mark_id: int, event_id: int) -> None:
    if d.key is not None:
        m.tx.run(M.INSERT_KEY, key=d.key, mark_id=mark_id, event_id=event_id, at=m.now)
