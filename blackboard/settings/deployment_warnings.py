"""Warnings of probable mistakes in an agent's declaration: in its schedules, times and counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from blackboard.core.conditions.condition_types import Condition
from blackboard.core.conditions.measures import Count
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
    """Warn of a count of one subject's marks that a subject cannot have: it has at most one of each such kind."""
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
    """Warn of a window that is longer than the history. A new window is filled from the history."""
    longest = max((measure.within or 0 for measure in condition.windows), default=0)
    if keep_history is not None and longest > keep_history:
        yield (
            f"{condition} counts {format_duration(longest)}, and keep_history is {format_duration(keep_history)}: a new"
            " window begins with the deposits of the history; from then on it has all deposits"
        )
