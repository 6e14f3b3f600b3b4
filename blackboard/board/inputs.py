"""The marks that an activation is given or shown: as they were when it took them, and so again at each retry."""

from __future__ import annotations

from dataclasses import dataclass

from blackboard.board.board_transaction import BoardTransaction
from blackboard.deployment import AgentSpec
from blackboard.store.rows import EventRow, MarkRow
from blackboard.store.statements import ACTIVATIONS, MARKS

__all__ = ["ActivationInput", "as_input", "event_of", "inputs_of", "read", "record_input", "strength_of", "strongest"]


@dataclass(frozen=True)
class ActivationInput:
    """A mark as an activation was given it: the event that is its state, and its strength then."""

    event: EventRow
    strength: float
    deposited_at: int
    reinforcements: int
    role: str = "absorbed"


def record_input(txn: BoardTransaction, activation_id: int, mark_id: int, event: EventRow, strength: float) -> None:
    txn.tx.run(
        ACTIVATIONS.insert_input,
        activation_id=activation_id,
        mark_id=mark_id,
        role="absorbed",
        event_id=event.id,
        strength=strength,
    )


def as_input(txn: BoardTransaction, event: EventRow, strength: float, role: str = "absorbed") -> ActivationInput:
    first = event.recorded_at
    repeats = 0
    if event.id != event.mark_id:
        values = txn.tx.one(MARKS.get_event, id=event.mark_id)
        first = event.recorded_at if values is None else values.recorded_at
        repeats = txn.tx.one(MARKS.count_reinforcements, subject=event.subject, mark_id=event.mark_id)[0]
    return ActivationInput(event, strength, first, repeats, role)


def event_of(txn: BoardTransaction, row: MarkRow) -> EventRow:
    event: EventRow = txn.tx.one(MARKS.get_event, id=row.event_id)
    return event


def strength_of(txn: BoardTransaction, event: EventRow) -> float:
    """The strength now of the state that an event produced."""
    law = txn.laws.get(txn.tx, event.law)
    return txn.kind(event.kind).weight * event.intensity * law.share(max(0, txn.now - event.recorded_at))


def read(
    txn: BoardTransaction, agent: AgentSpec, activation_id: int, inputs: tuple[ActivationInput, ...]
) -> tuple[ActivationInput, ...]:
    """The marks that the agent is shown besides, frozen with the activation so that a retry sees the same."""
    taken = {item.event.mark_id for item in inputs}
    shown: dict[int, ActivationInput] = {}
    for read in agent.reads:
        subjects = list(dict.fromkeys(item.event.subject for item in inputs)) if read.same_subject else [None]
        for subject in subjects:
            for row, strength in strongest(txn, read.kind, read.limit, subject):
                if row.id not in taken and row.id not in shown:
                    shown[row.id] = as_input(txn, event_of(txn, row), strength, "read")
    for item in shown.values():
        txn.tx.run(
            ACTIVATIONS.insert_input,
            activation_id=activation_id,
            mark_id=item.event.mark_id,
            role="read",
            event_id=item.event.id,
            strength=item.strength,
        )
    return tuple(shown.values())


def strongest(txn: BoardTransaction, kind: str, limit: int, subject: str | None = None) -> list[tuple[MarkRow, float]]:
    """The strongest live marks of a kind, of one subject or of the board, with their strengths."""
    txn.kind(kind)
    if subject is not None:
        statement = MARKS.live_marks.using("kind", "subject", "limit")
        rows = txn.tx.all(statement, as_of=txn.now, kind=kind, subject=subject, limit=limit)
        return [(row.mark, row.strength) for row in rows]
    pairs: list[tuple[MarkRow, float]] = []
    after = ""
    while (row := txn.tx.one(MARKS.next_law_in_use, kind=kind, after=after)) is not None:
        after = row[0]
        orderly = (
            txn.laws.get(txn.tx, after).order_key(1.0, 0) is not None and (kind, after) not in txn.active.law_changes
        )
        statement = MARKS.live_marks_in_order if orderly else MARKS.live_marks.using("kind", "law", "limit")
        rows = txn.tx.all(statement, as_of=txn.now, kind=kind, law=after, limit=limit)
        pairs += [(row.mark, row.strength) for row in rows]
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0].id))[:limit]


def inputs_of(
    txn: BoardTransaction, activation_id: int
) -> tuple[tuple[ActivationInput, ...], tuple[ActivationInput, ...]]:
    """The marks that an activation was given, and those that it was shown besides, as they were then."""
    inputs: list[ActivationInput] = []
    reads: list[ActivationInput] = []
    for _, role, strength, *event in txn.tx.all(ACTIVATIONS.inputs, activation_id=activation_id):
        if event[0] is None:
            continue  # its history was removed
        mark = as_input(txn, EventRow(*event), strength, role)
        (reads if role == "read" else inputs).append(mark)
    return tuple(inputs), tuple(reads)
