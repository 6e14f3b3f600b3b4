"""The operations that differ between a board on this machine and one behind a server.

All other code uses what `Blackboard` and `Client` have in common, and does not ask which of the two it has.

differing_calls  the operations, which both kinds of board have
local_calls      the operations on a board of this machine
remote_calls     the operations on a board behind a server
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from blackboard.board import Blackboard
from blackboard.local_or_remote_calls.differing_calls import DifferingCalls

if TYPE_CHECKING:
    from blackboard.client import Client


def calls_of(board: Blackboard | Client) -> DifferingCalls:
    """Return the operations of a board of this process, or of the client of a server."""
    if isinstance(board, Blackboard):
        from blackboard.local_or_remote_calls.local_calls import LocalCalls

        return LocalCalls(board)
    from blackboard.local_or_remote_calls.remote_calls import RemoteCalls

    return RemoteCalls(board)
