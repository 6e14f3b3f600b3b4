"""The values of windows equal those of an oracle that keeps every deposit and computes each value anew.

Deposits may be late, repeated, stale, too weak, withdrawn, forgotten or moved to the history. Each window has the value
of the oracle, and each watch crosses when the oracle does.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from blackboard import count, strongest, total
from blackboard.board.housekeeping import retention
from blackboard.clock import from_datetime
from blackboard.core.conditions.condition_types import Comparison, Condition
from blackboard.core.conditions.measures import Measure
from blackboard.core.marks.decay import Exponential, Step
from blackboard.durations import HOUR, MINUTE, SECOND
from blackboard.errors import BlackboardError
from tests.support.board_steps import in_transaction
from tests.support.hypothesis_examples import examples
from tests.support.sum_checks import check_window_sums
from tests.support.world import World, kind, spec

SUBJECTS = ["a", "b"]
KINDS = {
    "error": kind("error", Step("1m"), on_repeat="separate", floor=0.1),
    "cost": kind("cost", Exponential("1h"), on_repeat="add", weight=0.5),
    "peak": kind("peak", Exponential("10m"), on_repeat="max", floor=0.2),
    "state": kind("state", Exponential("5m"), on_repeat="replace"),
}
RISING: dict[str, Condition] = {
    "burst": count("error", within="10m") >= 3,
    "spent": total("cost", "peak", over="board", within="1h") >= 2.0,
    "flood": count("error", "state", over="board", within="7m") >= 4,
    "some": total("peak", subject="a", over="board", within="20m") >= 1.1,
    "both": (count("state", "peak", within="5m") >= 2) & (total("cost", within="1h") >= 0.5),
    "either": (count("state", within="1h") >= 4) | (count("error", over="subject", within="2m") >= 2),
}
FALLING: dict[str, Condition] = {
    "silent": count("error", within="10m") < 1,
    "calm": total("cost", over="board", within="1h") < 1.0,
}
GUARD = count("state", within="10m") >= 2


@dataclass
class Deposit:
    """An accepted deposit that nobody has taken back."""

    kind: str
    subject: str
    intensity: float
    occurred: int
    mark: int


@dataclass
class Oracle:
    """Everything that was deposited, and what each watch must have done."""

    weights: dict[str, float]
    deposits: list[Deposit] = field(default_factory=list)
    held: set[tuple[str, str]] = field(default_factory=set)
    """The rising watches whose condition holds, with their subjects."""
    due: dict[tuple[str, str], int] = field(default_factory=dict)
    """When each falling watch that is above its threshold will fall."""
    waiting: dict[tuple[str, str], int] = field(default_factory=dict)
    crossed: list[tuple[str, str, int]] = field(default_factory=list)

    def value(self, measure: Measure, subject: str, at: int) -> float:
        assert measure.within is not None
        found = [
            self.weights[item.kind] * item.intensity
            for item in self.deposits
            if item.kind in measure.kinds
            and measure.covers(item.subject)
            and (measure.over == "board" or item.subject == subject)
            and at - measure.within < item.occurred <= at
        ]
        return float(len(found)) if measure.name == "count" else math.fsum(found)

    def holds(self, condition: Condition, subject: str, at: int) -> bool:
        return condition.is_met(lambda measure: self.value(measure, subject, at))

    def next_fall(self, condition: Condition, subject: str, now: int) -> int:
        ends = {item.occurred + (m.within or 0) for item in self.deposits for m in condition.windows}
        return min(at for at in ends if at > now and self.holds(condition, subject, at))

    def pass_time(self, now: int) -> None:
        """Let time alone make watches fall and rest until now."""
        for key, at in sorted(self.due.items(), key=lambda item: item[1]):
            if at <= now:
                del self.due[key]
                self.cross(key, at)
        self.held = {key for key in self.held if self.holds(RISING[key[0]], key[1], now)}

    def change(self, now: int, *, crosses: bool = True) -> None:
        """Follow a change of the deposits or of the weights."""
        for name, condition in RISING.items():
            for subject in scopes(condition):
                if not self.holds(condition, subject, now):
                    self.held.discard((name, subject))
                elif (name, subject) not in self.held:
                    self.held.add((name, subject))
                    if crosses:
                        self.cross((name, subject), now)
        for name, condition in FALLING.items():
            for subject in scopes(condition):
                is_above = not self.holds(condition, subject, now)
                was_above = self.due.pop((name, subject), None) is not None
                if is_above:
                    self.due[name, subject] = self.next_fall(condition, subject, now)
                elif was_above and crosses:
                    self.cross((name, subject), now)

    def cross(self, key: tuple[str, str], at: int) -> None:
        if key not in self.waiting:
            self.waiting[key] = at
            self.crossed.append((*key, at))


def scopes(condition: Condition) -> list[str]:
    return [""] if condition.is_over_board else SUBJECTS


class Run:
    """A board and its oracle."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder / "board.db")
        self.kinds = dict(KINDS)
        self.agents = [
            *(spec(name, condition, cooldown_after_failures=999) for name, condition in (RISING | FALLING).items()),
            spec("guarded", strongest("peak") >= 0.1, only_if=GUARD, cooldown_after_failures=999),
        ]
        self.world.deploy(self.kinds, *self.agents)
        self.oracle = Oracle({name: one.weight for name, one in KINDS.items()})

    def now(self) -> int:
        now = self.world.board.session.now()
        self.oracle.pass_time(now)
        return now

    def deposit(self, name: str, subject: str, intensity: float, by: int, key: str | None) -> None:
        now = self.now()
        occurred = now - by
        options: dict[str, Any] = {"key": key} if key else {}
        if by:
            options["occurred_at"] = occurred
        try:
            receipt = self.world.put(name, subject, intensity, **options)
        except BlackboardError:
            return  # a key that is used for another request
        if receipt.outcome != "duplicate":
            self.oracle.deposits.append(Deposit(name, subject, intensity, occurred, receipt.mark_id))
            self.oracle.change(now)

    def withdraw(self, choice: int) -> None:
        now = self.now()
        if marks := sorted(mark.id for mark in self.world.board.marks() if mark.kind in KINDS):
            mark = marks[choice % len(marks)]
            self.world.board.withdraw(mark)
            self.drop(now, lambda item: item.mark == mark)

    def forget(self, subject: str) -> None:
        now = self.now()
        try:
            self.world.board.forget(subject)
        except BlackboardError:
            return
        self.drop(now, lambda item: item.subject == subject)
        for key in [key for key in self.oracle.waiting if key[1] == subject]:
            del self.oracle.waiting[key]

    def drop(self, now: int, gone: Callable[[Deposit], bool]) -> None:
        """Follow that deposits were taken back: nothing crosses, and what waits may have lost its reason."""
        self.oracle.deposits = [item for item in self.oracle.deposits if not gone(item)]
        self.oracle.change(now, crosses=False)
        waiting = {(row.watch_id, row.scope) for row in self.world.crossings("waiting")}
        names = dict(self.world.sql("SELECT agent, id FROM watch"))
        for key in [key for key in self.oracle.waiting if (names[key[0]], key[1]) not in waiting]:
            del self.oracle.waiting[key]

    def weigh(self, weight: float) -> None:
        self.now()
        self.kinds["cost"] = kind("cost", Exponential("1h"), on_repeat="add", weight=weight)
        self.world.deploy(self.kinds, *self.agents)
        [(at,)] = self.world.sql("SELECT max(deployed_at) FROM deployment")
        self.oracle.pass_time(at)
        self.oracle.weights["cost"] = weight
        self.oracle.change(at)

    def keep_little(self) -> None:
        self.now()
        self.world.evaporate()
        in_transaction(
            self.world.board, retention.remove, history=MINUTE, activations=None, model_calls=None, limit=1000
        )

    def wake(self, name: str) -> None:
        now = self.now()
        self.world.fire_all_due()
        claim = self.world.claim(name)
        if claim is None:
            assert not [key for key in self.oracle.waiting if key[0] == name]
            return
        assert self.world.finish(claim) is not None
        condition = (RISING | FALLING)[name]
        [subject] = {row.scope for row in self.world.crossings() if row.activation_id == claim.row.id}
        at = self.oracle.waiting.pop((name, subject))
        marks = {item.event.mark_id for item in claim.inputs}
        behind = {
            item.mark
            for measure in condition.windows
            for item in self.oracle.deposits
            if item.kind in measure.kinds
            and measure.covers(item.subject)
            and subject in ("", item.subject)
            and at - (measure.within or 0) - (name in FALLING) < item.occurred - (name in FALLING) <= now
        }
        assert marks
        assert marks <= behind | {item.mark for item in self.oracle.deposits if name in FALLING}

    def check(self) -> None:
        self.world.fire_all_due()
        now = self.now()
        self.world.board.session.write(check_window_sums)
        for name, condition in (RISING | FALLING).items():
            for subject in SUBJECTS:
                [watch] = self.world.board.explain(name, subject).watches
                for comparison, found in zip(condition.comparisons(), watch.values or (), strict=True):
                    self.compare(comparison, found, subject, now)
        for subject in SUBJECTS:
            [watch] = self.world.board.explain("guarded", subject).watches
            assert watch.guard_open == self.oracle.holds(GUARD, subject, now)
        names = dict(self.world.sql("SELECT id, agent FROM watch"))
        crossed = [
            (names[row.watch_id], row.scope, row.crossed_at)
            for row in self.world.crossings()
            if names[row.watch_id] != "guarded"
        ]
        forgotten = [row for row in crossed if row[1].startswith("forgotten/")]
        assert len([row for row in self.oracle.crossed if row not in crossed]) <= len(forgotten)
        assert len(crossed) == len(self.oracle.crossed)

    def compare(self, comparison: Comparison, found: Any, subject: str, now: int) -> None:
        value = self.oracle.value(comparison.measure, subject, now)
        assert found.value == value
        assert found.met == comparison.is_met_at(value)
        if found.falls_at is not None and value >= comparison.threshold:
            falls_at = from_datetime(found.falls_at)
            assert self.oracle.value(comparison.measure, subject, falls_at) < comparison.threshold
            assert self.oracle.value(comparison.measure, subject, falls_at - 1) >= comparison.threshold


