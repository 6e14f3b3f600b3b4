"""The erased events of a board. They show whether an older copy of the board would bring erased subjects back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant
from blackboard.errors import StoreError
from blackboard.store.statements import ACTIVATIONS, ERASURE, MARKS
from blackboard.store.transaction import Transaction

NAME_PREFIX = "forgotten/"
"""The prefix of the random names that replace the names of erased subjects."""


@dataclass(frozen=True)
class ErasedEvents:
    """The events of the erased subjects of a board: its id, and the id and instant of each event.

    An older copy of the board has the same events with the names of their subjects.
    """

    board: str
    events: tuple[tuple[int, Instant], ...]


def read_erased_events(read: Callable[[], AbstractContextManager[Transaction]]) -> ErasedEvents | None:
    """Return the erased events of a board that need not be of this version; None if the board cannot be read.

    `read` opens a reading transaction of the board.
    """
    try:
        with read() as transaction:
            board = transaction.value(ACTIVATIONS.board_uid)
            rows = transaction.all(
                ERASURE.erased_events, first=NAME_PREFIX, end=NAME_PREFIX[:-1] + chr(ord(NAME_PREFIX[-1]) + 1)
            )
            return ErasedEvents(board, tuple((row.id, row.recorded_at) for row in rows))
    except StoreError:
        return None


def subjects_brought_back(txn: BoardTransaction, erased: ErasedEvents) -> list[str]:
    """Return the subjects of erased events whose names this board still has, because it is an older copy."""
    if txn.sql.value(ACTIVATIONS.board_uid) != erased.board:
        return []
    subjects = [
        event.subject
        for event_id, recorded_at in erased.events
        if (event := txn.sql.one(MARKS.get_event, id=event_id)) is not None and event.recorded_at == recorded_at
    ]
    return [subject for subject in dict.fromkeys(subjects) if not subject.startswith(NAME_PREFIX)]
