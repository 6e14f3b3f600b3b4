"""Watches over time against an oracle that looks at every second.

Whatever a watch measures, and whatever its times, guard and deposits are: it crosses at the seconds at which the oracle
says so, though the board looks only now and then.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, note
from hypothesis import strategies as st

from blackboard import count, strength, strongest, total, watch
from tests.board.watch_oracle import KINDS, REPEATS, START, TAGGED, Deposit, Oracle
from tests.board.world import SECOND, World, spec
from tests.support.examples import examples

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
@given(
    measure=st.sampled_from(MEASURES),
    is_falling=st.booleans(),
    threshold=st.sampled_from([1.0, 2.0]),
    held_for=st.sampled_from([0, 0, 3, 6]),
    rewake_every=st.sampled_from([None, 2, 5]),
    clears=st.booleans(),
    guard=st.sampled_from([None, "defer", "drop"]),
    steps=steps,
)
def test_a_watch_over_time_crosses_at_the_seconds_of_an_oracle(
    measure: Any,
    is_falling: bool,
    threshold: float,
    held_for: int,
    rewake_every: int | None,
    clears: bool,
    guard: Any,
    steps: list[Any],
) -> None:
    if not is_falling and measure.within is None:
        clears = True  # otherwise news crosses too
    condition = measure < threshold if is_falling else measure >= threshold
    clear = (threshold + 1.0 if is_falling else threshold - 0.5) if clears else None
    timing: dict[str, Any] = {"held_for": f"{held_for}s"}
    if rewake_every is not None:
        timing["rewake_every"] = f"{rewake_every}s"
    if clear is not None:
        timing["clear_above" if is_falling else "clear_below"] = clear
    unless = None if guard is None else count("deploy", over=measure.over, where=TAGGED) >= 1
    declared: dict[str, Any] = {} if unless is None else {"unless": unless}
    if guard is not None and not is_falling:
        declared["on_guard"] = guard
    oracle = Oracle(condition, held_for, rewake_every, clear, guard is not None, guard == "drop" or is_falling)
    has_timing = bool(held_for or rewake_every or clears)
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "board.db")
        world.deploy(KINDS, spec("pager", watch(condition, **timing), cooldown_after_failures=999, **declared))
        for step in steps:
            note(str(step))
            take(world, oracle, step, has_timing=has_timing)
        rows = world.crossings()
        found = [((row.crossed_at - START) // SECOND, "skipped" if row.state == "skipped" else "woken") for row in rows]
        world.close()
    assert found == oracle.crossings


def take(world: World, oracle: Oracle, step: Any, *, has_timing: bool) -> None:
    if step[0] == "wait":
        for _ in range(step[1]):
            oracle.now += 1
            oracle.look()
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
                oracle.look()
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
            oracle.look(is_deposit=True)
    world.fire_all_due()
    if not (oracle.has_guard and not oracle.drops and oracle.is_guarded()):
        while (claim := world.claim("pager")) is not None:
            world.finish(claim)
        oracle.waits = False
