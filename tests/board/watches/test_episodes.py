"""The crossings of watches over time equal those of an oracle, whatever the laws and whenever a daemon looks."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackboard import total, watch
from blackboard.core.marks.decay import Curve, Decay, Exponential, Linear, Power, Step
from blackboard.core.specs.watch_spec import Timing
from blackboard.durations import SECOND, Microseconds
from tests.support.hypothesis_examples import examples
from tests.support.world import World, kind, spec

LAWS: list[Decay] = [
    Exponential("20s"),
    Linear("70s"),
    Step("45s"),
    Power("10s", 1.5),
    Curve([("10s", 0.9), ("40s", 0.4), ("60s", 0.0)]),
]
THRESHOLD = 0.6
END = 600 * SECOND


class Put(NamedTuple):
    """A deposit, at an instant from the beginning on."""

    at: int
    intensity: float


def value(law: Decay, puts: list[Put], at: int, *, replace: bool) -> float:
    """Return the total strength of the deposits that are on the board at an instant."""
    known = [put for put in puts if put.at <= at]
    return math.fsum(put.intensity * law.share(at - put.at) for put in (known[-1:] if replace else known))


def first(holds: Callable[[int], bool], low: int, high: int) -> int | None:
    """Return the first instant from `low` to `high` at which something holds for good; None if it does not."""
    if holds(low):
        return low
    if not holds(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def expected(law: Decay, puts: list[Put], timing: Timing, *, falling: bool, replace: bool) -> list[int]:
    """Return the instants at which a watch crosses: span by span, in each of which the value only falls."""
    crossings: list[int] = []
    began_at = crossed_at = None
    was_above = False
    clear = THRESHOLD if timing.clear is None else timing.clear
    for number, (begin, end) in enumerate(pairwise([*(put.at for put in puts), END])):
        known = puts[: number + 1]

        def below(limit: float, at: int, known: list[Put] = known) -> bool:
            return value(law, known, at, replace=replace) < limit

        falls = first(lambda at: below(THRESHOLD, at), begin, end)
        if falling:
            was_above = was_above or falls != begin
            holds_from, holds_until = (falls if was_above else None), END + 1
            if falls != begin:
                began_at = None
            if not below(clear, begin):
                crossed_at = None
        else:
            holds_from, holds_until = (None if falls == begin else begin), END + 1 if falls is None else falls
            if falls == begin:
                began_at = None
            if below(clear, begin):
                crossed_at = None
        if holds_from is not None:
            began_at = holds_from if began_at is None else began_at
            while True:
                due = began_at + timing.held_for
                if crossed_at is not None:
                    if timing.rewake_every is None:
                        break
                    due = max(due, crossed_at + timing.rewake_every)
                if due >= holds_until or due > end:
                    break
                crossed_at = due
                crossings.append(due)
        if not falling and falls is not None and falls <= end:
            began_at = None
        if not falling and below(clear, end):
            crossed_at = None
    return crossings


@st.composite
def timings(draw: Any, *, falling: bool, clears: bool) -> Timing:
    """Draw a timing; one that clears is never woken by news in between."""
    clear = draw(st.sampled_from([0.7, 0.9] if falling else [0.5, 0.2])) if clears else None
    held_for = draw(st.sampled_from([0, 5, 20, 40])) * SECOND
    every = draw(st.sampled_from([None, 15, 60]))
    return Timing(held_for, None if every is None else every * SECOND, clear)


@given(data=st.data(), law=st.sampled_from(LAWS), falling=st.booleans(), replace=st.booleans(), over=st.booleans())
@examples(0.3)
def test_a_watch_over_time_crosses_when_an_oracle_says(
    data: st.DataObject, law: Decay, falling: bool, replace: bool, over: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    clears = data.draw(st.booleans()) or not (falling or replace)
    timing = data.draw(timings(falling=falling, clears=clears))
    gaps = data.draw(st.lists(st.integers(1, 60 * SECOND), min_size=1, max_size=6))
    intensities = st.sampled_from([0.3, 0.65, 1.0]) if clears or falling else st.just(1.0)
    puts = [Put(sum(gaps[: i + 1]), data.draw(intensities)) for i in range(len(gaps))]
    looks = data.draw(st.lists(st.integers(1, END), max_size=20))
    # Rewakes that nobody noticed are one, so somebody looks often enough.
    looks += range(0, END, 10 * SECOND) if timing.rewake_every else []
    measure = total("smoke", over="board" if over else "subject")
    condition = measure < THRESHOLD if falling else measure >= THRESHOLD
    settings: dict[str, Any] = {"held_for": Microseconds(timing.held_for)}
    if timing.rewake_every is not None:
        settings["rewake_every"] = Microseconds(timing.rewake_every)
    if timing.clear is not None:
        settings["clear_above" if falling else "clear_below"] = timing.clear
    if settings == {"held_for": 0}:
        return
    world = World(tmp_path_factory.mktemp("board") / "board.db")
    world.deploy(
        {"smoke": kind("smoke", law, floor=0.0, on_repeat="replace" if replace else "separate")},
        spec("pager", watch(condition, **settings)),
    )
    start = world.clock.now()
    for at, put in sorted([*((put.at, put) for put in puts), *((at, None) for at in looks)], key=lambda pair: pair[0]):
        world.advance(start + at - world.clock.now())
        if put is None:
            world.fire_all_due()
        else:
            world.put("smoke", intensity=put.intensity)
        while (claim := world.claim("pager")) is not None:
            world.finish(claim)
    world.advance(start + END - world.clock.now())
    world.fire_all_due()
    found = [row.crossed_at - start for row in world.sql("SELECT crossed_at FROM crossing ORDER BY id")]
    world.close()
    wanted = expected(law, puts, timing, falling=falling, replace=replace)
    assert len(found) == len(wanted), (found, wanted)
    assert all(abs(one - other) <= 1 for one, other in zip(found, wanted, strict=True)), (found, wanted)
