"""The transactions of deposits: a deposit alone, or many items, as many as one transaction takes.

`interface.deposit_methods` calls these functions. In the transaction, `mark_changes.deposit_intake` takes over; the
steps from there are listed in `mark_changes`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

from blackboard.board.board_session import BoardSession
from blackboard.board.mark_changes import deposit_intake
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.result_types.mark_results import Receipt
from blackboard.clock import When
from blackboard.core.marks.deposit_lists import (
    DEPOSITS_PER_TRANSACTION,
    DepositEntry,
    UnequalLengths,
    check_lengths,
    deposit_entries,
    requests_of,
)
from blackboard.core.marks.deposit_requests import Deposit, DepositRequest
from blackboard.core.marks.mark_model import DepositOptions, Mark
from blackboard.errors import BlackboardError, UsageError
from blackboard.plurals import counted
from blackboard.store.unit_of_work_hints import UnitOfWorkHints


def deposit_one(
    session: BoardSession, author: str, item: Mark | Deposit, options: DepositOptions, intensity: float | None
) -> Receipt:
    """Deposit one item; see `Blackboard.deposit`."""
    session.classes.learn((item,))
    request = DepositRequest.of(item, author, options, intensity=intensity)
    return session.write(
        lambda txn: deposit_intake.deposit_as_unit(txn, request, session.classes),
        shared=True,
        hints=UnitOfWorkHints(
            lambda transaction: deposit_intake.read_ahead(transaction, session.last_active, request), _with_new_ids
        ),
    )


def _with_new_ids(receipt: Receipt, new_id: Callable[[int], int]) -> Receipt:
    return replace(receipt, mark_id=new_id(receipt.mark_id), event_id=new_id(receipt.event_id))


def deposit_all(
    session: BoardSession,
    author: str,
    items: Iterable[Mark | Deposit],
    keys: Iterable[str] | None,
    occurred_at: Iterable[When | None] | None,
    *,
    raises: bool,
) -> list[Receipt | UsageError]:
    """Deposit many items; see `Blackboard.deposit_many`."""
    check_lengths(items, keys, occurred_at)
    results: list[Receipt | UsageError] = []
    entries = _learned(session.classes, deposit_entries(items, keys, occurred_at))
    try:
        # The items themselves are not kept: the garbage collector looks at each object that lives, again and again.
        while requests := requests_of(itertools.islice(entries, DEPOSITS_PER_TRANSACTION), author):
            work = partial(deposit_intake.deposit_batch, requests=requests, classes=session.classes, raises=raises)
            results += session.write(work, shared=True)
    except BlackboardError as error:
        error.stored = sum(isinstance(result, Receipt) for result in results)
        raise
    except UnequalLengths as error:  # the lengths of iterators show only at their ends
        raise ValueError(f"{error}; {counted(len(results), 'item')} handled before") from None
    return results


def _learned(classes: MarkClasses, entries: Iterable[DepositEntry]) -> Iterator[DepositEntry]:
    """Yield entries, each after this process has learned its class."""
    for entry in entries:
        classes.learn((entry.item,))
        yield entry
