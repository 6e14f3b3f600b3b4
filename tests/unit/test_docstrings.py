"""A long private function says what it is for, and a field is described by a string below it.

ruff checks the docstrings of what is public.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONG = 16
"""The number of lines from which on a private function needs a docstring."""


@pytest.mark.parametrize("folder", ["blackboard", "agents", "tools"])
def test_a_long_private_function_has_a_docstring(folder: str) -> None:
    functions = [
        (path, node)
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_bytes()))
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
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.ClassDef) and "Attributes:" in (ast.get_docstring(node) or "").splitlines()
    ]
    assert lists == []
