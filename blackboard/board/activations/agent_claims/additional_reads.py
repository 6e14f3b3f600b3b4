"""The marks that an agent reads in addition to those that woke it, recorded as inputs of its activation."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from operator import attrgetter

from blackboard.board.activations.agent_claims.searches_in_reads import MarksBySearch, searches_for
from blackboard.board.mark_tables import filtered_marks
from blackboard.board.mark_tables.mark_states import backfilled_row, mark_strength
from blackboard.board.mark_tables.strongest_marks import strongest
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.work_tables.activation_inputs import ActivationInput, InputRole, as_input, event_of, record_input
from blackboard.core.specs.agent_spec import AgentSpec, ReadSpec
from blackboard.store.row_types.mark_row_types import MarkRow
from blackboard.store.statements import MARKS


def record_reads(
    txn: BoardTransaction,
    agent_spec: AgentSpec,
    activation_id: int,
    inputs: tuple[ActivationInput, ...],
    marks_by_search: MarksBySearch,
) -> tuple[ActivationInput, ...]:
    """Record the marks that the agent reads in addition to its inputs.

    These additional marks are frozen with the activation, so a retry sees the same ones.
    """
    absorbed = {item.event.mark_id for item in inputs}
    own_subjects: list[str | None] = list(dict.fromkeys(item.event.subject for item in inputs))
    candidates = (
        pair
        for read in agent_spec.reads
        if read.search_from is None
        for subject in (own_subjects if read.needs_subject else [None])
        for pair in _marks_of_read(txn, read, subject)
    )
    reads: dict[int, ActivationInput] = {}
    for row, strength in candidates:
        if row.id not in absorbed and row.id not in reads:
            reads[row.id] = as_input(txn, event_of(txn, row), strength, InputRole.READ)
    keys = searches_for(agent_spec, (item.event for item in inputs))
    for mark_id, relevance in _highest_relevances(marks_by_search.get(key, ()) for key in keys).items():
        if mark_id not in absorbed and mark_id not in reads and (mark := _live_mark(txn, mark_id)) is not None:
            reads[mark_id] = as_input(txn, event_of(txn, mark), mark_strength(txn, mark), InputRole.READ, relevance)
    for item in reads.values():
        record_input(txn, activation_id, item.event, item.strength, InputRole.READ, item.relevance)
    return tuple(sorted(reads.values(), key=attrgetter("order")))


def _marks_of_read(txn: BoardTransaction, read: ReadSpec, subject: str | None) -> list[tuple[MarkRow, float]]:
    tags = filtered_marks.filter_of(txn, read.kind, read.where_of(subject))
    return strongest(txn, read.kind, read.limit, subject if read.same_subject else None, tags)


def _highest_relevances(searches: Iterable[Iterable[tuple[int, float]]]) -> dict[int, float]:
    """Return the highest relevance of each mark that several searches found."""
    highest: dict[int, float] = {}
    for mark_id, relevance in chain.from_iterable(searches):
        highest[mark_id] = max(relevance, highest.get(mark_id, relevance))
    return highest


def _live_mark(txn: BoardTransaction, mark_id: int) -> MarkRow | None:
    """Return a mark if it is still live."""
    if (stored := txn.sql.one(MARKS.get_mark, id=mark_id)) is None:
        return None
    mark = backfilled_row(txn, stored)
    return mark if mark.is_live(txn.now) else None
