"""States: their transitions, and the same words in SQL, in the tables and in the documents."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import get_args

import pytest

from blackboard.core.records.states import (
    INITIAL,
    OPEN_CALLS,
    TRANSITIONS,
    UNFINISHED,
    WITH_FINISHED_AT,
    ActivationState,
    CallApi,
    CallState,
    CrossingState,
    IllegalTransition,
    MessageState,
    check_initial,
    check_transition,
    one_of_states,
)
from blackboard.store import statements
from blackboard.store.dialects.sqlite_dialect import SqliteDialect
from blackboard.store.statement_file import StatementFile
from blackboard.store.statements import MARKS
from tools import state_diagram

ENUMS: dict[str, type[StrEnum]] = {
    "activation": ActivationState,
    "crossing": CrossingState,
    "model_call": CallState,
    "answered": CallState,  # an alias of model_call
    "best": CrossingState,  # an alias of crossing
    "message": MessageState,
}
FILES = [value for value in vars(statements).values() if isinstance(value, StatementFile)]
TEXTS = [
    (statement.name, statement.compile(SqliteDialect())[0])
    for file in FILES
    for statement in file.all().values()
    if not statement.name.startswith("marks.sum_")
]
WORDS = r"'\w+'"
WHICH = rf"(?:=|IN) \(?({WORDS}(?:, {WORDS})*)"
STATES = re.compile(rf"(?:(\w+)\.)?\bstate (?:=|<>|IN|NOT IN) \(?({WORDS}(?:, {WORDS})*)")


def table_of(text: str, alias: str | None) -> str:
    if alias is not None:
        return alias
    match = re.search(r"\b(?:UPDATE|FROM) (\w+)", text)
    assert match is not None
    return match[1]


@pytest.mark.parametrize("enum", TRANSITIONS, ids=lambda enum: enum.__name__)
def test_every_state_can_be_reached(enum: type[StrEnum]) -> None:
    reached = set(INITIAL[enum]).union(*TRANSITIONS[enum].values())
    assert reached == set(enum)


def test_a_transition_outside_the_table_is_an_error() -> None:
    check_transition("running", ActivationState.DONE)
    with pytest.raises(IllegalTransition, match="ActivationState: done cannot become ready"):
        check_transition("done", ActivationState.READY)


def test_a_row_cannot_begin_in_any_state() -> None:
    check_initial(ActivationState.RUNNING)
    with pytest.raises(IllegalTransition, match="CallState: a row cannot begin as answered"):
        check_initial(CallState.ANSWERED)


def test_an_activation_is_unfinished_if_its_state_can_change() -> None:
    assert set(UNFINISHED) == set(TRANSITIONS[ActivationState])


def test_every_activation_that_neither_runs_nor_waits_has_finished_at() -> None:
    assert set(WITH_FINISHED_AT) == set(ActivationState) - {"ready", "running", "held"}


def test_the_shared_fragments_name_the_same_states() -> None:
    shared = MARKS.get_mark.fragments["sqlite"]
    assert shared["is_unfinished"].text == one_of_states("activation.state", UNFINISHED)
    assert shared["is_open"].text == one_of_states("model_call.state", OPEN_CALLS)


@pytest.mark.parametrize(("name", "text"), TEXTS, ids=[name for name, _ in TEXTS])
def test_a_statement_names_only_states_of_its_table(name: str, text: str) -> None:
    for alias, words in STATES.findall(text):
        states = set(re.findall(r"\w+", words))
        assert states <= set(ENUMS[table_of(text, alias or None)])


def test_statements_name_only_known_apis_of_calls() -> None:
    named = {api for _, text in TEXTS for api in re.findall(r"\bapi = '(\w+)'", text)}
    assert {"messages", "batch"} <= named <= set(get_args(CallApi))


def test_an_update_changes_a_state_as_the_table_of_transitions_allows() -> None:
    checked = 0
    for _, text in TEXTS:
        if (update := re.match(r"UPDATE (\w+)\s+SET state = '(\w+)'(.*)", text, re.DOTALL)) is None:
            continue
        table, new, rest = update.groups()
        named = re.findall(rf"(?<!\.)\bstate {WHICH}", rest) or re.findall(rf"\bstate {WHICH}", rest)
        # A statement that names no state changes rows in any.
        for old in re.findall(r"\w+", " ".join(named)) or ENUMS[table]:
            check_transition(old, ENUMS[table](new))
        checked += 1
    assert checked >= 6


def test_the_diagram_in_the_documents_is_generated() -> None:
    page = state_diagram.PAGE.read_text("utf-8")
    assert "```mermaid\nstateDiagram-v2\n" in page
    assert state_diagram.updated(page) == page
