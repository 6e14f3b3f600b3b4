"""The views are a contract: their columns, and strengths equal to Python's at the same instant, in any SQLite shell."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from blackboard import parse
from blackboard.clock import iso, parse_instant
from blackboard.decay import Curve, Decay, Exponential, Linear, Never, Power, Step
from blackboard.store.statements import MARKS
from blackboard.store.view_columns import VIEWS
from tests.board.world import HOUR, MINUTE, World, kind, spec

LAWS: list[Decay] = [
    Exponential("1h"),
    Exponential("77d"),
    Linear("400d"),
    Power("30m", 1.5),
    Step("900d"),
    Curve([("30m", 0.9), ("2d", 0.4), ("900d", 0.1)]),
    Never(),
]
SHELL = shutil.which("sqlite3")


@pytest.fixture
def world(tmp_path: Path) -> Any:
    from blackboard import ManualClock, SystemClock

    # The views go by the database's clock, so the marks are left some time before it.
    world = World(tmp_path / "board.db", ManualClock(SystemClock().now() - 3 * HOUR))
    world.deploy(
        {"smoke": kind("smoke", Never(), weight=0.7, on_repeat="separate")},
        spec("watchman", parse("count(smoke) >= 2")),
    )
    yield world
    world.close()


def fill(world: World) -> None:
    for i, law in enumerate(LAWS):
        world.put("smoke", f"s{i}", 0.3 + i / 7, decay=law, payload={"n": i, "text": "naïve \"quoted\" 'text'\n"})
        world.advance(MINUTE)


def strengths_then(world: World, rows: list[dict[str, Any]]) -> dict[int, float]:
    """What Python makes of the strengths at the instant that the view says it was computed for."""
    result = {}
    for row in rows:
        at = parse_instant(row["as_of"])
        mark = world.mark(row["id"])
        result[mark.id] = world.board.read(lambda txn, mark=mark, at=at: txn.strength(mark, at))  # type: ignore[misc]
    return result


def check(world: World, rows: list[dict[str, Any]]) -> None:
    assert len(rows) >= len(LAWS) - 1
    expected = strengths_then(world, rows)
    for row in rows:
        assert row["strength"] == pytest.approx(expected[row["id"]], rel=1e-9, abs=1e-12)
        assert row["age_seconds"] >= 0


def through_python(world: World) -> list[dict[str, Any]]:
    return [dict(zip(VIEWS["live_marks"], row, strict=True)) for row in world.sql("SELECT * FROM live_marks")]


def through_the_shell(world: World, text: str = "SELECT * FROM live_marks") -> list[dict[str, Any]]:
    assert SHELL is not None
    run = subprocess.run(
        [SHELL, "-json", str(world.path), text], capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(run.stdout) if run.stdout else []


def test_the_columns_are_those_that_are_promised(world: World) -> None:
    for view, columns in VIEWS.items():
        found = tuple(row[1] for row in world.sql(f"SELECT * FROM pragma_table_info('{view}')"))
        assert found == columns, view


def test_the_contract_holds_what_people_were_told(world: World) -> None:
    assert VIEWS["live_marks"] == (
        "id", "kind", "subject", "payload", "author", "weight", "intensity", "strength", "law", "order_key",
        "deposited_at", "reinforced_at", "evaporates_at", "as_of", "age_seconds", "reinforcements",
    )  # fmt: skip
    assert VIEWS["mark_history"] == (
        "id", "recorded_at", "mark_id", "kind", "subject", "event", "intensity", "author", "activation_id", "payload",
    )  # fmt: skip
    assert VIEWS["provenance"] == ("mark_id", "activation_id", "parent_mark_id")
    for column in ("id", "agent", "subject", "state", "reason", "crossed_at", "started_at", "finished_at", "attempt",
                   "error", "marks_absorbed", "marks_deposited"):  # fmt: skip
        assert column in VIEWS["activations"]


def test_strength_in_sql_is_strength_in_python(world: World) -> None:
    fill(world)
    check(world, through_python(world))


def test_strength_in_sql_is_strength_in_python_while_marks_follow_a_change(world: World) -> None:
    world.put("smoke", "plain", 0.8)
    world.put("smoke", "linear", 0.8, decay=Linear("900d"))
    for law in LAWS:
        world.advance(MINUTE)
        world.register({"smoke": kind("smoke", law, weight=1.3, floor=0.02, on_repeat="separate")})
        world.put("smoke", "later", 0.5, decay=Exponential("9d"))
        rows = through_python(world)
        expected = strengths_then(world, rows)
        assert {row["id"]: pytest.approx(row["strength"], rel=1e-9) for row in rows} == expected


@pytest.mark.skipif(SHELL is None, reason="there is no sqlite3 shell on this machine")
def test_the_plain_shell_computes_the_same_strengths(world: World) -> None:
    fill(world)
    world.register({"smoke": kind("smoke", Power("2d", 0.7), weight=0.9, floor=0.001, on_repeat="separate")})
    check(world, through_the_shell(world))
    for view in VIEWS:
        through_the_shell(world, f"SELECT count(*) FROM {view}")


def test_times_are_iso_text_in_utc_and_null_for_never(world: World) -> None:
    at = world.clock.now()
    world.put("smoke", "never")
    world.put("smoke", "ends", until=iso(at + 900 * 24 * HOUR + 1))
    rows = {row["subject"]: row for row in through_python(world)}
    assert rows["never"]["evaporates_at"] is None
    assert rows["never"]["deposited_at"] == iso(at)
    assert rows["ends"]["evaporates_at"] == iso(at + 900 * 24 * HOUR + 1)
    assert rows["ends"]["as_of"].endswith("Z")
    assert json.loads(rows["ends"]["payload"]) == {}


def test_a_view_never_goes_back_behind_what_was_recorded(world: World) -> None:
    world.clock.advance(timedelta(days=30))
    world.put("smoke", decay=Exponential("1h"))
    [row] = through_python(world)
    assert row["as_of"] == row["deposited_at"] == iso(world.clock.now())
    assert (row["age_seconds"], row["strength"]) == (0, 0.7)


def test_evaporated_marks_are_not_live_and_stay_in_the_history(world: World) -> None:
    world.put("smoke", decay=Linear("1h"))
    assert through_python(world) == []
    world.advance(2 * HOUR)
    world.evaporate()
    found = world.sql("SELECT event, recorded_at, kind, subject, author FROM mark_history ORDER BY id")
    assert [row[0] for row in found] == ["deposited", "evaporated"]
    assert all(row[2:] == ("smoke", "s", "person:ada") for row in found)


def test_agenda_and_activations_tell_what_waits_and_what_was_done(world: World) -> None:
    world.put("smoke", "x")
    world.put("smoke", "x")
    [row] = world.sql("SELECT agent, watch, subject, mark_id, state, reason, value, threshold, held_by FROM agenda")
    assert row == ("watchman", "watch", "x", None, "waiting", 'count("smoke") >= 2: 2.0', 2.0, 2.0, None)
    world.woken("watchman")
    assert world.sql("SELECT count(*) FROM agenda") == [(0,)]
    [row] = world.sql("SELECT agent, subject, state, reason, marks_absorbed, attempt FROM activations")
    assert row == ("watchman", "x", "done", 'count("smoke") >= 2: 2 >= 2', 2, 1)


def test_the_strongest_of_a_kind_come_from_the_index(world: World) -> None:
    text = (
        "EXPLAIN QUERY PLAN SELECT subject, strength FROM live_marks WHERE kind = 'smoke' AND law = 'never'"
        " ORDER BY order_key DESC LIMIT 10"
    )
    plan = " ".join(row[3] for row in world.sql(text))
    assert "ix_mark_kind_law_order_key" in plan
    assert "TEMP B-TREE" not in plan


def test_the_queries_of_a_deposit_and_of_an_agents_reading_use_indexes(world: World) -> None:
    statements = {
        "strongest": MARKS.live_marks_in_order,
        "subject": MARKS.live_marks.using("kind", "subject", "limit"),
        "find": MARKS.marks_of_subject,
        "stimuli": MARKS.stimuli_of_subject,
        "evaporated": MARKS.evaporated_marks,
    }
    values = {"kind": "smoke", "law": "never", "subject": "s", "limit": 5, "as_of": 0, "now": 0, "watch_id": 1,
              "not_author": ""}  # fmt: skip
    for name, statement in statements.items():
        sql, names = statement.compiled("sqlite")
        bound = [values[item] for item in names]
        plan = " | ".join(row[3] for row in world.sql(f"EXPLAIN QUERY PLAN {sql}", *bound))
        assert "SCAN mark" not in plan, (name, plan)
        if name in ("strongest", "find", "evaporated"):
            assert "TEMP B-TREE" not in plan, (name, plan)
