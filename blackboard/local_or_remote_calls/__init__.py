"""The calls that differ between a board on this machine and one behind a server.

All other code uses what `Blackboard` and `Client` have in common, and does not ask which of the two it has.

call_interface  the calls, which both kinds of board have
local_calls     the calls on a board of this machine
remote_calls    the calls on a board behind a server
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from blackboard.board import Blackboard
from blackboard.local_or_remote_calls.call_interface import LocalOrRemoteCalls

if TYPE_CHECKING:
    from blackboard.client import Client


def calls_on_board(board: Blackboard | Client) -> LocalOrRemoteCalls:
    """Return the calls on a board of this process, or on the board behind a server."""
    if isinstance(board, Blackboard):
        from blackboard.local_or_remote_calls.local_calls import LocalCalls

        return LocalCalls(board)
    from blackboard.local_or_remote_calls.remote_calls import RemoteCalls

    return RemoteCalls(board)
