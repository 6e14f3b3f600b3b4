"""A user-defined decay law and measure work like built-in rules: in Python, SQL, text, watches and guards."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from blackboard import Decay, Measure, parse_condition, watch
from blackboard.board.board_storage import refresh_views
from blackboard.clock import ManualClock, SystemClock, parse_instant
from blackboard.core.conditions.condition_types import Condition
from blackboard.core.conditions.measures import MEASURES
from blackboard.core.marks.decay import LAWS, Exponential, law_from
from blackboard.core.marks.fading_marks import FadingState
from blackboard.core.marks.mark_model import Mark
from blackboard.durations import HOUR, MINUTE, SECOND
from blackboard.errors import InvalidCondition, InvalidLaw
from tests.board.whole_board.user_defined_rules import OWN_LAWS, OWN_MEASURES, Percent, SecondStrongest, Stretched
from tests.support.bounds import BOUND_SECONDS
from tests.support.storage import FileStorage
from tests.support.world import World, kind, spec

ROOT = Path(__file__).parents[3]
LAW = Stretched("1h")
KINDS = {"smoke": kind("smoke", LAW, floor=0.001, on_repeat="separate")}


@pytest.fixture(autouse=True)
def _own_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, law in OWN_LAWS.items():
        monkeypatch.setitem(LAWS, name, law)
    for name, measure in OWN_MEASURES.items():
        monkeypatch.setitem(MEASURES, name, measure)


class Smoke(Mark, kind="smoke"):
    pass


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process that knows only the built-in rules."""
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=BOUND_SECONDS, check=False, cwd=ROOT)


def value(world: World, measure: Measure, at: int, *marks: int) -> float:
    """Return the value of a measure over marks under the law, by the formulas in the docstrings of the two classes."""
    states = [FadingState(row.intensity, row.anchored_at, LAW) for row in map(world.mark, marks)]
    strengths = sorted(state.remaining(at) for state in states)
    return strengths[-2] if isinstance(measure, SecondStrongest) else 100 * sum(strengths)


def test_a_law_reads_back_from_its_text_and_has_no_order_key() -> None:
    assert law_from(LAW.spec()) == LAW
    assert str(LAW) == "stretched(scale=1h)"
    assert LAW.parameters == (HOUR, 0.0)
    assert LAW.order_key(1.0, 0) is None


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (SecondStrongest(Smoke) >= 0.5, 'second_strongest("smoke") >= 0.5'),
        (Percent("smoke", over="board", subject="a*") < 50, 'percent("smoke", over="board", subject="a*") < 50'),
    ],
)
def test_a_measure_reads_back_from_its_text(condition: Condition, text: str) -> None:
    assert str(condition) == text
    assert parse_condition(text) == condition


def test_sql_and_python_give_the_same_strength(world: World) -> None:
    world.deploy(KINDS)
    mark = world.put("smoke", "a", 0.8).mark_id
    for age in (SECOND, MINUTE, HOUR, 20 * HOUR):
        world.advance(age)
        [strength] = world.strengths()["a"]
        row = world.mark(mark)
        assert strength == pytest.approx(0.8 * LAW.share(world.clock.now() - row.anchored_at), rel=1e-9)


@pytest.mark.parametrize("over", ["subject", "board"])
@pytest.mark.parametrize(("measure", "threshold"), [(SecondStrongest, 0.5), (Percent, 120)])
def test_a_rising_watch_wakes_when_the_measure_reaches_its_threshold(
    world: World, measure: type[Measure], threshold: float, over: Any
) -> None:
    world.deploy(KINDS, spec("watchman", measure("smoke", over=over) >= threshold))
    subjects = ("a", "a", "a", "a") if over == "subject" else ("a", "b", "c", "d")
    first = world.put("smoke", subjects[0], 0.9)
    world.advance(2 * HOUR)
    second = world.put("smoke", subjects[1], 0.9)
    assert first.crossed == second.crossed == ()
    third = world.put("smoke", subjects[2], 0.55)
    assert third.crossed == ("watchman",)
    marks = [first.mark_id, second.mark_id, third.mark_id]
    [crossing] = world.crossings()
    assert crossing.value == pytest.approx(value(world, measure("smoke"), world.clock.now(), *marks))
    assert sorted(world.woken("watchman") or ()) == sorted(marks)
    assert world.put("smoke", subjects[3], 0.6).crossed == ()


