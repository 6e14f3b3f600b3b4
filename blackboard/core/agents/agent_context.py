"""The context that an agent receives together with its marks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar, overload

from pydantic import BaseModel

from blackboard.core.marks.mark_model import Mark
from blackboard.core.marks.scopes import GroupValue
from blackboard.core.specs.watch_spec import Per
from blackboard.errors import AgentError

M = TypeVar("M", bound=Mark)
A = TypeVar("A", bound=BaseModel)


class Context(Protocol):
    """The context that an agent receives together with its marks."""

    agent: str
    """The name of the agent."""
    activation_id: int
    """The id of the activation. It is the same in each retry, so it can be an idempotency key for external effects."""
    attempt: int
    """The number of the attempt, from 1."""
    watch: str
    """The name of the watch that woke the agent."""
    reason: str
    """The condition that woke the agent, with its value and threshold."""
    now: datetime
    """The instant when the activation took its marks. It is the same in each retry."""
    scheduled_for: datetime | None
    """The instant of the schedule that woke the agent, however late the agent woke; None if marks woke it."""
    subjects: tuple[str, ...]
    """The subjects of the given marks, the subject of the strongest mark first; none if a schedule woke the agent."""

    @property
    def group(self) -> GroupValue | None:
        """The value of the tag that the given marks share, if the watch measures groups; else None."""

    board_id: str
    """The id of the board, which no other board has. Use it to make names of things outside the board unique."""
    settings: Mapping[str, Any]
    """The `[settings]` section of the deployment file."""
    offline: bool
    """Whether `ask` calls the `offline` function instead of a model."""

    @property
    def subject(self) -> str:
        """The one subject that the activation is about, if its watch wakes the agent per subject.

        Raises:
            AgentError: The activation takes a batch, even if its marks have one subject: use `subjects`. Or it is about
                a group: use `group`.
        """

    @overload
    def read(self, kind: type[M], subject: str | None = None) -> list[M]: ...
    @overload
    def read(self, kind: str, subject: str | None = None) -> list[Mark]: ...
    def read(self, kind: Any, subject: str | None = None) -> list[Any]:
        """Return the marks of a kind that the agent declared in `reads`, strongest first.

        Marks that a search found come after the others, in the order of relevance times strength.

        Args:
            kind: A mark class or the name of a kind.
            subject: Only marks of this subject.

        Raises:
            AgentError: The kind is not in `reads`.
        """

    def ask(self, system: str, data: Any, answer: type[A], offline: Callable[[Any], A] | None = None) -> A:
        """Ask the model once and return its answer.

        The board stores the answer. A retry of this activation returns the stored answer, which is already paid for.
        An activation makes at most one call. The call blocks, so an `async def` agent awaits
        `asyncio.to_thread(context.ask, ...)`.

        Args:
            system: A short system prompt.
            data: Values that JSON can represent.
            answer: The pydantic model that the answer must fit.
            offline: A function of `data` that answers if the deployment has no model.

        Raises:
            ModelError: The model refused, or its answer is incomplete or does not fit the schema.
        """


def single_subject(
    agent: str, per: Per, subjects: Sequence[str], group: GroupValue | None = None, *, is_scheduled: bool = False
) -> str:
    """Return the only subject of an activation.

    Raises:
        AgentError: The activation takes a batch or began as a batch, is about a group, or a schedule woke it.
    """
    if per == "subject" and len(subjects) == 1 and group is None:
        return subjects[0]
    if is_scheduled:
        problem = "a schedule woke this activation, so it has no subject; check context.scheduled_for first"
    elif group is not None:
        problem = "an activation about a group has no context.subject; use context.group"
    else:
        why = "takes a batch" if per == "batch" else f"has {len(subjects)} subjects"
        problem = (
            f"an activation that {why} has no context.subject; use context.subjects, or set"
            ' per="subject" on the agent or its watch'
        )
    text = f"agent {agent!r}: {problem}"
    raise AgentError(text, shown=text)
