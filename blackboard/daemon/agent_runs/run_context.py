"""The context of a run: marks to read, settings, and one recorded model call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel

from blackboard.board.daemon_work import Claim
from blackboard.clock import to_datetime
from blackboard.core.agents.agent_context import single_subject
from blackboard.core.marks.mark_checks import normalize_subject
from blackboard.core.marks.mark_model import Mark
from blackboard.core.marks.scopes import GroupValue
from blackboard.daemon.model_requests.model_caller import ModelCaller
from blackboard.errors import AgentError, nearest
from blackboard.system import error_descriptions, forks

A = TypeVar("A", bound=BaseModel)

error_descriptions.add_context_file(__file__)


class RunContext:
    """The `Context` of one run of one activation.

    Args:
        claim: The claimed activation.
        reads: The marks that the agent declares to read, by kind.
        settings: The settings of the agent.
        model_caller: The model calls of the agent.
    """

    def __init__(
        self, claim: Claim, reads: Mapping[str, list[Mark]], settings: Mapping[str, Any], model_caller: ModelCaller
    ) -> None:
        self.agent: str = claim.agent_spec.name
        self.activation_id: int = claim.row.id
        self.attempt: int = claim.row.attempt
        self.watch: str = claim.watch
        self.reason: str = claim.row.reason
        self.now: datetime = to_datetime(claim.at)
        scheduled_for = claim.row.scheduled_for
        self.scheduled_for: datetime | None = None if scheduled_for is None else to_datetime(scheduled_for)
        self.subjects: tuple[str, ...] = claim.subjects
        self.settings = settings
        self._claim, self._reads, self._model_caller = claim, reads, model_caller
        self._asked = False
        self._generation = forks.generation()

    @property
    def subject(self) -> str:
        """The one subject of the activation.

        Raises:
            AgentError: The activation takes a batch, is about a group, or a schedule woke it.
        """
        is_scheduled = self.scheduled_for is not None
        return single_subject(self.agent, self._claim.per, self.subjects, self.group, is_scheduled=is_scheduled)

    @property
    def group(self) -> GroupValue | None:
        """The value of the tag that all marks of the activation share; None if its watch does not measure groups."""
        return self._claim.group

    @property
    def board_id(self) -> str:
        """The id of the board."""
        return self._model_caller.board_id

    @property
    def offline(self) -> bool:
        """Whether the offline rule answers `ask`."""
        return self._model_caller.offline

    def read(self, kind: type[Mark] | str, subject: str | None = None) -> list[Any]:
        """Return the marks of a declared kind, strongest first, of one subject or of all.

        Raises:
            AgentError: The agent does not declare that it reads this kind.
        """
        name = kind if isinstance(kind, str) else kind.kind
        declared = {read.kind for read in self._claim.agent_spec.reads}
        if name not in declared:
            problem = f"agent {self.agent!r} does not declare that it reads"
            raise AgentError(f"{problem} {name!r}{nearest(name, declared)}", shown=f"{problem} a kind")
        subject = None if subject is None else normalize_subject(subject)
        return [mark for mark in self._reads.get(name, []) if subject is None or mark.subject == subject]

    def ask(self, system: str, data: Any, answer: type[A], offline: Callable[[Any], A] | None = None) -> A:
        """Make the one model call of this run; see `blackboard.Context`.

        Raises:
            AgentError: The agent has already asked in this run, or asks in a process that it forked.
        """
        if self._generation != forks.generation():
            problem = f"agent {self.agent!r} asked in a process that it forked; ask before the fork"
            raise AgentError(problem, shown=problem)
        if self._asked:
            problem = f"agent {self.agent!r} asked twice in one activation; it can ask once"
            raise AgentError(problem, shown=problem)
        self._asked = True
        return self._model_caller.ask(self._claim, system, data, answer, offline)
