"""The crossings of watches over groups equal those of an oracle that tests each group every second.

A deposit may move its mark to any group. Each group crosses at the seconds of its oracle.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from hypothesis import example, given, note
from hypothesis import strategies as st

from blackboard import count, strongest, total
from blackboard.core.conditions.measures import Measure
from blackboard.core.marks.decay import Step
from blackboard.core.marks.scopes import group_of
from blackboard.durations import SECOND
from blackboard.store.row_types.watch_row_types import CrossingRow
from tests.board.watches.watch_oracle import LIVES, REPEATS, START, TAGGED, Deposit, Oracle, WatchCase, watch_cases
from tests.support.hypothesis_examples import examples
from tests.support.world import World, kind, spec

KINDS = {
    name: kind(name, Step(f"{life}s"), on_repeat=REPEATS[name], tags=("team", "tag")) for name, life in LIVES.items()
}
Team = str | int | bool
TEAMS: list[Team] = ["red", 7, True]
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
class SubjectDeposit(Deposit):
    """A deposit about a subject."""

    subject: str = ""


class Wait(NamedTuple):
    """Let seconds pass."""

    seconds: int


class Put(NamedTuple):
    """Deposit a mark."""

    kind: str
    intensity: float
    subject: str
    team: Team | None
    tag: str


class Withdrawal(NamedTuple):
    """Withdraw a live mark."""

    number: int


class Redeployment(NamedTuple):
    """Deploy the same agent again."""


OracleStep = Wait | Put | Withdrawal | Redeployment


class Oracles:
    """An oracle for each group, which all know of the same deposits what concerns their group."""

    def __init__(self, make_oracle: Callable[[], Oracle]) -> None:
        self.by_team: dict[Team, Oracle] = {team: make_oracle() for team in TEAMS}
        self.deposits: list[tuple[Team | None, SubjectDeposit]] = []

    def __iter__(self) -> Iterator[Oracle]:
        return iter(self.by_team.values())

    @property
    def now(self) -> int:
        return self.by_team[TEAMS[0]].now

    def tick(self) -> None:
        for one in self:
            one.now += 1
            one.evaluate()

    def deposit(self, team: Team | None, new: SubjectDeposit) -> None:
        """Add a deposit to its group, and evaluate this group and the group that the replaced mark was in."""
        any_oracle, former_team, changed = next(iter(self)), None, [new]
        if REPEATS[new.kind] == "replace":
            for other, old in self.deposits:
                if (old.kind, old.subject) == (new.kind, new.subject) and not old.is_replaced:
                    if other is not None and old in self.by_team[other].live():
                        former_team = other
                        if other == team:
                            changed.append(old)
                    old.is_replaced = True
        self.deposits.append((team, new))
        if team is not None:
            self.by_team[team].deposits.append(new)
        if former_team is not None and former_team != team:
            self.by_team[former_team].evaluate()
        if team is not None and any(map(any_oracle.counts, changed)):
            self.by_team[team].evaluate(is_deposit=True)

    def crossings(self) -> list[tuple[Team, int, str]]:
        return sorted(
            ((team, at, state) for team, one in self.by_team.items() for at, state in one.crossings), key=repr
        )


steps: st.SearchStrategy[list[OracleStep]] = st.lists(
    st.one_of(
        st.builds(Wait, st.integers(1, 10)),
        st.builds(
            Put,
            st.sampled_from(["beat", "pulse", "pulse", "deploy"]),
            st.sampled_from([0.5, 1.0, 2.0]),
            st.sampled_from(["s", "t"]),
            st.sampled_from([*TEAMS, *TEAMS, None]),
            st.sampled_from(["x", "x", "y"]),
        ),
        st.builds(Withdrawal, st.integers(0, 5)),
        st.just(Redeployment()),
    ),
    min_size=3,
    max_size=25,
)


@examples(0.5)
@example(
    measure=total("beat", "pulse", by="team"),
    case=WatchCase(is_falling=False, threshold=1.0, held_for=0, rewake_every=2, clears=True, guard="drop"),
    steps=[
        *[Put("deploy", 1.0, "s", "red", "x"), Put("beat", 1.0, "s", "red", "x"), Put("beat", 1.0, "s", 7, "x")],
        *[Wait(3), Put("beat", 1.0, "t", "red", "x"), Wait(4), Put("beat", 1.0, "s", "red", "x"), Wait(3)],
        *[Redeployment(), Withdrawal(0), Wait(9)],
        *[Put("pulse", 2.0, "s", "red", "x"), Wait(1), Put("pulse", 2.0, "s", 7, "x"), Put("pulse", 1.0, "s", 7, "x")],
    ],
)
@given(measure=st.sampled_from(MEASURES), case=watch_cases, steps=steps)
def test_each_group_crosses_at_the_seconds_of_its_oracle(
    measure: Measure, case: WatchCase, steps: list[OracleStep]
) -> None:
    oracles = Oracles(lambda: case.oracle(measure))
    guard = case.guarded_by(count("deploy", by="team", where=TAGGED) >= 1)
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "board.db")
        pager = spec("pager", case.watch(measure), cooldown_after_failures=999, **guard)
        world.deploy(KINDS, pager)
        for step in steps:
            note(str(step))
            take(world, oracles, step)
            if isinstance(step, Redeployment):
                world.deploy(None, pager)
        found = sorted(
            (
                (group_of(row.scope).value, (row.crossed_at - START) // SECOND, state_of(row))  # type: ignore[union-attr]
                for row in world.crossings()
            ),
            key=repr,
        )
        world.close()
    assert found == oracles.crossings()


def state_of(row: CrossingRow) -> str:
    return "skipped" if row.state == "skipped" else "woken"


def take(world: World, oracles: Oracles, step: OracleStep) -> None:
    condition = next(iter(oracles)).condition
    match step:
        case Wait(seconds):
            for _ in range(seconds):
                oracles.tick()
            world.advance(seconds * SECOND)
            world.evaporate()
        case Withdrawal(number):
            withdraw(world, oracles, number, is_falling=condition.operator == "<")
        case Put(name, intensity, subject, team, tag):
            payload: dict[str, Team] = {"tag": tag} if team is None else {"tag": tag, "team": team}
            receipt = world.put(name, subject, intensity, payload=payload)
            oracles.deposit(team, SubjectDeposit(name, tag, intensity, oracles.now, receipt.mark_id, subject=subject))
    world.fire_all_due()
    work_off(world, oracles)


def withdraw(world: World, oracles: Oracles, number: int, *, is_falling: bool) -> None:
    # What becomes of a fall, or of a crossing that waits, without its marks has tests of its own.
    if any(one.waits or (is_falling and one.began_at is not None) for one in oracles):
        return
    live = [deposit for one in oracles for deposit in one.live()]
    if not live:
        return
    chosen = live[number % len(live)]
    concerned = [team for team, deposit in oracles.deposits if deposit.mark == chosen.mark and team is not None]
    for _, deposit in oracles.deposits:
        deposit.is_withdrawn = deposit.is_withdrawn or deposit.mark == chosen.mark
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
