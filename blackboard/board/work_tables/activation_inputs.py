"""Inputs of activations: the marks that an activation absorbs or reads, frozen as they were when it was claimed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from blackboard.board.mark_tables.mark_rows import with_shown_payload
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant
from blackboard.core.marks.mark_model import StoredMark
from blackboard.store.row_types.activation_row_types import InputRow
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow
from blackboard.store.statements import ACTIVATIONS, MARKS


class InputRole(StrEnum):
    """The reason why a mark is an input of an activation."""

    ABSORBED = "absorbed"
    """The watch has absorbed the mark."""
    READ = "read"
    """The agent reads the mark in addition to those that woke it."""


@dataclass(frozen=True)
class ActivationInput:
    """A mark as an activation received it: the event that produced its state, and its strength then."""

    event: EventRow
    strength: float
    deposited_at: Instant
    reinforced_at: Instant
    reinforcements: int
    role: InputRole = InputRole.ABSORBED
    relevance: float | None = None
    """How well the mark matches what the agent searched for; None if no search found the mark."""

    @property
    def stored(self) -> StoredMark:
        """The state of the mark on the board, with its strength at that time."""
        event = self.event
        return StoredMark(
            event.mark_id,
            event.id,
            event.author,
            self.strength,
            self.deposited_at,
            self.reinforced_at,
            self.reinforcements,
            event.occurred_at,
        )

    @property
    def order(self) -> tuple[bool, float, int]:
        """The sort key: first the marks that no search found, strongest first; then the found marks, best first."""
        if self.relevance is None:
            return False, -self.strength, self.event.mark_id
        return True, -self.relevance * self.strength, self.event.mark_id


def record_input(
    txn: BoardTransaction,
    activation_id: int,
    event: EventRow,
    strength: float,
    role: InputRole = InputRole.ABSORBED,
    relevance: float | None = None,
) -> None:
    """Record a mark as an input of an activation."""
    txn.sql.put(ACTIVATIONS.insert_input, InputRow(activation_id, event.mark_id, role, event.id, strength, relevance))


def as_input(
    txn: BoardTransaction,
    event: EventRow,
    strength: float,
    role: InputRole = InputRole.ABSORBED,
    relevance: float | None = None,
) -> ActivationInput:
    """Return the input for the state that an event produced, with the payload that the mark showed then."""
    deposited_at = reinforced_at = event.recorded_at
    reinforcements = 0
    if event.id != event.mark_id:  # the first event of a mark has the mark's id
        if (first := txn.sql.one(MARKS.get_event, id=event.mark_id)) is not None:
            deposited_at = first.recorded_at
        reinforcements = txn.sql.value(MARKS.count_reinforcements, subject=event.subject, mark_id=event.mark_id)
    shown = with_shown_payload(txn, event)
    return ActivationInput(shown, strength, deposited_at, reinforced_at, reinforcements, role, relevance)


def event_of(txn: BoardTransaction, row: MarkRow) -> EventRow:
    """Return the event that produced the present state of a mark."""
    return txn.sql.existing(MARKS.get_event, id=row.event_id)


def strength_of(txn: BoardTransaction, event: EventRow) -> float:
    """Return the present strength of a mark, under its present law, from the event of its last deposit."""
    values = {"subject": event.subject, "mark_id": event.mark_id, "at": txn.now}
    state = txn.sql.one(MARKS.state_of_mark_at, **values) or event
    law = txn.laws.get(txn.sql, state.law)
    return txn.kind(event.kind).weight * state.intensity * law.share(max(0, txn.now - state.anchored_at))


def absorbed_events(txn: BoardTransaction, activation_id: int) -> list[EventRow]:
    """Return the events of the marks that an activation absorbed, if they were not removed since; strongest first."""
    rows = txn.sql.all(ACTIVATIONS.inputs, activation_id=activation_id)
    return [row.event for row in rows if row.role == InputRole.ABSORBED and row.event is not None]


def inputs_of(
    txn: BoardTransaction, activation_id: int
) -> tuple[tuple[ActivationInput, ...], tuple[ActivationInput, ...]]:
    """Return the marks that an activation absorbed and the marks that it read, if they were not removed since."""
    items = [
        as_input(txn, row.event, row.strength, InputRole(row.role), row.relevance)
        for row in txn.sql.all(ACTIVATIONS.inputs, activation_id=activation_id)
        if row.event is not None
    ]
    absorbed = tuple(item for item in items if item.role is InputRole.ABSORBED)
    return absorbed, tuple(item for item in items if item.role is InputRole.READ)
