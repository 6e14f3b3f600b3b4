"""A version of psycopg without a part that the program uses fails with an error that names the version."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator

import pytest

from blackboard.errors import StoreError
from blackboard.store.postgresql.pipelined_transactions import psycopg_internals, statement_pipeline
from tests.docs.blocks import ROOT

psycopg = pytest.importorskip("psycopg")

PARTS = (*psycopg_internals.FUNCTIONS, *psycopg_internals.OTHER_PARTS)
HOLDERS = {"_pgconn": "PGconn", "pgconn": "PGconn", "_converter": "Transformer", "pg_result": "PGresult"}
"""The classes of the variables and attributes that hold objects of psycopg."""


@pytest.fixture(autouse=True)
def _unchecked() -> Iterator[None]:
    psycopg_internals.require_internals.cache_clear()
    yield
    psycopg_internals.require_internals.cache_clear()


def test_the_installed_version_has_all_parts() -> None:
    psycopg_internals.require_internals()


@pytest.mark.parametrize("name", PARTS)
def test_an_error_names_the_version_and_the_part_that_is_missing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, _, path = name.partition(":")
    monkeypatch.setattr(f"{module}.{path.partition('.')[0]}", object)
    if "." not in path:
        monkeypatch.delattr(f"{module}.{path}")
    with pytest.raises(StoreError) as caught:
        psycopg_internals.require_internals()
    assert f"psycopg {psycopg.__version__} cannot be used" in str(caught.value)
    assert f"{module}.{path.partition('.')[0]}" in str(caught.value)


def test_a_function_with_other_arguments_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psycopg.errors.error_from_result", lambda result: result)
    with pytest.raises(StoreError, match=r"psycopg\.errors\.error_from_result is missing or takes other arguments"):
        psycopg_internals.require_internals()


def test_all_parts_that_the_pipeline_uses_are_checked() -> None:
    tree = ast.parse((ROOT / f"{statement_pipeline.__name__.replace('.', '/')}.py").read_text("utf-8"))
    used = {
        (HOLDERS[holder], node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and (holder := getattr(node.value, "attr", getattr(node.value, "id", ""))) in HOLDERS
    }
    checked = {tuple(path.split(".")) for path in (name.partition(":")[2] for name in PARTS) if "." in path}
    assert used == checked


def test_the_error_names_the_versions_of_the_extra() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert extras["postgresql"] == [psycopg_internals.TESTED_PSYCOPG.replace("psycopg", "psycopg[binary]")]
