"""Reinforcement of a live mark without a deposit: its strength grows, and its payload stays."""

from __future__ import annotations

import math

from blackboard.board.mark_changes import change_preparation
from blackboard.board.mark_changes.deposit_effects import agents_of, apply_effects
from blackboard.board.mark_changes.deposits import last_event_of_others, register_law
from blackboard.board.mark_tables.mark_rows import EventDetails, record_event, shown_event_id, update_mark
from blackboard.board.mark_tables.mark_states import fading_state, mark_strength
from blackboard.board.result_types.mark_results import Receipt
from blackboard.board.search_index import search_documents
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.stored_laws import law_key
from blackboard.core.marks.kinds import Kind
from blackboard.core.marks.mark_checks import MAX_INTENSITY, check_increase
from blackboard.core.marks.reinforcement import strengthened_state
from blackboard.core.records.event_kinds import HistoryEvent
from blackboard.errors import InvalidMark
from blackboard.store.row_types.mark_row_types import MarkRow


def reinforce(txn: BoardTransaction, mark_id: int, by: float, author: str, if_event: int | None = None) -> Receipt:
    """Add to the strength that a live mark has now, up to the cap of its kind, and test its watches.

    The mark then fades from now on by its own law. It keeps its payload, its author and its time of occurrence. A
    reinforcement is not a deposit, so no window counts it.

    Raises:
        NotFound: There is no live mark with this id.
        Conflict: The mark has changed since the event `if_event`.
        InvalidMark: The increase is not valid, or the kind of the mark has the weight 0, or so low a weight that the
            intensity would be too high.
    """
    return reinforce_live(txn, change_preparation.live_mark_to_change(txn, mark_id, if_event), by, author)


def reinforce_live(
    txn: BoardTransaction, old: MarkRow, by: float, author: str, activation_id: int | None = None
) -> Receipt:
    """Reinforce a mark that `live_mark_to_change` has returned; see `reinforce`."""
    kind, before = txn.kind(old.kind), fading_state(txn, old)
    state = strengthened_state(kind, before, _intensity(txn, kind, by, author), txn.now)
    register_law(txn, kind, state.law, old)
    event_id = txn.allocate_event_id()
    row = old._replace(
        intensity=state.intensity,
        law=law_key(state.law),
        anchored_at=state.at,
        event_id=event_id,
        reinforced_at=txn.now,
        reinforcements=old.reinforcements + 1,
        evaporates_at=state.evaporates_at(kind),
        order_key=state.law.order_key(state.intensity, state.at),
        other_event_id=event_id if activation_id is None else last_event_of_others(old, author),
        last_author=None if author == old.author else author,
    )
    _record(txn, old, row, author, activation_id)
    crossed = apply_effects(txn, old, row)
    return Receipt(row.id, event_id, "reinforced", mark_strength(txn, row), agents_of(crossed))


def _intensity(txn: BoardTransaction, kind: Kind, by: float, author: str) -> float:
    """Return the intensity that adds a strength, multiplied by the trust in the author."""
    if kind.weight == 0:
        raise InvalidMark(f"the kind {kind.name!r} has the weight 0, so its marks have no strength to add to")
    intensity = check_increase(by) * txn.deployment.trust.get(author, 1.0) / kind.weight
    if not intensity <= MAX_INTENSITY or not math.isfinite(intensity):
        raise InvalidMark(f"by={by} is too high: for the kind {kind.name!r} it is an intensity above {MAX_INTENSITY:g}")
    return intensity


def _record(txn: BoardTransaction, old: MarkRow, row: MarkRow, author: str, activation_id: int | None) -> None:
    """Write a reinforced mark, and its event. The event has no payload; it names the deposit that the mark shows."""
    shown = shown_event_id(txn, old)
    search_documents.note(txn, row.kind, row.id, shown, row.payload)
    record_event(
        txn,
        row,
        HistoryEvent.REINFORCED,
        details=EventDetails(row.event_id, author, activation_id=activation_id, shown_event_id=shown),
    )
    update_mark(txn, row)
