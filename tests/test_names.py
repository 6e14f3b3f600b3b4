"""An old name does not come back in the code, a view, a setting, a command or a text.

Many old names are ordinary words, such as `rest`, `own` or `passed`. They are searched only as arguments of `@agent`,
fields of a deployment, and columns of a table.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from pydantic import BaseModel

import blackboard
from blackboard import Blackboard, Mark, Receipt
from blackboard.board.activations import model_calls
from blackboard.cli.app import COMMANDS
from blackboard.deployment import AgentSettings, AgentSpec, Budget, Deployment, KindSpec, ReadSpec, WatchSpec
from blackboard.errors import InvalidCondition
from blackboard.failpoints import NAMES as FAILPOINTS
from blackboard.parsing import parse
from blackboard.settings.sections import AgentSection, DaemonSettings, KindSection, WatchSection
from blackboard.settings.settings_file import Settings
from blackboard.states import ActivationState, CallState, CrossingState
from blackboard.store.tables import metadata
from blackboard.store.view_columns import VIEWS

ROOT = Path(__file__).resolve().parents[1]
CODE = ("blackboard", "agents", "benchmarks", "docs", "tests", "examples")
PACKAGES = ("blackboard", "agents")

# Names that are not ordinary words: they are searched as identifiers.
IDENTIFIERS = frozenset(
    """
    Moment InForce in_force Transacting Seeing MarkView GivenRow as_given given_to FollowUp FollowUps Evaporates
    Wakes Keeper Asker Stint Lazily Faded FallRow Leaving Joins put_in_force read_in_force read_following follow_batch
    settle_due settle_all settle_discarded settle_question set_alone hand_over lane_for max_depth hourly_limit
    rest_per rest_after_failures rest_until lane_below rearm marks_left split_call previous_event_id activation_mark
    follow_up follow_ups succession successor upto formerly spoiled outgrown on_wake _given _instead Leave leave_many
    Postponed held_back is_put_back
    """.split()  # noqa: SIM905
)

MODULES = frozenset(
    """
    agency agenda asking batches changing checking choosing claiming completing contract costing crew depositing
    door drawing evaporating event_loop explaining falling finishing following forgetting freeze gate giving health
    installing journal keeping lane living loader loading logs looking loops moment pacing passes people phrases
    presence pricing publishing query query_child querying reading redeploying resolving resources rising running
    runs samples section_models seeing shelf statement steps timekeeping totals transacting turn upkeep waking
    watching
    """.split()  # noqa: SIM905
)

# Arguments of @agent(...), watch(...), Watch(...), AgentSettings(...) and of mark classes; settings of a file.
SETTINGS = frozenset(
    """
    joins gather urgency rest rest_per rest_after_failures rearm own alone formerly otherwise max_depth hourly_limit
    lane lane_below
    """.split()  # noqa: SIM905
)
CALLS = {"agent", "watch", "Watch", "AgentSettings", "AgentSpec", "WatchSpec", "KindSpec", "Kind"}

TABLES = {"activation_mark", "rest", "fall", "follow_up", "succession"}
COLUMNS = {
    "activation": {"marks_left", "depth", "split_call"},
    "activation_input": {"previous_event_id"},
    "agent_state": {"rest_until"},
    "backfill": {"sort", "upto"},
    "board": {"recorded_at"},
    "board_total": {"settled"},
    "crossing": {"held"},
    "deployment": {"at"},
    "event": {"at"},
    "law_change": {"successor", "at"},
    "model_call": {"lane"},
}
VIEW_COLUMNS = {
    "activations": {"marks_left", "depth"},
    "agenda": {"held"},
    "costs": {"marks_left"},
    "mark_history": {"at"},
    "model_calls": {"lane"},
}

STATES = {"aside", "passed", "settled", "put back"}

PHRASES = (
    "committed together come back together",
    "who comes first writes first",
    "It knows not what",
    "Before an event's id is drawn",
    "of which neither its outcome nor its answer tells",
    "Told, by whoever wrote",
    "can be taken at their word",
    "bears this worker's name",
    "whose parameters cannot be",
    "no more until it is resumed",
    "nothing lies there that could fall",
    "what lies there is absorbed",
    "are under what it tells",
    "This is a mistake in blackboard",
    "is no TOML",
    "is no UTF-8",
    "takes the place of nothing",
)


def files(*suffixes: str, folders: tuple[str, ...] = CODE) -> Iterator[Path]:
    """Return every file of the project with such a name, except this file."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes and path != Path(__file__).resolve() and "rivals" not in path.parts:
                yield path


def identifiers(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield every name in a module with its line."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
                yield name, line
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, line
            case ast.alias(name=name, asname=alias):
                yield from ((part, line) for part in name.split("."))
                if alias:
                    yield alias, line
            case ast.keyword(arg=str(name)):
                yield name, node.value.lineno
            case _:
                pass


def called(node: ast.Call) -> str:
    """Return the name of a called function."""
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.Module]:
    """Yield every Python file of the project, parsed."""
    return {path: ast.parse(path.read_text("utf-8")) for path in files(".py")}


def test_no_identifier_has_an_old_name(trees: dict[Path, ast.Module]) -> None:
    old = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path, tree in trees.items()
        if path.name != "test_upgrade.py"  # which compares an old board with the new names
        for name, line in identifiers(tree)
        if name in IDENTIFIERS
    ]
    assert old == []


