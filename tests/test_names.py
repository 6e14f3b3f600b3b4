"""Names and phrases that decision 21 replaced do not come back, and each module and class has a name of its own.

Old branches, boards of development versions and copied examples still have them. A merge could bring one in unnoticed,
and then two names would stand for one thing.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from blackboard import Blackboard
from blackboard.cli.app import COMMANDS
from blackboard.core.records.states import ActivationState, CallState, CrossingState
from blackboard.core.records.view_columns import VIEWS
from blackboard.store.schema.tables import metadata

ROOT = Path(__file__).resolve().parents[1]

# An uncommon word is forbidden as any name. An ordinary word is forbidden only where it was a name.
OLD = {
    "name": """
        Moment Transacting Seeing MarkView GivenRow Stint Pass Bell Evaporates Wakes Faded Joins Leave Taken Forgotten
        leave_many in_force joins gather urgency rest_per rest_after_failures rearm formerly otherwise max_depth
        hourly_limit lane lane_below marks_left spoiled outgrown told chance upto activation_mark succession follow_up
        """,
    "member of Blackboard": "settle leave look install apply",
    "setting": "rest own alone",
    "module": "door seeing looking transacting claiming choosing giving waking journal gate turn crew running runs"
    " living presence keeping asking steps passes following",
    "table": "rest fall",
    "state": "aside passed settled repeated put_back",
    "command": "settle",
    "phrase": """
        whoever | whosoever | knows not | is no TOML | is no UTF-8 | no more until it | takes the place of nothing
        come back together | comes first writes first | an event's id is drawn | neither its outcome nor its answer
        Told, by | taken at their word | bears this worker's name | whose parameters cannot be | nothing lies there
        what lies there | under what it tells | a mistake in blackboard | on a server | On a server
        """,
}
SETTINGS = {"AgentSettings", "AgentSection", "WatchSpec", "WatchSection", "Watch", "KindSection", "agent"}


@cache
def modules_of_tests() -> list[ast.Module]:
    """Return the syntax trees of the tests, of their helpers and of what several of them use."""
    return [ast.parse(path.read_bytes()) for path in sorted((ROOT / "tests").rglob("*.py"))]


@cache
def modules() -> dict[Path, ast.Module]:
    """Return the syntax trees of the program and of the packages of agents."""
    paths = [path for top in ("blackboard", "agents") for path in sorted((ROOT / top).rglob("*.py"))]
    return {path: ast.parse(path.read_bytes()) for path in paths}


def definitions(node: ast.AST, owner: str = "") -> Iterator[tuple[str, str]]:
    """Yield each function, class, parameter and attribute that the code defines, with the name of its owner."""
    for part in ast.iter_child_nodes(node):
        match part:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield owner, name
                yield from definitions(part, name)
            case ast.arg(arg=name) | ast.AnnAssign(target=ast.Name(id=name)):
                yield owner, name
            case _:
                yield from definitions(part, owner)


def names(place: str) -> Iterator[str]:
    """Yield the names that are in use in a place."""
    defined = [pair for tree in (*modules().values(), *modules_of_tests()) for pair in definitions(tree)]
    columns = [column.key for table in metadata.tables.values() for column in table.columns]
    match place:
        case "name":
            yield from (name for _, name in defined)
            yield from (*metadata.tables, *columns, *(column for view in VIEWS.values() for column in view))
        case "member of Blackboard":
            yield from dir(Blackboard)
            yield from (name for tree in modules_of_tests() for owner, name in definitions(tree) if not owner)
        case "setting":
            yield from (name for owner, name in defined if owner in SETTINGS)
        case "module":
            yield from (path.stem for path in modules())
        case "table":
            yield from metadata.tables
        case "state":
            yield from (str(state) for enum in (ActivationState, CrossingState, CallState) for state in enum)
        case "command":
            yield from COMMANDS


@pytest.mark.parametrize("place", [place for place in OLD if place != "phrase"])
def test_no_old_name_comes_back(place: str) -> None:
    assert set(OLD[place].split()).intersection(names(place)) == set()


def test_no_text_has_a_phrase_that_was_rewritten() -> None:
    phrases = [phrase.strip() for line in OLD["phrase"].splitlines() for phrase in line.split("|") if phrase.strip()]
    folders = ("blackboard", "agents", "benchmarks", "config", "examples", "tests")
    paths = {path for folder in folders for kind in ("py", "md", "toml") for path in (ROOT / folder).rglob(f"*.{kind}")}
    paths |= {*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")} - {ROOT / "CHANGELOG.md"}
    texts = {path: " ".join(path.read_text("utf-8").split()) for path in paths - {Path(__file__).resolve()}}
    assert [(str(path), phrase) for path, text in texts.items() for phrase in phrases if phrase in text] == []


def types(tree: ast.Module) -> Iterator[str]:
    """Yield the classes and the type aliases of a module, without the underscore of private names."""
    for node in tree.body:
        match node:
            case ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name), annotation=ast.Name(id="TypeAlias")):
                yield name.lstrip("_")
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if not name.isupper():
                is_variable = isinstance(value, ast.Call) and ast.unparse(value.func) == "TypeVar"
                if name.lstrip("_")[:1].isupper() and not is_variable:
                    yield name.lstrip("_")


def test_the_names_of_modules_packages_and_types_are_unique() -> None:
    stems = Counter(path.parent.name if path.stem == "__init__" else path.stem for path in modules())
    classes = Counter(name for tree in modules().values() for name in types(tree))
    assert [name for counted in (stems, classes) for name, times in counted.items() if times > 1] == []


def constants(tree: ast.Module) -> Iterator[str]:
    """Yield the constants of a module."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)) if name.isupper():
                yield name


