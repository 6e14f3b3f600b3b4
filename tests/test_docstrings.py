"""Docstrings: what a module is, what a long private function is for, and where a field is described.

ruff checks the docstrings of what is public.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LONG = 16
"""The number of lines from which on a private function needs a docstring."""


NOT_AN_OBJECT = re.compile(
    r"[,.:]|$| (of|for|in|from|by|with|as|about|on|to|that|which|behind|without|at|between|and|per|over)\b"
)
"""What follows a noun. A verb has an object: `Reads the body`."""


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_bytes())


def verbs() -> set[str]:
    """Return the verbs that begin docstrings of functions, in the third person."""
    first_words = {
        docstring.split()[0].lower()
        for path in (ROOT / "blackboard").rglob("*.py")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef) and (docstring := ast.get_docstring(node))
    }
    return {f"{word}{ending}" for word in first_words for ending in ("s", "es")}


@pytest.mark.parametrize("folder", ["blackboard", "agents", "tools"])
def test_the_docstring_of_a_module_begins_with_a_noun(folder: str) -> None:
    known = verbs()
    begins = {path: ast.get_docstring(parsed(path)) or "" for path in sorted((ROOT / folder).rglob("*.py"))}
    assert {
        f"{path.relative_to(ROOT)}: {docstring.splitlines()[0] if docstring else 'no docstring'}"
        for path, docstring in begins.items()
        if not (found := re.match(r"[\w`'-]+", docstring))
        or (found[0].lower() in known and not NOT_AN_OBJECT.match(docstring[found.end() :]))
    } == set()


@pytest.mark.parametrize("folder", ["blackboard", "agents", "tools"])
def test_a_long_private_function_has_a_docstring(folder: str) -> None:
    functions = [
        (path, node)
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    undocumented = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path, node in functions
        if node.name.startswith("_") and not node.name.startswith("__")
        if (node.end_lineno or 0) - node.lineno + 1 >= LONG and not ast.get_docstring(node)
    ]
    assert undocumented == []


@pytest.mark.parametrize("folder", ["blackboard", "agents", "tools", "tests", "benchmarks", "examples"])
def test_no_docstring_lists_the_fields_of_a_class(folder: str) -> None:
    lists = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ClassDef) and "Attributes:" in (ast.get_docstring(node) or "").splitlines()
    ]
    assert lists == []


@pytest.mark.parametrize("folder", ["blackboard", "agents", "tools"])
def test_the_docstring_of_a_module_or_class_begins_with_no_question(folder: str) -> None:
    questions = re.compile(r"(What|Which|Who|Whose|Whether|When|Where|Why|How|For how)\b")
    found = [
        f"{path.relative_to(ROOT)}: {docstring.splitlines()[0]}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Module | ast.ClassDef)
        if (docstring := ast.get_docstring(node)) and questions.match(docstring)
    ]
    assert found == []


def functions_of(folder: str) -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef, str]]:
    """Return each function of a folder that has a docstring: its place, itself and its docstring."""
    return [
        (f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node, docstring)
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (docstring := ast.get_docstring(node))
    ]


@pytest.mark.parametrize("folder", ["blackboard", "agents", "tools"])
def test_a_docstring_says_once_what_is_returned(folder: str) -> None:
    in_prose = re.compile(r"(?:[.]\s+Returns|;\s+returns)\s")
    properties = {"property", "cached_property", "functools.cached_property"}
    wrong = []
    for place, node, docstring in functions_of(folder):
        first, has_section = docstring.split()[0], "Returns:" in docstring.splitlines()
        is_property = not properties.isdisjoint(map(ast.unparse, node.decorator_list))
        if first in ("Return", "Yield") and (is_property or has_section):
            wrong.append(f"{place}: a section, or the verb of a property")
        elif first in ("Returns", "Yields") or (is_property and has_section):
            wrong.append(f"{place}: {first}")
        elif not is_property and in_prose.search(docstring.partition("Args:")[0]):
            wrong.append(f"{place}: returns, in prose")
    assert wrong == []


@pytest.mark.parametrize("folder", ["blackboard", "agents", "tools"])
def test_only_the_first_sentence_or_a_section_says_what_a_docstring_returns(folder: str) -> None:
    later = [
        place
        for place, _, docstring in functions_of(folder)
        if re.search(r"\n\n *Return\b" if docstring.startswith("Return ") else r"[.:]\s+Return\b", docstring)
    ]
    assert later == []


@pytest.mark.parametrize("folder", ["blackboard", "agents", "tools"])
def test_the_docstring_of_a_function_begins_in_the_imperative(folder: str) -> None:
    third_person = [
        f"{place}: {docstring.splitlines()[0]}"
        for place, node, docstring in functions_of(folder)
        if re.match(r"[A-Z][a-z]*[a-rt-z]s\b", docstring)
        and not any("property" in ast.unparse(decorator) for decorator in node.decorator_list)
    ]
    assert third_person == []


@pytest.mark.parametrize("folder", ["blackboard", "agents", "tools"])
def test_a_docstring_names_the_subject_of_each_error(folder: str) -> None:
    vague = [
        f"{place}: {entry}"
        for place, _, docstring in functions_of(folder)
        for entry in re.findall(r"^ +\w+: (?:It|They) .*", docstring.partition("Raises:")[2], re.MULTILINE)
    ]
    assert vague == []


@pytest.mark.parametrize("folder", ["blackboard", "agents", "tools", "tests", "benchmarks", "examples"])
def test_an_entry_of_a_docstring_has_a_line_of_its_own(folder: str) -> None:
    joined = [
        f"{place}: {line.strip()}"
        for place, _, docstring in functions_of(folder)
        for section in re.split(r"^(?:Args|Raises):\n", docstring, flags=re.MULTILINE)[1:]
        for line in section.splitlines()
        if re.search(r"\. [A-Za-z_]+:(?: |$)", line)
    ]
    assert joined == []


@pytest.mark.parametrize("folder", ["blackboard", "agents", "tools", "tests", "benchmarks", "examples"])
def test_a_docstring_ends_with_text(folder: str) -> None:
    empty = [
        f"{path.relative_to(ROOT)}:{node.value.lineno}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        if node.value.value.rstrip(" ").endswith("\n\n")
    ]
    assert empty == [], "a formatter adds the empty line behind an example without an indentation"
