"""Agents as a deployment has them: their watches, their settings and their limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from pydantic import Field

from blackboard.core.marks.tags import TagValue, Where
from blackboard.core.specs.spec_base_class import DeploymentPart
from blackboard.core.specs.watch_spec import DEFAULT_BATCH, CatchUp, OnGuard, Per, Timing, WatchSpec, timing_misfit
from blackboard.durations import DAY, HOUR, MINUTE, SECOND, Duration, Microseconds
from blackboard.errors import UsageError


class ReadSpec(DeploymentPart):
    """Marks that an agent reads in addition to those that woke it."""

    kind: str
    """The name of the kind."""
    limit: int = Field(default=5, ge=1, le=1000)
    """The number of marks, 1 to 1000; the strongest come first."""
    same_subject: bool = False
    """Whether the limit is for each subject that the agent was woken for, instead of for the board."""
    where: dict[str, TagValue | tuple[TagValue, ...]] = Field(default_factory=dict)
    """The values that tags of the marks must have, by name. A list stands for any of its values."""
    where_subject: tuple[str, ...] = ()
    """The tags whose value may also be the subject that the agent was woken for."""
    search_from: str | None = Field(default=None, min_length=1)
    """A field of the marks that woke the agent: its text is searched for. None if nothing is searched."""

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
    """A model for some activations."""

    model: str
    """The name of the model."""
    below: float | None = Field(default=None, gt=0)
    """Only for activations whose strongest mark is below this strength; None for all."""


class DepositLimits(DeploymentPart):
    """Limits of an author's deposits, in addition to the limits of the kinds."""

    max_payload: int | None = Field(default=None, ge=1)
    """The largest payload in bytes."""
    max_text: int | None = Field(default=None, ge=1)
    """The most characters of one text in a payload."""


BudgetWindow = Literal["activation", "hour", "day"]
CALENDAR: Mapping[BudgetWindow, Duration] = {"hour": HOUR, "day": DAY}
"""The windows that begin and end by the calendar (in UTC), with their lengths: all except an activation."""


class WindowLimits(NamedTuple):
    """The limits of a budget for one activation, an hour or a day; None for no limit."""

    usd: float | None
    calls: int | None

    def __bool__(self) -> bool:
        """Return whether there is a limit."""
        return self.usd is not None or self.calls is not None


class Budget(DeploymentPart):
    """Limits in US dollars and in calls.

    With the mode `hold`, a call over a limit waits for the next hour or day, or until a person raises the limit. With
    the mode `warn`, the call is only reported.
    """

    mode: Literal["hold", "warn"] = "hold"
    usd_per_activation: float | None = Field(default=None, gt=0)
    usd_per_hour: float | None = Field(default=None, gt=0)
    usd_per_day: float | None = Field(default=None, gt=0)
    calls_per_activation: int | None = Field(default=None, ge=1)
    calls_per_hour: int | None = Field(default=None, ge=1)
    calls_per_day: int | None = Field(default=None, ge=1)

    def limits_of(self, window: BudgetWindow) -> WindowLimits:
        """Return the limits for one activation, an hour or a day."""
        return WindowLimits(getattr(self, f"usd_per_{window}"), getattr(self, f"calls_per_{window}"))


class AgentSettings(DeploymentPart):
    """The settings of an agent. A deployment file may override each. Lengths of time are microseconds."""

    batch: int | None = Field(default=None, ge=1, le=10_000)
    """The largest number of marks in one activation; None for 100, or all for a watch over the board."""
    per: Per | None = None
    """What an activation takes; None as the condition decides."""
    batch_window: Duration = Microseconds(0)
    """The longest wait for a fuller batch."""
    urgent_above: float | None = Field(default=None, gt=0)
    """The strength of a mark that ends the batch window; None for no such mark."""
    cooldown: Duration = Microseconds(0)
    """How long the agent is neither woken nor retried after a success."""
    cooldown_per: Literal["agent", "subject"] | None = None
    """Whether the cooldown applies to the agent, or to the subjects that succeeded.

    None means the subjects after an activation per subject, and the agent after any other activation.
    """
    concurrency: int = Field(default=1, ge=1, le=64)
    """The largest number of its activations that run at the same time, in all daemons together."""
    timeout: Duration = Microseconds(10 * MINUTE)
    """The longest run of one activation."""
    max_attempts: int = Field(default=3, ge=1, le=100)
    """The number of failures after which a batch is split, or a single mark or subject is dead."""
    retry_after: Duration = Microseconds(10 * SECOND)
    """The wait after the first failure. It doubles with each failure."""
    when_faded: Literal["keep", "drop"] = "keep"
    """What happens to marks that faded below the threshold before the agent could start."""
    max_marks: int = Field(default=1000, ge=0)
    """The largest number of marks that one activation may deposit."""
    max_payload: int = Field(default=256 * 1024, ge=1)
    """The largest payload that the agent may deposit, in bytes of JSON in UTF-8."""
    max_total: int = Field(default=4 * 1024 * 1024, ge=1)
    """The largest size of all payloads of one activation together, in bytes of JSON in UTF-8."""
    max_chain: int = Field(default=25, ge=1)
    """The largest number of activations in a chain: the marks of each wake the next."""
    max_activations_per_hour: int | None = Field(default=None, ge=1)
    """The largest number of activations in an hour; None for no limit."""
    answerable_by: tuple[str, ...] = ()
    """The agents that may answer the needs of this agent. A need that names agents itself takes precedence."""
    catch_up: CatchUp = "once"
    """The default of its watches; see `WatchSettings`."""
    on_guard: OnGuard = "defer"
    """The default of its watches: how a crossing is treated while the guard is closed."""
    held_for: Duration = Microseconds(0)
    """The default of its watches: how long the condition must have held."""
    rewake_every: Duration | None = None
    """The default of its watches; None for never."""
    clear_below: float | None = Field(default=None, gt=0)
    """The default of its rising watches; None for the threshold of the watch."""
    clear_above: float | None = Field(default=None, gt=0)
    """The default of its falling watches; None for the threshold of the watch."""
    cooldown_after_failures: int = Field(default=5, ge=1)
    """The number of failures in a row after which the agent has a cooldown."""
    model: str | None = None
    """The name of the model; None for the deployment's model."""
    models: tuple[ModelChoice, ...] = ()
    """Other models by the strength of the strongest mark. The first that applies is used."""
    max_tokens: int | None = Field(default=None, ge=1)
    """The largest number of tokens of an answer; None for the deployment's limit."""
    use_batch_api: bool = False
    """Whether calls go through the Message Batches API."""
    batch_api_below: float | None = Field(default=None, gt=0)
    """A call also goes through the Message Batches API if its strongest mark is below this strength."""
    on_unknown: Literal["retry", "hold"] = "retry"
    """What happens to a call that may have been answered and paid for."""
    give_up_after: Duration | None = None
    """How long calls that were certainly not answered are retried; None for no limit."""
    budget: Budget = Budget()
    """The limits of the agent's model calls."""


