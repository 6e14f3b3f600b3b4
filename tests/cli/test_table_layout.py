"""A table fits its width. Spare columns are omitted first, then texts are cut; the last column wraps."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from blackboard.cli.terminal.table_layout import LAST_COLUMN_WIDTH, MIN_WIDTH, clean_text, format_table

COLUMNS = ("id", "subject", "age", "note")
WORDS = st.text(st.characters(codec="utf-8"), max_size=40)


def lines(text: str) -> list[str]:
    return text.splitlines()


def width(line: str) -> int:
    marks = ("Mn", "Me")
    return sum(0 if unicodedata.category(c) in marks else 1 + (unicodedata.east_asian_width(c) in "WF") for c in line)


def test_a_table_has_a_header_a_line_and_rows() -> None:
    assert format_table(("id", "what"), [(1, "a"), (22, "bb")], 80, title="Two") == (
        " Two\n\n id   what\n ─────────\n  1   a\n 22   bb\n\n"
    )


def test_a_missing_value_is_a_dash_and_keeps_the_column_numeric() -> None:
    assert lines(format_table(("n", "x"), [(10, None), (None, "a")], 80))[3:5] == [" 10   -", "  -   a"]


def test_the_last_column_wraps_between_words() -> None:
    found = lines(format_table(("id", "what"), [(1, "one two three four five six")], 20))
    assert found[3:] == ["  1   one two three", "      four five six", ""]


def test_a_word_longer_than_a_line_is_broken() -> None:
    assert lines(format_table(("id", "what"), [(1, "x" * 20)], 20))[3:] == [f"  1   {'x' * 13}", f"      {'x' * 7}", ""]


def test_spare_columns_are_omitted_before_a_text_is_cut() -> None:
    row = (1, "ada@example.org", "3h", "a note of some length")
    assert "age" in format_table(COLUMNS, [row], 80, spare=("age",))
    narrow = format_table(COLUMNS, [row], 40, spare=("age",))
    assert "age" not in narrow
    assert "ada@exa…" in format_table(COLUMNS, [row], 20, spare=("age",))


def test_a_spare_column_without_values_is_omitted() -> None:
    rows = [(1, "ada@example.org", None, "hello"), (2, "bob@example.org", "", "good-bye")]
    assert "age" not in format_table(COLUMNS, rows, 80, spare=("age",))
    assert "age" in format_table(COLUMNS, rows, 80)


def test_a_table_without_its_last_column_fits_too() -> None:
    found = lines(format_table(("id", "what", "payload"), [(1, "one two three", "x" * 40)], 16, spare=("payload",)))
    assert found[1:] == [" id   what", " ──────────────", "  1   one two", "      three", ""]


def test_wide_letters_take_two_columns() -> None:
    found = lines(format_table(("what", "n"), [("日本", 1), ("a", 2)], 80))
    assert found[3:5] == [" 日本   1", " a      2"]


@given(st.lists(st.tuples(st.integers(0, 10**6), WORDS, WORDS, WORDS), min_size=1, max_size=5), st.integers(40, 120))
def test_no_line_exceeds_the_width_and_no_number_is_cut(rows: list[tuple[int, str, str, str]], room: int) -> None:
    text = format_table(COLUMNS, rows, room, spare=("age",))
    assert max(map(width, lines(text))) <= max(room, 7 + 3 + MIN_WIDTH + 3 + LAST_COLUMN_WIDTH + 2)
    assert all(str(row[0]) in text for row in rows)


@given(WORDS)
def test_control_characters_are_removed(text: str) -> None:
    assert all(character.isprintable() for character in clean_text(text))
