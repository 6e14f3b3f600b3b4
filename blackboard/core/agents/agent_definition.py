"""The definition of an agent: a function from marks to marks, and its declaration.

An agent has no board and no connection. The daemon reads and writes for it.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime
from typing import Any, TypeVar, Unpack

from pydantic import BaseModel, ValidationError

from blackboard.core.agent_declaration_mistakes import mistakes_in
from blackboard.core.agents.agent_options import AgentOptions
from blackboard.core.agents.agent_reads import Read
from blackboard.core.agents.code_digest import digest
from blackboard.core.agents.mark_actions import Returned
from blackboard.core.authors import agent_name_problem
from blackboard.core.conditions.condition_parser import parse_condition
from blackboard.core.conditions.condition_types import Condition
from blackboard.core.marks.mark_model import Mark
from blackboard.core.records.finding import Finding
from blackboard.core.specs.agent_spec import AgentSettings, AgentSpec
from blackboard.core.specs.watch_spec import CatchUp, OnGuard, Per, WatchSpec, min_increase_problem
from blackboard.core.unevaluated_annotations import parameter_names
from blackboard.core.validation_problems import problem_text, unknown_field
from blackboard.durations import DurationLike
from blackboard.errors import AgentError, ConfigurationError, Mistake

M = TypeVar("M", bound=Mark)
A = TypeVar("A", bound=BaseModel)
R = TypeVar("R")
AgentFunction = Callable[..., Returned | Awaitable[Returned]]
"""The function of an agent, which takes marks and a context."""
PublishFunction = Callable[[Any, Mapping[str, Any]], None]
"""A function that takes a reader of the board and the settings, and writes to a place outside the database."""
IsolateFunction = Callable[[Mark], bool]
"""A function that returns whether a mark gets an activation of its own."""
ExamineFunction = Callable[[Mapping[str, Any], datetime], Iterable[Finding]]
"""A function that takes the settings and the time, and returns its findings about things outside the database."""

LAZY = "calling it does nothing until its result is awaited or iterated; use an ordinary function"
"""The problem of a function that only makes a coroutine or a generator."""


def _is_lazy(function: Callable[..., Any]) -> bool:
    """Return whether calling a function only creates a coroutine or a generator."""
    tests = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    return any(test(item) for test in tests for item in (function, getattr(function, "__call__", None)))  # noqa: B004


def require_done(result: R, description: str) -> R:
    """Return the result of a function, after checking that its body has run.

    Raises:
        AgentError: The function only made a coroutine or a generator.
    """
    if inspect.isawaitable(result) or inspect.isgenerator(result) or inspect.isasyncgen(result):
        if (close := getattr(result, "close", None)) is not None:
            close()  # otherwise Python warns of a coroutine that was never awaited
        raise AgentError(f"{description}: {LAZY}", shown=f"{description}: {LAZY}")
    return result


@dataclass(frozen=True)
class Watch:
    """A condition that wakes an agent, with its own guards: `watch(strength(Smoke) >= 0.7, held_for="30s")`.

    Args:
        when: The condition or schedule that wakes the agent.
        only_if: A guard; crossings wait while it does not hold, unless `on_guard` is "drop".
        unless: A guard; crossings wait while it holds, unless `on_guard` is "drop".
        min_increase: How much stronger a mark must have become for a deposit on it to be news, above 0. Only
            for rising watches.
        include_own: Whether the agent's own marks can wake it.
        catch_up: How a schedule treats missed instants: "once" (the last), "all" or "none"; by default the agent's
            setting.
        per: Whether an activation takes the marks of one "subject" or a "batch"; by default the agent's setting.
        held_for: How long the condition must have held before it wakes the agent, such as "30s".
        rewake_every: The time after which the agent wakes again while the condition holds, such as "10m".
        clear_below: For a rising watch, a number below its threshold. After a wake, the value must have been below this
            number before the watch wakes the agent again.
        clear_above: For a falling watch, a number above its threshold. After a wake, the value must have reached this
            number before the watch wakes the agent again.
        on_guard: How a crossing is treated while a guard is closed: "defer" lets it wait, "drop" skips it; by default
            the agent's setting.
    """

    when: Condition
    _: KW_ONLY
    only_if: Condition | None = None
    unless: Condition | None = None
    min_increase: float | None = None
    include_own: bool = False
    catch_up: CatchUp | None = None
    per: Per | None = None
    held_for: DurationLike | None = None
    rewake_every: DurationLike | None = None
    clear_below: float | None = None
    clear_above: float | None = None
    on_guard: OnGuard | None = None


watch = Watch
"""The name of `Watch` in the declaration of an agent."""


@dataclass(frozen=True)
class Agent:
    """A declared agent. Calling it calls its function."""

    spec: AgentSpec
    function: AgentFunction
    kinds: Mapping[str, type[Mark]] = field(default_factory=dict)
    """The mark classes of its declaration, by kind."""
    publish: PublishFunction | None = None
    isolate: IsolateFunction | None = None
    examine: ExamineFunction | None = None
    sections: Mapping[str, type[BaseModel]] = field(default_factory=dict)
    """The models of the sections of `[settings]` that it reads, by name."""

    @property
    def name(self) -> str:
        """The name of the agent."""
        return self.spec.name

    def __call__(self, *args: Any) -> Any:
        """Call the function of the agent, and return its result."""
        return self.function(*args)


def agent(
    *,
    watches: Condition | Watch | str | Mapping[str, Condition | Watch | str],
    writes: Sequence[type[Mark]] = (),
    withdraws: Sequence[type[Mark]] = (),
    reads: Sequence[Read] = (),
    only_if: Condition | None = None,
    unless: Condition | None = None,
    kinds: Sequence[type[Mark]] = (),
    name: str | None = None,
    renamed_from: str | None = None,
    version: str | None = None,
    publish: PublishFunction | None = None,
    isolate: IsolateFunction | None = None,
    examine: ExamineFunction | None = None,
    sections: Mapping[str, type[BaseModel]] | None = None,
    **settings: Unpack[AgentOptions],
) -> Callable[[AgentFunction], Agent]:
    """Declare a function `(marks, context) -> marks` as an agent. It may be a coroutine function or a generator.

    Besides marks, the function may return `Withdraw(mark)` and `Reinforce(mark, by=...)`.

    Args:
        watches: A condition, a schedule, the text of one, a `watch(...)` with guards, or several of these by name.
        writes: The mark classes that the agent may deposit.
        withdraws: The mark classes whose marks the agent may withdraw although other authors deposited them.
        reads: Other marks that the agent reads, from `strongest_of`, `of_subject` and `search`.
        only_if: A guard of all watches; crossings wait while it does not hold.
        unless: A guard of all watches; crossings wait while it holds.
        kinds: Further mark classes, such as the classes of kinds that the conditions name as text.
        name: The name of the agent, an ASCII identifier; by default the name of the function.
        renamed_from: Its previous name, if it was renamed. The agent then inherits the absorbed marks of that name.
        version: A text to change when code that the function calls has changed. A function without source text needs a
            new version for each change of its own code. A new version counts as a change of the function.
        publish: A function `(reader, settings)` that keeps something outside the database, such as a file, up to date
            with the marks. It is called after each commit of the agent, at the start and after a reload. It must be
            safe to run twice. `reader.marks(...)` returns live marks. `reader.former_settings` are the settings with
            which this process published before, if they have changed since.
        isolate: A function of a mark that returns whether the mark must have an activation of its own.
        examine: A function `(settings, now)` that checks things outside the database. It returns a `Finding` for each
            problem or note, which `doctor` shows. `now` is the time of the board.
        sections: The pydantic models of the sections of `[settings]` that the agent reads, by name. A deployment file
            that does not fit them is refused.
        **settings: Settings such as batch, per, batch_window, urgent_above, cooldown, concurrency and timeout: the
            fields of `AgentOptions`; durations as text.

    Raises:
        ConfigurationError: The declaration has mistakes; the exception lists all of them.
        InvalidCondition: A condition cannot wake an agent.
    """
    named = watches if isinstance(watches, Mapping) else {"watch": watches}
    declaration = _Declaration(
        watches={label: _as_watch(item) for label, item in named.items()},
        writes=_items("writes", writes),
        withdraws=_items("withdraws", withdraws),
        reads=_items("reads", reads),
        kinds=_items("kinds", kinds),
        guards={"only_if": only_if, "unless": unless},
        settings=settings,
    )

    def declare(function: AgentFunction) -> Agent:
        agent_name = function.__name__ if name is None else name
        if problem := agent_name_problem(agent_name):
            raise ConfigurationError([Mistake(f"agent {agent_name!r}", problem)])
        spec = declaration.spec(agent_name, renamed_from)
        if mistakes := list(_mistakes_in_functions(agent_name, function, publish, isolate)):
            raise ConfigurationError(mistakes)
        mark_classes = declaration.mark_classes()
        spec = spec.model_copy(update={"code": _digest(function, spec, mark_classes, version)})
        return Agent(spec, function, mark_classes, publish, isolate, examine, dict(sections or {}))

    return declare


@dataclass(frozen=True)
class _Declaration:
    """The part of a declaration about marks and settings."""

    watches: Mapping[str, Watch]
    writes: Sequence[type[Mark]]
    withdraws: Sequence[type[Mark]]
    reads: Sequence[Read]
    kinds: Sequence[type[Mark]]
    guards: Mapping[str, Condition | None]
    """The guards of all watches: `only_if` and `unless`."""
    settings: AgentOptions

    def spec(self, agent_name: str, renamed_from: str | None) -> AgentSpec:
        """Return the agent as a deployment stores it, without the digest of its code.

        Raises:
            ConfigurationError: The declaration has mistakes; the exception lists all of them.
        """
        if wrong := list(_mistakes_in_lists(agent_name, self)):
            raise ConfigurationError(wrong)
        try:
            spec = AgentSpec(
                name=agent_name,
                watches=tuple(
                    watch_spec(f"agent {agent_name!r}", label, item, **self.guards)
                    for label, item in self.watches.items()
                ),
                reads=tuple(read.spec for read in self.reads),
                writes=tuple(kind.kind for kind in self.writes),
                withdraws=tuple(kind.kind for kind in self.withdraws),
                settings=AgentSettings.model_validate(self.settings),
                renamed_from=renamed_from,
            )
        except ValidationError as error:
            raise ConfigurationError(
                _mistake_in_setting(agent_name, dict(problem)) for problem in error.errors()
            ) from None
        if mistakes := list(mistakes_in(spec)):
            raise ConfigurationError(mistakes)
        return spec

    def mark_classes(self) -> dict[str, type[Mark]]:
        """Return the mark classes that the declaration names, by kind."""
        guards = [guard for guard in self.guards.values() if guard is not None]
        read = [item.mark_class for item in self.reads if item.mark_class is not None]
        watched = _mark_classes([*self.watches.values(), *guards])
        return {kind.kind: kind for kind in (*watched, *read, *self.writes, *self.withdraws, *self.kinds)}


def _mistake_in_setting(agent_name: str, problem: Mapping[str, Any]) -> Mistake:
    place, text = problem["loc"], problem_text(problem)
    if problem["type"] == "extra_forbidden":
        others = inspect.signature(agent).parameters if len(place) == 1 else ()
        text = unknown_field(AgentSettings, place, others)
    return Mistake(f"agent {agent_name!r}, {'.'.join(map(str, place))}", text)


def _digest(
    function: AgentFunction, spec: AgentSpec, mark_classes: Mapping[str, type[Mark]], version: str | None
) -> str:
    return digest(
        function,
        watches={watch.name: watch.condition.kinds for watch in spec.watches},
        reads=[(read.kind, read.search_from or read.same_subject) for read in spec.reads],
        writes=spec.writes,
        withdraws=spec.withdraws,
        schemas={name: model.defaults.payload_schema for name, model in mark_classes.items()},
        version=version,
    )


def _mistakes_in_functions(
    agent_name: str,
    function: AgentFunction,
    publish: PublishFunction | None,
    isolate: IsolateFunction | None,
) -> Iterator[Mistake]:
    if len(parameter_names(function)) != 2:
        yield Mistake(f"agent {agent_name!r}", "the function must take two arguments: marks and context")
    if inspect.isasyncgenfunction(function):
        text = "an asynchronous generator cannot be an agent; return the marks in a list"
        yield Mistake(f"agent {agent_name!r}", text)
    for label, other in (("publish", publish), ("isolate", isolate)):
        if other is not None and _is_lazy(other):
            yield Mistake(f"agent {agent_name!r}, {label}", LAZY)


def watch_spec(
    place: str, name: str, watch: Watch, only_if: Condition | None = None, unless: Condition | None = None
) -> WatchSpec:
    """Return a watch as data, with the guards of the whole agent added to its own; `place` names the agent in errors.

    Raises:
        ConfigurationError: A falling watch has `min_increase`.
    """
    spec = WatchSpec(
        name=name,
        when=str(watch.when),
        only_if=_joined_text(watch.only_if, only_if, " & "),
        unless=_joined_text(watch.unless, unless, " | "),
        min_increase=watch.min_increase,
        include_own=watch.include_own,
        catch_up=watch.catch_up,
        per=watch.per,
        held_for=watch.held_for,
        rewake_every=watch.rewake_every,
        clear_below=watch.clear_below,
        clear_above=watch.clear_above,
        on_guard=watch.on_guard,
    )
    if spec.min_increase is not None and (problem := min_increase_problem(spec.condition)) is not None:
        raise ConfigurationError([Mistake(f"{place}, watches.{name}.min_increase", problem)])
    return spec


def _as_watch(item: Condition | Watch | str) -> Watch:
    if isinstance(item, Watch):
        return item
    return Watch(parse_condition(item) if isinstance(item, str) else item)


def _joined_text(first: Condition | None, second: Condition | None, operator: str) -> str | None:
    texts = [f"({condition})" for condition in (first, second) if condition is not None]
    return operator.join(texts) or None


def _items(argument: str, given: Any) -> tuple[Any, ...]:
    if isinstance(given, str | type) or not isinstance(given, Iterable):
        raise ConfigurationError([Mistake(argument, f"{given!r} is not a list; write {argument}=[...]")])
    return tuple(given)


def _mistakes_in_lists(agent_name: str, declaration: _Declaration) -> Iterator[Mistake]:
    classes = {"writes": declaration.writes, "withdraws": declaration.withdraws, "kinds": declaration.kinds}
    for name, items in classes.items():
        for item in items:
            if not (isinstance(item, type) and issubclass(item, Mark) and item.kind):
                yield Mistake(f"agent {agent_name!r}, {name}", f"{item!r} is not a class of marks")
    for read in declaration.reads:
        if not isinstance(read, Read):
            yield Mistake(f"agent {agent_name!r}, reads", f"{read!r} is not strongest_of, of_subject or search")


def _mark_classes(watched: Iterable[Condition | Watch]) -> Iterator[type[Mark]]:
    for item in map(_as_watch, watched):
        for condition in (item.when, item.only_if, item.unless):
            yield from () if condition is None else condition.mark_classes
