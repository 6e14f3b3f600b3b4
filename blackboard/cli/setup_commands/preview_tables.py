"""The tables of the preview of a deployment, which the command `check --against-board` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from blackboard.cli.terminal.output import gone_agent_lines, place_of, print_line, print_table, timestamp
from blackboard.core.conditions.number_formats import digits_beside, exact_digits
from blackboard.plurals import counted

if TYPE_CHECKING:
    from blackboard.board.result_types.preview_results import (
        PredictedActivations,
        PredictedCrossing,
        PredictedRetest,
        PredictedSchedule,
        PredictedTimedCrossing,
        PredictedWake,
        Preview,
    )

MAX_PREVIEW_ROWS = 20
"""The largest number of marks and crossings that are listed; the others are only counted."""


def show_preview(preview: Preview) -> None:
    """Print what would change on the board if the file became active."""
    print_line(f"against the board as of {timestamp(preview.as_of)}:")
    for change in preview.changes or ("nothing changes",):
        print_line(f"  {change}")
    if preview.refusal is not None:
        print_line(f"'init' would refuse this: {preview.refusal}")
    for line in gone_agent_lines(preview.gone_agents):
        print_line(line)
    for worker, problem in preview.idle_workers.items():
        print_line(f"worker {worker}: {problem}")
    _show_marks(preview)
    _show_wakes(preview.wakes)
    _show_predicted_activations(preview.activations)
    _show_schedules(preview.schedules)
    _show_timed_crossings(preview.timed_crossings)
    for stays, outcome in ((True, "stay"), (False, "be skipped, because their watch changes")):
        _show_retests([retest for retest in preview.retests if retest.stays is stays], outcome)


def _show_marks(preview: Preview) -> None:
    """Print which marks would evaporate, fade sooner, or no longer be readable."""
    print_table(
        ("mark", "kind", "remaining", "floor", "subject"),
        (
            (mark.mark_id, mark.kind, digits_beside(mark.remaining, mark.floor), exact_digits(mark.floor), mark.subject)
            for mark in preview.evaporates[:MAX_PREVIEW_ROWS]
        ),
        empty="no mark would evaporate immediately",
        title=f"{counted(len(preview.evaporates), 'mark')} would evaporate immediately",
    )
    for kind, misfits in preview.unreadable.items():
        print_line(f"{kind}: its class no longer reads {misfits}")
    for kind, count in preview.sooner.items():
        print_line(f"{counted(count, 'mark')} of {kind} would evaporate sooner than now")
    for kind, count in preview.own_laws.items():
        print_line(f"{counted(count, 'mark')} of {kind} with a law of its own, which stays")


def _show_wakes(wakes: Sequence[PredictedWake]) -> None:
    """Print the crossings that would follow immediately."""
    print_table(
        ("agent", "watch", "value", "threshold", "", "subject"),
        (
            (
                wake.agent,
                wake.watch,
                *_measured(wake),
                "guard closed" if wake.guard_closed else "",
                place_of(wake) or "the board",
            )
            for wake in wakes[:MAX_PREVIEW_ROWS]
        ),
        empty="no agent would wake",
        title=f"{counted(len(wakes), 'crossing')} would follow",
    )


def _show_predicted_activations(activations: Sequence[PredictedActivations]) -> None:
    """Print how many activations the waiting crossings would need."""
    if activations:
        print_table(
            ("agent", "watch", "subjects", "marks", "per", "activations", "otherwise"),
            (
                (
                    activation.agent,
                    activation.watch,
                    activation.subjects,
                    activation.marks,
                    activation.per,
                    *_activations_of(activation),
                )
                for activation in activations
            ),
            empty="",
            title="the waiting crossings would need these activations, each with at most one call",
        )


def _activations_of(activations: PredictedActivations) -> tuple[str, str]:
    """Return the number of activations, and the number with the other `per`, as texts."""
    subject, batch = str(activations.per_subject), f"at least {activations.per_batch}"
    if activations.per == "subject":
        return subject, f"{batch} per batch"
    return batch, f"{subject} per subject"


def _show_schedules(schedules: Sequence[PredictedSchedule]) -> None:
    """Print the next times of the schedules in the file."""
    if schedules:
        print_table(
            ("agent", "watch", "schedule", "", "next"),
            (
                (
                    schedule.agent,
                    schedule.watch,
                    schedule.schedule,
                    "begins" if schedule.is_new else "",
                    _instants(schedule),
                )
                for schedule in schedules
            ),
            empty="",
            title=counted(len(schedules), "schedule"),
        )


def _instants(schedule: PredictedSchedule) -> str:
    return ", ".join(str(timestamp(at)) for at in schedule.upcoming) or "never"


def _show_timed_crossings(crossings: Sequence[PredictedTimedCrossing]) -> None:
    if crossings:
        print_table(
            ("agent", "watch", "crosses at", "subject"),
            (
                (item.agent, item.watch, timestamp(item.crosses_at), place_of(item) or "the board")
                for item in crossings[:MAX_PREVIEW_ROWS]
            ),
            empty="",
            title=f"{counted(len(crossings), 'crossing')} would follow by time alone, without another deposit",
        )


def _show_retests(retests: Sequence[PredictedRetest], outcome: str) -> None:
    if retests:
        print_table(
            ("agent", "watch", "value", "threshold", "subject"),
            (
                (retest.agent, retest.watch, *_measured(retest), place_of(retest) or "the board")
                for retest in retests[:MAX_PREVIEW_ROWS]
            ),
            empty="",
            title=f"{counted(len(retests), 'waiting crossing')} would {outcome}",
        )


def _measured(crossing: PredictedCrossing) -> tuple[str, str]:
    return digits_beside(crossing.value, crossing.threshold), exact_digits(crossing.threshold)
