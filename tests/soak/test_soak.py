"""Whatever happens to processes, disk, clock, limits, deployment file and log: nothing is lost and nothing doubled."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from blackboard import Blackboard
from tests.crash.invariants import Broken
from tests.crash.worlds.fading_world import Smoke
from tests.crash.worlds.pure_world import Spark
from tests.soak.conftest import BackgroundSoak
from tests.soak.planned_deposits import check_results, plan_deposit


@pytest.mark.processes
@pytest.mark.timeout(600)
@pytest.mark.skipif(sys.platform != "linux", reason="limits of other processes are set as Linux does it")
def test_two_minutes_of_faults_lose_and_double_nothing(
    background_soak: BackgroundSoak, record_property: Callable[[str, object], None]
) -> None:
    report, progress = background_soak.result()
    record_property("report", f"soak: {report}")
    assert report, progress


@pytest.mark.parametrize(("copies", "words"), [(0, "1 sparks are lost: [{n}]"), (2, "1 sparks are doubled: [{n}]")])
def test_what_was_lost_or_doubled_is_named(tmp_path: Path, copies: int, words: str) -> None:
    spark = next(item for item in (plan_deposit(7, 0, index) for index in range(100)) if item.kind == "spark")
    index = spark.n
    with Blackboard.open(tmp_path / "board.db", kinds=[Smoke, Spark]) as board:
        for other in (plan_deposit(7, 0, n) for n in range(index)):
            board.deposit(other.kind, subject=other.subject, payload={"n": other.n})
        for _ in range(copies):
            board.deposit(spark.kind, subject=spark.subject, payload={"n": spark.n})
    with pytest.raises(Broken) as broken:
        check_results(tmp_path / "board.db", 7, {0: index + 1})
    assert str(broken.value) == words.format(n=spark.n)
