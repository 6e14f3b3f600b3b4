"""The deployment of a board as immutable data: kinds, agents with their watches, trust and budget.

The board stores it in versions. It contains no functions, so any process that deposits can test all thresholds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator

from blackboard.core.conditions.condition_checks import check_guard, check_watch
from blackboard.core.conditions.condition_parser import parse_condition
from blackboard.core.conditions.condition_types import Comparison, Condition, Measure, both
from blackboard.core.conditions.number_formats import exact_digits
from blackboard.core.marks.decay import law_from
from blackboard.core.marks.kinds import (
    DEFAULT_FLOOR,
    DEFAULT_ON_REPEAT,
    DEFAULT_WEIGHT,
    MAX_PAYLOAD_BYTES,
    Kind,
    OnRepeat,
)
from blackboard.core.marks.tags import TagValue, Where
from blackboard.core.sinks import SinkSpec
from blackboard.durations import MINUTE, SECOND, Duration, Microseconds
from blackboard.errors import UnknownName

MAX_SKEW = Microseconds(5 * SECOND)
"""How far ahead of the board's time the occurrence of a deposit may be, by default."""


class DeploymentPart(BaseModel):
    """A part of a deployment: immutable, without unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def changes_from(self, other: Self) -> str:
        """Return the fields that differ, with both values, such as `calls_per_day 5 instead of no limit`."""
        pairs = ((name, getattr(self, name), getattr(other, name)) for name in type(self).model_fields)
        return ", ".join(f"{name} {_shown(new)} instead of {_shown(old)}" for name, new, old in pairs if new != old)

    def differing_fields(self, other: Self) -> str:
        """Return the names of the fields that differ, such as `weight, decay`."""
        return ", ".join(name for name in type(self).model_fields if getattr(self, name) != getattr(other, name))


def _shown(value: object) -> str:
    """Return a limit as people read it."""
    return "no limit" if value is None else exact_digits(value) if isinstance(value, float) else str(value)


class KindSettings(DeploymentPart):
    """The settings of a kind that a deployment may override. `kinds.Kind` says what they mean."""

    weight: float = DEFAULT_WEIGHT
    decay: dict[str, Any] | str = "never"
    floor: float = DEFAULT_FLOOR
    on_repeat: OnRepeat = DEFAULT_ON_REPEAT
    cap: float | None = None
    unique: str | None = None
    tags: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    max_payload: int = Field(default=MAX_PAYLOAD_BYTES, ge=1)
    max_text: int | None = Field(default=None, ge=1)


class KindSpec(KindSettings):
    """A kind as a board stores it."""

    decay: dict[str, Any] = Field(default_factory=lambda: {"law": "never"})
    class_path: str = ""
    payload_schema: dict[str, Any] | None = None

    @classmethod
    def of(cls, kind: Kind) -> Self:
        """Return a kind as data."""
        values = vars(kind) | {"decay": kind.decay.spec()}
        return cls(**{name: values[name] for name in cls.model_fields})

    def kind(self, name: str) -> Kind:
        """Return the kind of this name and these settings."""
        values = dict(self)
        return Kind(name, law_from(values.pop("decay")), **values)


CatchUp = Literal["once", "all", "none"]
"""How a schedule treats instants that it missed."""

DEFAULT_BATCH = 100
"""The largest number of marks in an activation of a watch over subjects if the agent sets no batch."""

OnGuard = Literal["defer", "drop"]
"""How a crossing is treated while the guard is closed: it waits ("defer") or ends as skipped ("drop")."""

Per = Literal["subject", "batch"]
"""What an activation takes: the marks of one subject, or a batch of marks of any subjects."""


class Timing(NamedTuple):
    """When a watch crosses, apart from the instant when its condition begins to hold.

    Attributes:
        held_for: How long the condition must have held.
        rewake_every: The time after which the watch crosses again while the condition holds; None for never.
        clear: The number at which an episode ends after a crossing. The value of a rising watch must fall below it. The
            value of a falling watch must reach it. None for the threshold.
    """

    held_for: Duration = 0
    rewake_every: Duration | None = None
    clear: float | None = None


class WatchSettings(DeploymentPart):
    """The settings of a watch that a deployment may override.

    Attributes:
        min_increase: How much stronger a mark must have become for a deposit on it to be news, above 0. Only
            for rising watches.
        catch_up: How a schedule treats missed instants; None for the agent's setting.
        per: What an activation takes; None for the agent's setting.
        on_guard: How a crossing is treated while the guard is closed; None for the agent's setting.
        held_for: How long the condition must have held; None for the agent's setting.
        rewake_every: The time after which the watch wakes the agent again while the condition holds; None for the
            agent's setting.
        clear_below: After a crossing, the value of a rising watch must have been below this number before the watch may
            cross again; None for the agent's setting.
        clear_above: After a crossing, the value of a falling watch must have reached this number before the watch may
            cross again; None for the agent's setting.
    """

    min_increase: float | None = Field(default=None, gt=0)
    catch_up: CatchUp | None = None
    per: Per | None = None
    on_guard: OnGuard | None = None
    held_for: Duration | None = None
    rewake_every: Duration | None = None
    clear_below: float | None = Field(default=None, gt=0)
    clear_above: float | None = Field(default=None, gt=0)


class WatchSpec(WatchSettings):
    """A condition that wakes an agent, and its guards.

    Attributes:
        name: The name of the watch, under which the board stores its state.
        when: The text of the condition.
        only_if: The text of a guard that must hold.
        unless: The text of a guard that must not hold.
        include_own: Whether the agent's own marks count.
    """

    name: str
    when: str
    only_if: str | None = None
    unless: str | None = None
    include_own: bool = False

    _condition: Condition = PrivateAttr()
    _guard: Condition | None = PrivateAttr(default=None)

    @field_validator("when", "only_if", "unless")
    @classmethod
    def _canonical(cls, text: str | None) -> str | None:
        # A condition may have several texts. The canonical text is stored and compared.
        return str(parse_condition(text)) if text else text

    @model_validator(mode="after")
    def _parsed(self) -> Self:
        self._condition = check_watch(parse_condition(self.when))
        only_if, unless = (check_guard(parse_condition(text)) if text else None for text in (self.only_if, self.unless))
        self._guard = both(only_if, None if unless is None else ~unless)
        return self

    @property
    def condition(self) -> Condition:
        """The condition in `when`."""
        return self._condition

    @property
    def guard(self) -> Condition | None:
        """The condition that must hold: `only_if` and not `unless`; None without guards."""
        return self._guard


def conditions_of(watch: WatchSpec) -> Iterator[tuple[str, Condition]]:
    """Yield the conditions of a watch and of its guard, each with the end of its place in the settings."""
    yield "", watch.condition
    for name in ("only_if", "unless"):
        if text := getattr(watch, name):
            yield f".{name}", parse_condition(text)


TIMING_SETTINGS = ("held_for", "rewake_every", "clear_below", "clear_above")
"""The settings of a watch, or of all watches of an agent, that make a `Timing`."""


def timing_misfit(condition: Condition, setting: str) -> str | None:
    """Return why a watch on a condition cannot have a setting over time; None if it can."""
    if condition.is_schedule:
        return f"{condition} is a schedule, which has no {setting}: it waits for no marks"
    if not setting.startswith("clear"):
        return None
    if (setting == "clear_above") != condition.is_falling:
        verb, other = ("falls", "clear_above") if condition.is_falling else ("rises", "clear_below")
        return f"{condition} {verb}: use {other}"
    if not isinstance(condition, Comparison):
        return f"{condition} has several values, and {setting} is about one; give each side a watch of its own"
    return None


def min_increase_problem(condition: Condition) -> str | None:
    """Return why a watch on a condition can have no `min_increase`; None if it can. A board may have stored one."""
    if condition.is_schedule:
        return "a schedule has no min_increase: it waits for no marks"
    if condition.is_falling:
        return "a falling watch has no min_increase: it crosses when the value sinks below the threshold"
    if condition.has_window:
        return "a window has no min_increase: it counts every deposit, news or not"
    return None


class ReadSpec(DeploymentPart):
    """Marks that an agent reads in addition to those that woke it.

    Attributes:
        kind: The name of the kind.
        limit: The number of marks, 1 to 1000; the strongest come first.
        same_subject: Whether the limit is for each subject that the agent was woken for, instead of for the board.
        where: The values that tags of the marks must have, by name. A list stands for any of its values.
        where_subject: The tags whose value may also be the subject that the agent was woken for.
        search_from: The field of the marks that woke the agent whose text is searched for; None if nothing is searched.
    """

    kind: str
    limit: int = Field(default=5, ge=1, le=1000)
    same_subject: bool = False
    where: dict[str, TagValue | tuple[TagValue, ...]] = Field(default_factory=dict)
    where_subject: tuple[str, ...] = ()
    search_from: str | None = Field(default=None, min_length=1)

    @property
    def needs_subject(self) -> bool:
        """Whether it reads other marks for each subject that the agent was woken for."""
        return self.same_subject or bool(self.where_subject)

    def where_of(self, subject: str | None) -> Where:
        """Return the values that tags must have, for a subject that the agent was woken for."""
        where: dict[str, Any] = dict(self.where)
        for name in self.where_subject if subject is not None else ():
            own = where.get(name, ())
            where[name] = (*own, subject) if isinstance(own, tuple) else (own, subject)
        return where


class ModelChoice(DeploymentPart):
    """A model for some activations.

    Attributes:
        model: The name of the model.
        below: Only for activations whose strongest mark is below this strength; None for all.
    """

    model: str
    below: float | None = Field(default=None, gt=0)


class DepositLimits(DeploymentPart):
    """Limits of an author's deposits, in addition to the limits of the kinds.

    Attributes:
        max_payload: The largest payload in bytes.
        max_text: The most characters of one text in a payload.
    """

    max_payload: int | None = Field(default=None, ge=1)
    max_text: int | None = Field(default=None, ge=1)


class Budget(DeploymentPart):
    """Limits in US dollars and in calls.

    A call over a limit waits for the next hour or day (mode `hold`), or is only reported (mode `warn`).
    """

    mode: Literal["hold", "warn"] = "hold"
    usd_per_activation: float | None = Field(default=None, gt=0)
    usd_per_hour: float | None = Field(default=None, gt=0)
    usd_per_day: float | None = Field(default=None, gt=0)
    calls_per_activation: int | None = Field(default=None, ge=1)
    calls_per_hour: int | None = Field(default=None, ge=1)
    calls_per_day: int | None = Field(default=None, ge=1)


class AgentSettings(DeploymentPart):
    """The settings of an agent. A deployment file may override each. Lengths of time are microseconds.

    Attributes:
        batch: The largest number of marks in one activation; None for 100, or all for a watch over the board.
        per: What an activation takes; None as the condition decides.
        batch_window: The longest wait for a fuller batch.
        urgent_above: The strength of a mark that ends the batch window; None for no such mark.
        cooldown: How long the agent is neither woken nor retried after a success.
        cooldown_per: Whether the cooldown applies to the agent, or to the subjects that succeeded; None for the
            subjects after an activation per subject, otherwise for the agent.
        concurrency: The largest number of its activations that run at once, in all daemons together.
        timeout: The longest run of one activation.
        max_attempts: The number of failures after which a batch is split, or a single mark or subject is dead.
        retry_after: The wait after the first failure. It doubles with each failure.
        when_faded: What happens to marks that faded below the threshold before the agent could start.
        max_marks: The largest number of marks that one activation may deposit.
        max_payload: The largest payload that it may deposit, in bytes of JSON in UTF-8.
        max_total: The largest size of all payloads of one activation together, in the same bytes.
        max_chain: The largest number of activations in a chain: the marks of each wake the next.
        max_activations_per_hour: The largest number of activations in an hour; None for no limit.
        answerable_by: The agents that may answer its needs, unless a need says so itself.
        catch_up: The default of its watches; see `WatchSettings`.
        on_guard: The default of its watches: how a crossing is treated while the guard is closed.
        held_for: The default of its watches: how long the condition must have held.
        rewake_every: The default of its watches; None for never.
        clear_below: The default of its rising watches; None for the threshold of the watch.
        clear_above: The default of its falling watches; None for the threshold of the watch.
        cooldown_after_failures: The number of failures in a row after which the agent has a cooldown.
        model: The name of the model; None for the deployment's model.
        models: Other models by the strength of the strongest mark. The first that applies is used.
        max_tokens: The largest number of tokens of an answer; None for the deployment's limit.
        use_batch_api: Whether calls go through the Message Batches API.
        batch_api_below: The strength below which the strongest mark sends a call there; None for no such limit.
        on_unknown: What happens to a call that may have been answered and paid.
        give_up_after: How long calls that were certainly not answered are retried; None for no limit.
        budget: The limits of its model calls.
    """

    batch: int | None = Field(default=None, ge=1, le=10_000)
    per: Per | None = None
    batch_window: Duration = Microseconds(0)
    urgent_above: float | None = Field(default=None, gt=0)
    cooldown: Duration = Microseconds(0)
    cooldown_per: Literal["agent", "subject"] | None = None
    concurrency: int = Field(default=1, ge=1, le=64)
    timeout: Duration = Microseconds(10 * MINUTE)
    max_attempts: int = Field(default=3, ge=1, le=100)
    retry_after: Duration = Microseconds(10 * SECOND)
    when_faded: Literal["keep", "drop"] = "keep"
    max_marks: int = Field(default=1000, ge=0)
    max_payload: int = Field(default=256 * 1024, ge=1)
    max_total: int = Field(default=4 * 1024 * 1024, ge=1)
    max_chain: int = Field(default=25, ge=1)
    max_activations_per_hour: int | None = Field(default=None, ge=1)
    answerable_by: tuple[str, ...] = ()
    catch_up: CatchUp = "once"
    on_guard: OnGuard = "defer"
    held_for: Duration = Microseconds(0)
    rewake_every: Duration | None = None
    clear_below: float | None = Field(default=None, gt=0)
    clear_above: float | None = Field(default=None, gt=0)
    cooldown_after_failures: int = Field(default=5, ge=1)
    model: str | None = None
    models: tuple[ModelChoice, ...] = ()
    max_tokens: int | None = Field(default=None, ge=1)
    use_batch_api: bool = False
    batch_api_below: float | None = Field(default=None, gt=0)
    on_unknown: Literal["retry", "hold"] = "retry"
    give_up_after: Duration | None = None
    budget: Budget = Budget()


class AgentSpec(DeploymentPart):
    """An agent as a board stores it: everything but its function."""

    name: str
    watches: tuple[WatchSpec, ...]
    reads: tuple[ReadSpec, ...] = ()
    writes: tuple[str, ...] = ()
    withdraws: tuple[str, ...] = ()
    """The kinds whose marks it may withdraw although others deposited them."""
    settings: AgentSettings = AgentSettings()
    renamed_from: str | None = None
    code: str | None = None
    """The digest of the code that implements it (see `code_digest`); None if it was declared without a function."""
    remote: bool = False
    """Whether programs outside the daemon run it: they claim its activations and finish them."""

    @property
    def names(self) -> set[str]:
        """Its name, and its previous name if it was renamed."""
        return {self.name, self.renamed_from or self.name}

    @property
    def kinds(self) -> set[str]:
        """All kinds in its watches, guards, `reads`, `writes` and `withdraws`."""
        kinds = {read.kind for read in self.reads} | {*self.writes, *self.withdraws}
        for watch in self.watches:
            kinds.update(watch.condition.kinds)
            if watch.guard is not None:
                kinds.update(watch.guard.kinds)
        return kinds

    def per_of(self, watch: WatchSpec) -> Per:
        """Return whether an activation of one of its watches takes one subject or a batch.

        The watch says, or the agent. By default, a condition over several marks of a subject takes one subject, unless
        `batch` is set. Every other condition takes a batch. A watch over the whole board has no subject, and a watch
        over groups takes one group, which stands for the subject.
        """
        if watch.condition.is_over_board:
            return "batch"
        if watch.condition.by is not None:
            return "subject"
        if (per := watch.per or self.settings.per) is not None:
            return per
        together = any(not comparison.measure.is_per_mark for comparison in watch.condition.comparisons())
        return "subject" if together and self.settings.batch is None else "batch"

    def batch_of(self, watch: WatchSpec) -> int | None:
        """Return the most marks of an activation of one of its watches; None if it takes all of the board or group."""
        if watch.condition.is_schedule:
            return 0
        takes_all = watch.condition.is_over_board or watch.condition.by is not None
        return self.settings.batch or (None if takes_all else DEFAULT_BATCH)

    def on_guard_of(self, watch: WatchSpec) -> OnGuard:
        """Return how a crossing of one of its watches is treated while the guard is closed.

        A falling watch crosses once, so its guard always drops. A schedule always defers, and `catch_up` decides how.
        """
        if watch.condition.is_falling or watch.condition.is_schedule:
            return "drop" if watch.condition.is_falling else "defer"
        return watch.on_guard or self.settings.on_guard

    def timing_of(self, watch: WatchSpec) -> Timing | None:
        """Return the timing of one of its watches; None if the watch has none, for example because it is a schedule."""
        if watch.condition.is_schedule:
            return None
        settings = self.settings
        held_for = settings.held_for if watch.held_for is None else watch.held_for
        every = settings.rewake_every if watch.rewake_every is None else watch.rewake_every
        setting = "clear_above" if watch.condition.is_falling else "clear_below"
        clear = getattr(watch, setting)
        if clear is None and timing_misfit(watch.condition, setting) is None:
            clear = getattr(settings, setting)
        timing = Timing(held_for, every or None, clear)
        remembers = watch.condition.has_window and not watch.condition.is_falling
        return None if timing == Timing() and not remembers else timing

    def cooldown_per_of(self, watch: WatchSpec | None) -> Literal["agent", "subject"]:
        """Return whether the whole agent or the subject has a cooldown after a success of one of its watches.

        By default it is the subject after an activation per subject, and the whole agent after a batch. A watch that
        the agent no longer has counts as one that takes batches.
        """
        if self.settings.cooldown_per is not None:
            return self.settings.cooldown_per
        return "subject" if watch is not None and self.per_of(watch) == "subject" else "agent"


class Deployment(DeploymentPart):
    """The kinds, agents, trust and limits that are registered as one version.

    Attributes:
        version: The number of changes so far; 0 on a new board.
        kinds: The kinds by name.
        agents: The agents by name.
        trust: The trust in authors by name, a factor of their intensities.
        limits: The limits of authors by name.
        budget: The limits for all agents together.
        max_skew: How far ahead of the board's time a deposit may say that it occurred. It then counts as now.
        activity: Whether the board records what agents and people do, beside the history of its marks.
        sinks: The sinks of messages to people outside, by name.
    """

    version: int = 0
    kinds: dict[str, KindSpec] = Field(default_factory=dict)
    agents: dict[str, AgentSpec] = Field(default_factory=dict)
    trust: dict[str, float] = Field(default_factory=dict)
    limits: dict[str, DepositLimits] = Field(default_factory=dict)
    budget: Budget = Budget()
    max_skew: Duration = MAX_SKEW
    activity: bool = True
    sinks: dict[str, SinkSpec] = Field(default_factory=dict)

    # Copies of a deployment share this cache, so an entry is valid only for the spec that it was made from.
    _kinds: dict[str, tuple[KindSpec, Kind]] = PrivateAttr(default_factory=dict)

    def kind(self, name: str) -> Kind:
        """Return the kind of a name.

        Raises:
            UnknownName: There is no such kind.
        """
        if (spec := self.kinds.get(name)) is None:
            raise UnknownName("kind", name, self.kinds)
        cached = self._kinds.get(name)
        if cached is None or cached[0] is not spec:
            cached = self._kinds[name] = (spec, spec.kind(name))
        return cached[1]

    def agent(self, name: str) -> AgentSpec:
        """Return the agent of a name.

        Raises:
            UnknownName: There is no such agent.
        """
        if name not in self.agents:
            raise UnknownName("agent", name, self.agents)
        return self.agents[name]

    def longest_windows(self) -> dict[str, int]:
        """Return the length of the longest window that counts each kind, in a condition or a guard."""
        longest: dict[str, int] = {}
        for measure in self._windows():
            for kind in measure.kinds:
                longest[kind] = max(longest.get(kind, 0), measure.within or 0)
        return longest

    def tags_in_windows(self) -> dict[str, frozenset[str]]:
        """Return the tags by which windows find the deposits of each kind, in a condition or a guard."""
        tags: dict[str, frozenset[str]] = {}
        for measure in self._windows():
            for kind in measure.kinds if measure.tags else ():
                tags[kind] = tags.get(kind, frozenset()) | measure.tags
        return tags

    def _windows(self) -> Iterator[Measure]:
        """Yield the measures with a window, in all conditions and guards."""
        for watch in (watch for agent in self.agents.values() for watch in agent.watches):
            yield from watch.condition.windows
            if watch.guard is not None:
                yield from watch.guard.windows

    def content(self) -> str:
        """Return the deployment without its version as canonical JSON. Equal deployments have equal texts."""
        return json.dumps(self.model_dump(mode="json", exclude={"version"}), sort_keys=True, ensure_ascii=False)

    def with_kinds(self, kinds: Mapping[str, Kind]) -> Deployment:
        """Return a copy with more kinds. Kinds that it has already stay as they are."""
        added = {name: KindSpec.of(kind) for name, kind in kinds.items() if name not in self.kinds}
        return self.model_copy(update={"kinds": {**self.kinds, **added}})
