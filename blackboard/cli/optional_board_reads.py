"""Optional reads of a board, which only help a person. If the board cannot be read, the command continues without."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeVar

from blackboard.cli.cli_session import CommandSession
from blackboard.errors import BlackboardError, nearest

if TYPE_CHECKING:
    from blackboard.board import Blackboard
    from blackboard.client import Client

T = TypeVar("T")


def read_quietly(session: CommandSession, read: Callable[[Blackboard | Client], T]) -> T | None:
    """Return the result of a read; None if the board cannot be read. No board is created, and PostgreSQL has 2 s."""
    from blackboard.board import Blackboard

    with warnings.catch_warnings(), contextlib.suppress(BlackboardError, OSError):
        warnings.simplefilter("ignore")
        with ExitStack() as stack:
            board: Blackboard | Client
            if session.server_url is None:
                board = stack.enter_context(Blackboard.open(session.url, create=False))
            else:
                board = stack.enter_context(session.client(timeout="2s", retries=0))
            return read(board)
    return None


def unknown_remote_agent(session: CommandSession, name: str) -> str | None:
    """Return a warning if the board has no remote agent of this name; None if it has one or cannot be read."""
    names = read_quietly(session, lambda board: [row.agent for row in board.agents() if row.remote])
    if names is None or name in names:
        return None
    return f"warning: the board has no remote agent {name!r}{nearest(name, names)}"
