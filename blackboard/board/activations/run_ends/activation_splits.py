"""Splits of activations: marks move to activations of their own, so that one bad mark is found among many."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain

from blackboard.board.activations.call_records import model_calls
from blackboard.board.activations.run_ends.run_end_steps import current_run, end_run
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.work_tables.activation_inputs import InputRole
from blackboard.board.work_tables.activation_rows import insert_activation, recount_marks
from blackboard.clock import Instant
from blackboard.core.records.states import ActivationState
from blackboard.store.row_types.activation_row_types import ActivationRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, MODEL_CALLS


def split(
    txn: BoardTransaction,
    row: ActivationRow,
    mark_ids: Sequence[int],
    *,
    attempt: int = 0,
    error: str | None = None,
    retry_at: Instant | None = None,
) -> int:
    """Move some of an activation's marks to a new activation, and return its id.

    The new activation is ready at `retry_at`, by default now.
    """
    model_calls.end_calls_of_split(txn, row.id, error or "its marks were split")
    new = row._replace(
        started_at=None,
        finished_at=None,
        retry_at=txn.now if retry_at is None else retry_at,
        attempt=attempt,
        error=error,
        worker=None,
        lease_until=None,
        fence=0,
        split_from=row.id,
        split_after_call=txn.sql.value(MODEL_CALLS.last_call_id),
    )
    new = insert_activation(txn, new, ActivationState.READY)
    for mark_id in mark_ids:
        txn.sql.run(ACTIVATIONS.move_input, from_id=row.id, mark_id=mark_id, to_id=new.id)
        txn.sql.run(CROSSINGS.move_crossing, from_id=row.id, mark_id=mark_id, to_id=new.id)
    txn.sql.run(CROSSINGS.move_crossings_without_marks, from_id=row.id, to_id=new.id)
    txn.sql.run(ACTIVATIONS.copy_reads, from_id=row.id, to_id=new.id)
    recount_marks(txn, new)
    return new.id


def isolate(txn: BoardTransaction, row: ActivationRow, mark_ids: Collection[int]) -> set[int] | None:
    """Move each of these marks to an activation of its own, and return the ids of the marks that moved.

    If the condition joins its sides by `&`, the marks of these sides move together. The activation keeps at least one
    part.

    Returns:
        The ids; None, without a change, if the worker has lost the activation.
    """
    if (current := current_run(txn, row)) is None:
        return None
    parts = divisible_parts(txn, current, between_marks=True)
    isolated = [part for part in parts if not set(part).isdisjoint(mark_ids)]
    if len(isolated) == len(parts):
        isolated = isolated[1:]
    for part in isolated:
        split(txn, current, part)
    moved = set(chain.from_iterable(isolated))
    recount_marks(txn, row)
    return moved


def keep_strongest_part(
    txn: BoardTransaction, row: ActivationRow, *, halve_rest: bool, retry_at: Instant, error: str
) -> bool:
    """Keep the strongest part of the marks in a running activation; the other marks are ready again at an instant.

    The other marks become one activation or, with `halve_rest`, two.

    Returns:
        True; or False, without a change, if the activation has only one part, or if the worker has lost it.
    """
    current = current_run(txn, row)
    if current is None or len(parts := divisible_parts(txn, current)) < 2:
        return False
    others = parts[1:]
    for half in _halves(others) if halve_rest else [others]:
        if mark_ids := list(chain.from_iterable(half)):
            split(txn, current, mark_ids, error=error, retry_at=retry_at)
    recount_marks(txn, row)
    return True


def is_divisible(txn: BoardTransaction, row: ActivationRow) -> bool:
    """Return whether the marks of an activation can be split."""
    return len(divisible_parts(txn, row)) > 1


def divide_waiting(txn: BoardTransaction, row: ActivationRow, number_of_marks: int) -> None:
    """Split a waiting activation in two if it has several parts and this number of marks. Both halves are ready."""
    parts = divisible_parts(txn, row)
    if len(parts) > 1 and sum(map(len, parts)) == number_of_marks:
        halve_batch(txn, row, parts, attempt=row.attempt, error=row.error or "")


def _halves(parts: Sequence[Sequence[int]]) -> tuple[Sequence[Sequence[int]], Sequence[Sequence[int]]]:
    """Return the two halves of a failing batch, which are retried separately. The first half may be one part longer."""
    middle = (len(parts) + 1) // 2
    return parts[:middle], parts[middle:]


def halve_batch(
    txn: BoardTransaction, row: ActivationRow, parts: Sequence[Sequence[int]], *, attempt: int, error: str
) -> None:
    """Split the marks of an activation in two. Both halves are ready immediately."""
    _, moved = _halves(parts)
    split(txn, row, list(chain.from_iterable(moved)), attempt=attempt, error=error)
    end_run(txn, row, ActivationState.READY, error=error, retry_at=txn.now, attempt=attempt)
    recount_marks(txn, row)


def divisible_parts(txn: BoardTransaction, row: ActivationRow, *, between_marks: bool = False) -> list[list[int]]:
    """Return the parts into which an activation can be split, strongest first: single marks, or all marks of a subject.

    The marks of one subject or group stay together if an `&` joins several sides of them. They also stay together if
    the watch wakes its agent per subject or group, unless `between_marks` allows single marks to be split off.
    """
    watch = txn.active.watches.get(row.watch_id)
    stays_together = watch is not None and (watch.condition.is_joint or (watch.is_per_subject and not between_marks))
    parts: dict[object, list[int]] = {}
    for mark in txn.sql.all(ACTIVATIONS.inputs, activation_id=row.id):
        if mark.role == InputRole.ABSORBED:
            scope = row.group_scope or (None if mark.event is None else mark.event.subject)
            parts.setdefault(scope if stays_together else mark.mark_id, []).append(mark.mark_id)
    return list(parts.values())