SAME_NAME_IN_EACH_MODULE = {"OPERATIONS", "PAGE"}
"""The constants that a module of a group has for the table of the group."""


def test_the_names_of_constants_are_unique() -> None:
    counts: Counter[str] = Counter()
    for path in (ROOT / "blackboard").rglob("*.py"):
        counts.update(name for name in constants(modules()[path]) if len(name) > 1 and name[0] != "_")
    assert [name for name, times in counts.items() if times > 1 and name not in SAME_NAME_IN_EACH_MODULE] == []


PARTICIPLES_OF_CALLS = {"continued", "counted", "existing", "remaining", "reported", "shared", "using"}
"""Public names, and names whose calls are read with the object: `files.existing()`, `statement.using("limit")`."""
NOUNS_AND_VERBS = {"feed", "greeting", "listing", "warning"}


def test_a_participle_alone_names_no_function_but_a_few() -> None:
    named = {
        node.name
        for tree in modules().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and re.fullmatch(r"[a-z]+(ed|ing)|drawn|found|given|held|kept|known|left|lost|made|sent|shown|taken", node.name)
        and not any("property" in ast.unparse(decorator) for decorator in node.decorator_list)
    }
    assert named == PARTICIPLES_OF_CALLS | NOUNS_AND_VERBS, "a function is named by a verb, or by a noun for a value"


BELOW_THE_SERVER = ("board", "core", "daemon", "llm", "store", "system")


def test_a_name_below_the_server_says_database_server_if_it_means_postgresql() -> None:
    found = {
        name
        for path, tree in modules().items()
        if path.relative_to(ROOT).parts[:1] == ("blackboard",) and path.relative_to(ROOT).parts[1] in BELOW_THE_SERVER
        for name in (path.stem, *(name for _, name in definitions(tree)), *constants(tree))
        if "server" in name.lower()
    }
    assert {name for name in found if "database_server" not in name.lower()} == set()


UNITS = {"MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY"}


def test_a_constant_says_its_unit() -> None:
    wrong = []
    for path in (ROOT / "blackboard").rglob("*.py"):
        for node in modules()[path].body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name() | ast.BinOp() as value):
                    used = {part.id for part in ast.walk(value) if isinstance(part, ast.Name)}
                    if used & UNITS or name.endswith("_MICROSECONDS"):
                        wrong.append(f"{path.stem}.{name}")
    assert wrong == [], "a length of time in microseconds has the type Duration; another unit is part of the name"


def test_a_function_whose_name_is_only_a_verb_is_called_through_its_module() -> None:
    verbs = {
        (".".join(path.relative_to(ROOT).with_suffix("").parts).removeprefix("agents."), node.name)
        for path, tree in modules().items()
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and (ast.get_docstring(node) or "").lower().startswith(f"{node.name} ")
    }
    wrong = [
        (path.stem, alias.name)
        for path, tree in modules().items()
        if path.stem != "__init__"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if (node.module, alias.name) in verbs
    ]
    assert wrong == []


SAME_ACT_ON_SEVERAL_THINGS = {
    "copy_board", "fire_due", "read_ahead", "read_together", "record_cost", "rename_scope", "run_batch",
    "update_and_compare",
}  # fmt: skip
"""The names of several words that two modules of the board give to the same act on different things."""


def test_two_modules_of_the_board_define_no_function_of_the_same_name_except_acts_called_through_their_module() -> None:
    board = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): tree
        for path, tree in modules().items()
        if path.is_relative_to(ROOT / "blackboard" / "board")
        and path.stem != "page_readings"  # its functions have the names of those that they call, as methods have
    }
    counts = Counter(node.name for tree in board.values() for node in tree.body if isinstance(node, ast.FunctionDef))
    repeated = {name for name, times in counts.items() if times > 1 and not name.startswith("_")}
    assert {name for name in repeated if "_" in name} == SAME_ACT_ON_SEVERAL_THINGS
    imported = [
        (path.stem, alias.name)
        for path, tree in modules().items()
        if path.stem != "__init__"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in board
        for alias in node.names
        if alias.name in repeated
    ]
    assert imported == []


def test_a_private_name_is_imported_by_no_other_module() -> None:
    assert [
        (path.stem, alias.name)
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name[0] == "_"
    ] == []  # ruff checks the private attributes of objects


def test_a_test_module_is_imported_by_no_other() -> None:
    trees = [ast.parse(path.read_bytes()) for path in (ROOT / "tests").rglob("*.py")]
    imported = {node.module or "" for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    found = [name for name in imported if name.rpartition(".")[2].startswith("test_")]
    assert not found, "what several tests use is in a module of its own"


def test_the_name_of_a_test_has_a_subject() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for folder in ("tests", "examples", "agents")
        for path in sorted((ROOT / folder).rglob("test_*.py"))
        for name in re.findall(r"^(?:async )?def (test_(?:it|they)_\w+)", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert found == []
