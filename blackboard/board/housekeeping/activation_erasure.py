"""Erasure of the activations about a subject: their errors, their model calls, and the copies of both."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from blackboard.board.activations import model_pauses
from blackboard.board.activations.call_records import model_calls
from blackboard.board.activations.run_ends import activation_results
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.work_tables.activation_rows import get_activation
from blackboard.core import failure_texts
from blackboard.core.records.states import ActivationState
from blackboard.store.row_types.activation_row_types import ActivationRow
from blackboard.store.statements import ACTIVATIONS, ERASURE
from blackboard.store.tag_and_text_filters import containing_pattern

ERASED = "(erased)"
"""The text that replaces an erased error."""


class ErasedWork(NamedTuple):
    """The activations and model calls that were erased, by their ids."""

    activation_ids: Sequence[int]
    call_ids: Sequence[int]


def erase(txn: BoardTransaction, subject: str, patterns: Collection[str]) -> ErasedWork:
    """Erase the errors and the model calls of the activations about a subject, and end the activations that run.

    The calls whose texts fit one of the patterns of LIKE are also erased.
    """
    activations = txn.sql.all(ERASURE.activations_of_subject, subject=subject)
    _erase_errors(txn, activations)
    calls = _calls_of(txn, activations, patterns)
    _erase_calls(txn, calls)
    return ErasedWork([row.id for row in activations], calls)


def rename_scope(txn: BoardTransaction, scope: str, new_scope: str) -> None:
    """Replace the subject or the group that activations are about."""
    txn.sql.run(ERASURE.rename_activations, scope=scope, new_scope=new_scope)


def _erase_errors(txn: BoardTransaction, activations: Sequence[ActivationRow]) -> None:
    """Erase the errors of activations, with their copies, and end the activations that run."""
    for row in activations:
        if row.state == ActivationState.RUNNING:  # the agent has the marks in memory; its result must not be applied
            activation_results.hand_back(txn, row)
        txn.sql.run(ERASURE.erase_error, id=row.id, error=None if row.error is None else ERASED)
    for row in activations:
        if row.error is not None and _may_quote(txn, row):
            _erase_copies(txn, row.error, row.agent)
        _erase_errors_of_other_parts(txn, row)


def _calls_of(txn: BoardTransaction, activations: Iterable[ActivationRow], patterns: Iterable[str]) -> list[int]:
    """Return the ids of the model calls about activations, and of all calls whose texts name the subject."""
    calls = {call for row in activations for call in _calls_about(txn, row)}
    calls |= {call for pattern in patterns for call in txn.sql.all(ERASURE.calls_naming, pattern=pattern)}
    return sorted(calls)


def _erase_calls(txn: BoardTransaction, call_ids: Sequence[int]) -> None:
    """Erase model calls, after the copies of their errors: the errors of the calls are needed to find the copies."""
    for call_id in call_ids:
        error = model_calls.get(txn, call_id).error
        if error is not None and failure_texts.may_quote(error):
            _erase_copies(txn, error)
    for call_id in call_ids:
        txn.sql.run(ERASURE.erase_call, id=call_id)


def _calls_about(txn: BoardTransaction, row: ActivationRow) -> Iterator[int]:
    """Yield the calls of an activation, and the calls of its batch from before its marks were split off."""
    part: ActivationRow | None = row
    up_to = None
    while part is not None:
        for call_id in txn.sql.all(ERASURE.call_ids_of_activation, activation_id=part.id):
            if up_to is None or call_id <= up_to:
                yield call_id
        up_to = part.split_after_call
        part = None if part.split_from is None else get_activation(txn, part.split_from)


def _erase_errors_of_other_parts(txn: BoardTransaction, row: ActivationRow) -> None:
    """Erase the errors of waiting parts of the same batch: each may be the error of the whole batch."""
    batch = row.split_from
    while batch is not None and (whole := get_activation(txn, batch)) is not None:
        for part in (whole, *txn.sql.all(ACTIVATIONS.split_from, id=batch)):
            if part.state in (ActivationState.READY, ActivationState.HELD) and _may_quote(txn, part):
                txn.sql.run(ERASURE.erase_error, id=part.id, error=ERASED)
        batch = whole.split_from


def _may_quote(txn: BoardTransaction, row: ActivationRow) -> bool:
    """Return whether the error of an activation may quote marks. Any error of a remote worker may."""
    if row.error is None:
        return False
    agent_spec = txn.deployment.agents.get(row.agent)
    return agent_spec is None or agent_spec.remote or failure_texts.may_quote(row.error)


def _erase_copies(txn: BoardTransaction, error: str, agent: str | None = None) -> None:
    """Erase an error that may quote marks wherever it was copied: in other activations, and in pauses.

    Copies of the error are in the other half of a failed batch, and in the activations that wait for a model that
    refused a call.
    """
    pattern = containing_pattern(error)
    txn.sql.run(ERASURE.erase_pause, error=error, pattern=pattern, erased=model_pauses.FORGOTTEN)
    txn.sql.run(ERASURE.erase_error_copies, pattern=pattern, agent=agent, erased=ERASED)