times = st.sampled_from([0, 0, 0, SECOND, 3 * MINUTE, 10 * MINUTE, HOUR])
steps = st.one_of(
    st.tuples(
        st.just("deposit"),
        st.sampled_from(list(KINDS)),
        st.sampled_from(SUBJECTS),
        st.sampled_from([0.05, 0.1, 0.3, 0.7, 1.0, 2.0]),
        times,
        st.sampled_from([None, None, None, "k1", "k2"]),
    ),
    st.tuples(st.just("advance"), st.sampled_from([SECOND, MINUTE, 5 * MINUTE, 10 * MINUTE, HOUR, -MINUTE])),
    st.tuples(st.just("withdraw"), st.integers(0, 9)),
    st.tuples(st.just("forget"), st.sampled_from(SUBJECTS)),
    st.tuples(st.just("weigh"), st.sampled_from([0.25, 0.5, 2.0])),
    st.tuples(st.just("keep_little")),
    st.tuples(st.just("wake"), st.sampled_from([*RISING, *FALLING])),
)


@pytest.mark.hypothesis
@pytest.mark.postgresql
@pytest.mark.timeout(600)
@example(
    steps=[
        ("deposit", "error", "a", 1.0, 0, "k1"),
        ("deposit", "error", "a", 1.0, 0, "k1"),
        ("deposit", "error", "a", 1.0, SECOND, None),
        ("deposit", "error", "a", 0.05, 0, None),
        ("wake", "burst"),
        ("deposit", "cost", "b", 2.0, 0, None),
        ("deposit", "peak", "a", 1.0, 0, None),
        ("weigh", 2.0),
        ("wake", "spent"),
        ("advance", 5 * MINUTE),
        ("withdraw", 0),
        ("deposit", "state", "b", 1.0, 0, None),
        ("advance", HOUR),
        ("wake", "silent"),
        ("wake", "calm"),
        ("keep_little",),
        ("wake", "flood"),
        ("forget", "a"),
    ]
)
@given(steps=st.lists(st.one_of(steps, steps, steps), max_size=40))
@examples(0.15)
def test_windows_equal_their_oracle(steps: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        try:
            for name, *arguments in steps:
                if name == "advance":
                    run.world.board.session.write(lambda txn: None, record_instant=True)
                    run.world.advance(*arguments)
                else:
                    getattr(run, name)(*arguments)
                run.check()
        finally:
            run.world.close()
