"""Watches over groups against an oracle for each group that looks at every second.

A deposit changes the group of its mark as it likes. Each group crosses at the seconds at which its oracle says so.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import given, note
from hypothesis import strategies as st

from blackboard import count, strongest, total
from blackboard.core.conditions.condition_types import Measure
from blackboard.core.marks.decay import Step
from blackboard.core.marks.scopes import group_of
from tests.board.watch_oracle import LIVES, REPEATS, START, TAGGED, Deposit, Oracle, WatchCase, watch_cases
from tests.support.examples import examples
from tests.support.world import SECOND, World, kind, spec

KINDS = {
    name: kind(name, Step(f"{life}s"), on_repeat=REPEATS[name], tags=("team", "tag")) for name, life in LIVES.items()
}
TEAMS = ["red", 7, True]
MEASURES = [
    strongest("pulse", by="team"),
    total("beat", by="team"),
    total("beat", "pulse", by="team"),
    count("pulse", by="team"),
    count("beat", "pulse", by="team", within="9s"),
    total("pulse", by="team", within="4s"),
    total("beat", "pulse", by="team", where=TAGGED),
    count("pulse", by="team", where=TAGGED, within="9s"),
]


@dataclass
class Said(Deposit):
    """A deposit about a subject."""

    subject: str = ""


class Oracles:
    """An oracle for each group, which all know of the same deposits what concerns their group."""

    def __init__(self, make: Any) -> None:
        self.by_team: dict[Any, Oracle] = {team: make() for team in TEAMS}
        self.said: list[tuple[Any, Said]] = []

    def __iter__(self) -> Any:
        return iter(self.by_team.values())

    @property
    def now(self) -> int:
        return self.by_team[TEAMS[0]].now

    def tick(self) -> None:
        for one in self:
            one.now += 1
            one.evaluate()

    def deposit(self, team: Any, said: Said) -> None:
        any_oracle, left, changed = next(iter(self)), None, [said]
        if REPEATS[said.kind] == "replace":
            for other, one in self.said:
                if (one.kind, one.subject) == (said.kind, said.subject) and not one.is_replaced:
                    if other is not None and one in self.by_team[other].live():
                        left = other
                        changed += [one] if other == team else []
                    one.is_replaced = True
        self.said.append((team, said))
        if team is not None:
            self.by_team[team].deposits.append(said)
        if left is not None and left != team:
            self.by_team[left].evaluate()
        if team is not None and any(map(any_oracle.counts, changed)):
            self.by_team[team].evaluate(is_deposit=True)

    def crossings(self) -> list[tuple[Any, int, str]]:
        return sorted(
            ((team, at, state) for team, one in self.by_team.items() for at, state in one.crossings), key=repr
        )


steps = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 10)),
        st.tuples(
            st.sampled_from(["beat", "pulse", "pulse", "deploy"]),
            st.sampled_from([0.5, 1.0, 2.0]),
            st.sampled_from(["s", "t"]),
            st.sampled_from([*TEAMS, *TEAMS, None]),
            st.sampled_from(["x", "x", "y"]),
        ),
        st.tuples(st.just("withdraw"), st.integers(0, 5)),
        st.tuples(st.just("deploy again")),
    ),
    min_size=3,
    max_size=25,
)


@examples(0.5)
@given(measure=st.sampled_from(MEASURES), case=watch_cases, steps=steps)
def test_each_group_crosses_at_the_seconds_of_its_oracle(measure: Measure, case: WatchCase, steps: list[Any]) -> None:
    oracles = Oracles(lambda: case.oracle(measure))
    guard = case.guarded_by(count("deploy", by="team", where=TAGGED) >= 1)
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "board.db")
        pager = spec("pager", case.watch(measure), cooldown_after_failures=999, **guard)
        world.deploy(KINDS, pager)
        for step in steps:
            note(str(step))
            take(world, oracles, step)
            if step[0] == "deploy again":
                world.deploy(None, pager)
        found = sorted(
            (
                (group_of(row.subject).value, (row.crossed_at - START) // SECOND, state_of(row))  # type: ignore[union-attr]
                for row in world.crossings()
            ),
            key=repr,
        )
        world.close()
    assert found == oracles.crossings()


def state_of(row: Any) -> str:
    return "skipped" if row.state == "skipped" else "woken"


def take(world: World, oracles: Oracles, step: Any) -> None:
    condition = next(iter(oracles)).condition
    is_falling = condition.operator == "<"
    if step[0] == "wait":
        for _ in range(step[1]):
            oracles.tick()
        world.advance(step[1] * SECOND)
        world.evaporate()
    elif step[0] == "withdraw":
        withdraw(world, oracles, step[1], is_falling=is_falling)
    elif step[0] != "deploy again":
        name, intensity, subject, team, tag = step
        payload = {"tag": tag} if team is None else {"tag": tag, "team": team}
        receipt = world.put(name, subject, intensity, payload=payload)
        oracles.deposit(team, Said(name, tag, intensity, oracles.now, receipt.mark_id, subject=subject))
    world.fire_all_due()
    work_off(world, oracles)


def withdraw(world: World, oracles: Oracles, number: int, *, is_falling: bool) -> None:
    # What becomes of a fall, or of a crossing that waits, without its marks has tests of its own.
    if any(one.waits or (is_falling and one.began_at is not None) for one in oracles):
        return
    live = [said for one in oracles for said in one.live()]
    if not live:
        return
    chosen = live[number % len(live)]
    concerned = [team for team, said in oracles.said if said.mark == chosen.mark and team is not None]
    for _, said in oracles.said:
        said.is_withdrawn = said.is_withdrawn or said.mark == chosen.mark
    world.board.withdraw(chosen.mark)
    for team in dict.fromkeys(concerned):
        one = oracles.by_team[team]
        if is_falling and one.value() < one.condition.threshold:
            one.is_armed, one.crossed_at = False, None
        else:
            one.evaluate()


def work_off(world: World, oracles: Oracles) -> None:
    """Let the agent work, and each group whose guard does not hold it back wait no more."""
    while (claim := world.claim("pager")) is not None:
        world.finish(claim)
    for one in oracles:
        if not (one.has_guard and not one.drops and one.is_guarded()):
            one.waits = False
