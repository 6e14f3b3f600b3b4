"""A board of an earlier version is upgraded when it is opened, and all its data has the new names.

`board_0002.sql` is such a board with all renamed parts: a deployment with each setting, activations and crossings in
every state, a call through each API, cooldowns, and marks during a backfill.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from blackboard import Blackboard, ManualClock, Need
from blackboard.core.conditions.condition_parser import parse_condition
from blackboard.core.marks.canonical_json_schema import canonical_form
from blackboard.errors import StoreError, StoreNewer
from blackboard.store.database import Database
from blackboard.store.database_factory import database_of
from blackboard.store.dialects import sqlite_library
from blackboard.store.schema import schema_upgrades
from blackboard.store.schema.schema_revisions import HEAD
from blackboard.store.schema.tables import metadata
from blackboard.store.sqlite import sqlite_backups
from blackboard.store.sqlite.local_processes.worker_liveness import WorkerLiveness
from blackboard.store.sqlite.sqlite_backups import backups_of, examine_copy

pytestmark = pytest.mark.whole_boards

DUMP = Path(__file__).with_name("board_0002.sql")

TABLES = {
    "activation_mark": "activation_input",
    "board_total": "watch_total",
    "fall": "predicted_crossing",
    "follow_up": "backfill",
    "rest": "subject_cooldown",
    "succession": "law_change",
}
COLUMNS = {
    ("activation", "depth"): "chain_length",
    ("activation", "marks_left"): "marks_deposited",
    ("activation", "subject"): "scope",
    ("activation", "split_call"): "split_after_call",
    ("activation_mark", "previous_event_id"): None,
    ("agent_state", "rest_until"): "cooldown_until",
    ("board", "recorded_at"): "last_recorded_at",
    ("board_total", "settled"): "evaporated_through",
    ("crossing", "held"): "held_by",
    ("crossing", "subject"): "scope",
    ("deployment", "at"): "deployed_at",
    ("event", "at"): "recorded_at",
    ("fall", "subject"): "scope",
    ("follow_up", "sort"): "task",
    ("follow_up", "upto"): "up_to",
    ("law", "a"): "length",
    ("law", "b"): "shape",
    ("model_call", "lane"): "api",
    ("rest", "subject"): "scope",
    ("succession", "at"): "changed_at",
    ("succession", "successor"): "new_law",
}
VALUES = {
    ("follow_up", "task"): {"law": "kind", "floor": "kind"},
    ("activation", "state"): {"aside": "quarantined", "passed": "skipped"},
    ("crossing", "state"): {"passed": "skipped"},
    ("crossing", "held_by"): {"rest": "cooldown"},
    ("model_call", "state"): {"settled": "cost_recorded"},
    ("model_call", "api"): {"direct": "messages"},
}
REWRITTEN = {("deployment", "content"), ("watch", "condition"), ("follow_up", "name"), ("unique_value", "value")}
NEW = {
    ("agent_state", "served_at"),
    ("activation", "deaths"), ("activation", "scheduled_for"), ("activation", "conflicts"),
    ("activation", "reads_again"), ("activation", "read_at"), ("activation", "result_digest"),
    ("activation", "traceparent"), ("event", "traceparent"),
    ("watch", "scheduled_from"),
    ("board", "compaction_owed_at"), ("board", "purge_owed_at"), ("board", "unfinished_purge_owed_at"),
    ("crossing", "measure"), ("crossing", "cause"), ("crossing", "began_at"),
    ("board", "views_hash"),
    ("absorbed", "given_event_id"), ("activation_mark", "relevance"),
    ("board_total", "error0"), ("board_total", "error1"), ("board_total", "scope"),
    ("deposit_key", "author"), ("deposit_key", "kind"), ("deposit_key", "digest"), ("deposit_key", "source"),
    ("event", "own_law"), ("mark", "own_law"),
    ("mark", "activation_id"), ("mark", "other_event_id"),
    ("board", "skewed_deposits"), ("board", "largest_skew"), ("board", "skewed_at"),
    ("event", "occurred_at"), ("event", "anchored_at"), ("event", "deposited_intensity"),
    ("event", "shown_event_id"), ("mark", "occurred_at"), ("mark", "last_author"),
    ("worker", "agents"), ("worker", "model"), ("worker", "schema"),
    ("worker", "lock_key"),
}  # fmt: skip
NEW_TABLES = {
    "model_pause",
    "read_position",
    "watch_state",
    "window_event",
    "open_need",
    "mark_tag",
    "window_tag",
    "followed_watch",
    "search_kind",
    "search_field",
    "search_doc",
    "access_token",
    "secret",
    "activity_event",
    "message",
    "writer",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file with the board of the dump."""
    path = tmp_path / "board.db"
    connection = sqlite3.connect(path)
    connection.executescript(DUMP.read_text("utf-8"))
    connection.close()
    return path


