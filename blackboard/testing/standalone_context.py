"""A standalone context, and marks as if read from a board, for tests that call an agent as a function."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel

from blackboard.clock import DEFAULT_START, instant_of, iso, to_datetime
from blackboard.core.agents.agent_context import single_subject
from blackboard.core.agents.agent_definition import Agent, require_done
from blackboard.core.authors import MAX_AUTHOR_CHARACTERS
from blackboard.core.marks.mark_checks import check_subject, normalize_subject
from blackboard.core.marks.mark_model import Mark, StoredMark, attach_stored
from blackboard.core.marks.scopes import GroupValue
from blackboard.core.specs.watch_spec import Per
from blackboard.core.text_checks import check_text
from blackboard.errors import AgentError, InvalidMark, UsageError, nearest
from blackboard.llm.answer_parser import parse_answer
from blackboard.llm.model_request import request_text
from blackboard.llm.model_settings import ModelSettings
from blackboard.testing.scripted_model import ScriptedModel

M = TypeVar("M", bound=Mark)
A = TypeVar("A", bound=BaseModel)


_ids = itertools.count(1)


def mark(
    kind: type[M],
    subject: str = "test",
    *,
    strength: float | None = None,
    id: int | None = None,  # noqa: A002 (the name of the attribute)
    author: str = "test",
    occurred_at: datetime | None = None,
    deposited_at: datetime | None = None,
    reinforced_at: datetime | None = None,
    **fields: object,
) -> M:
    """Return a mark like those that an activation receives: with `id`, `strength`, `author` and times.

    Args:
        kind: The class of the mark.
        subject: Its subject.
        strength: Its strength now; by default weight x intensity, as of a mark that has not faded.
        id: Its id on the board; by default the next free number of this process.
        author: Who deposited it.
        occurred_at: When the deposit with this payload occurred; a naive datetime is UTC. By default the instant of
            `reinforced_at`.
        deposited_at: When the board recorded its first deposit; by default when it occurred or was reinforced, or
            2026-01-05 09:00.
        reinforced_at: When the board recorded its last deposit; by default when it recorded the first.
        **fields: The fields of its class, and perhaps `intensity`.

    Raises:
        InvalidMark: The mark is impossible on a board: for example, it has no subject or was recorded before it
            occurred.
        InvalidTime: A value is not a time.
    """
    if not (isinstance(kind, type) and issubclass(kind, Mark)):
        raise InvalidMark(f"mark() takes a class of marks, such as Smoke, not {kind!r}")
    values: dict[str, Any] = {**fields, "subject": check_subject(subject)}
    made = kind(**values)
    strength = made.defaults.weight * made.intensity if strength is None else strength
    if not (isinstance(strength, int | float) and math.isfinite(strength) and strength >= 0):
        raise InvalidMark(f"the strength of a mark is a number of at least 0, not {strength!r}")
    id_ = next(_ids) if id is None else id
    if not (isinstance(id_, int) and id_ >= 1):
        raise InvalidMark(f"the id of a mark is a number of at least 1, not {id_!r}")
    check_text("author", author, MAX_AUTHOR_CHARACTERS)
    first = instant_of(deposited_at or occurred_at or reinforced_at or DEFAULT_START)
    last = first if reinforced_at is None else instant_of(reinforced_at)
    occurred = last if occurred_at is None else instant_of(occurred_at)
    if max(first, occurred) > last:
        raise InvalidMark(f"reinforced_at {iso(last)} is before the first deposit or before the mark occurred")
    return attach_stored(made, StoredMark(id_, id_, author, strength, first, last, int(last > first), occurred))


class StandaloneContext:
    """A `Context` without a board. Use `context` to make one."""

    def __init__(
        self,
        agent: Agent | str,
        *,
        reads: Iterable[Mark],
        settings: Mapping[str, Any],
        model: ScriptedModel | None,
        now: datetime,
        scheduled_for: datetime | None,
        per: Per,
        subjects: Sequence[str],
        group: GroupValue | None,
    ) -> None:
        self.agent: str = agent if isinstance(agent, str) else agent.name
        self.activation_id: int = 1
        self.attempt: int = 1
        self.watch: str = "watch"
        self.reason: str = ""
        self.now: datetime = _aware(now)
        self.scheduled_for: datetime | None = None if scheduled_for is None else _aware(scheduled_for)
        self.subjects: tuple[str, ...] = tuple(dict.fromkeys(map(check_subject, subjects)))
        self.group: GroupValue | None = group
        self.board_id: str = "test"
        self.settings: Mapping[str, Any] = settings
        self.offline: bool = model is None
        self._definition = None if isinstance(agent, str) else agent
        found = set() if isinstance(agent, str) else {read.kind for read in agent.spec.reads if read.search_from}
        # A mark without a strength was not made with `mark`. It raises here, rather than in the agent.
        self._reads = sorted(reads, key=lambda item: -item.strength * (item.kind not in found))
        self._model, self._per = model, per
        self._asked = False

    @property
    def subject(self) -> str:
        """The subject that the context was given.

        Raises:
            AgentError: The context was given no subject, or the subjects of a batch or a group.
        """
        is_scheduled = self.scheduled_for is not None
        return single_subject(self.agent, self._per, self.subjects, self.group, is_scheduled=is_scheduled)

    def read(self, kind: type[Mark] | str, subject: str | None = None) -> list[Any]:
        """Return the marks of a kind that the context was given, of one subject or of all.

        They are strongest first. Marks of a kind that the agent searches keep the order of the argument `reads`.

        Raises:
            AgentError: The agent does not declare that it reads this kind.
        """
        name = kind if isinstance(kind, str) else kind.kind
        if self._definition is not None and name not in (
            declared := {read.kind for read in self._definition.spec.reads}
        ):
            raise AgentError(f"agent {self.agent!r} does not declare that it reads {name!r}{nearest(name, declared)}")
        subject = None if subject is None else normalize_subject(subject)
        return [item for item in self._reads if item.kind == name and subject in (None, item.subject)]

    def ask(self, system: str, data: Any, answer: type[A], offline: Callable[[Any], A] | None = None) -> A:
        """Ask the scripted model, or the offline rule if there is no model.

        Raises:
            AgentError: The agent has already asked, or there is neither a model nor a rule.
            ModelError: The script has a failure here, or its answer does not fit.
        """
        if self._asked:
            raise AgentError(f"agent {self.agent!r} asked twice in one activation; it can ask once")
        self._asked = True
        if self._model is None:
            if offline is None:
                raise AgentError(f"agent {self.agent!r} asks without an offline rule; use context(model=...)")
            return require_done(offline(data), "offline")
        settings = ModelSettings()
        own = None if self._definition is None else self._definition.spec.settings.max_tokens
        body = request_text(
            system=system,
            data=data,
            answer=answer,
            model=settings.model,
            max_tokens=own or settings.max_tokens,
            cache=False,
        )
        return parse_answer(self._model.send(body).raw, answer)


def context(
    agent: Agent | str = "agent",
    *,
    reads: Iterable[Mark] = (),
    settings: Mapping[str, Any] | None = None,
    model: ScriptedModel | None = None,
    now: datetime = DEFAULT_START,
    scheduled_for: datetime | None = None,
    subject: str | None = None,
    subjects: Sequence[str] = (),
    group: str | bool | float | None = None,
) -> StandaloneContext:
    """Return a context for calling an agent as a function.

    Its other attributes, such as `attempt` and `reason`, may be set afterwards.

    Args:
        agent: The agent, which can read only the kinds that it declares; or the name of an agent, which can read all
            kinds.
        reads: The marks that `read` returns, as `mark` makes them.
        settings: The value of `context.settings`.
        model: The model that `ask` calls; without it, the agent's offline rule answers.
        now: The instant of the activation; a naive datetime is UTC.
        scheduled_for: The instant of the schedule that wakes the agent; None if marks wake it.
        subject: The subject of an activation that is about one subject.
        subjects: The subjects of an activation that takes a batch or is about a group.
        group: The value of the tag that the marks of an activation share, if its watch measures groups.

    Raises:
        UsageError: Both a subject and subjects or a group are given, or `agent` is neither an agent nor a name.
        InvalidMark: A subject is empty, or a mark in `reads` was not made with `mark`.
    """
    if not isinstance(agent, Agent | str):
        raise UsageError(f"context() takes an agent or the name of one, not {agent!r}; decorate it with @agent")
    if isinstance(subjects, str):
        raise UsageError(f"context(subjects=...) takes a list; for one subject, write subject={subjects!r}")
    if subject is not None and subjects:
        raise UsageError(
            "an activation is about one subject or takes a batch; give context() either subject or subjects, not both"
        )
    if subject is not None and group is not None:
        raise UsageError(
            "an activation about a group has no single subject; give context() either subject or group, not both"
        )
    per: Per = "batch" if subject is None and group is None else "subject"
    named = subjects if subject is None else [subject]
    return StandaloneContext(
        agent,
        reads=reads,
        settings=settings or {},
        model=model,
        now=now,
        scheduled_for=scheduled_for,
        per=per,
        subjects=named,
        group=group,
    )


def _aware(at: datetime) -> datetime:
    return to_datetime(instant_of(at))
