"""The chain of provenance of a mark: the activations that deposited it, those behind their inputs, and so on."""

from __future__ import annotations

import heapq
import json

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.authors import BOARD
from blackboard.core.built_in_marks import Overdue
from blackboard.store.row_types.mark_row_types import MarkRow
from blackboard.store.statements import ACTIVATIONS, MARKS

MAX_CHAIN = 5_000
"""The largest number of activations in a chain that is followed, so that the write lock is not held for long."""

ChainedMark = tuple[int, int, str]
"""A mark in a chain: the negative id of its event, so that the latest comes first; the mark's id; and its subject."""


def agents_behind(txn: BoardTransaction, row: MarkRow) -> set[str] | None:
    """Return the agents in the chain of provenance of a mark: each deposited or reinforced the mark, or one behind it.

    Marks that an agent read count like those that woke it. An `overdue` mark leads to its need. Return None if a part
    of the chain was removed from the history, or if the chain is too long.
    """
    agents: set[str] = set()
    mark_ids: set[int] = set()
    activation_ids: set[int] = set()
    # The latest events come first, so each mark is examined once: its other events are earlier.
    waiting: list[ChainedMark] = [(-row.event_id, row.id, row.subject)]
    while waiting and not agents.issuperset(txn.deployment.agents):
        event_id, mark_id, subject = heapq.heappop(waiting)
        if mark_id in mark_ids:
            continue
        mark_ids.add(mark_id)
        values = {"subject": subject, "mark_id": mark_id, "up_to": -event_id, "limit": MAX_CHAIN + 1}
        for activation in txn.sql.all(MARKS.activations_behind, **values):
            agents.update((activation.author, activation.agent or activation.author))
            if activation.activation_id in activation_ids:
                continue
            activation_ids.add(activation.activation_id)
            places = None if activation.known_id is None else _inputs_of(txn, activation.activation_id)
            if places is None or len(activation_ids) > MAX_CHAIN:
                return None
            for place in places:
                heapq.heappush(waiting, place)
    return agents


def _inputs_of(txn: BoardTransaction, activation_id: int) -> list[ChainedMark] | None:
    """Return the marks that an activation was given, and the needs that they are about; None if one is gone."""
    places: list[ChainedMark] = []
    for mark in txn.sql.all(ACTIVATIONS.marks_behind, activation_id=activation_id):
        if mark.event_id is None:
            return None
        places.append((-mark.event_id, mark.mark_id, mark.subject))
        need_id = _need_behind(txn, mark.event_id) if mark.kind == Overdue.kind else None
        if need_id is not None:
            need = txn.sql.one(MARKS.get_event, id=need_id)
            if need is None:
                return None
            places.append((-need.id, need.mark_id, need.subject))
    return places


def _need_behind(txn: BoardTransaction, event_id: int) -> int | None:
    """Return the need that an `overdue` mark is about; None if the board did not deposit the mark."""
    event = txn.sql.existing(MARKS.get_event, id=event_id)
    if event.author != BOARD:
        return None
    payload = json.loads(event.payload or "{}")
    return int(payload.get("need", 0))  # no event has the id 0: the payload was erased
