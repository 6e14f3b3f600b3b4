"""The views are a contract: their columns, and strengths that equal Python's in every SQLite shell."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from blackboard import Blackboard, parse_condition
from blackboard.board.board_storage import refresh_views
from blackboard.board.mark_tables.mark_states import mark_strength
from blackboard.clock import iso, parse_instant
from blackboard.core.marks import decay
from blackboard.core.marks.decay import Curve, Decay, Exponential, Linear, Never, Power, Step
from blackboard.core.records.view_columns import VIEWS
from blackboard.durations import HOUR, MINUTE
from blackboard.errors import InvalidLaw, StoreError
from blackboard.store.dialects.sqlite_dialect import SqliteDialect
from blackboard.store.live_mark_statements import live_marks, live_marks_in_order
from blackboard.store.statements import ACTIVATIONS, MARKS
from blackboard.system.files.packaged_files import program_version
from tests.support.bounds import BOUND_SECONDS
from tests.support.file_boards import path_of
from tests.support.world import World, kind, spec

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
def world(stored_there: None, tmp_path: Path) -> Any:
    from blackboard import ManualClock, SystemClock

    # The views use the clock of the database, so the marks are deposited some time before it.
    world = World(tmp_path / "board.db", ManualClock(SystemClock().now() - 3 * HOUR))
    world.deploy(
        {"smoke": kind("smoke", Never(), weight=0.7, on_repeat="separate")},
        spec("watchman", parse_condition("count(smoke) >= 2")),
    )
    yield world
    world.close()


def fill(world: World) -> None:
    for i, law in enumerate(LAWS):
        world.put("smoke", f"s{i}", 0.3 + i / 7, decay=law, payload={"n": i, "text": "naïve \"quoted\" 'text'\n"})
        world.advance(MINUTE)
    for i, law in enumerate(LAWS):
        world.put("smoke", f"late{i}", 5.0, decay=law, occurred_at=world.clock.now() - i * MINUTE)


def strengths_then(world: World, rows: list[dict[str, Any]]) -> dict[int, float]:
    """Return the strengths that Python computes for the instant of the view."""
    result = {}
    for row in rows:
        at = parse_instant(row["as_of"])
        mark = world.mark(row["id"])
        result[mark.id] = world.board.session.read(lambda txn, mark=mark, at=at: mark_strength(txn, mark, at))  # type: ignore[misc]
    return result


def check(world: World, rows: list[dict[str, Any]]) -> None:
    assert len(rows) >= len(LAWS) - 1
    expected = strengths_then(world, rows)
    for row in rows:
        assert row["strength"] == pytest.approx(expected[row["id"]], rel=1e-9, abs=1e-12)
        assert row["age_seconds"] >= 0


def through_python(world: World) -> list[dict[str, Any]]:
    return [row._asdict() for row in world.sql("SELECT * FROM live_marks")]


def through_the_shell(world: World, text: str = "SELECT * FROM live_marks") -> list[dict[str, Any]]:
    assert SHELL is not None
    run = subprocess.run(
        [SHELL, "-json", str(world.path), text], capture_output=True, text=True, timeout=BOUND_SECONDS, check=True
    )
    return json.loads(run.stdout) if run.stdout else []


def test_the_columns_of_the_views_match_the_contract(world: World) -> None:
    with world.board.database.read() as transaction:
        for view, columns in VIEWS.items():
            transaction.cursor.execute(f"SELECT * FROM {view} LIMIT 0")
            assert tuple(column[0] for column in transaction.cursor.description) == columns, view


def test_the_contract_contains_the_documented_columns(world: World) -> None:
    assert VIEWS["live_marks"] == (
        "id", "kind", "subject", "payload", "author", "weight", "intensity", "strength", "law", "order_key",
        "deposited_at", "reinforced_at", "fades_from", "evaporates_at", "as_of", "age_seconds", "reinforcements",
        "activation_id", "own_law", "occurred_at", "recorded_at", "event_id",
    )  # fmt: skip
    assert VIEWS["mark_history"] == (
        "id", "recorded_at", "mark_id", "kind", "subject", "event", "intensity", "author", "activation_id", "payload",
        "occurred_at", "traceparent",
    )  # fmt: skip
    assert VIEWS["provenance"] == ("mark_id", "activation_id", "parent_mark_id")
    for column in ("id", "agent", "subject", "state", "reason", "crossed_at", "started_at", "finished_at", "attempt",
                   "error", "marks_absorbed", "marks_deposited"):  # fmt: skip
        assert column in VIEWS["activations"]


@pytest.mark.postgresql
def test_strength_in_sql_equals_strength_in_python(world: World) -> None:
    fill(world)
    check(world, through_python(world))


@pytest.mark.postgresql
def test_strength_in_sql_equals_strength_in_python_during_a_backfill(world: World) -> None:
    world.put("smoke", "plain", 0.8)
    world.put("smoke", "linear", 0.8, decay=Linear("900d"))
    for law in LAWS:
        world.advance(MINUTE)
        world.register({"smoke": kind("smoke", law, weight=1.3, floor=0.02, on_repeat="separate")})
        world.put("smoke", "later", 0.5, decay=Exponential("9d"))
        rows = through_python(world)
        expected = strengths_then(world, rows)
        assert {row["id"]: pytest.approx(row["strength"], rel=1e-9) for row in rows} == expected


@pytest.mark.file_only("the shell reads the file")
@pytest.mark.skipif(SHELL is None, reason="there is no sqlite3 shell on this machine")
def test_a_plain_shell_computes_the_same_strengths(world: World) -> None:
    fill(world)
    world.register({"smoke": kind("smoke", Power("2d", 0.7), weight=0.9, floor=0.001, on_repeat="separate")})
    check(world, through_the_shell(world))
    for view in VIEWS:
        through_the_shell(world, f"SELECT count(*) FROM {view}")


@pytest.mark.postgresql
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


@pytest.mark.postgresql
def test_a_view_never_shows_a_time_before_the_last_record(world: World) -> None:
    world.clock.advance(timedelta(days=30))
    world.put("smoke", decay=Exponential("1h"))
    [row] = through_python(world)
    assert row["as_of"] == row["deposited_at"] == iso(world.clock.now())
    assert (row["age_seconds"], row["strength"]) == (0, 0.7)


@pytest.mark.postgresql
def test_the_share_counts_from_the_instant_that_the_view_shows(world: World) -> None:
    law = Exponential("3000d")
    world.deploy({"smoke": kind("smoke", law)})
    at = world.clock.now()
    world.put("smoke", "s", 0.8)
    world.clock.advance(timedelta(days=30))
    world.deploy({"smoke": kind("smoke", Exponential("2000d"))})
    world.put("smoke", "later")
    rows = {row["subject"]: row for row in through_python(world)}
    row = rows["s"]
    assert (row["reinforced_at"], row["fades_from"]) == (iso(at), rows["later"]["fades_from"])
    assert row["intensity"] == pytest.approx(0.8 * law.share(30 * 24 * HOUR), rel=1e-9)
    share = 2 ** (-row["age_seconds"] / (2000 * 86_400))
    assert row["strength"] == pytest.approx(row["weight"] * row["intensity"] * share, rel=1e-9)


@pytest.mark.postgresql
def test_evaporated_marks_are_not_live_and_stay_in_the_history(world: World) -> None:
    world.put("smoke", decay=Linear("1h"))
    assert through_python(world) == []
    world.advance(2 * HOUR)
    world.evaporate()
    found = world.sql("SELECT event, recorded_at, kind, subject, author FROM mark_history ORDER BY id")
    assert [row.event for row in found] == ["deposited", "evaporated"]
    assert {(row.kind, row.subject, row.author) for row in found} == {("smoke", "s", "person:ada")}


@pytest.mark.postgresql
def test_agenda_and_activations_show_waiting_and_finished_work(world: World) -> None:
    world.put("smoke", "x")
    world.put("smoke", "x")
    [row] = world.sql("SELECT agent, watch, subject, mark_id, state, reason, value, threshold, held_by FROM agenda")
    assert row == ("watchman", "watch", "x", None, "waiting", 'count("smoke") >= 2: 2.0', 2.0, 2.0, None)
    world.woken("watchman")
    assert world.sql("SELECT count(*) FROM agenda") == [(0,)]
    [row] = world.sql("SELECT agent, subject, state, reason, marks_absorbed, attempt FROM activations")
    assert row == ("watchman", "x", "done", 'count("smoke") >= 2: 2 >= 2', 2, 1)


@pytest.mark.file_only("the plan is that of SQLite")
def test_the_strongest_of_a_kind_come_from_the_index(world: World) -> None:
    text = (
        "EXPLAIN QUERY PLAN SELECT subject, strength FROM live_marks WHERE kind = 'smoke' AND law = 'never'"
        " ORDER BY order_key DESC LIMIT 10"
    )
    plan = " ".join(row.detail for row in world.sql(text))
    assert "ix_mark_kind_law_order_key" in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.file_only("the plans are those of SQLite")
def test_the_queries_of_deposits_and_reads_use_indexes(world: World) -> None:
    statements = {
        "strongest": live_marks_in_order(),
        "subject": live_marks("kind", "subject", "limit"),
        "find": MARKS.marks_of_subject,
        "stimuli": MARKS.stimuli_of_subject,
        "evaporated": MARKS.evaporated_marks,
    }
    values = {"kind": "smoke", "law": "never", "subject": "s", "limit": 5, "as_of": 0, "now": 0, "watch_id": 1,
              "ignored_author": ""}  # fmt: skip
    for name, statement in statements.items():
        sql, names = statement.compile(SqliteDialect())
        bound = [values[item] for item in names]
        plan = " | ".join(row.detail for row in world.sql(f"EXPLAIN QUERY PLAN {sql}", *bound))
        assert "SCAN mark" not in plan, (name, plan)
        if name in ("strongest", "find", "evaporated"):
            assert "TEMP B-TREE" not in plan, (name, plan)


@dataclass(frozen=True)
class Sudden(Decay):
    """A law that only this file defines."""

    name: ClassVar[str] = "sudden"

    def share(self, age: float) -> float:
        return 1.0 if age <= 0 else 0.25

    def age_below(self, share: float) -> int | None:
        return 0 if share > 1 else 1 if share > 0.25 else None

    @staticmethod
    def share_sql(law: str, age: str, length: str, shape: str) -> str:
        return f"CASE WHEN {age} <= 0 THEN 1.0 ELSE 0.25 END"

    def spec(self) -> dict[str, Any]:
        return {"law": self.name}


def texts(world: World) -> dict[str, str]:
    if path_of(world.board) is None:
        return dict(world.sql("SELECT viewname, definition FROM pg_views WHERE schemaname = current_schema()"))
    return dict(world.sql("SELECT name, sql FROM sqlite_master WHERE type = 'view'"))


def test_the_views_contain_only_the_stored_laws(world: World) -> None:
    before = texts(world)
    assert "sudden" not in before["live_marks"]
    assert refresh_views(world.board) is None
    assert texts(world) == before
    world.put("smoke", "s", decay=Sudden())
    assert texts(world) == before
    assert refresh_views(world.board) is None
    [row] = through_python(world)
    assert row["strength"] == pytest.approx(strengths_then(world, [row])[row["id"]])
    assert row["strength"] > 0


def test_a_stored_law_unknown_to_the_process_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("smoke", "s", decay=Sudden())
    monkeypatch.delitem(decay.LAWS, "sudden")
    with pytest.raises(StoreError, match="decay law 'sudden', which this version does not know"):
        refresh_views(world.board)


@pytest.mark.postgresql
@pytest.mark.parametrize(
    "filters",
    [{}, {"subject": "s"}, {"subject": "s", "limit": 1}, {"min_strength": 0.1}, {"at": HOUR}, {"limit": 1}],
    ids=str,
)
def test_reading_a_mark_under_a_law_unknown_to_the_process_names_the_law(
    world: World, monkeypatch: pytest.MonkeyPatch, filters: dict[str, Any]
) -> None:
    world.put("smoke", "s")
    world.put("smoke", "s", decay=Sudden())
    if "at" in filters:
        filters = {"at": world.clock.now() + filters["at"]}
    monkeypatch.delitem(decay.LAWS, "sudden")
    with Blackboard.open(world.url, clock=world.clock) as stranger, pytest.raises(InvalidLaw, match="'sudden'"):
        stranger.marks(**filters)


@pytest.mark.file_only("a lock on PostgreSQL proves only after seconds that a worker has ended")
def test_views_are_not_rewritten_while_a_worker_of_another_version_runs(world: World) -> None:
    before = texts(world)
    world.put("smoke", "s", decay=Sudden())
    worker = {"pid": 1, "host": "here", "started_at": 0, "seen_at": 0, "agents": None, "schema": None, "model": None}
    worker["lock_key"] = None

    def register(name: str, version: str | None) -> None:
        world.board.session.write(
            lambda txn: txn.sql.run(ACTIVATIONS.insert_worker, id=name, version=version, **worker) and None
        )

    register("present", program_version())
    processes = world.board.database.processes
    former = processes.liveness(lambda: None)
    register(former.id, "0.0.1")
    former.enter()
    note = refresh_views(world.board)
    former.release()
    assert note is not None
    assert f"worker {former.id} of version 0.0.1 is running" in note
    assert texts(world) == before
    assert refresh_views(world.board) is None
    assert "sudden" in texts(world)["live_marks"]


def test_only_init_and_run_rewrite_outdated_views(world: World) -> None:
    before = texts(world)
    database = world.board.database
    with database.exclusive_transaction() as transaction:
        transaction.cursor.execute("DROP VIEW agenda")
        transaction.cursor.execute("CREATE VIEW agenda AS SELECT 1 AS former")
        transaction.cursor.execute("UPDATE board SET views_hash = 'former'")
    with Blackboard.open(world.url, clock=world.clock) as again:
        again.marks()
        assert "former" in texts(world)["agenda"]
        assert refresh_views(again) is None
    assert texts(world) == before
