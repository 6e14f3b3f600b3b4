"""Names and phrases that decision 21 replaced do not come back.

Boards of earlier development versions, old branches and copied examples still have them, so a merge can bring one in
unnoticed, and then two names stand for one thing. An uncommon word is searched as any identifier. An ordinary word,
such as `rest` or `own`, is searched only in the place where it was a name: as an argument, a setting, a method, a
table, a column, a state or a command. The last two tests keep rules for names that have nothing to do with old ones.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import blackboard
from blackboard import Blackboard, Mark
from blackboard.cli.app import COMMANDS
from blackboard.core.deployment import AgentSettings, AgentSpec, Budget, Deployment, KindSpec, ReadSpec, WatchSpec
from blackboard.core.states import ActivationState, CallState, CrossingState
from blackboard.settings.sections import AgentSection, DaemonSection, KindSection, WatchSection
from blackboard.settings.settings_file import Settings
from blackboard.store.tables import metadata
from blackboard.store.view_columns import VIEWS

ROOT = Path(__file__).resolve().parents[1]
CODE = ("blackboard", "agents", "benchmarks", "docs", "tests", "examples")
MODELS: list[type[BaseModel]] = [
    AgentSettings, AgentSpec, WatchSpec, ReadSpec, KindSpec, Budget, Deployment, AgentSection, KindSection,
    WatchSection, DaemonSection, Settings,
]  # fmt: skip
CALLS = {"agent", "watch", "Watch", "AgentSettings", "AgentSpec", "WatchSpec", "KindSpec", "Kind"}

OLD = {
    "identifier": """
        Moment Transacting Seeing MarkView GivenRow Stint Evaporates Wakes Faded Joins Leave leave_many max_depth
        hourly_limit rest_per rest_after_failures lane_below rearm marks_left activation_mark upto formerly spoiled
        outgrown
        """,
    "argument": """
        joins gather urgency rest rest_per rest_after_failures rearm own alone formerly otherwise max_depth
        hourly_limit lane lane_below
        """,
    "method": """
        Blackboard.settle Blackboard.in_force Blackboard.leave Blackboard.leave_many Blackboard.look Blackboard.install
        Blackboard.apply Mark.otherwise Mark.given
        """,
    "table": "activation_mark rest fall follow_up succession",
    "column": """
        activation.marks_left activation.depth activation.split_call activation_input.previous_event_id
        agent_state.rest_until backfill.sort backfill.upto board.recorded_at board_total.settled crossing.held
        deployment.at event.at law_change.successor law_change.at model_call.lane activations.marks_left
        activations.depth agenda.held costs.marks_left mark_history.at model_calls.lane watch_state.held_since
        crossing.held_since watch_states.held_since
        """,
    "state": "aside passed settled put_back",
    "command": "settle",
}

PHRASES = re.compile(
    r"\b(?:whoever|whosoever|knows not|know not|is no TOML|is no UTF-8|no more until it|takes the place of nothing)\b"
    r"|come back together|comes first writes first|an event's id is drawn|neither its outcome nor its answer tells"
    r"|Told, by|taken at their word|bears this worker's name|whose parameters cannot be|nothing lies there|what lies"
    r" there|under what it tells|a mistake in blackboard"
)


@cache
def files(*suffixes: str, folders: tuple[str, ...] = CODE) -> tuple[Path, ...]:
    """Return the files of the project with such names, except this file."""
    paths = (path for folder in folders for path in sorted((ROOT / folder).rglob("*")))
    return tuple(p for p in paths if p.suffix in suffixes and p != Path(__file__).resolve() and "rivals" not in p.parts)


def words(place: str) -> str:
    """Return a pattern of the old words of a place."""
    return rf"\b(?:{'|'.join(OLD[place].split())})\b"


def nodes(pattern: str) -> Iterator[tuple[str, ast.AST]]:
    """Yield every node of the Python files whose text has the pattern, each with the path of its file."""
    for path in files(".py"):
        text = path.read_text("utf-8")
        if re.search(pattern, text):
            yield from ((str(path.relative_to(ROOT)), node) for node in ast.walk(ast.parse(text)))


def identifiers() -> Iterator[tuple[str, str]]:
    for path, node in nodes(words("identifier")):
        if path.endswith("/test_upgrade.py"):  # it compares an old board with the new names
            continue
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
                yield path, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield path, name
            case ast.alias(name=name, asname=alias):
                yield from ((path, part) for part in [*name.split("."), alias or ""])


def arguments() -> Iterator[tuple[str, str]]:
    """Yield arguments of declarations, and settings of deployment files."""
    for path, node in nodes(words("argument") + r"\s*="):
        call = isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in CALLS
        if call or (isinstance(node, ast.ClassDef) and any(word.arg == "kind" for word in node.keywords)):
            yield from ((path, word.arg or "") for word in node.keywords)  # type: ignore[attr-defined]
    yield from ((model.__name__, name) for model in MODELS for name in model.model_fields)
    functions: list[Callable[..., Any]] = [blackboard.agent, blackboard.watch, Mark.__pydantic_init_subclass__]
    yield from ((function.__name__, name) for function in functions for name in inspect.signature(function).parameters)
    for file in files(".toml", folders=("config", "examples")):
        keys = re.findall(r"^(?:# )?(\w+) = ", file.read_text("utf-8"), re.MULTILINE)
        yield from ((file.name, key) for key in keys)


def columns() -> Iterator[tuple[str, str]]:
    yield from (
        ("a table", f"{name}.{column.key}") for name, table in metadata.tables.items() for column in table.columns
    )
    yield from (("a view", f"{name}.{column}") for name, view in VIEWS.items() for column in view)


def states() -> Iterator[tuple[str, str]]:
    yield from (("an enum", state) for enum in (ActivationState, CrossingState, CallState) for state in enum)
    for path, node in nodes(words("state").replace("_", "[ _]")):
        if path.startswith("blackboard/") and isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield path, node.value.replace(" ", "_")


USED: dict[str, Callable[[], Iterator[tuple[str, str]]]] = {
    "identifier": identifiers,
    "argument": arguments,
    "method": lambda: (("a class", f"{it.__name__}.{name}") for it in (Blackboard, Mark) for name in dir(it)),
    "table": lambda: (("the database", name) for name in metadata.tables),
    "column": columns,
    "state": states,
    "command": lambda: (("the command line", name) for names in COMMANDS.values() for name in names),
}


@pytest.mark.parametrize("place", OLD)
def test_no_old_name_comes_back(place: str) -> None:
    old = set(OLD[place].split())
    assert sorted({f"{where}: {name}" for where, name in USED[place]() if name in old}) == []


def test_no_text_has_a_phrase_that_was_rewritten() -> None:
    paths = {*files(".py", ".md", ".toml"), *files(".toml", folders=("config",)), *ROOT.glob("*.md")}
    skipped = {ROOT / "CHANGELOG.md", *(ROOT / "docs" / "decisions").glob("*.md")}
    texts = {str(path.relative_to(ROOT)): " ".join(path.read_text("utf-8").split()) for path in paths - skipped}
    assert {path: found for path, text in texts.items() if (found := PHRASES.findall(text))} == {}


def test_the_names_of_modules_are_unique() -> None:
    names = [path.stem for path in files(".py", folders=("blackboard", "agents")) if path.stem != "__init__"]
    assert [name for name, times in Counter(names).items() if times > 1] == []


def test_the_names_of_classes_are_unique() -> None:
    paths = files(".py", folders=("blackboard", "agents"))
    classes = [
        node.name for path in paths for node in ast.parse(path.read_bytes()).body if isinstance(node, ast.ClassDef)
    ]
    assert [name for name, times in Counter(classes).items() if times > 1] == []


def test_a_test_module_is_imported_by_no_other() -> None:
    imported = {
        f"{path}: {node.module}"
        for path, node in nodes(r"\.test_\w+ import")
        if isinstance(node, ast.ImportFrom) and re.search(r"\.test_\w+$", node.module or "")
    }
    assert not imported, "what several tests use is in a module of its own"
