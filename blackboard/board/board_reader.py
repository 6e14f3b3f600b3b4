"""The reading half of the door: what lies on the board and what it calls for. Nothing here changes anything."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from blackboard.board import (
    explanation,
    inbox,
    queries,
)
from blackboard.board.board_session import BoardSession, When
from blackboard.board.queries import MarkRecord
from blackboard.clock import Instant, parse_instant
from blackboard.errors import InvalidMark
from blackboard.marks import Mark, StoredMark, dump_payload
from blackboard.store.rows import EventRow

__all__ = ["BoardReader"]

K = TypeVar("K", bound=Mark)


class BoardReader(BoardSession):
    """A board to look at."""

    @overload
    def marks(
        self,
        kind: type[K],
        *,
        subject: str | None = ...,
        min_strength: float | None = ...,
        at: When = ...,
        limit: int | None = ...,
    ) -> list[K]: ...
    @overload
    def marks(
        self,
        kind: str | None = ...,
        *,
        subject: str | None = ...,
        min_strength: float | None = ...,
        at: When = ...,
        limit: int | None = ...,
    ) -> list[Mark]: ...
    def marks(
        self,
        kind: type[Mark] | str | None = None,
        *,
        subject: str | None = None,
        min_strength: float | None = None,
        at: When = None,
        limit: int | None = None,
    ) -> list[Any]:
        """The live marks, strongest first. Marks whose payload no longer fits their kind are left out; `look` has them.

        Args:
            kind: a mark class or the name of a kind.
            at: another instant, past or future, as ISO text or a datetime.
            min_strength: leave out what is weaker.
        """
        if isinstance(kind, type):
            self.models.add([kind])
            kind = kind.kind
        if kind is not None and kind in self.models.known() and kind not in self.deployment.kinds:
            return []
        result = []
        views = self.look(kind=kind, subject=subject, min_strength=min_strength, at=at, limit=limit)
        deployment = self.deployment
        for view in views:
            stored = StoredMark(
                view.id, view.event_id, view.author, view.strength, _at(view.deposited_at), _at(view.reinforced_at),
                view.reinforcements,
            )  # fmt: skip
            try:
                text = dump_payload(view.payload)
                result.append(self.models.make(view.kind, view.subject, text, view.intensity, stored, deployment))
            except InvalidMark:
                continue
        return result

    def look(
        self,
        *,
        kind: str | None = None,
        subject: str | None = None,
        min_strength: float | None = None,
        at: When = None,
        limit: int | None = None,
    ) -> list[MarkRecord]:
        """The marks as a person sees them, strongest first, whatever their payload.

        Raises:
            UnknownName: no such kind is registered.
        """
        instant = None if at is None else self._instant(at)
        return self.read(
            lambda txn: queries.marks(
                txn, kind=kind, subject=subject, min_strength=min_strength, at=instant, limit=limit
            )
        )

    def history(self, subject: str) -> list[EventRow]:
        """Every event of a subject's marks, oldest first."""
        return self.read(lambda txn: list(queries.history(txn, subject)))

    @property
    def uid(self) -> str:
        """What tells this board from every other, wherever its database is moved."""
        return self.read(queries.uid)

    def costs(self, days: int = 30) -> list[dict[str, Any]]:
        """What model calls cost, by day and agent, for so many days up to today; the columns of the view `costs`."""
        return self.read(lambda txn: queries.costs(txn, days))

    def status(self) -> dict[str, Any]:
        """The state of the board in one look."""
        return {**self.read(queries.status), **self.database.sizes()}

    def agents(self) -> list[dict[str, Any]]:
        """Each registered agent with what it watches and how it is."""
        return self.read(queries.agents)

    def agenda(self) -> list[dict[str, Any]]:
        """The crossings that wait, strongest first, with what holds each back."""
        return self.read(queries.agenda)

    def activations(
        self, *, agent: str | None = None, state: str | None = None, limit: int = 20
    ) -> list[dict[str, Any]]:
        """Activations, newest first.

        Raises:
            UnknownName: there is no such agent.
        """
        return self.read(lambda txn: queries.activations(txn, agent=agent, state=state, limit=limit))

    def explain(self, agent: str, subject: str | None = None) -> dict[str, Any]:
        """Why an agent has, or has not, woken.

        Raises:
            UnknownName: there is no such agent.
        """
        return self.read(lambda txn: explanation.explain(txn, agent, subject))

    def inbox(self) -> list[MarkRecord]:
        """The needs that wait for a person, oldest first."""
        return self.read(inbox.inbox)


def _at(text: str | None) -> Instant:
    return 0 if text is None else parse_instant(text)
