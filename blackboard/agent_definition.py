"""What an agent is: a function from the marks it was given to the marks it leaves, and what it declares about itself.

An agent holds no board and no connection. The daemon reads for it and writes for it, in its name.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar, overload

from pydantic import BaseModel, ValidationError

from blackboard.conditions import Condition, KindLike
from blackboard.deployment import AgentSettings, AgentSpec, ReadSpec, WatchSpec
from blackboard.errors import ConfigurationError, Mistake
from blackboard.marks import Mark
from blackboard.parsing import parse

__all__ = ["Agent", "Context", "Watch", "agent", "of_subject", "strongest_of", "watch"]

M = TypeVar("M", bound=Mark)
A = TypeVar("A", bound=BaseModel)
Deposited = Iterable[Mark] | Mark | None
Function = Callable[..., Deposited | Awaitable[Deposited]]


class Context(Protocol):
    """What an agent knows besides its marks."""

    agent: str
    """Its own name."""
    activation_id: int
    """This activation: the same at every retry, so it serves as an idempotency key for effects elsewhere."""
    attempt: int
    """1 at the first try."""
    watch: str
    """The name of the watch that woke it."""
    reason: str
    """The condition that woke it, with its value and threshold."""
    now: datetime
    """The instant its marks were taken; frozen for retries."""
    settings: Mapping[str, Any]
    """The `[settings]` section of the deployment file."""
    offline: bool
    """Whether model calls are answered by the `offline` function, without a model."""

    @overload
    def read(self, kind: type[M], subject: str | None = None) -> list[M]: ...
    @overload
    def read(self, kind: str, subject: str | None = None) -> list[Mark]: ...
    def read(self, kind: Any, subject: str | None = None) -> list[Any]:
        """The marks of a kind that it declared in `reads`, strongest first, of one subject or of all.

        Raises:
            AgentError: the kind is not among its `reads`.
        """

    def ask(self, system: str, data: Any, answer: type[A], offline: Callable[[Any], A] | None = None) -> A:
        """One model call: a short system prompt, data as JSON, and the answer held to a pydantic schema.

        It is journalled: asked again in a retry of this activation, it returns the answer that was already paid for.
        Where the deployment has no model, `offline(data)` answers. At most one call for each activation.

        Raises:
            ModelError: refused, cut off, or not fitting the schema.
        """


@dataclass(frozen=True)
class Watch:
    """A condition that wakes an agent, with guards of its own. Make one with `watch`."""

    when: Condition
    only_if: Condition | None = None
    unless: Condition | None = None
    min_increase: float | None = None
    include_own: bool = False


def watch(
    when: Condition,
    *,
    only_if: Condition | None = None,
    unless: Condition | None = None,
    min_increase: float | None = None,
    include_own: bool = False,
) -> Watch:
    """A watch with guards of its own.

    Args:
        when: what wakes the agent.
        only_if: hold back while this does not hold.
        unless: hold back while this holds.
        min_increase: the least increase of strength for which a reinforced mark counts again; any increase by default.
        include_own: whether the agent's own marks may wake it.
    """
    return Watch(when, only_if, unless, min_increase, include_own)


def strongest_of(kind: KindLike, limit: int = 5) -> ReadSpec:
    """A read of the strongest `limit` marks of a kind on the whole board."""
    return ReadSpec(kind=_kind_name(kind), limit=limit)


def of_subject(kind: KindLike, limit: int = 5) -> ReadSpec:
    """A read of the strongest `limit` marks of a kind for each subject that the agent was woken for."""
    return ReadSpec(kind=_kind_name(kind), limit=limit, same_subject=True)


@dataclass(frozen=True)
class Agent:
    """A declared agent. Calling it calls its function."""

    spec: AgentSpec
    function: Function
    kinds: Mapping[str, type[Mark]] = field(default_factory=dict)
    """The mark classes it was declared with, by kind."""
    publish: Callable[[Any, Mapping[str, Any]], None] | None = None
    isolate: Callable[[Mark], bool] | None = None
    """Which marks get an activation of their own."""

    @property
    def name(self) -> str:
        return self.spec.name

    def __call__(self, *args: Any) -> Deposited | Awaitable[Deposited]:
        return self.function(*args)


def agent(
    *,
    watches: Condition | Watch | str | Mapping[str, Condition | Watch | str],
    writes: Sequence[type[Mark]] = (),
    reads: Sequence[ReadSpec] = (),
    only_if: Condition | None = None,
    unless: Condition | None = None,
    kinds: Sequence[type[Mark]] = (),
    name: str | None = None,
    renamed_from: str | None = None,
    publish: Callable[[Any, Mapping[str, Any]], None] | None = None,
    isolate: Callable[[Mark], bool] | None = None,
    **settings: Any,
) -> Callable[[Function], Agent]:
    """Declare a function `(marks, context) -> marks` an agent; `def` or `async def`.

    Args:
        watches: what wakes it: a condition (also as text), a `watch(...)` with guards, or several of them by name.
        writes: the kinds it may leave.
        reads: marks it is shown besides, from `strongest_of` and `of_subject`.
        only_if, unless: guards for all of its watches.
        kinds: mark classes it speaks of that neither its conditions nor `writes` name, such as those that it reads.
        name: its name; the function's by default.
        renamed_from: the name it had before, whose absorbed marks it inherits.
        publish: called with a reader of the board and the settings after each commit of this agent and at start, to
            rewrite something outside the database from the marks; it must be able to run twice.
        isolate: says of a mark whether it must have an activation of its own.
        settings: any of `AgentSettings`: batch, batch_window, urgent_above, cooldown, concurrency, timeout,
            max_attempts, when_faded and the rest; durations as text.

    Raises:
        ConfigurationError: every mistake in the declaration.
        InvalidCondition: a condition that cannot wake an agent.
    """

    def declare(function: Function) -> Agent:
        agent_name = name or function.__name__
        named = watches if isinstance(watches, Mapping) else {"watch": watches}
        watched = {label: _as_watch(item) for label, item in named.items()}
        specs = []
        for label, one in watched.items():
            specs.append(
                {
                    "name": label,
                    "when": str(one.when),
                    "only_if": _both(one.only_if, only_if, " & "),
                    "unless": _both(one.unless, unless, " | "),
                    "min_increase": one.min_increase,
                    "include_own": one.include_own,
                }
            )
        try:
            spec = AgentSpec(
                name=agent_name,
                watches=tuple(WatchSpec(**item) for item in specs),
                reads=tuple(reads),
                writes=tuple(kind.kind for kind in writes),
                settings=AgentSettings(**settings),
                renamed_from=renamed_from,
            )
        except ValidationError as error:
            raise ConfigurationError(
                Mistake(f"agent {agent_name!r}, {'.'.join(map(str, problem['loc']))}", problem["msg"])
                for problem in error.errors()
            ) from None
        parameters = inspect.signature(function).parameters
        if len(parameters) != 2:
            raise ConfigurationError(
                [Mistake(f"agent {agent_name!r}", "its function takes two arguments: marks and context")]
            )
        guards = [one for one in (only_if, unless) if one is not None]
        spoken = {kind.kind: kind for kind in (*_models([*watched.values(), *guards]), *writes, *kinds)}
        return Agent(spec, function, spoken, publish, isolate)

    return declare


def _as_watch(item: Condition | Watch | str) -> Watch:
    if isinstance(item, Watch):
        return item
    return Watch(parse(item) if isinstance(item, str) else item)


def _both(one: Condition | None, other: Condition | None, operator: str) -> str | None:
    texts = [f"({condition})" for condition in (one, other) if condition is not None]
    return operator.join(texts) or None


def _models(watched: Iterable[Condition | Watch]) -> Iterator[type[Mark]]:
    for item in watched:
        one = _as_watch(item)
        for condition in (one.when, one.only_if, one.unless):
            yield from () if condition is None else condition.models


def _kind_name(kind: KindLike) -> str:
    return kind if isinstance(kind, str) else kind.kind
