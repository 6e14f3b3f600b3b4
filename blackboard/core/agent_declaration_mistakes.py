"""Mistakes in the declaration of an agent: settings that do not fit each other, or do not fit the kinds.

A deployment that a board has stored is read without these checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from blackboard.core.built_in_marks import Decision, Need
from blackboard.core.conditions.condition_parser import parse_condition
from blackboard.core.conditions.condition_types import Condition, over_board
from blackboard.core.conditions.fewest_marks import smallest_batch
from blackboard.core.conditions.number_formats import exact_digits
from blackboard.core.marks.kinds import Kind
from blackboard.core.marks.tags import WhereClause
from blackboard.core.specs.agent_spec import AgentSpec, ReadSpec
from blackboard.core.specs.watch_spec import TIMING_SETTINGS, WatchSpec, conditions_of, timing_misfit
from blackboard.errors import InvalidCondition, Mistake, UnknownName, UsageError


def mistakes_in(agent_spec: AgentSpec) -> Iterator[Mistake]:
    """Yield the mistakes in an agent that arise from several of its settings together."""
    place, batch = f"agents.{agent_spec.name}", agent_spec.settings.batch
    yield from _mistakes_about_schedules(agent_spec)
    yield from _mistakes_about_subjects(agent_spec)
    yield from _mistakes_about_time(agent_spec)
    yield from _mistakes_about_guards(agent_spec)
    yield from _mistakes_about_needs(agent_spec)
    for watch in agent_spec.watches:
        condition = watch.condition
        if batch is not None and (problem := _misfit_batch(condition, batch)) is not None:
            yield Mistake(f"{place}.batch", problem)
        for name, text in (("only_if", watch.only_if), ("unless", watch.unless)):
            if text and (problem := _misfit_guard(condition, name, parse_condition(text))) is not None:
                yield Mistake(f"{place}.watches.{watch.name}", problem)


def _misfit_batch(condition: Condition, batch: int) -> str | None:
    """Return why a batch is too small for a watch; None if it is large enough."""
    if batch >= len(condition.kinds):  # one mark of each kind is always enough
        return None
    try:
        smallest = smallest_batch(condition)
    except InvalidCondition as error:
        return f"{error}, or set batch to at least {len(condition.kinds)}"
    if smallest <= batch:
        return None
    return (
        f"{condition} needs a mark of each side in one batch; a batch of {batch} has no room for them. Set batch to at"
        f" least {smallest}"
    )


def _misfit_guard(condition: Condition, name: str, guard: Condition) -> str | None:
    """Return why a guard cannot be measured at a crossing of a watch; None if it can be measured."""
    measures = [comparison.measure for comparison in guard.comparisons() if comparison.measure.over != "board"]
    if condition.is_over_board and measures:
        what = "a schedule" if condition.is_schedule else "over the whole board"
        scope = "subject" if all(measure.by is None for measure in measures) else "group"
        return (
            f"{name}={guard} has no {scope}, because the watch {condition} is {what}; write {name}={over_board(guard)}"
        )
    if all(measure.by == condition.by for measure in measures):
        return None
    if condition.by is None:
        return f"{name}={guard} has no group, because the watch {condition} is about a subject; leave out its by="
    return (
        f"{name}={guard} must measure the groups of the watch {condition}, or the board: write"
        f' by="{condition.by}" or over="board"'
    )


def _mistakes_about_subjects(agent_spec: AgentSpec) -> Iterator[Mistake]:
    place = f"agents.{agent_spec.name}"
    for watch in agent_spec.watches:
        if watch.per == "batch" and (by := watch.condition.by) is not None:
            yield Mistake(
                f"{place}.watches.{watch.name}.per",
                f"each activation of {watch.condition} is about one value of {by!r}; leave out per",
            )
        if watch.per == "subject" and watch.condition.is_over_board:
            yield Mistake(f"{place}.watches.{watch.name}.per", _no_subject(watch))
    if agent_spec.settings.per == "subject" and all(watch.condition.is_over_board for watch in agent_spec.watches):
        yield Mistake(f"{place}.per", "; ".join(map(_no_subject, agent_spec.watches)))


def _mistakes_about_needs(agent_spec: AgentSpec) -> Iterator[Mistake]:
    place, named = f"agents.{agent_spec.name}.answerable_by", agent_spec.settings.answerable_by
    if named and Need.kind not in agent_spec.writes:
        yield Mistake(place, "the agent cannot deposit needs, because it does not declare Need in writes")
    if own := agent_spec.names.intersection(named):
        yield Mistake(place, f"{min(own)} is the agent itself, which can never answer its own needs")


def mistakes_about_answers(agents: Mapping[str, AgentSpec]) -> Iterator[Mistake]:
    """Yield the agents that `answerable_by` names and that cannot answer needs."""
    known = {name: agent for agent in agents.values() for name in agent.names}
    for agent in agents.values():
        for name in agent.settings.answerable_by:
            place = f"agents.{agent.name}.answerable_by"
            if name not in known:
                yield Mistake(place, str(UnknownName("agent", name, agents)))
            elif Decision.kind not in known[name].writes:
                yield Mistake(place, f"{name} cannot answer: it does not declare Decision in writes")


def _mistakes_about_guards(agent_spec: AgentSpec) -> Iterator[Mistake]:
    place = f"agents.{agent_spec.name}"
    for watch in agent_spec.watches:
        if watch.on_guard is not None and (misfit := _misfit_on_guard(watch)) is not None:
            yield Mistake(f"{place}.watches.{watch.name}.on_guard", misfit)
    misfits = [_misfit_on_guard(watch) for watch in agent_spec.watches]
    if agent_spec.settings.on_guard == "drop" and None not in misfits:
        yield Mistake(f"{place}.on_guard", "; ".join(misfit for misfit in misfits if misfit))


def _misfit_on_guard(watch_spec: WatchSpec) -> str | None:
    """Return why `on_guard` has no effect on a watch; None if it has an effect."""
    if watch_spec.condition.is_schedule:
        return f"{watch_spec.condition} is a schedule, whose guard always defers; catch_up decides about its instants"
    if watch_spec.guard is None:
        return f"{watch_spec.condition} has no guard (only_if or unless)"
    if watch_spec.condition.is_falling and watch_spec.on_guard == "defer":
        return f"{watch_spec.condition} falls, and the guard of a falling watch always drops"
    return None


def _mistakes_about_time(agent_spec: AgentSpec) -> Iterator[Mistake]:
    """Yield the mistakes in an agent's settings of time, such as `held_for` and `clear_below`.

    A setting of the whole agent applies to each watch that can have this setting. At least one watch must be able to.
    """
    place = f"agents.{agent_spec.name}"
    for setting in TIMING_SETTINGS:
        agent_value = getattr(agent_spec.settings, setting)
        misfits = [timing_misfit(watch.condition, setting) for watch in agent_spec.watches]
        if agent_value and None not in misfits:
            yield Mistake(f"{place}.{setting}", "; ".join(dict.fromkeys(misfit for misfit in misfits if misfit)))
        for watch, misfit in zip(agent_spec.watches, misfits, strict=True):
            own = getattr(watch, setting)
            if misfit is not None:
                if own:
                    yield Mistake(f"{place}.watches.{watch.name}.{setting}", misfit)
            elif setting.startswith("clear") and (value := agent_value if own is None else own):
                yield from _mistakes_about_clearing(place, watch, setting, value, is_own=own is not None)


def _mistakes_about_clearing(
    place: str, watch_spec: WatchSpec, setting: str, value: float, *, is_own: bool
) -> Iterator[Mistake]:
    threshold = next(watch_spec.condition.comparisons()).threshold
    if (value > threshold) != (setting == "clear_above") or value == threshold:
        where = f"{place}.watches.{watch_spec.name}.{setting}" if is_own else f"{place}.{setting}"
        side = "above" if setting == "clear_above" else "below"
        text = f"{exact_digits(value)} is not {side} the threshold of {watch_spec.condition}"
        yield Mistake(where, text)


def mistakes_in_filters(agent_spec: AgentSpec, kinds: Mapping[str, Kind]) -> Iterator[Mistake]:
    """Yield the mistakes in tags and searches of an agent's conditions and reads that do not fit their kinds."""
    place = f"agents.{agent_spec.name}"
    for read in agent_spec.reads:
        if read.kind in kinds:
            yield from (Mistake(f"{place}.reads", text) for text in _mistakes_in_read(read, kinds[read.kind]))
            yield from (Mistake(f"{place}.reads", text) for text in _mistakes_in_search(agent_spec, read, kinds))
    for watch in agent_spec.watches:
        for suffix, condition in conditions_of(watch):
            texts = (
                text
                for measure in (comparison.measure for comparison in condition.comparisons())
                if measure.where is not None
                for kind in measure.kinds
                if kind in kinds
                for text in kinds[kind].tag_schema.mistakes_in(measure.where)
            )
            yield from (Mistake(f"{place}.watches.{watch.name}{suffix}", text) for text in dict.fromkeys(texts))