@pytest.fixture
def clock(path: Path) -> ManualClock:
    """Return a clock at the time of the board."""
    clock = ManualClock()
    clock.set(contents(path, "board")[0]["recorded_at"])
    return clock


def contents(path: Path, table: str) -> list[dict[str, Any]]:
    connection = sqlite_library.sqlite.connect(path)  # another library may not open the file of a board in use
    connection.row_factory = sqlite_library.sqlite.Row
    rows = [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2")]
    connection.close()
    return rows


def revision(path: Path) -> str:
    connection = sqlite3.connect(path)
    [(number,)] = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    connection.close()
    return str(number)


def tables(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    return names


def expected(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of an old table with its new names."""
    new: dict[str, Any] = {}
    for column, value in row.items():
        name = COLUMNS.get((table, column), column)
        if name is not None and (table, column) not in REWRITTEN:
            new[name] = VALUES.get((table, name), {}).get(value, value)
    return new


def test_every_row_of_every_table_is_kept(path: Path, clock: ManualClock) -> None:
    old = {name: contents(path, name) for name in tables(path) - {"alembic_version"}}
    assert all(old[name] for name in (*TABLES, *(table for table, _ in COLUMNS)))
    database = database_of(f"sqlite:///{path}")
    assert schema_upgrades.create_or_upgrade(database, clock.now) is not None
    database.close()
    assert tables(path) - {"alembic_version"} - NEW_TABLES == {TABLES.get(name, name) for name in old}
    for name, rows in old.items():
        found = contents(path, TABLES.get(name, name))
        without = [{key: row[key] for key in row if (name, key) not in REWRITTEN | NEW} for row in found]
        assert without == [expected(name, row) for row in rows], name


def test_since_when_agents_are_unserved_follows_from_their_activations(path: Path, clock: ManualClock) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM agent_state")
        query = "SELECT agent, max(started_at) FROM activation WHERE started_at IS NOT NULL GROUP BY agent"
        started = dict(connection.execute(query))
    connection.close()
    database = database_of(f"sqlite:///{path}")
    schema_upgrades.create_or_upgrade(database, clock.now)
    database.close()
    assert started
    assert {row["agent"]: row["served_at"] for row in contents(path, "agent_state")} == started


def test_a_subject_in_two_forms_becomes_one(path: Path, clock: ManualClock) -> None:
    one, two = "caf\u00e9", "cafe\u0301"
    connection = sqlite3.connect(path)
    marks = [row[0] for row in connection.execute("SELECT id FROM mark WHERE kind = 'lead' ORDER BY id LIMIT 2")]
    for number, subject in zip(marks, (one, two), strict=True):
        connection.execute("UPDATE mark SET subject = ? WHERE id = ?", (subject, number))
        connection.execute("UPDATE event SET subject = ? WHERE mark_id = ?", (subject, number))
    [(watch,)] = connection.execute("SELECT min(watch_id) FROM crossing WHERE state = 'waiting'").fetchall()
    connection.execute("DELETE FROM crossing WHERE watch_id = ? AND state = 'waiting'", (watch,))
    crossing = contents(path, "crossing")[0] | {"watch_id": watch, "mark_id": 0, "state": "waiting", "closed_at": None}
    for number, subject in ((10_001, one), (10_002, two)):
        insert(connection, "crossing", crossing | {"id": number, "subject": subject})
        insert(connection, "rest", {"agent": "sales", "subject": subject, "until": number})
        insert(connection, "fall", {"watch_id": watch, "subject": subject, "mark_id": 0, "due_at": number})
    connection.commit()
    connection.close()
    database = database_of(f"sqlite:///{path}")
    schema_upgrades.create_or_upgrade(database, clock.now)
    database.close()
    for table in ("mark", "event"):
        assert two not in {row["subject"] for row in contents(path, table)}
    for table in ("crossing", "activation", "predicted_crossing", "subject_cooldown"):
        assert two not in {row["scope"] for row in contents(path, table)}
    found = [row for row in contents(path, "crossing") if row["scope"] == one]
    assert sorted(row["state"] for row in found) == ["skipped", "waiting"]
    for table, name in (("predicted_crossing", "due_at"), ("subject_cooldown", "until")):
        assert [row[name] for row in contents(path, table) if row["scope"] == one] == [10_002]
    with Blackboard.open(f"sqlite:///{path}", clock=clock) as board:
        assert {event.mark_id for event in board.history(two)} == set(marks)


def insert(connection: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    slots = ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({slots})", tuple(row.values()))


def test_each_mark_has_its_last_event_that_is_not_of_its_agent(path: Path, clock: ManualClock) -> None:
    connection = sqlite3.connect(path)
    for event_id, author, activation in ((100, "sales", None), (101, "sales", 1), (102, "sales", 1)):
        connection.execute(
            "INSERT INTO event VALUES (?, ?, 1, 'lead', 'lead/0', 'reinforced', 1.0, 'never', NULL, ?, ?, '{}')",
            (event_id, clock.now(), author, activation),
        )
        connection.execute(
            "UPDATE mark SET event_id = ?, author = ?, reinforcements = 3 WHERE id = 1", (event_id, author)
        )
    connection.commit()
    connection.close()
    Blackboard.open(path, clock=clock).close()
    marks = contents(path, "mark")
    expected = {row["id"]: row["event_id"] if row["activation_id"] is None else None for row in marks} | {1: 100}
    assert {row["id"]: row["other_event_id"] for row in marks} == expected
    assert None in expected.values()


def test_all_events_occurred_when_they_were_recorded(path: Path, clock: ManualClock) -> None:
    reinforced = {row["id"]: row["reinforced_at"] for row in contents(path, "mark")}
    Blackboard.open(path, clock=clock).close()
    events = contents(path, "event")
    assert events
    assert all(row["occurred_at"] == row["anchored_at"] == row["recorded_at"] for row in events)
    assert {row["event"] for row in events if row["deposited_intensity"] is not None} == {"deposited"}
    assert {row["id"]: row["occurred_at"] for row in contents(path, "mark")} == reinforced
    assert all(row["occurred_at"] == row["recorded_at"] for row in contents(path, "mark_history"))


def test_marks_with_a_law_of_their_own_are_found_and_keep_it(path: Path, clock: ManualClock) -> None:
    connection = sqlite3.connect(path)
    for length in "45":
        law = f"step(lasting={length}d, fixed=True)"
        spec = json.dumps({"law": "step", "lasting": f"{length}d", "fixed": True})
        connection.execute("INSERT INTO law VALUES (?, 'step', 1.0, 0.0, ?)", (law, spec))
    connection.execute("UPDATE kind SET law = 'step(lasting=5d, fixed=True)' WHERE name = 'slot'")
    # A reinforced mark of a kind with a fixed end, a mark that never fades, and one from after the change of its kind.
    connection.execute("UPDATE mark SET law = 'step(lasting=4d, fixed=True)', reinforcements = 1 WHERE id = 8")
    for table, key in (("mark", "id"), ("event", "mark_id")):
        connection.execute(f"UPDATE {table} SET law = 'never', evaporates_at = NULL WHERE {key} = 5")
    connection.execute("UPDATE mark SET anchored_at = (SELECT at FROM succession WHERE kind = 'lead') WHERE id = 21")
    connection.commit()
    connection.close()
    with Blackboard.open(path, clock=clock) as board:
        assert {mark.id for mark in board.marks() if mark.own_law} == {5, 21}
        assert {row["mark_id"] for row in contents(path, "event") if row["own_law"]} == {5, 21}
        board.deploy(board.deployment.model_copy(update={"trust": {"webform": 0.5}}))  # it ends the backfill
        laws = {mark.id: mark.law for mark in board.marks("lead")}
    assert (laws.pop(5), laws.pop(21)) == ("never", "exponential(half_life=2h)")
    assert set(laws.values()) == {"linear(lifetime=9h)"}


def test_the_upgraded_schema_is_the_declared_one(path: Path, clock: ManualClock, tmp_path: Path) -> None:
    Blackboard.open(path, clock=clock).close()
    declared = database_of(f"sqlite:///{tmp_path / 'declared.db'}")
    metadata.create_all(declared.engine)
    declared.close()
    query = "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND name <> 'alembic_version'"
    schemas = []
    for file in (path, tmp_path / "declared.db"):
        connection = sqlite3.connect(file)
        schemas.append({name: " ".join(sql.split()) for name, sql in connection.execute(query) if sql})
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        connection.close()
    assert schemas[0] == schemas[1]


def test_the_deployment_has_its_settings_by_their_new_names(path: Path, clock: ManualClock) -> None:
    with Blackboard.open(path, clock=clock) as board:
        deployment = board.deployment
        sales = deployment.agents["sales"]
        settings = sales.settings
        watches = {watch.name: watch for watch in sales.watches}
        assert (settings.batch_window, settings.urgent_above, settings.cooldown) == (300_000_000, 1.5, 3_600_000_000)
        assert (settings.cooldown_per, settings.cooldown_after_failures) == ("subject", 7)
        assert (settings.max_chain, settings.max_activations_per_hour) == (12, 50)
        assert (settings.use_batch_api, settings.batch_api_below) == (True, 0.4)
        assert not deployment.agents["clerk"].settings.use_batch_api
        assert sales.renamed_from == "seller"
        assert (watches["new"].min_increase, watches["new"].include_own) == (0.2, True)
        assert {name: kind.on_repeat for name, kind in deployment.kinds.items()} == {
            "lead": "separate", "reply": "add", "rain": "replace", "slot": "separate",
            "need": "separate", "decision": "separate",
        }  # fmt: skip
        # Equal content is not a change: the migration writes the same content as this program.
        assert board.deploy(deployment).version == deployment.version


def test_a_kind_names_its_class_and_schema_and_a_budget_that_only_warns(path: Path, clock: ManualClock) -> None:
    [*_, row] = contents(path, "deployment")
    content = json.loads(row["content"])
    budgets = content["budget"], content["agents"]["clerk"]["settings"]["budget"]
    for budget in budgets:
        budget["mode"] = "watch"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE deployment SET content = ? WHERE version = ?", (json.dumps(content), row["version"]))
    connection.close()
    with Blackboard.open(path, clock=clock) as board:
        deployment = board.deployment
    lead = deployment.kinds["lead"]
    assert (lead.class_path, lead.payload_schema) == ("__main__:Lead", content["kinds"]["lead"]["payload"])
    assert deployment.budget.mode == "warn"
    assert {name: agent.settings.budget.mode for name, agent in deployment.agents.items()} == {
        "analyst": "hold", "clerk": "warn", "sales": "hold", "warden": "hold",
    }  # fmt: skip


def test_conditions_are_stored_in_their_canonical_form(path: Path, clock: ManualClock) -> None:
    with Blackboard.open(path, clock=clock) as board:
        watches = {watch.name: watch for watch in board.deployment.agents["sales"].watches}
        assert watches["warm"].when == '(total("lead") >= 2) & (strongest("reply") >= 1)'
        assert watches["many"].when == 'count("lead", "reply", over="board") >= 40'
        assert watches["new"].only_if == 'count("reply", subject="o\'clock*") < 2'
        assert watches["new"].unless == '(count("rain", over="board") >= 1) | (strongest("rain") >= 3)'
    for row in contents(path, "deployment"):
        for agent in json.loads(row["content"])["agents"].values():
            for watch in agent["watches"]:
                texts = [text for text in (watch["when"], watch["only_if"], watch["unless"]) if text]
                assert texts == [str(parse_condition(text)) for text in texts]
    for row in contents(path, "watch"):
        assert row["condition"] == str(parse_condition(row["condition"]))


def test_all_data_is_readable_after_the_upgrade(path: Path, clock: ManualClock) -> None:
    with Blackboard.open(path, clock=clock) as board:
        states = board.status().activations
        assert states == {"quarantined": 1, "dead": 1, "done": 6, "held": 1, "running": 1, "skipped": 2}
        assert {item.held_by for item in board.agenda() if item.subject == "lead/rest"} == {"cooldown"}
        assert board.status().backfills == 8
        assert len(board.history("lead/split")) >= 3
    calls = [(row["state"], row["api"]) for row in contents(path, "model_calls")]
    assert calls == [("applied", "messages"), ("cost_recorded", "messages"), ("planned", "batch")]


def test_work_continues_after_the_upgrade(path: Path, clock: ManualClock) -> None:
    with Blackboard.open(path, clock=clock) as board:
        before = len(board.marks())
        board.deploy(board.deployment.model_copy(update={"trust": {"webform": 0.5}}))
        status = board.status()
        assert status.backfills == 0
        assert 0 < len(board.marks()) <= before
        [quarantined] = board.activations(state="quarantined")
        board.retry(quarantined.id)
        assert [record.id for record in board.activations(state="ready")] == [quarantined.id]


def test_a_copy_of_the_board_is_made_before_its_upgrade(path: Path, clock: ManualClock) -> None:
    old = contents(path, "event")
    with Blackboard.open(path, clock=clock) as board:
        change = board.schema_change
        assert change is not None
        assert (change.before, change.after) == ("0002", HEAD)
        assert change.backup is not None
        assert backups_of(path) == [change.backup]
        assert contents(change.backup, "event") == old
        assert revision(change.backup) == "0002"
        assert examine_copy(change.backup).events == len(old)
    with Blackboard.open(path, clock=clock) as board:
        assert board.schema_change is None
    assert backups_of(path) == [change.backup]


def test_a_board_is_not_upgraded_under_a_living_worker(path: Path, clock: ManualClock) -> None:
    liveness = WorkerLiveness(path, lambda: None)
    liveness.enter()
    try:
        connection = sqlite3.connect(path)
        connection.execute("INSERT INTO worker VALUES (?, 1, 'here', 0, 0)", (liveness.id,))
        connection.commit()
        connection.close()
        with pytest.raises(StoreError, match=f"worker {liveness.id} runs on it; stop every worker"):
            Blackboard.open(path, clock=clock)
        assert revision(path) == "0002"
        assert backups_of(path) == []
    finally:
        liveness.release()
    Blackboard.open(path, clock=clock).close()


def test_a_board_that_cannot_be_copied_is_not_upgraded(
    path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(database: Database, now: int) -> Path:
        raise StoreError("the disk is full")

    monkeypatch.setattr(sqlite_backups, "keep_before_upgrade", fail)
    with pytest.raises(StoreError, match="the disk is full"):
        Blackboard.open(path, clock=clock)
    assert revision(path) == "0002"


def test_a_transaction_on_a_board_with_another_schema_is_refused(path: Path, clock: ManualClock) -> None:
    with Blackboard.open(path, clock=clock) as board:
        for number, error in (("9999", StoreNewer), ("0003", StoreError)):
            connection = sqlite_library.sqlite.connect(path)  # another library may not open the file of a board in use
            connection.execute("UPDATE alembic_version SET version_num = ?", (number,))
            connection.commit()
            connection.close()
            with pytest.raises(error, match=r"schema 9999|run 'blackboard init'"):
                board.marks()
            with pytest.raises(error, match=r"schema 9999|run 'blackboard init'"):
                board.pause()


def test_a_need_may_have_a_due_time_on_an_upgraded_board(path: Path, clock: ManualClock) -> None:
    with Blackboard.open(path, clock=clock, author="person:ada") as board:
        assert canonical_form(board.deployment.kinds["need"].payload_schema or {}) == canonical_form(
            Need.payload_schema()
        )
        board.deposit("need", subject="s", payload={"question": "?", "due": "15m"})
        assert board.inbox()[-1].due_at is not None
