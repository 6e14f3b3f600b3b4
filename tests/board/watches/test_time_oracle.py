"""The crossings of watches over time equal those of an oracle that tests every second.

With any measure, times, guard and deposits, a watch crosses at the seconds of the oracle, although the board looks only
now and then.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import example, given, note
from hypothesis import strategies as st

from blackboard import count, strength, strongest, total
from blackboard.core.conditions.measures import Measure
from blackboard.durations import SECOND
from tests.board.watches.watch_oracle import KINDS, REPEATS, START, TAGGED, Deposit, Oracle, WatchCase, watch_cases
from tests.support.hypothesis_examples import examples
from tests.support.world import World, spec

MEASURES = [
    strength("pulse"),
    strongest("pulse"),
    total("beat"),
    count("beat", over="board"),
    total("beat", "pulse"),
    strength("pulse", where=TAGGED),
    total("beat", "pulse", where=TAGGED),
    count("pulse", "beat", over="board", where=TAGGED),
    count("beat", "pulse", where=TAGGED, within="9s"),
    total("beat", over="board", where=TAGGED, within="4s"),
    count("beat", "pulse", within="9s"),
    total("beat", over="board", within="4s"),
]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 12)),
        st.tuples(
            st.sampled_from(["beat", "beat", "pulse", "deploy"]),
            st.sampled_from([0.5, 1.0, 2.0]),
            st.sampled_from([0, 0, 0, 2, 6]),
            st.sampled_from(["x", "x", "y"]),
        ),
        st.tuples(st.just("withdraw"), st.integers(0, 5)),
    ),
    min_size=3,
    max_size=25,
)


@examples(0.5)
@example(
    measure=total("beat"),
    case=WatchCase(is_falling=False, threshold=1.0, held_for=0, rewake_every=2, clears=True, guard="drop"),
    steps=[
        *[("deploy", 1.0, 0, "x"), ("beat", 1.0, 0, "x"), ("wait", 3), ("beat", 1.0, 0, "x"), ("wait", 4)],
        *[("beat", 1.0, 0, "x"), ("wait", 3), ("withdraw", 0), ("wait", 12)],
    ],
)
@given(measure=st.sampled_from(MEASURES), case=watch_cases, steps=steps)
def test_a_watch_over_time_crosses_at_the_seconds_of_an_oracle(
    measure: Measure, case: WatchCase, steps: list[Any]
) -> None:
    oracle = case.oracle(measure)
    guard = case.guarded_by(count("deploy", over=measure.over, where=TAGGED) >= 1)
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "board.db")
        world.deploy(KINDS, spec("pager", case.watch(measure), cooldown_after_failures=999, **guard))
        for step in steps:
            note(str(step))
            take(world, oracle, step, has_timing=case.has_timing(measure))
        rows = world.crossings()
        found = [((row.crossed_at - START) // SECOND, "skipped" if row.state == "skipped" else "woken") for row in rows]
        world.close()
    assert found == oracle.crossings


def take(world: World, oracle: Oracle, step: Any, *, has_timing: bool) -> None:
    if step[0] == "wait":
        for _ in range(step[1]):
            oracle.now += 1
            oracle.evaluate()
        world.advance(step[1] * SECOND)
        world.evaporate()
    elif step[0] == "withdraw":
        is_falling = oracle.condition.operator == "<"
        # What becomes of a fall, or of a crossing that waits, without its marks has tests of its own.
        has_marks_to_lose = oracle.waits or (is_falling and oracle.began_at is not None)
        if (live := oracle.live()) and not has_marks_to_lose:
            chosen = live[step[1] % len(live)].mark
            for one in oracle.deposits:
                one.is_withdrawn = one.is_withdrawn or one.mark == chosen
            world.board.withdraw(chosen)
            if is_falling and oracle.value() < oracle.condition.threshold:
                oracle.is_armed, oracle.crossed_at = False, None
            else:
                oracle.evaluate()
    else:
        name, intensity, by, tag = step
        by = by if name == "beat" and (has_timing or oracle.condition.operator == ">=") else 0
        occurred_at = START + (oracle.now - by) * SECOND if by else None
        receipt = world.put(name, "s", intensity, payload={"tag": tag}, occurred_at=occurred_at)
        deposit = Deposit(name, tag, intensity, oracle.now - by, receipt.mark_id)
        changed = [deposit]
        if REPEATS[name] == "replace":
            changed += [one for one in oracle.live() if one.kind == name]
            for one in oracle.deposits:
                one.is_replaced = one.is_replaced or one.kind == name
        oracle.deposits.append(deposit)
        if any(map(oracle.counts, changed)):
            oracle.evaluate(is_deposit=True)
    world.fire_all_due()
    if not (oracle.has_guard and not oracle.drops and oracle.is_guarded()):
        while (claim := world.claim("pager")) is not None:
            world.finish(claim)
        oracle.waits = False
