"""Single steps of a board, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from blackboard import Blackboard
from blackboard.board.transactions.board_transaction import BoardTransaction

P = ParamSpec("P")
T = TypeVar("T")


def in_transaction(
    board: Blackboard, step: Callable[Concatenate[BoardTransaction, P], T], *args: P.args, **options: P.kwargs
) -> T:
    """Run a step with these arguments in a writing transaction, and return what it returns."""
    return board.session.write(lambda txn: step(txn, *args, **options))
