"""What a library does not document is used in one file, which docs/dependencies.md names."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from blackboard.system.unusable_versions import PINNED_VERSIONS
from tests.docs.blocks import ROOT
from tests.support.bounds import BOUND_SECONDS

HOMES = {
    "prometheus_client.exposition": "blackboard/server/monitoring/monitoring_routes.py",
    "request.receive": "blackboard/server/starlette_internals.py",
    "self.server_state": "blackboard/server/transport/uvicorn_internals.py",
    "starlette.routing.Match": "blackboard/server/starlette_internals.py",
    "typer.core": "blackboard/cli/terminal/typer_internals.py",
    "typer.main": "blackboard/cli/terminal/typer_internals.py",
    "uvicorn.Server": "blackboard/server/transport/uvicorn_internals.py",
    "uvicorn.protocols": "blackboard/server/transport/uvicorn_internals.py",
}


def names_in(path: Path) -> Iterator[str]:
    """Yield the full name of each import of a file, and the text of each attribute."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute):
            yield ast.unparse(node)


def test_each_undocumented_part_is_used_in_one_file() -> None:
    used = {
        (part, str(path.relative_to(ROOT)))
        for path in (ROOT / "blackboard").rglob("*.py")
        for name in names_in(path)
        for part in HOMES
        if f"{name}.".startswith(f"{part}.")
    }
    assert used == set(HOMES.items())


@pytest.mark.parametrize("path", sorted(set(HOMES.values())))
def test_the_page_of_dependencies_names_the_file(path: str) -> None:
    page = (ROOT / "docs/dependencies.md").read_text("utf-8")
    assert path in page.partition("with these exceptions")[2].partition("The newest version of Python")[0]


@pytest.mark.parametrize(
    ("part", "package", "command"),
    [
        ("typer.core:TyperGroup", "typer", "status"),
        ("typer.main:get_group", "typer", "--help"),
        ("starlette.routing:Match", "starlette", "serve"),
        ("uvicorn.protocols.http.httptools_impl:HttpToolsProtocol", "uvicorn", "serve"),
        ("prometheus_client.exposition:choose_encoder", "prometheus_client", "serve"),
    ],
)
def test_a_package_that_lacks_a_part_is_named_with_its_tested_version(
    part: str, package: str, command: str, tmp_path: Path
) -> None:
    module, _, name = part.partition(":")
    program = (
        f"import sys, {module} as changed; del changed.{name};"
        f"sys.argv = ['blackboard', '--database', 'new.db', {command!r}];"
        "from blackboard.cli import main; main()"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=BOUND_SECONDS,
    )
    assert run.returncode == 1
    assert f"error: {package} " in run.stderr
    assert name in run.stderr
    assert run.stderr.endswith(f"pip install {package}=={PINNED_VERSIONS[package]}\n")


def test_the_tested_versions_are_the_pinned_ones() -> None:
    pinned = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    assert [
        f"{package}=={version}" for package, version in PINNED_VERSIONS.items() if f"{package}=={version}" not in pinned
    ] == []
