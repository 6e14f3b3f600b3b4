"""A board, or a client of a server, with the rights of one caller. No argument of a tool names the caller."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blackboard.core.built_in_marks import Decision
from blackboard.core.marks.mark_model import normalize_subject
from blackboard.core.records.reading_limits import MAX_READING_TIME
from blackboard.core.token_scopes import Scopes
from blackboard.errors import AccessDenied
from blackboard.local_or_remote_board import reading_within

if TYPE_CHECKING:
    from blackboard.board import Blackboard
    from blackboard.client import Client


@dataclass(frozen=True)
class BoardAccess:
    """A board in the name of one caller."""

    board: Blackboard | Client
    """The board in the caller's name, or the client of a server, whose token names the caller."""
    scopes: Scopes | None = None
    """What the caller may do, as the scopes of a token; None for everything except answers to needs."""

    def allows(self, verb: str, name: str | None = None, subject: str | None = None) -> bool:
        """Return whether the caller may do something: in general, or for a kind or an agent, and for a subject."""
        return verb != "answer" if self.scopes is None else self.scopes.allow(verb, name, subject)

    def require(self, verb: str, name: str | None = None, subject: str | None = None) -> None:
        """Check that the caller may do something.

        Raises:
            AccessDenied: It may not.
        """
        if not self.allows(verb, name, subject):
            limit = (
                "" if name is None or not self.allows(verb) else f" for {name!r}{' and this subject' * bool(subject)}"
            )
            raise AccessDenied(f"this session may not {verb!r}{limit}")

    def require_deposit(self, kind: str, subject: str) -> None:
        """Check that the caller may deposit a mark. A decision is the answer to a need.

        Raises:
            AccessDenied: It may not.
        """
        if kind == Decision.kind:
            self.require("answer")
        else:
            self.require("deposit", kind, normalize_subject(subject))

    def reading(self) -> AbstractContextManager[None]:
        """Return a context that limits the time of its reads. A server limits the reads of its clients itself."""
        return reading_within(self.board, MAX_READING_TIME)
