"""Reads that a transaction sends ahead, because on a server each message costs a round trip."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from blackboard.store.statement_file import Statement


class PrefetchedReads(ABC):
    """The reads of one transaction that are sent before their results are needed."""

    __slots__ = ()

    @abstractmethod
    def prefetch(self, statement: Statement[object], **values: Any) -> None:
        """Send a statement ahead that the transaction will certainly need, together with other statements.

        It goes with the next message, and costs no round trip when the transaction runs it. If another statement of the
        transaction may have changed the result by then, it is sent again.
        """

    @property
    @abstractmethod
    def needs_reads(self) -> bool:
        """Whether a unit of work should send its reads ahead itself: none was sent, or a write may have changed one."""

    @property
    @abstractmethod
    def writes(self) -> int:
        """The number of statements so far that may have changed something."""