@pytest.mark.parametrize("over", ["subject", "board"])
@pytest.mark.parametrize(("measure", "threshold"), [(SecondStrongest, 0.3), (Percent, 60)])
def test_a_falling_watch_crosses_at_the_instant_that_follows_from_law_and_measure(
    world: World, measure: type[Measure], threshold: float, over: Any
) -> None:
    condition = measure("smoke", over=over) < threshold
    world.deploy(KINDS, spec("watchman", condition))
    subjects = ("a", "a", "a") if over == "subject" else ("a", "b", "c")
    marks = []
    for subject, intensity in zip(subjects, (0.8, 0.9, 0.5), strict=True):
        marks.append(world.put("smoke", subject, intensity).mark_id)
        world.advance(MINUTE)
    world.advance(3 * HOUR)
    world.evaporate()
    [crossing] = world.crossings()
    at = crossing.crossed_at
    assert value(world, condition.measure, at, *marks) < threshold
    assert value(world, condition.measure, at - 1, *marks) >= threshold


def test_a_guard_accepts_a_user_defined_measure(world: World) -> None:
    guarded = watch(parse_condition("count(fire) >= 1"), only_if=SecondStrongest("smoke", over="board") >= 0.5)
    world.deploy({**KINDS, "fire": kind("fire", on_repeat="separate")}, spec("watchman", guarded))
    fire = world.put("fire").mark_id
    world.put("smoke", "a", 0.9)
    assert world.woken("watchman") is None
    world.put("smoke", "b", 0.9)
    assert world.woken("watchman") == [fire]


OLD_BOARD = """
import sys
from pathlib import Path
from blackboard import ManualClock
from blackboard.core.marks.decay import LAWS, Exponential
from tests.support.storage import FileStorage
from tests.support.world import World, kind
world = World(Path(sys.argv[1]), ManualClock(int(sys.argv[2])))
world.deploy({"smoke": kind("smoke", Exponential("1h"), floor=0.001, on_repeat="separate")})
print(world.put("smoke", "old", 0.9).mark_id, "stretched" in LAWS)
world.close()
"""

STRANGER = """
import sys
from pathlib import Path
from tests.support.storage import FileStorage
from tests.support.world import World
world = World(Path(sys.argv[1]))
world.strengths()
world.put("smoke", "a", 1.0)
"""


@pytest.fixture
def in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Store the boards in files, which another process can open by their paths."""
    monkeypatch.setattr(World, "storage", FileStorage())


@pytest.mark.usefixtures("in_a_file")
def test_an_older_board_accepts_the_law_and_the_measure(tmp_path: Path) -> None:
    path = tmp_path / "board.db"
    now = SystemClock().now() - 3 * HOUR  # views use the clock of the database, so the marks must be older
    made = run(OLD_BOARD, str(path), str(now))
    assert made.stdout.split() == ["1", "False"], made.stderr
    world = World(path, ManualClock(now + MINUTE))
    changed = SecondStrongest("smoke", over="board") >= 0.5
    world.deploy(KINDS, spec("watchman", changed))
    world.run_backfill()
    assert world.mark(1).law == str(LAW)
    assert world.put("smoke", "new", 0.8).crossed == ("watchman",)
    world.advance(MINUTE)
    strengths = world.strengths()
    old = world.mark(1)
    assert old.intensity == pytest.approx(0.9 * Exponential("1h").share(MINUTE), rel=1e-6)
    assert strengths["old"] == [pytest.approx(old.intensity * LAW.share(MINUTE), rel=1e-6)]
    assert strengths["new"] == [pytest.approx(0.8 * LAW.share(MINUTE), rel=1e-6)]
    # `init` and `run` do this if no worker of another version runs.
    assert refresh_views(world.board) is None
    for mark_id, strength, as_of in world.sql("SELECT id, strength, as_of FROM live_marks"):
        row = world.mark(mark_id)
        age = parse_instant(as_of) - row.anchored_at
        assert strength == pytest.approx(row.intensity * LAW.share(age), rel=1e-9)
    world.close()


@pytest.mark.usefixtures("in_a_file")
def test_a_process_without_the_law_or_measure_names_it(tmp_path: Path) -> None:
    law, measure = tmp_path / "law.db", tmp_path / "measure.db"
    world = World(law)
    world.deploy(KINDS)
    world.close()
    world = World(measure)
    world.deploy({"smoke": kind("smoke", Exponential("1h"))}, spec("watchman", SecondStrongest("smoke") >= 0.5))
    world.close()
    assert "there is no decay law 'stretched'" in run(STRANGER, str(law)).stderr
    assert "there is no measure or schedule 'second_strongest'" in run(STRANGER, str(measure)).stderr


def test_a_name_belongs_to_one_class() -> None:
    with pytest.raises(InvalidLaw, match="there is already a decay law 'linear'"):

        @dataclass(frozen=True)
        class Other(Stretched):
            name: ClassVar[str] = "linear"

    with pytest.raises(InvalidCondition, match="there is already a measure 'total'"):

        class Sum(Percent):
            name = "total"

    with pytest.raises(InvalidLaw, match="ASCII Python identifier"):

        class Quoted(Decay):
            name = "it's"

    assert set(LAWS) >= {"linear", "stretched"}
    assert MEASURES["percent"] is Percent
