"""A JSON text gets and loses parts, and all its other characters stay."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackboard.claude_code import json_edits

WRITTEN = (
    '{\n    "mcpServers": {\n        "other": {"command": "x", "args": ["\\u00e9", "}{"]}\n    },\n    "z": 1\n}\n'
)


def test_a_member_is_added_in_the_indentation_of_its_neighbours() -> None:
    added = json_edits.add(WRITTEN, ["mcpServers"], {"command": "y"}, "ours")
    assert added == WRITTEN.replace('"}{"]}\n', '"}{"]},\n        "ours": {\n          "command": "y"\n        }\n')
    assert json_edits.remove(added, ["mcpServers", "ours"]) == WRITTEN


def test_an_object_on_one_line_stays_on_one_line() -> None:
    assert json_edits.add('{"a": [1]}', ["a"], 2) == '{"a": [1, 2]}'
    assert json_edits.add('{"a": [1]}', [], [], "b") == '{"a": [1], "b": []}'


def test_a_member_in_the_middle_or_at_the_front_is_removed() -> None:
    text = '{"a": 1,\n "b": 2, "c": 3}'
    assert json_edits.remove(text, ["a"]) == '{"b": 2, "c": 3}'
    assert json_edits.remove(text, ["b"]) == '{"a": 1,\n "c": 3}'
    assert json_edits.remove(text, ["c"]) == '{"a": 1,\n "b": 2}'


@pytest.mark.parametrize("text", ["", "{", '{"a": 1,}', "[1 2]", "nul"])
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        json_edits.parse(text)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), values, max_size=4), values, st.sampled_from([None, 0, 2, 4, "\t"]), st.booleans())
def test_what_is_added_and_removed_leaves_no_trace(
    before: dict[str, Any], value: Any, indent: int | str | None, is_ascii: bool
) -> None:
    text = json.dumps(before, indent=indent, ensure_ascii=is_ascii)
    key = "ours" * 5
    added = json_edits.add(text, [], value, key)
    assert json.loads(added) == {**before, key: value}
    assert json_edits.parse(added).value == {**before, key: value}
    assert json_edits.remove(added, [key]) == text


@given(st.dictionaries(st.text(), values, min_size=1, max_size=4), st.sampled_from([None, 2]), st.data())
def test_a_part_of_a_json_text_is_found_at_its_place(
    value: dict[str, Any], indent: int | None, data: st.DataObject
) -> None:
    text = json.dumps(value, indent=indent)
    key = data.draw(st.sampled_from(sorted(value)))
    part = json_edits.find(json_edits.parse(text), [key])
    assert part is not None
    assert json.loads(text[part.start : part.end]) == value[key]
    rest = json.loads(json_edits.remove(text, [key]))
    assert rest == {name: item for name, item in value.items() if name != key}
