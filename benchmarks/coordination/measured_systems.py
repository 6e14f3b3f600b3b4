"""The measured systems in order: the desk and every control always, and frameworks on request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from benchmarks.coordination.batching_agent import run_batching_agent
from benchmarks.coordination.controls import ALL, run_pipeline
from benchmarks.coordination.desk import ONE_PER_CALL, Run, fading, run_desk, trickle
from benchmarks.coordination.frameworks import RIVALS, NotRun, run_rival, versions
from benchmarks.coordination.leads import enquiries
from benchmarks.coordination.outcome import Row
from benchmarks.coordination.single_agent import run_single

__all__ = ["GAPS", "SHUT", "own", "rivals", "trickling"]

GAPS = (10, 20, 30, 60)
"""The mean seconds between two arriving leads."""
SHUT = timedelta(days=14)
"""The time for which the desk was closed, long enough for some leads to fade."""


def own(sizes: Sequence[int]) -> Iterator[Row]:
    """Yield the desk and the controls with all leads there from the start, and a desk that was closed while leads
    arrived."""
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
        yield Row("single agent with a tool, ten leads a task", "controls", count, run_batching_agent(leads))
        yield Row("single agent with a tool, one thread", "lasting", count, run_single(leads, lasting=True))
    count = max(sizes)
    run = run_desk(enquiries(count), {"sales": {"when_faded": "drop"}}, fading(count, SHUT))
    note = f"the desk was closed for {SHUT.days} days; faded leads were dropped"
    yield Row("marks, ten per call, faded", "fading", count, run.cost, None, len(run.outcome.qualified), note)


def trickling(count: int, gaps: Sequence[int] = GAPS) -> Iterator[Row]:
    """Yield the desk with leads that arrive at random times."""
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
    """Yield the frameworks with a fresh thread for each lead and with a lasting thread, or a reason for not running."""
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
