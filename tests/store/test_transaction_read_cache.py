"""Writes drop the cached results that they may change, and the statements keep to the rule that makes this safe."""

from __future__ import annotations

import re

import pytest

from blackboard.store.dialects.dialect import POSTGRESQL
from blackboard.store.postgresql.pipelined_transactions.statement_pipeline import StatementResult
from blackboard.store.postgresql.pipelined_transactions.transaction_read_cache import (
    KEYS,
    Key,
    TransactionReadCache,
    tables_written,
)
from blackboard.store.schema.tables import metadata
from blackboard.store.statement_file import Statement
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, ERASURE, MARKS
from tools.statement_variants import every_statement, variants

READ_A = (("trace", "a"), {"kind": "trace", "subject": "a"})


@pytest.fixture
def cache() -> TransactionReadCache:
    """Return results about the marks of one subject and about the sums of a watch over the board."""
    cache = TransactionReadCache()
    cache.keep(MARKS.marks_of_subject, READ_A[0], StatementResult())
    cache.keep(CROSSINGS.watch_totals, (1, ""), StatementResult())
    return cache


def has_marks(cache: TransactionReadCache) -> bool:
    return cache.find(MARKS.marks_of_subject, READ_A[0]) is not None


def test_a_write_drops_the_results_about_its_subject_alone(cache: TransactionReadCache) -> None:
    cache.drop_changed(MARKS.insert_mark, {"kind": "trace", "subject": "b", "id": 7})
    assert has_marks(cache)
    cache.drop_changed(MARKS.insert_mark, {"kind": "trace", "subject": "a", "id": 8})
    assert not has_marks(cache)
    assert cache.find(CROSSINGS.watch_totals, (1, "")) is not None


def test_a_write_that_does_not_name_its_subject_drops_all_results_from_its_table(cache: TransactionReadCache) -> None:
    cache.drop_changed(MARKS.delete_mark, {"id": 7})
    assert not has_marks(cache)
    assert cache.find(CROSSINGS.watch_totals, (1, "")) is not None


def test_a_write_that_names_more_than_it_uses_names_its_row(cache: TransactionReadCache) -> None:
    cache.drop_changed(MARKS.update_mark, {"id": 7, "kind": "trace", "subject": "b"})
    assert has_marks(cache)
    cache.drop_changed(MARKS.update_mark, {"id": 8, "kind": "trace", "subject": "a"})
    assert not has_marks(cache)


def test_an_erasure_drops_the_results_about_the_new_name(cache: TransactionReadCache) -> None:
    cache.keep(CROSSINGS.waiting_crossing, (1, "a", 0), StatementResult())
    cache.drop_changed(ERASURE.rename_crossings, {"scope": "b", "new_scope": "a"})
    assert cache.find(CROSSINGS.waiting_crossing, (1, "a", 0)) is None


def test_a_write_drops_the_results_about_its_activation_and_about_the_one_that_it_was_split_from(
    cache: TransactionReadCache,
) -> None:
    for number in (1, 2, 3):
        cache.keep(ACTIVATIONS.run_to_end, (number,), StatementResult())
    cache.drop_changed(ACTIVATIONS.insert_activation, {"id": 9, "split_from": 1})
    cache.drop_changed(ACTIVATIONS.finish_activation, {"id": 2, "split_from": None})
    assert [cache.find(ACTIVATIONS.run_to_end, (number,)) is None for number in (1, 2, 3)] == [True, True, False]


def test_a_write_that_does_not_name_the_activation_that_its_row_was_split_from_drops_all_results(
    cache: TransactionReadCache,
) -> None:
    cache.keep(ACTIVATIONS.run_to_end, (1,), StatementResult())
    cache.drop_changed(ACTIVATIONS.set_lease, {"id": 2, "until": 7})
    assert cache.find(ACTIVATIONS.run_to_end, (1,)) is None


def test_a_list_of_values_is_never_cached(cache: TransactionReadCache) -> None:
    assert cache.find(MARKS.marks_of_subject, ("trace", ["a"])) is None


def test_keys_are_columns() -> None:
    assert {table: key for table, key in KEYS.items() if key.column not in metadata.tables[table].columns} == {}


def is_value_of_rows(text: str, key: Key) -> bool:
    """Return whether each use of a parameter is the value of the column with its name in the rows that are written."""
    uses = len(re.findall(rf"(?<![:\w]):{key.parameter}\b", text))
    if not text.startswith("INSERT INTO"):
        return uses == len(re.findall(rf"\b{key.column} = :{key.parameter}\b", text))
    columns = re.findall(r"\w+", text.partition("(")[2].partition(")")[0])
    values = re.search(r"VALUES \((.*?)\)(?=\s*(?:ON|;|\Z))|SELECT (.*?)\bFROM\b", text, re.DOTALL)
    assert values is not None
    given = [value.strip() for value in (values[1] or values[2]).split(",")]
    return uses == 1 and given[columns.index(key.column)] == f":{key.parameter}"


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        (name, variant)
        for statement in every_statement()
        for name, variant in variants(statement)
        if tables_written(variant) & KEYS.keys()
    ],
)
def test_a_parameter_with_the_name_of_a_key_is_its_value_in_the_written_rows(
    name: str, statement: Statement[object]
) -> None:
    text = statement.text(POSTGRESQL)
    for key in {KEYS[table] for table in tables_written(statement) & KEYS.keys()}:
        assigns = re.search(rf"\bSET\b(?:(?!\bWHERE\b).)*\b{key.column} = ", text, re.DOTALL)
        assert f":{key.parameter}" not in text or assigns or is_value_of_rows(text, key), name
