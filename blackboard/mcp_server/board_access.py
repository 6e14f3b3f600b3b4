"""Access to a board, or to the client of a server, with the rights of one caller. No tool has an argument for this."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blackboard.core.request_limits import MAX_READING_TIME
from blackboard.core.token_scopes import Scopes, scope_of_change
from blackboard.errors import AccessDenied
from blackboard.local_or_remote_calls import calls_on_board

if TYPE_CHECKING:
    from blackboard.board import Blackboard
    from blackboard.client import Client


@dataclass(frozen=True)
class BoardAccess:
    """A board in the name of one caller."""

    board: Blackboard | Client
    """The board in the caller's name, or the client of a server, whose token names the caller."""
    scopes: Scopes | None = None
    """The scopes of the caller's token; None if the caller may do everything except answer needs."""

    def allows(self, verb: str) -> bool:
        """Return whether the caller may do something in general."""
        return self._refusal(verb) is None

    def require(self, verb: str, name: str | None = None, subject: str | None = None) -> None:
        """Check that the caller may do something: in general, or for a kind or an agent, and for a subject.

        Raises:
            AccessDenied: The caller may not do this.
        """
        if refused := self._refusal(verb, name, subject):
            raise AccessDenied(f"this session may not {refused}")

    def require_change(self, kind: str, subject: str) -> None:
        """Check that the caller may deposit or change a mark.

        Raises:
            AccessDenied: The caller may not change the mark.
            InvalidMark: The subject cannot be stored.
        """
        self.require(*scope_of_change(kind, subject))

    def _refusal(self, verb: str, name: str | None = None, subject: str | None = None) -> str | None:
        if self.scopes is None:
            return repr(verb) if verb == "answer" else None
        return self.scopes.refusal(verb, name, subject)

    def limit_reads(self) -> AbstractContextManager[None]:
        """Return a context that limits the time of the reads in it. A server limits the reads of its clients itself."""
        return calls_on_board(self.board).reading_within(MAX_READING_TIME)
