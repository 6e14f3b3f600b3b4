"""Which systems are measured, in which order: ours and every control always, frameworks where asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from benchmarks.coordination.controls import ALL, run_pipeline
from benchmarks.coordination.crowd import run_crowd
from benchmarks.coordination.desk import ONE_PER_CALL, Run, fading, run_desk, trickle
from benchmarks.coordination.frameworks import RIVALS, NotRun, run_rival, versions
from benchmarks.coordination.leads import enquiries
from benchmarks.coordination.outcome import Row
from benchmarks.coordination.single import run_single

__all__ = ["GAPS", "SHUT", "own", "rivals", "trickling"]

GAPS = (10, 20, 30, 60)
"""Mean seconds between two leads that trickle in."""
SHUT = timedelta(days=14)
"""How long the desk was shut before the leads were found that had faded in part."""


def own(sizes: Sequence[int]) -> Iterator[Row]:
    """The desk and the controls with all leads there at once, and a desk that was shut while leads came."""
    for count in sizes:
        leads = enquiries(count)
        for system, agents in (("marks, one per call", ONE_PER_CALL), ("marks, ten per call", {})):
            yield Row(system, "marks", count, run_desk(leads, agents).cost)
        for system, batch, per_task in (
            ("pipeline, one per call", 1, 1),
            ("pipeline, ten leads a task", 10, 10),
            ("pipeline, stage by stage, ten per call", 10, ALL),
            ("floor: one call per stage", ALL, ALL),
        ):
            yield Row(system, "controls", count, run_pipeline(leads, batch, per_task))
        yield Row("single agent with a tool", "controls", count, run_single(leads))
        yield Row("single agent with a tool, ten leads a task", "controls", count, run_crowd(leads))
        yield Row("single agent with a tool, one thread", "lasting", count, run_single(leads, lasting=True))
    count = max(sizes)
    run = run_desk(enquiries(count), {"sales": {"when_faded": "drop"}}, fading(count, SHUT))
    note = f"found after {SHUT.days} days shut; what had faded was dropped"
    yield Row("marks, ten per call, faded", "fading", count, run.cost, None, len(run.outcome.qualified), note)


def trickling(count: int, gaps: Sequence[int] = GAPS) -> Iterator[Row]:
    """The desk with leads that come one by one, at random."""
    leads = enquiries(count)
    for gap in gaps:
        arrivals = trickle(count, timedelta(seconds=gap))
        for system, agents in (
            ("marks, one per call", ONE_PER_CALL),
            ("marks, ten per call, batch window 0 s", {"sales": {"batch_window": "0s"}}),
            ("marks, ten per call, batch window 60 s", {"sales": {"batch_window": "60s"}}),
        ):
            run: Run = run_desk(leads, agents, arrivals)
            yield Row(f"{system}; a lead every {gap} s", "trickling", count, run.cost, round(run.median_wait, 1))


def rivals(sizes: Sequence[int]) -> Iterator[Row | str]:
    """The frameworks, each with a fresh thread for each lead and with one that lasts; or why one was not run."""
    for rival in RIVALS:
        for lasting in (False, True) if rival.lasting else (False,):
            system, group = (f"{rival.name}, one thread", "lasting") if lasting else (rival.name, "frameworks")
            try:
                for count in sizes:
                    cost = run_rival(rival, enquiries(count), lasting=lasting)
                    yield Row(system, group, count, cost, note=versions(rival))
            except NotRun as reason:
                yield f"{system}: not run: {reason}"
                break
