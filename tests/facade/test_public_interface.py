"""The public interface is typed: no `Any`, and no dict or tuple of the store in a result."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import types
import typing
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

import blackboard
from blackboard.board import result_types
from blackboard.board.deployment_effects.program_declarations import AgentDeclaration
from blackboard.board.reading.board_figures import BoardFigures, FiguresPosition
from blackboard.board.result_types.preview_results import UnreadableMarks
from blackboard.core.records.query_result_rows import Parameters
from blackboard.core.records.view_columns import VIEWS

RESULTS = {
    value.__name__: value
    for found in pkgutil.iter_modules(result_types.__path__, f"{result_types.__name__}.")
    for value in vars(importlib.import_module(found.name)).values()
    if isinstance(value, type) and value.__module__ == found.name and value is not UnreadableMarks
}
"""The classes of results, except the one that a preview fills as it reads the marks."""
FOR_TYPE_CHECKERS = {
    **{name: getattr(blackboard, name) for name in dir(blackboard)},
    **RESULTS,
    "AgentDeclaration": AgentDeclaration,
    "BoardFigures": BoardFigures,
    "Engine": Engine,
    "FiguresPosition": FiguresPosition,
    "Parameters": Parameters,
    "Path": Path,
}
"""Names in annotations that modules import only for type checkers."""


def parts(annotation: object) -> Iterator[object]:
    """Yield every type in an annotation, including the annotation."""
    yield annotation
    for argument in typing.get_args(annotation):
        yield from parts(argument)


def hints(function: Any) -> dict[str, Any]:
    """Return the resolved annotations of a function, including names imported only for type checkers."""
    return typing.get_type_hints(inspect.unwrap(function), localns=FOR_TYPE_CHECKERS)


def methods(cls: type) -> list[tuple[str, Any]]:
    found = []
    for name, value in vars(cls).items():
        if name.startswith(("_", "model_")):  # pydantic adds methods to a mark's class
            continue
        if isinstance(value, property):
            found.append((name, value.fget))
        elif isinstance(value, classmethod | staticmethod):
            found.append((name, value.__func__))
        elif inspect.isfunction(value):
            found.append((name, value))
    return found


BOARD = [found for base in blackboard.Blackboard.__mro__[:-1] for found in methods(base)]


@pytest.mark.parametrize(("name", "method"), BOARD, ids=[name for name, _ in BOARD])
def test_a_method_of_the_board_has_no_any_and_returns_no_dict_or_tuple(name: str, method: Any) -> None:
    annotations = hints(method)
    returned = annotations.pop("return")
    assert all(part is not Any for annotation in annotations.values() for part in parts(annotation))
    for part in parts(returned):
        assert part is not Any
        assert typing.get_origin(part) not in (dict, tuple, Mapping)
        assert part not in (dict, tuple, list)


@pytest.mark.parametrize("name", sorted(set(dir(blackboard)) - {"agent", "subject"}))
def test_no_result_of_a_public_function_is_any_or_a_bare_dict(name: str) -> None:
    value = getattr(blackboard, name)
    functions = methods(value) if isinstance(value, type) else [(name, value)] if inspect.isroutine(value) else []
    variants = [variant for _, function in functions for variant in typing.get_overloads(function) or [function]]
    for variant in variants:
        returned = hints(variant).get("return", type(None))
        assert all(part is not Any and part is not dict for part in parts(returned)), name


@pytest.mark.parametrize("result", RESULTS.values(), ids=lambda result: result.__name__)
def test_a_result_is_a_frozen_dataclass_of_typed_fields(result: type) -> None:
    assert dataclasses.is_dataclass(result)
    assert result.__dataclass_params__.frozen  # type: ignore[attr-defined]
    for name, annotation in typing.get_type_hints(result).items():
        assert all(part is not Any and part not in (dict, list, tuple) for part in parts(annotation)), name
        if name.endswith("_at") or name in ("as_of", "until", "at"):
            assert datetime in parts(annotation), name


def test_results_have_the_names_of_the_columns_of_the_views() -> None:
    pairs = {
        "live_marks": blackboard.MarkRecord,
        "mark_history": blackboard.MarkEvent,
        "agenda": blackboard.AgendaItem,
        "activations": blackboard.ActivationRecord,
        "costs": blackboard.CostRow,
    }
    in_results = {"group_value": "group"}  # `group` is a word of SQL, and would need quotes as a column
    for view, result in pairs.items():
        names = {field.name for field in dataclasses.fields(result)}
        columns = {in_results.get(column, column) for column in VIEWS[view]}
        assert columns - names <= {"order_key"}, view


def test_the_package_exports_only_its_public_names() -> None:
    assert dir(blackboard) == sorted(vars(blackboard)["__all__"])
    assert all(getattr(blackboard, name) is not None for name in dir(blackboard))
    with pytest.raises(AttributeError, match="has no attribute 'look'"):
        blackboard.look  # type: ignore[attr-defined]  # noqa: B018


def test_type_checkers_see_the_same_names() -> None:
    path = Path(str(blackboard.__file__)).with_suffix(".pyi")
    imports = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ImportFrom)]
    named = {alias.asname: f"{node.module}" for node in imports for alias in node.names}
    assert sorted(str(name) for name in named) == dir(blackboard)
    for name, module in named.items():
        assert isinstance(module, str)
        assert getattr(__import__(module, fromlist=["_"]), str(name)) is getattr(blackboard, str(name))


@pytest.mark.file_only("on PostgreSQL, a deposit asks ahead, and again for what the transaction may have changed")
def test_a_deposit_enters_no_function_twice(board_url: str) -> None:
    """Test that one call of `deposit` runs each function of the facade and the session once."""
    import sys

    from blackboard import Blackboard, Mark

    class Chime(Mark, kind="chime"):
        """A mark without payload."""

    with Blackboard.open(board_url) as board:
        board.deposit(Chime(subject="first"))
        entered: list[str] = []

        def profile(frame: types.FrameType, event: str, argument: object) -> None:
            path = frame.f_code.co_filename
            ours = Path(path).stem in (
                "blackboard", "deposit_methods", "board_session", "deposit_transactions", "deposit_requests",
                "deposits", "database", "rising_crossings",
            )  # fmt: skip
            resumable = frame.f_code.co_flags & inspect.CO_GENERATOR or "<" in frame.f_code.co_name
            if event == "call" and ours and not resumable:
                entered.append(frame.f_code.co_qualname)

        mark = Chime(subject="second")
        sys.setprofile(profile)
        try:
            board.deposit(mark)
        finally:
            sys.setprofile(None)
    assert entered[:5] == [
        "DepositMethods.deposit", "deposited_item", "deposit_options", "deposit_one", "DepositRequest.of"
    ]  # fmt: skip
    assert {name for name in entered if entered.count(name) > 1} == set()