def mistakes_in_groups(agent_spec: AgentSpec, kinds: Mapping[str, Kind]) -> Iterator[Mistake]:
    """Yield the conditions of an agent that group by something other than a tag with one value."""
    for watch in agent_spec.watches:
        for suffix, condition in conditions_of(watch):
            place = f"agents.{agent_spec.name}.watches.{watch.name}{suffix}"
            for problem in dict.fromkeys(_problems_of_groups(condition, kinds)):
                yield Mistake(place, f"by: {problem}")


def _problems_of_groups(condition: Condition, kinds: Mapping[str, Kind]) -> Iterator[str]:
    """Yield why the kinds in a condition cannot be grouped by the tag that the condition names."""
    for measure in (comparison.measure for comparison in condition.comparisons()):
        if (tag := measure.by) is None:
            continue
        for kind in (kinds[name] for name in measure.kinds if name in kinds):
            if (problem := kind.tag_schema.group_problem(tag)) is not None:
                yield problem


def _mistakes_in_read(read: ReadSpec, kind: Kind) -> Iterator[str]:
    for name, value in read.where.items():
        try:
            yield from kind.tag_schema.mistakes_in(WhereClause.of({name: value}))
        except UsageError as error:
            yield f"where: {error}"
    for name in read.where_subject:
        yield from kind.tag_schema.mistakes_in(WhereClause.of({name: "subject"}))