def test_no_call_has_an_argument_with_an_old_name(trees: dict[Path, ast.Module]) -> None:
    old = []
    for path, tree in trees.items():
        for node in ast.walk(tree):
            call = isinstance(node, ast.Call) and called(node) in CALLS
            mark = isinstance(node, ast.ClassDef) and any(word.arg == "kind" for word in node.keywords)
            words: list[ast.keyword] = node.keywords if call or mark else []  # type: ignore[attr-defined]
            old += [
                f"{path.relative_to(ROOT)}:{word.value.lineno}: {word.arg}" for word in words if word.arg in SETTINGS
            ]
    assert old == []


def test_no_setting_and_no_argument_has_an_old_name() -> None:
    models: list[type[BaseModel]] = [
        AgentSettings, AgentSpec, WatchSpec, ReadSpec, KindSpec, Budget, Deployment, AgentSection, KindSection,
        WatchSection, DaemonSettings, Settings,
    ]  # fmt: skip
    fields = {(model.__name__, name) for model in models for name in model.model_fields}
    assert {pair for pair in fields if pair[1] in SETTINGS} == set()
    functions: list[Any] = [blackboard.agent, blackboard.watch, Mark.__pydantic_init_subclass__]
    for function in functions:
        assert SETTINGS.isdisjoint(inspect.signature(function).parameters)


def test_no_file_has_a_setting_with_an_old_name() -> None:
    pattern = re.compile(rf"^(?:# )?({'|'.join(sorted(SETTINGS))}) = ", re.MULTILINE)
    paths = [*files(".toml", folders=("config", "examples")), *(ROOT / "config").glob("*.toml")]
    assert {str(path): found for path in paths if (found := pattern.findall(path.read_text("utf-8")))} == {}


def test_no_method_has_an_old_name() -> None:
    assert {"settle", "in_force", "leave", "leave_many", "look", "install", "apply"}.isdisjoint(dir(Blackboard))
    assert {"otherwise", "given"}.isdisjoint(dir(Mark))
    assert {"settle", "spoiled", "outgrown", "lost", "dropped", "ended"}.isdisjoint(vars(model_calls))


def test_no_table_and_no_view_has_an_old_name() -> None:
    assert TABLES.isdisjoint(metadata.tables)
    columns = {name: set(table.columns.keys()) for name, table in metadata.tables.items()}
    assert {name: old & columns[name] for name, old in COLUMNS.items() if old & columns[name]} == {}
    assert {name: old & set(VIEWS[name]) for name, old in VIEW_COLUMNS.items() if old & set(VIEWS[name])} == {}


def test_no_statement_names_an_old_table_or_column() -> None:
    words = re.compile(
        r"\b(activation_mark|follow_up|succession|successor|marks_left|rest_until|split_call|previous_event_id|upto)\b"
        r"|\b(?:FROM|JOIN|INTO|UPDATE)\s+(rest|fall)\b|'(aside|passed|settled|put back)'"
    )
    found = {}
    for path in (ROOT / "blackboard/store/sql").glob("*.sql"):
        text = re.sub(r"--[^\n]*", "", path.read_text("utf-8"))
        if matches := words.findall(text):
            found[path.name] = matches
    assert found == {}


def test_no_command_and_no_state_has_an_old_name() -> None:
    assert "settle" not in {name for names in COMMANDS.values() for name in names}
    assert STATES.isdisjoint([*ActivationState, *CrossingState, *CallState])
    assert "repeated" not in get_args(get_type_hints(Receipt)["outcome"])
    with pytest.raises(InvalidCondition, match="no measure or schedule 'max'"):
        parse("max(smoke) >= 1")
    assert [name for name in FAILPOINTS if name.startswith(("bell.", "lane.", "following."))] == []


def test_no_code_names_an_old_state(trees: dict[Path, ast.Module]) -> None:
    old = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.value}"
        for path, tree in trees.items()
        if path.is_relative_to(ROOT / "blackboard")
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in STATES
    ]
    assert old == []


def test_no_module_has_an_old_name_and_module_names_are_unique() -> None:
    names = [path.stem for path in files(".py", folders=PACKAGES) if path.stem != "__init__"]
    assert MODULES.isdisjoint(names)
    assert list((ROOT / "blackboard" / "model").glob("*.py")) == []
    assert [name for name, times in Counter(names).items() if times > 1] == []


def test_no_text_has_a_sentence_that_was_rewritten() -> None:
    paths = [*files(".py", ".md", ".toml"), *(ROOT / "config").glob("*.toml"), *ROOT.glob("*.md")]
    skipped = {ROOT / "CHANGELOG.md", *(ROOT / "docs" / "decisions").glob("*.md")}
    old = []
    for path in set(paths) - skipped:
        text = " ".join(path.read_text("utf-8").split())
        old += [f"{path.relative_to(ROOT)}: {phrase}" for phrase in PHRASES if phrase in text]
    assert sorted(old) == []


def test_a_test_module_is_imported_by_no_other() -> None:
    imported = {
        f"{path.relative_to(ROOT)}: {node.module}"
        for folder in ("tests", "benchmarks")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and re.search(r"\.test_\w+$", node.module or "")
    }
    assert not imported, "what several tests use is in a module of its own"
