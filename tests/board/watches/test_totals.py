"""The stored total and count of a watch over the board equal a direct count of its stimuli.

Whether a total reaches its threshold is decided by the exact sum of the strengths, rounded once.
"""

from __future__ import annotations

import math
import random
from functools import reduce
from operator import add
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackboard import count, strongest, total, watch
from blackboard.board.mark_changes import deposits
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.measurements import running_sums, watch_totals
from blackboard.board.watches.measurements.law_sums import sums_of
from blackboard.board.watches.measurements.stimuli import stimuli_of
from blackboard.core.marks.decay import Curve, Decay, Exponential, Linear, Never, Power, Step
from blackboard.core.marks.deposit_requests import DepositRequest
from blackboard.core.marks.scopes import WHOLE_BOARD
from blackboard.durations import HOUR, MINUTE, SECOND
from tests.support.hypothesis_examples import examples
from tests.support.sum_checks import check_sums
from tests.support.world import World, kind, spec

LAWS: list[Decay] = [
    Exponential("1h"),
    Exponential("20s"),
    Linear("2h"),
    Power("30m", 1.5),
    Step("90m"),
    Curve([("30m", 0.9), ("2h", 0.0)]),
    Never(),
]
WATCHES = {
    "total": total("smoke", "fire", over="board") >= 1e6,
    "count": count("smoke", "fire", over="board") >= 1e6,
    "max": strongest("smoke", over="board") >= 1e6,
    "some": total("smoke", over="board", subject="a*") >= 1e6,
    "met": total("smoke", over="board") >= 2.5,
    "few": count("fire", over="board") >= 4,
    "own": watch(count("smoke", over="board") >= 1e6, include_own=True),
    "step": watch(total("fire", over="board") >= 3, min_increase=0.3),
}
operations = st.lists(
    st.one_of(
        st.tuples(
            st.just("put"),
            st.sampled_from(["smoke", "fire"]),
            st.sampled_from(["a1", "a2", "b"]),
            st.sampled_from([0.001, 0.05, 0.4, 1.0, 3.0]),
            st.sampled_from([None, *LAWS]),
            st.booleans(),
        ),
        st.tuples(st.just("advance"), st.sampled_from([SECOND, 40 * SECOND, 20 * MINUTE, HOUR, 5 * HOUR])),
        st.tuples(st.just("withdraw"), st.integers(0, 20)),
        st.tuples(st.just("sweep")),
        st.tuples(st.just("claim")),
        st.tuples(st.just("change"), st.sampled_from([0.5, 1.0, 2.0]), st.sampled_from(LAWS), st.booleans()),
        st.tuples(st.just("follow")),
    ),
    max_size=30,
)