def _mistakes_in_search(agent_spec: AgentSpec, read: ReadSpec, kinds: Mapping[str, Kind]) -> Iterator[str]:
    """Yield the mistakes in a search: its kind is not searched, or no mark that wakes the agent has the field."""
    if (field := read.search_from) is None:
        return
    if not kinds[read.kind].search:
        yield f"the kind {read.kind!r} is not searched; declare the fields to search, as in search=['text']"
    woken_by = {kind for watch in agent_spec.watches for kind in watch.condition.kinds}
    if not woken_by:
        yield f"search: no mark wakes the agent, so there is no field {field!r} to search for"
    schemas = [kinds[kind].payload_schema for kind in woken_by if kind in kinds]
    fields = {name for schema in schemas if schema for name in schema.get("properties", {})}
    if woken_by and len(schemas) == len(woken_by) and None not in schemas and field not in fields:
        yield str(UnknownName("field", field, fields, f"search: no mark that wakes the agent has a field {field!r}"))


def _no_subject(watch_spec: WatchSpec) -> str:
    reason = "is a schedule" if watch_spec.condition.is_schedule else "is over the whole board"
    return f"{watch_spec.condition} {reason}, which has no subject"


def _mistakes_about_schedules(agent_spec: AgentSpec) -> Iterator[Mistake]:
    """Yield the settings that have no meaning for a schedule, or have a meaning for schedules only."""
    place = f"agents.{agent_spec.name}"
    scheduled = [watch for watch in agent_spec.watches if watch.condition.is_schedule]
    if agent_spec.settings.catch_up != "once" and not scheduled:
        yield Mistake(f"{place}.catch_up", "no watch of the agent is a schedule, so there is nothing to catch up on")
    for watch in agent_spec.watches:
        where, is_schedule = f"{place}.watches.{watch.name}", watch.condition.is_schedule
        if watch.catch_up is not None and not is_schedule:
            yield Mistake(
                f"{where}.catch_up", f"{watch.condition} is not a schedule, so there is nothing to catch up on"
            )
        if is_schedule and watch.include_own:
            yield Mistake(
                f"{where}.include_own", f"{watch.condition} is a schedule, which no mark wakes; leave out include_own"
            )
    if len(scheduled) == len(agent_spec.watches) and (
        kinds := [read.kind for read in agent_spec.reads if read.needs_subject]
    ):
        yield Mistake(
            f"{place}.reads",
            f"of_subject, and subject in where, read for the subjects that woke the agent, but a schedule has no"
            f" subject: read strongest_of({', '.join(kinds)})",
        )
