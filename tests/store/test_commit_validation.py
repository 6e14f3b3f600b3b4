"""Writes whose ids and instants are those under the lock of the board."""

from __future__ import annotations

from dataclasses import replace

import pytest

from blackboard.store.dialects.dialect import SQLITE
from blackboard.store.postgresql.optimistic_transactions.commit_validation import UNLOCKED_WRITES, write_of
from blackboard.store.sql_composition import PARAMETER
from blackboard.store.statement_file import Statement
from blackboard.store.statements import CROSSINGS, MARKS


def _writes() -> list[Statement[object]]:
    return [
        statement
        for file in (MARKS, CROSSINGS)
        for statement in file.all().values()
        if statement.name in UNLOCKED_WRITES
    ]


def test_every_write_without_a_lock_has_a_form_that_can_be_rewritten() -> None:
    """The value of each parameter that is neither an id of an event nor an instant of the change stays."""
    writes = _writes()
    assert {statement.name for statement in writes} == UNLOCKED_WRITES.keys()
    for statement in writes:
        names = PARAMETER.findall(statement.text(SQLITE))
        part = write_of(statement, dict.fromkeys(names, 7), last_event_id=6)
        assert len(part.values) == len(set(names) - UNLOCKED_WRITES[statement.name]), statement.name
        assert part.text.count(" held ") + part.text.endswith(" held") == 1, statement.name


def test_the_new_ids_and_the_instant_of_an_insertion_are_those_under_the_lock() -> None:
    values = {"key": "k", "author": "a", "kind": "fact", "digest": None, "mark_id": 3, "event_id": 9, "at": 5}
    part = write_of(MARKS.insert_key, {**values, "source": None}, last_event_id=8)
    assert part.text == (
        "INSERT INTO deposit_key (key, author, kind, digest, mark_id, event_id, at, source)\n"
        "SELECT $1, $2, $3, $4, $5, CAST($6 AS bigint) + held.shift, held.at, $7 FROM held"
    )
    assert part.values == ["k", "a", "fact", None, 3, 9, None]


def test_a_change_reads_the_instant_from_the_table_of_the_check() -> None:
    deletion = write_of(MARKS.delete_unique_value, {"mark_id": 3}, last_event_id=8)
    assert deletion.text == "DELETE FROM unique_value USING held WHERE mark_id = $1"
    assert "\nFROM held WHERE id = $" in write_of(MARKS.update_mark, _values(MARKS.update_mark), last_event_id=8).text


@pytest.mark.parametrize(
    "text",
    [
        "UPDATE mark SET law = (SELECT law FROM kind WHERE name = :kind) WHERE id = :id",
        "DELETE FROM unique_value WHERE mark_id IN (SELECT id FROM mark WHERE kind = :kind)",
        "DELETE FROM unique_value",
        "INSERT INTO mark_tag (mark_id) SELECT id FROM mark WHERE kind = :kind",
        "INSERT INTO mark_tag (mark_id) VALUES (:mark_id) ON CONFLICT DO NOTHING",
    ],
)
def test_a_write_whose_places_are_not_certain_is_refused(text: str) -> None:
    statement = replace(MARKS.delete_unique_value, texts={SQLITE: text})
    with pytest.raises(ValueError, match=r"marks\.delete_unique_value cannot be rewritten"):
        write_of(statement, _values(statement), last_event_id=8)


def _values(statement: Statement[object]) -> dict[str, int]:
    return dict.fromkeys(PARAMETER.findall(statement.text(SQLITE)), 7)