@given(operations=operations, on_repeat=st.sampled_from(["add", "max", "replace", "separate"]))
@examples(0.6)
def test_stored_totals_equal_direct_counts(
    operations: list[tuple[Any, ...]], on_repeat: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # `check_sums` asserts after each operation.
    world = World(tmp_path_factory.mktemp("board") / "board.db")
    agents = (spec("counter", WATCHES, batch=3), spec("whole", {"met": WATCHES["met"]}))
    world.deploy(
        {name: kind(name, Exponential("1h"), floor=0.01, on_repeat=on_repeat) for name in ("smoke", "fire")}, *agents
    )
    for name, *values in operations:
        if name == "put":
            which, subject, intensity, law, own = values
            if own:
                world.sign("counter", which, subject, intensity)
            else:
                world.put(which, subject, intensity, decay=law)
        elif name == "advance":
            world.advance(values[0])
        elif name == "withdraw":
            if live := world.board.marks():
                world.board.withdraw(live[values[0] % len(live)].id)
        elif name == "sweep":
            world.evaporate()
        elif name == "claim":
            world.woken("counter")
            world.woken("whole")
        elif name == "follow":
            world.run_backfill()
        else:
            weight, law, wait = values
            changed = {"smoke": kind("smoke", law, weight=weight, floor=0.01, on_repeat=on_repeat)}
            (world.register if wait else world.deploy)(changed, *agents)
        world.board.session.write(check_sums)
    world.close()


@pytest.mark.postgresql
def test_a_total_over_the_board_never_scans_unreached_marks(world: World) -> None:
    world.deploy(
        {"smoke": kind("smoke", Exponential("1h"), on_repeat="separate")},
        spec("counter", total("smoke", over="board") >= 1e6),
    )
    for i in range(50):
        world.put("smoke", f"s{i}")
    assert world.sql("SELECT marks FROM watch_total") == [(50,)]


@pytest.mark.postgresql
def test_a_rounding_error_does_not_outlive_the_marks(world: World) -> None:
    world.deploy({"smoke": kind("smoke", Never())}, spec("counter", total("smoke", over="board") >= 1e12))
    marks = [world.put("smoke", f"s{i}", intensity).mark_id for i, intensity in enumerate((1e11, 0.1, 1e-6))]
    for mark in marks:
        world.board.withdraw(mark)
    assert world.sql("SELECT marks, sum0, sum1 FROM watch_total") == [(0, 0.0, 0.0)]


def test_a_transaction_that_advances_its_time_omits_evaporated_marks(world: World) -> None:
    far = total("spark", over="board") >= 1e6
    world.deploy({"spark": kind("spark", Exponential("1h"), floor=0.5, on_repeat="separate")}, spec("far", far))

    def move_on(txn: BoardTransaction) -> tuple[tuple[float, int], tuple[float, int]]:
        [one] = txn.active.watches.values()
        txn.advance_to(txn.now + 2 * HOUR)  # a change of the deployment moves the time in the same way, but by less
        return watch_totals.update_and_measure(txn, one), watch_totals.measure_marks(txn, one)

    world.put("spark", "a1")
    assert world.board.session.write(move_on) == ((0.0, 0), (0.0, 0))


def test_the_soonest_end_is_known_in_the_transaction_of_the_deposit(world: World) -> None:
    far = total("spark", over="board") >= 1e6
    world.deploy({"spark": kind("spark", Exponential("1h"), floor=0.5, on_repeat="separate")}, spec("far", far))

    def deposit_and_advance(txn: BoardTransaction) -> tuple[tuple[float, int], tuple[float, int]]:
        [one] = txn.active.watches.values()
        deposits.deposit(txn, DepositRequest("spark", "a1", {}, "person:test"))
        txn.advance_to(txn.now + 2 * HOUR)
        return watch_totals.update_and_measure(txn, one), watch_totals.measure_marks(txn, one)

    assert world.board.session.write(deposit_and_advance) == ((0.0, 0), (0.0, 0))


def test_a_mark_claimed_during_a_backfill_is_subtracted_from_its_old_total(world: World) -> None:
    many = spec("many", count("smoke", over="board") >= 4, batch=4)
    world.deploy({"smoke": kind("smoke", Exponential("1h"), on_repeat="separate")}, many)
    for number in range(6):
        world.put("smoke", f"s{number}")
    world.register({"smoke": kind("smoke", Exponential("2h"), on_repeat="separate")}, many)
    assert len(world.woken("many") or ()) == 4
    world.run_backfill()

    def read_sums(txn: BoardTransaction) -> list[tuple[tuple[float, int], tuple[float, int]]]:
        return [
            (watch_totals.update_and_measure(txn, watch), watch_totals.measure_marks(txn, watch))
            for watch in txn.active.watches.values()
        ]

    assert world.board.session.read(read_sums) == [((2.0, 2), (2.0, 2))]


@pytest.mark.postgresql
@pytest.mark.parametrize("over", ["subject", "board"])
@pytest.mark.parametrize(("each", "marks", "threshold"), [(0.1, 10, 1.0), (0.3, 10, 3.0), (0.7, 30, 21.0)])
def test_a_total_is_the_exact_sum_rounded_once(
    world: World, over: Any, each: float, marks: int, threshold: float
) -> None:
    in_steps = reduce(add, [each] * marks)  # `sum` corrects its rounding since Python 3.12
    assert in_steps < threshold <= math.fsum([each] * marks)
    smoke = {"smoke": kind("smoke", Never(), on_repeat="separate")}
    world.deploy(smoke, spec("counter", total("smoke", over=over) >= threshold))
    crossed = [bool(world.put("smoke", intensity=each).crossed) for _ in range(marks)]
    assert crossed == [False] * (marks - 1) + [True]


@pytest.mark.postgresql
@pytest.mark.parametrize("law", [Never(), Exponential("1h"), Linear("2h"), Step("2h")], ids=lambda law: law.name)
@pytest.mark.parametrize("leaves", ["withdrawn", "claimed"])
def test_a_huge_mark_that_left_leaves_nothing_behind(world: World, law: Decay, leaves: str) -> None:
    exact = math.fsum([0.36995516654807925 * law.share(MINUTE), 0.6039200385961945])
    world.deploy(
        {"smoke": kind("smoke", law, on_repeat="separate")},
        spec("reached", total("smoke", over="board") >= exact, batch=1),
        spec("missed", total("smoke", over="board") >= math.nextafter(exact, 2.0), batch=1),
    )
    world.put("smoke", "small", 0.36995516654807925)
    huge = world.put("smoke", "huge", 3e11).mark_id
    world.advance(MINUTE)
    if leaves == "withdrawn":
        world.board.withdraw(huge)
    else:
        assert (world.woken("reached"), world.woken("missed")) == ([huge], [huge])
    assert world.put("smoke", "small", 0.6039200385961945).crossed == ("reached",)


@pytest.mark.parametrize("law", [Never(), Exponential("1h"), Linear("2h")], ids=lambda law: law.name)
def test_the_error_of_a_running_sum_stays_within_its_bound(world: World, law: Decay) -> None:
    world.deploy({"smoke": kind("smoke", law, on_repeat="separate")}, spec("far", total("smoke", over="board") >= 1e12))
    world.put("smoke")
    rng = random.Random(24)

    def add_and_remove(txn: BoardTransaction) -> None:
        [watch] = txn.active.watches.values()
        [row] = stimuli_of(txn, watch, WHOLE_BOARD)
        present = [row]
        [sums] = sums_of(txn, watch).values()
        for step in range(40_000):
            if rng.random() < 0.1:
                txn.advance_to(txn.now + rng.randrange(SECOND))
            if len(present) > 1 and rng.random() < 0.5:
                watch_totals.add(txn, watch, WHOLE_BOARD, present.pop(rng.randrange(1, len(present))), -1)
            else:
                present.append(row._replace(intensity=10 ** rng.uniform(-12, 12), anchored_at=txn.now))
                watch_totals.add(txn, watch, WHOLE_BOARD, present[-1], +1)
            if step % 400 == 0:
                running_sums.rebase_sums(law, sums, txn.now)
                exact = math.fsum(item.intensity * law.share(txn.now - item.anchored_at) for item in present)
                error = running_sums.error_of(law, sums, txn.now)
                assert abs(law.total((sums.sum0, sums.sum1), sums.anchor, txn.now) - exact) <= error
                assert error <= 1e6

    world.board.session.write(add_and_remove)


@pytest.mark.postgresql
def test_sums_from_before_errors_were_kept_are_counted_when_they_decide(world: World) -> None:
    smoke = {"smoke": kind("smoke", Never(), on_repeat="separate")}
    world.deploy(smoke, spec("counter", total("smoke", over="board") >= 3))
    world.put("smoke")
    statement = "UPDATE watch_total SET sum0 = 2.5, error0 = NULL, error1 = NULL"
    world.board.session.write(lambda txn: txn.sql.cursor.execute(statement))
    assert [world.put("smoke").crossed for _ in range(2)] == [(), ("counter",)]
