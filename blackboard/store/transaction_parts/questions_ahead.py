"""Questions that a transaction asks ahead, because on a server each answer costs a round trip."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from blackboard.store.statement_file import Statement


class QuestionsAhead(ABC):
    """The questions of one transaction that are asked before their answers are needed."""

    __slots__ = ()

    @abstractmethod
    def ask(self, statement: Statement[object], **values: Any) -> None:
        """Ask a question that the transaction will certainly ask later, together with other statements.

        The question goes with the next message, and costs no round trip when it is asked later. If a statement of the
        transaction may have changed the answer by then, the server is asked again.
        """

    @property
    @abstractmethod
    def asks_again(self) -> bool:
        """Whether a unit of work should ask ahead itself: nothing was asked yet, or other work may have changed it."""

    @property
    @abstractmethod
    def writes(self) -> int:
        """The number of statements so far that may have changed something."""
