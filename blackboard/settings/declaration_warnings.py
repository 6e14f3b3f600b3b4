"""Warnings about declarations that are valid and probably mistakes.

`probable_mistakes` checks the schedules, times and counts of an agent alone. `warnings_about` checks whether conditions
can work with their kinds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from math import inf

from blackboard.core.conditions.condition_parser import parse_condition
from blackboard.core.conditions.condition_types import Combination, Comparison, Condition
from blackboard.core.conditions.measures import Count, Measure, Strongest, Total
from blackboard.core.marks.decay import Never, Step
from blackboard.core.marks.kinds import Kind
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.core.specs.watch_spec import WatchSpec, conditions_of
from blackboard.durations import HOUR, Duration, format_duration
from blackboard.errors import Mistake


def probable_mistakes(
    agent_spec: AgentSpec, kinds: Mapping[str, Kind], keep_history: Duration | None
) -> Iterator[Mistake]:
    """Yield the probable mistakes of an agent, with their places in the settings."""
    for watch in agent_spec.watches:
        place = f"agents.{agent_spec.name}.watches.{watch.name}"
        texts = [*_warn_of_catching_up(agent_spec, watch), *_warn_of_timing(agent_spec, watch, kinds)]
        yield from (Mistake(place, f"{watch.condition}{text}") for text in texts)
        for suffix, condition in conditions_of(watch):
            texts = [*warnings_of_counts(condition, kinds), *_warn_of_short_history(condition, keep_history)]
            yield from (Mistake(place + suffix, text) for text in texts)


def _warn_of_catching_up(agent_spec: AgentSpec, watch_spec: WatchSpec) -> Iterator[str]:
    """Warn of a schedule that would catch up on any number of instants."""
    settings = agent_spec.settings
    catches_up = watch_spec.condition.is_schedule and (watch_spec.catch_up or settings.catch_up) == "all"
    if catches_up and settings.max_activations_per_hour is None:
        yield " catches up on every missed instant; set max_activations_per_hour as a limit"


def _warn_of_timing(agent_spec: AgentSpec, watch_spec: WatchSpec, kinds: Mapping[str, Kind]) -> Iterator[str]:
    """Warn of a rewake that another setting delays, and of a value that marks cannot reach a second time."""
    timing, settings = agent_spec.timing_of(watch_spec), agent_spec.settings
    if timing is None:
        return
    if (every := timing.rewake_every) is not None:
        due = f"holds back rewakes, which are due every {format_duration(every)}"
        if settings.cooldown > every:
            yield f": its cooldown of {format_duration(settings.cooldown)} {due}"
        limit = settings.max_activations_per_hour
        if limit is not None and limit * every < HOUR:
            yield f": max_activations_per_hour = {limit} {due}"
    separate = [name for name in watch_spec.condition.kinds if name in kinds and kinds[name].on_repeat == "separate"]
    if timing.clear is not None and watch_spec.condition.is_per_mark and separate:
        yield (
            f': each mark of {separate[0]} is measured alone (on_repeat = "separate") and only fades, so it crosses'
            " once in any case"
        )


def warnings_of_counts(condition: Condition, kinds: Mapping[str, Kind]) -> Iterator[str]:
    """Warn of a count that no subject can reach, because it has at most one mark of each of these kinds."""
    for comparison in condition.comparisons():
        measure = comparison.measure
        if not isinstance(measure, Count) or measure.over == "board" or measure.within is not None:
            continue
        rules = {name: kinds[name].on_repeat if name in kinds else "separate" for name in measure.kinds}
        if "separate" in rules.values() or comparison.threshold <= len(rules):
            continue
        listed = ", ".join(f'{name} (on_repeat = "{rule}")' for name, rule in rules.items())
        yield (
            f"{comparison} {'always holds' if comparison.operator == '<' else 'is never met'}: a subject has at"
            f' most one mark of {listed}; set on_repeat = "separate", watch the total, or count over="board"'
        )


def _warn_of_short_history(condition: Condition, keep_history: Duration | None) -> Iterator[str]:
    """Warn of a window that is longer than `keep_history`.

    When such a window is new, it lacks the deposits that the history no longer has.
    """
    longest = max((measure.within or 0 for measure in condition.windows), default=0)
    if keep_history is not None and longest > keep_history:
        yield (
            f"{condition} counts the deposits of {format_duration(longest)}, and keep_history is"
            f" {format_duration(keep_history)}: a new window lacks older deposits at first"
        )


Kinds = Mapping[str, Kind]


def warnings_about(agent_spec: AgentSpec, kinds: Kinds) -> Iterator[Mistake]:
    """Yield warnings of conditions, guards and settings of an agent that cannot work with the kinds of a deployment."""
    for watch in agent_spec.watches:
        place = f"agents.{agent_spec.name}.watches.{watch.name}"
        yield from _warn_of_condition(place, watch.condition, kinds, is_guard=False)
        for name, text in (("only_if", watch.only_if), ("unless", watch.unless)):
            if text:
                guard = parse_condition(text)
                yield from _warn_of_condition(f"{place}.{name}", guard, kinds, is_guard=True)
                yield from _warn_of_subjects(f"{place}.{name}", watch.condition, guard)
        yield from _warn_of_holding(place, agent_spec, watch, kinds)
        yield from _warn_of_clearing(place, agent_spec, watch, kinds)
        yield from _warn_of_fading(f"agents.{agent_spec.name}", agent_spec, watch, kinds)
        yield from _warn_of_urgency(f"agents.{agent_spec.name}", agent_spec, watch, kinds)


def _warn_of_condition(place: str, condition: Condition, kinds: Kinds, *, is_guard: bool) -> Iterator[Mistake]:
    for comparison in condition.comparisons():
        if (highest := _highest(comparison, kinds)) < comparison.threshold:
            names = ", ".join(comparison.measure.kinds)
            never = "is never met" if comparison.operator == ">=" else "always holds" if is_guard else "never falls"
            yield Mistake(place, f"{comparison} {never}: weight x cap of {names} allows at most {highest:g}")
        elif comparison.operator == "<" and not is_guard and not comparison.measure.within:
            yield from _warn_of_falling(place, comparison, kinds)
    yield from _warn_of_joint_subjects(place, condition)


def _warn_of_falling(place: str, comparison: Comparison, kinds: Kinds) -> Iterator[Mistake]:
    """Warn of a value that cannot fall, because nothing makes its marks weaker."""
    known = [kinds[name] for name in comparison.measure.kinds if name in kinds]
    if len(known) == len(comparison.measure.kinds) and all(
        isinstance(kind.decay, Never) and kind.on_repeat != "replace" for kind in known
    ):
        names = ", ".join(comparison.measure.kinds)
        yield Mistake(
            place,
            f'{comparison} never falls by itself: {names} does not fade (law "never"), and no deposit replaces a mark'
            ' by a weaker one; choose another law, or on_repeat = "replace"',
        )


def _highest(comparison: Comparison, kinds: Kinds) -> float:
    """Return the highest value of a measure by the caps and weights of its kinds; infinity if it has no limit."""
    measure = comparison.measure
    limits = [_highest_of_one(kinds.get(name), in_window=measure.within is not None) for name in measure.kinds]
    if isinstance(measure, Strongest):
        return max(limits)
    if isinstance(measure, Total):
        return sum(limits) if _has_one_mark_each(measure, kinds) or not any(limits) else inf
    return inf


def _highest_of_one(kind: Kind | None, *, in_window: bool) -> float:
    """Return the highest strength that one mark of a kind can reach.

    With a window, the cap does not count, because a window counts single deposits.
    """
    if kind is None:
        return inf
    if kind.cap is not None and not in_window:
        return kind.weight * kind.cap
    return inf if kind.weight else 0.0


def _has_one_mark_each(measure: Measure, kinds: Kinds) -> bool:
    """Return whether a measure sees at most one mark of each kind."""
    if measure.over == "board" or measure.within is not None:
        return False
    return all(name in kinds and kinds[name].on_repeat != "separate" for name in measure.kinds)


def _warn_of_subjects(place: str, condition: Condition, guard: Condition) -> Iterator[Mistake]:
    """Warn of a guard that measures the subject of a crossing, but none of the subjects that the watch measures."""
    if condition.is_over_board:
        return
    watched = [comparison.measure.subject for comparison in condition.comparisons()]
    for comparison in guard.comparisons():
        measure = comparison.measure
        if measure.over == "subject" and not any(_may_share(measure.subject, pattern) for pattern in watched):
            yield Mistake(
                place,
                f"{measure} is 0 for every subject of {condition}: no subject matches both patterns",
            )


def _warn_of_joint_subjects(place: str, condition: Condition) -> Iterator[Mistake]:
    """Warn of sides of an `&` over one subject whose patterns no subject matches together."""
    if not isinstance(condition, Combination) or condition.operator != "&" or condition.is_over_board:
        return
    patterns = [[comparison.measure.subject for comparison in part.comparisons()] for part in condition.parts]
    for left, right in combinations(patterns, 2):
        if not any(_may_share(first, second) for first in left for second in right):
            yield Mistake(place, f"{condition} is never met: no subject matches the patterns of all its sides")
            return


_WILDCARD = re.compile(r"[*?\[]")


def _may_share(one: str | None, other: str | None) -> bool:
    """Return whether a subject may match two patterns, judged by the texts before their first wildcards."""
    if one is None or other is None:
        return True
    (first, is_open), (second, is_also_open) = _beginning(one), _beginning(other)
    if not is_open and not is_also_open:
        return first == second
    shorter = min(len(first), len(second))
    if (not is_open and len(first) < len(second)) or (not is_also_open and len(second) < len(first)):
        return False
    return first[:shorter] == second[:shorter]


def _beginning(pattern: str) -> tuple[str, bool]:
    """Return the text of a pattern before its first wildcard, and whether it has one."""
    found = _WILDCARD.search(pattern)
    return (pattern, False) if found is None else (pattern[: found.start()], True)


def _warn_of_holding(place: str, agent_spec: AgentSpec, watch_spec: WatchSpec, kinds: Kinds) -> Iterator[Mistake]:
    """Warn of a `held_for` that no single mark can reach, where each mark is measured alone and only fades."""
    timing, condition = agent_spec.timing_of(watch_spec), watch_spec.condition
    if timing is None or not condition.is_per_mark or condition.is_falling:
        return
    comparison = next(condition.comparisons())
    kind = kinds.get(comparison.measure.kinds[0])
    if kind is None or kind.on_repeat != "separate":
        return
    strongest = inf if kind.cap is None else kind.weight * kind.cap
    longest = kind.decay.length if isinstance(kind.decay, Step) else None
    if comparison.threshold <= strongest < inf:
        longest = kind.decay.age_below(comparison.threshold / strongest)
    if longest is None:
        return
    times = {"held_for": timing.held_for, "rewake_every": timing.held_for + (timing.rewake_every or 0)}
    for setting, length in times.items():
        if longest <= length:
            yield Mistake(
                f"{place}.{setting}",
                f"{condition} cannot hold for {format_duration(length)}: each mark of {kind.name} is measured by"
                ' itself (on_repeat = "separate"), and has ended or is below the threshold after'
                f" {format_duration(longest)}",
            )
            return


def _warn_of_clearing(place: str, agent_spec: AgentSpec, watch_spec: WatchSpec, kinds: Kinds) -> Iterator[Mistake]:
    """Warn of a `clear_above` that the value cannot reach, so the watch never crosses again."""
    timing = agent_spec.timing_of(watch_spec)
    if timing is None or timing.clear is None or not watch_spec.condition.is_falling:
        return
    comparison = next(watch_spec.condition.comparisons())
    highest = _highest(comparison, kinds)
    if comparison.threshold <= highest < timing.clear:
        names = ", ".join(comparison.measure.kinds)
        yield Mistake(
            f"{place}.clear_above",
            f"{watch_spec.condition} crosses only once: weight x cap of {names} allows at most {highest:g},"
            f" so the value never reaches clear_above = {timing.clear:g}",
        )


def _warn_of_fading(place: str, agent_spec: AgentSpec, watch_spec: WatchSpec, kinds: Kinds) -> Iterator[Mistake]:
    """Warn if an agent may be given marks after their end, because they end in one step while a crossing waits.

    If `when_faded` is not set, warn only if another declared setting may defer a crossing until that end.
    """
    settings, condition = agent_spec.settings, watch_spec.condition
    if settings.when_faded != "keep" or condition.is_schedule or condition.is_falling:
        return
    is_guarded = watch_spec.guard is not None and agent_spec.on_guard_of(watch_spec) == "defer"
    longest = max(settings.batch_window, settings.cooldown)
    for name in condition.kinds_of_marks:
        kind = kinds.get(name)
        if kind is None or not isinstance(kind.decay, Step):
            continue
        if "when_faded" in settings.model_fields_set or is_guarded or longest >= kind.decay.length:
            yield Mistake(
                f"{place}.when_faded",
                f"marks of {name} end in one step after {format_duration(kind.decay.length)}. If a crossing of"
                f' {condition} waits for longer, "keep" gives its agent marks with the strength 0, and "drop" drops it',
            )


def _warn_of_urgency(place: str, agent_spec: AgentSpec, watch_spec: WatchSpec, kinds: Kinds) -> Iterator[Mistake]:
    """Warn of an `urgent_above` that no mark reaches."""
    urgent = agent_spec.settings.urgent_above
    limits = [(kinds[name].weight, kinds[name].cap) for name in watch_spec.condition.kinds_of_marks if name in kinds]
    if urgent is None or not limits or len(limits) < len(watch_spec.condition.kinds_of_marks):
        return
    highest = max(inf if cap is None and weight else weight * (cap or 0.0) for weight, cap in limits)
    if highest < urgent:
        names = ", ".join(watch_spec.condition.kinds_of_marks)
        yield Mistake(
            f"{place}.urgent_above",
            f"no mark of {watch_spec.condition} is urgent at {urgent:g}:"
            f" weight x cap of {names} allows at most {highest:g}",
        )
