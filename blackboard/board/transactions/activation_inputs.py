"""Inputs of activations: the marks that an activation absorbs or reads, frozen as they were when it was claimed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from operator import attrgetter
from typing import NamedTuple

from blackboard.board.transactions import filtered_marks
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.shown_payloads import with_shown_payload
from blackboard.board.transactions.strongest_marks import strongest
from blackboard.clock import Instant
from blackboard.core.deployment import AgentSpec, ReadSpec
from blackboard.core.marks.mark_model import StoredMark
from blackboard.store.rows import EventRow, InputRow, MarkRow
from blackboard.store.statements import ACTIVATIONS, MARKS

ABSORBED, READ = "absorbed", "read"
"""The roles of an input: a mark that the watch absorbed, and a mark that the agent reads in addition."""


@dataclass(frozen=True)
class ActivationInput:
    """A mark as an activation received it: the event that produced its state, and its strength then."""

    event: EventRow
    strength: float
    deposited_at: Instant
    reinforced_at: Instant
    reinforcements: int
    role: str = ABSORBED
    relevance: float | None = None
    """How well it matches what the agent searched for; None if no search found it."""

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
    role: str = ABSORBED,
    relevance: float | None = None,
) -> None:
    """Record a mark as an input of an activation."""
    txn.sql.put(ACTIVATIONS.insert_input, InputRow(activation_id, event.mark_id, role, event.id, strength, relevance))


def as_input(
    txn: BoardTransaction, event: EventRow, strength: float, role: str = ABSORBED, relevance: float | None = None
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


class SearchKey(NamedTuple):
    """A search of an agent: its place in `reads`, the text, and the subject of the mark if the filter needs it."""

    agent: str
    place: int
    text: str
    subject: str | None


@dataclass
class Searches:
    """The searches of claims. A search runs before the transaction of the claim, so that no writer waits for it."""

    found: dict[SearchKey, list[tuple[int, float]]] = field(default_factory=dict)
    """The marks that were found, with their relevances."""
    needed: dict[SearchKey, ReadSpec] = field(default_factory=dict)
    """The searches that must run before the claim."""

    def note_missing(self, agent: AgentSpec, keys: Iterable[SearchKey]) -> bool:
        """Note the searches that must run first, and return whether there are any."""
        missing = {key: agent.reads[key.place] for key in keys if key not in self.found}
        self.needed |= missing
        return bool(missing)


def searches_for(agent: AgentSpec, events: Iterable[EventRow]) -> list[SearchKey]:
    """Return the searches of an agent for the marks of some events, which have the payloads that the marks show."""
    places = [place for place, read in enumerate(agent.reads) if read.search_from is not None]
    if not places:
        return []
    keys: dict[SearchKey, None] = {}
    for event in events:
        payload = json.loads(event.payload or "{}")
        for place in places:
            read = agent.reads[place]
            if isinstance(text := payload.get(read.search_from), str):
                keys[SearchKey(agent.name, place, text, event.subject if read.where_subject else None)] = None
    return list(keys)


def record_reads(
    txn: BoardTransaction,
    agent: AgentSpec,
    activation_id: int,
    inputs: tuple[ActivationInput, ...],
    searches: Searches,
) -> tuple[ActivationInput, ...]:
    """Record the marks that the agent reads in addition to its inputs.

    They are frozen with the activation, so a retry sees the same marks.
    """
    absorbed = {item.event.mark_id for item in inputs}
    own_subjects: list[str | None] = list(dict.fromkeys(item.event.subject for item in inputs))
    candidates = (
        pair
        for read in agent.reads
        if read.search_from is None
        for subject in (own_subjects if read.needs_subject else [None])
        for pair in _read(txn, read, subject)
    )
    reads: dict[int, ActivationInput] = {}
    for row, strength in candidates:
        if row.id not in absorbed and row.id not in reads:
            reads[row.id] = as_input(txn, event_of(txn, row), strength, READ)
    keys = searches_for(agent, (item.event for item in inputs))
    for mark_id, relevance in _highest_relevances(searches.found.get(key, ()) for key in keys).items():
        if mark_id not in absorbed and mark_id not in reads and (mark := _live(txn, mark_id)) is not None:
            reads[mark_id] = as_input(txn, event_of(txn, mark), txn.strength(mark), READ, relevance)
    for item in reads.values():
        record_input(txn, activation_id, item.event, item.strength, READ, item.relevance)
    return tuple(sorted(reads.values(), key=attrgetter("order")))


def _read(txn: BoardTransaction, read: ReadSpec, subject: str | None) -> list[tuple[MarkRow, float]]:
    tags = filtered_marks.filter_of(txn, read.kind, read.where_of(subject))
    return strongest(txn, read.kind, read.limit, subject if read.same_subject else None, tags)


def _highest_relevances(searches: Iterable[Iterable[tuple[int, float]]]) -> dict[int, float]:
    """Return the highest relevance of each mark that several searches found."""
    highest: dict[int, float] = {}
    for mark_id, relevance in chain.from_iterable(searches):
        highest[mark_id] = max(relevance, highest.get(mark_id, relevance))
    return highest


def _live(txn: BoardTransaction, mark_id: int) -> MarkRow | None:
    """Return a mark if it is still live."""
    if (stored := txn.sql.one(MARKS.get_mark, id=mark_id)) is None:
        return None
    mark = txn.migrated(stored)
    return mark if mark.is_live(txn.now) else None


def inputs_of(
    txn: BoardTransaction, activation_id: int
) -> tuple[tuple[ActivationInput, ...], tuple[ActivationInput, ...]]:
    """Return the marks that an activation absorbed and the marks that it read, if they were not removed since."""
    items = [
        as_input(txn, row.event, row.strength, row.role, row.relevance)
        for row in txn.sql.all(ACTIVATIONS.inputs, activation_id=activation_id)
        if row.event is not None
    ]
    return tuple(item for item in items if item.role != READ), tuple(item for item in items if item.role == READ)