class AgentSpec(DeploymentPart):
    """An agent as a board stores it: everything but its function."""

    name: str
    watches: tuple[WatchSpec, ...]
    reads: tuple[ReadSpec, ...] = ()
    writes: tuple[str, ...] = ()
    withdraws: tuple[str, ...] = ()
    """The kinds whose marks it may withdraw although other authors deposited them."""
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

    def per_of(self, watch_spec: WatchSpec) -> Per:
        """Return whether an activation of one of its watches takes one subject or a batch.

        The setting of the watch decides; if it has none, the setting of the agent does. By default, a condition over
        several marks of a subject takes one subject, unless `batch` is set. Every other condition takes a batch. A
        watch over the whole board has no subject, and a watch over groups takes one group, which stands for the
        subject.
        """
        condition = watch_spec.condition  # once, because pydantic searches for it each time
        if condition.is_over_board:
            return "batch"
        if condition.by is not None:
            return "subject"
        if (per := watch_spec.per or self.settings.per) is not None:
            return per
        together = any(not comparison.measure.is_per_mark for comparison in condition.comparisons())
        return "subject" if together and self.settings.batch is None else "batch"

    def batch_of(self, watch_spec: WatchSpec) -> int | None:
        """Return the largest number of marks in one activation of a watch.

        It is 0 for a schedule, and None for all marks of a board or group.
        """
        if watch_spec.condition.is_schedule:
            return 0
        takes_all = watch_spec.condition.is_over_board or watch_spec.condition.by is not None
        return self.settings.batch or (None if takes_all else DEFAULT_BATCH)

    def on_guard_of(self, watch_spec: WatchSpec) -> OnGuard:
        """Return how a crossing of one of its watches is treated while the guard is closed.

        A falling watch crosses once, so its guard always drops. A schedule always defers, and `catch_up` decides how.
        """
        if watch_spec.condition.is_falling:
            return "drop"
        if watch_spec.condition.is_schedule:
            return "defer"
        return watch_spec.on_guard or self.settings.on_guard

    def timing_of(self, watch_spec: WatchSpec) -> Timing | None:
        """Return the timing of one of its watches; None if the watch has none, for example because it is a schedule."""
        if watch_spec.condition.is_schedule:
            return None
        settings = self.settings
        held_for = settings.held_for if watch_spec.held_for is None else watch_spec.held_for
        every = settings.rewake_every if watch_spec.rewake_every is None else watch_spec.rewake_every
        setting = "clear_above" if watch_spec.condition.is_falling else "clear_below"
        clear = getattr(watch_spec, setting)
        if clear is None and timing_misfit(watch_spec.condition, setting) is None:
            clear = getattr(settings, setting)
        timing = Timing(held_for, every or None, clear)
        remembers = watch_spec.condition.has_window and not watch_spec.condition.is_falling
        return None if timing == Timing() and not remembers else timing

    def cooldown_per_of(self, watch_spec: WatchSpec | None) -> Literal["agent", "subject"]:
        """Return whether the whole agent or the subject has a cooldown after a success of one of its watches.

        By default it is the subject after an activation per subject, and the whole agent after a batch. A watch that
        the agent no longer has counts as one that takes batches.
        """
        if self.settings.cooldown_per is not None:
            return self.settings.cooldown_per
        return "subject" if watch_spec is not None and self.per_of(watch_spec) == "subject" else "agent"


def check_agents(items: Iterable[object], function: str) -> None:
    """Check that the arguments of a function are agents.

    Raises:
        UsageError: An argument is something else.
    """
    for item in items:
        if not isinstance(getattr(item, "spec", None), AgentSpec):
            raise UsageError(f"{function} takes agents, not {item!r}; @agent makes an agent of a function")
