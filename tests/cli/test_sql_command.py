"""`sql` can read the whole board, changes nothing, and ends within its timeout."""

from __future__ import annotations

import csv
import io

import pytest

from tests.support.command_line import CommandLine


@pytest.fixture
def house(house: CommandLine) -> CommandLine:
    house("deposit", "smoke", "kitchen", "--payload", '{"detail": "thick"}', "--intensity", "0.4")
    return house


def test_views_can_be_queried(house: CommandLine) -> None:
    done = house("sql", "select kind, count(*) as n, max(strength) from live_marks group by kind", "--json")
    assert done.json[0]["kind"] == "smoke"
    assert done.json[0]["n"] == 1
    for view in ("mark_history", "agenda", "activations", "provenance", "model_calls", "costs"):
        assert house("sql", f"select * from {view}").code == 0


def test_csv_can_be_guarded_against_formulas(house: CommandLine) -> None:
    query = """select '=HYPERLINK("x")' as a, ' +1' as "@b", '-x' as c, -5 as d, 'a=b' as e"""
    done = house("sql", query, "--csv", "--guard-formulas")
    rows = [["a", "'@b", "c", "d", "e"], ['\'=HYPERLINK("x")', "' +1", "'-x", "-5", "a=b"]]
    assert list(csv.reader(io.StringIO(done.out))) == rows
    assert house("sql", query, "--guard-formulas").code == 2


def test_csv_has_a_header_and_nothing_else(house: CommandLine) -> None:
    done = house("sql", "select subject, null as empty from live_marks", "--csv")
    assert list(csv.reader(io.StringIO(done.out))) == [["subject", "empty"], ["kitchen", ""]]
    assert house("sql", "select 1", "--csv", "--json").code == 2


def test_columns_with_equal_names_are_all_kept(house: CommandLine) -> None:
    assert house("sql", "select 1 as a, 2 as a, 3 as a", "--json").json == [{"a": 1, "a_2": 2, "a_3": 3}]


@pytest.mark.file_only("the query is in the SQL of SQLite")
def test_values_that_json_cannot_represent_become_text(house: CommandLine) -> None:
    assert house("sql", "select 9e999 as a, x'00ff' as b", "--json").json == [{"a": "inf", "b": "00ff"}]


def test_rows_beyond_the_limit_are_reported(house: CommandLine) -> None:
    many = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 50) select i from n"
    done = house("sql", many, "--limit", "10", "--json")
    assert len(done.json) == 10
    assert "first 10 rows" in done.err
    assert house("sql", many, "--limit", "50").err == ""


def test_a_query_may_come_from_stdin(house: CommandLine) -> None:
    assert house("sql", "-", "--json", stdin="select 1 as one").json == [{"one": 1}]


@pytest.mark.file_only("the statements are those of SQLite")
@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("delete from mark", "only reading"),
        ("insert into kind values ('x', 1, 1, 'never')", "only reading"),
        ("update board set paused = 1", "only reading"),
        ("drop table mark", "only reading"),
        ("create table x (a)", "only reading"),
        ("create temp table x (a)", "only reading"),
        ("attach 'other.db' as other", "only reading"),
        ("vacuum into 'copy.db'", "only reading"),
        ("pragma journal_mode = delete", "only reading"),
        ("pragma user_version", "only reading"),
        ("begin immediate", "only reading"),
        ("reindex", "only reading"),
        ("select load_extension('x.so')", "only reading"),
        ("select writefile('x', 'y')", "no such function"),
        ("select 1; delete from mark", "one statement at a time"),
        ("with live_marks as (select 1) delete from mark", "only reading"),
        ("select * from live_mark", "did you mean 'live_marks'?"),
        ("select * from marks", "did you mean 'live_marks'?"),
        ("select live_marks.strenth from live_marks", "no such column: live_marks.strenth; did you mean 'strength'?"),
        ("select colour from live_marks", "no such column: colour"),
        ("selct 1", "syntax error"),
        ("", "this is not a query"),
        ("select '\x00'", "error"),
        ("select '{broken' ->> '$.x'", "malformed JSON"),
        ("select * from pragma_query_only", "only reading"),
        ("replace into mark select * from mark", "only reading"),
        ("update live_marks set strength = 9", "is a view"),
        ("create virtual table words using fts5(text)", "only reading"),
        ("create temp trigger t after insert on mark begin delete from mark; end", "only reading"),
        ("savepoint here", "only reading"),
    ],
)
def test_other_statements_are_refused_and_change_nothing(house: CommandLine, sql: str, message: str) -> None:
    done = house("sql", sql)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert len(house("marks", "--json").json) == 1
    assert not list(house.folder.glob("copy.db")) + list(house.folder.glob("other.db"))


@pytest.mark.file_only("the queries are in the SQL of SQLite")
@pytest.mark.parametrize(
    "endless",
    [
        "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n",
        "select instr(zeroblob(900000), zeroblob(450000) || x'01')",  # one call, during which SQLite checks no timeout
    ],
)
def test_an_endless_query_is_stopped_at_the_timeout(house: CommandLine, endless: str) -> None:
    done = house("sql", endless, "--timeout", "400ms")
    assert done.code == 1
    assert "longer than 0.4 s" in done.err


@pytest.mark.file_only("the functions are those of SQLite")
@pytest.mark.parametrize(
    "sql", ["select length(randomblob(900000000) || randomblob(900000000))", "select printf('%.*c', 2000000000, 'x')"]
)
def test_a_query_cannot_exhaust_the_memory(house: CommandLine, sql: str) -> None:
    assert house("sql", sql).code == 2
