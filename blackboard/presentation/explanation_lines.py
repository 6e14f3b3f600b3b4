"""An explanation of an agent in words: the lines of `blackboard explain`, and of a rule that failed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from blackboard.board.result_types.explanation_results import Explanation, MeasuredValue, WatchEpisode, WatchExplanation
from blackboard.board.result_types.status_texts import describe_need
from blackboard.clock import from_datetime, iso
from blackboard.core.conditions.number_formats import digits_beside, exact_digits
from blackboard.core.marks.scopes import group_text
from blackboard.plurals import counted


def explanation_lines(result: Explanation) -> Iterator[str]:
    """Yield the lines of an explanation."""
    until = f" until {_time(result.until)}" if result.until else ""
    about = f" on {result.subject}" if result.subject else ""
    yield f"{result.agent}{about}: {result.held_by + until if result.held_by else 'may wake'}"
    if result.unserved is not None and result.unserved != result.held_by:
        yield f"  {result.unserved}"
    for run in result.running:
        yield f"  runs activation {run.id} since {_time(run.started_at)}"
    for item in result.deferred:
        why = f": {_first_line(item.error)}" if item.error else ""
        when = "waits"
        if item.retry_at is not None:
            is_due = item.retry_at <= result.as_of
            when = f"{'is due since' if is_due else 'is retried at'} {_time(item.retry_at)}"
        yield f"  activation {item.id} {when}{why}"
    for need in result.needs:
        why_not = "" if need.why_not is None else f"; {need.why_not}"
        yield f"  need {need.id} waits for an answer{describe_need(need)}{why_not}"
    for watch in result.watches:
        yield from _watch_lines(watch)
    if last := result.last:
        why = _first_line(last.error) or last.reason
        yield f"  last: activation {last.id} {last.state} at {_time(last.at)}: {why}"


def _watch_lines(watch: WatchExplanation) -> Iterator[str]:
    """Yield the lines about one watch: its condition, values, guard and verdict."""
    about = "" if watch.group is None else f", {group_text(watch.group_tag, watch.group)}"
    yield f"  {watch.watch}: {watch.condition}{about}"
    if watch.group_tag is not None:
        yield f"    an activation for each value of {watch.group_tag}"
    elif watch.per == "subject":
        yield "    an activation for each subject"
    if watch.values == () and watch.predicted_at:  # a schedule
        yield f"    next: {', '.join(str(_time(at)) for at in watch.predicted_at)}"
    yield from map(_value_line, watch.values or ())
    if watch.guard:
        yield _guard_line(watch)
    for episode in watch.episodes:
        yield f"    {'; '.join(_episode_parts(episode))}"
    for mark in watch.own_laws:
        end = f", evaporates {_time(mark.evaporates_at)}" if mark.evaporates_at else ""
        yield f"    mark {mark.mark_id} of {mark.kind} {mark.subject} has a law of its own: {mark.law}{end}"
    yield f"    {watch.verdict}"


def _value_line(value: MeasuredValue) -> str:
    met = "met" if value.met else "not met"
    falls = "" if value.falls_at is None else f", falls {_time(value.falls_at)}"
    number = f"{digits_beside(value.value, value.threshold)} of {exact_digits(value.threshold)}"
    return f"    {value.measure} is {number}, over {counted(value.marks, value.counts.removesuffix('s'))}: {met}{falls}"


def _guard_line(watch: WatchExplanation) -> str:
    opens = f", opens {_time(watch.guard_opens_at)}" if watch.guard_opens_at else ""
    states = {None: "", True: ": open", False: f": closed{opens}"}
    drops = ", drops what crosses" if watch.on_guard == "drop" else ""
    return f"    guard {watch.guard}{drops}{states[watch.guard_open]}"


def _episode_parts(episode: WatchEpisode) -> Iterator[str]:
    about = "" if episode.mark_id is None else f"mark {episode.mark_id}: "
    yield about + (f"holds since {_time(episode.began_at)}" if episode.began_at else "does not hold")
    if episode.crossed_at is not None:
        yield f"crossed at {_time(episode.crossed_at)}"
    if episode.crosses_at is not None:
        yield f"crosses at {_time(episode.crosses_at)}"


def _first_line(error: str | None) -> str:
    return (error or "").partition("\n")[0]


def _time(at: datetime | None) -> str | None:
    return None if at is None else iso(from_datetime(at))
