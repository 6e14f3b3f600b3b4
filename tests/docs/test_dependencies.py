"""docs/dependencies.md lists what an installation brings, directly and indirectly, with the licences that it states."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.docs.blocks import ROOT
from tools.pinned_versions import BROUGHT, EXTRAS, TOOLS, canonical, closure

TEXT = (ROOT / "docs/dependencies.md").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
CONSTRAINTS = [line for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines() if not line.startswith("#")]
PINNED = {canonical(name): version for name, _, version in (line.partition("==") for line in CONSTRAINTS)}
SILENT = {"pysqlite3"}
"""The packages whose metadata names no licence; it is in a file beside it."""
LATER_STANDARD = {"annotationlib"}
"""Modules of the standard library that the oldest supported Python does not have."""
OURS = {"blackboard", "lead_desk", "tests", "benchmarks", "tools"}
OLD_NAMES = {
    "MIT License": "MIT",
    "BSD License": "BSD-",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
}


def listed() -> dict[str, tuple[str, str]]:
    """Return with what each package comes along and its licence, as the page lists them."""
    section = TEXT.partition("## What comes along")[2]
    rows = re.findall(r"^\| (the program|`\[\w+\]`) \| ([^|]+) \| ([^|]+) \|$", section, re.MULTILINE)
    return {
        name: (owner.strip("`[]"), licence)
        for owner, licence, names in rows
        for name in re.findall(r"`([^`]+)`", names)
    }


def brought() -> dict[str, str]:
    """Return with what each installed package comes along first."""
    seen: set[tuple[str, str]] = set()
    groups = {"the program": PROJECT["dependencies"]}
    groups |= {extra: PROJECT["optional-dependencies"][extra] for extra in EXTRAS}
    owners: dict[str, str] = {}
    for owner, texts in groups.items():
        for text in texts:
            for name in closure(Requirement(text), seen):
                owners.setdefault(name, owner)
    return owners


def test_everything_that_comes_along_is_listed_where_it_comes_from() -> None:
    found = {name: owner for name, (owner, _) in listed().items()}
    here = brought()
    assert {name: found.get(name) for name in here} == here
    assert found.keys() - here.keys() <= PINNED.keys(), "listed, but no package of the pinned versions"


def test_the_pinned_versions_that_an_installation_brings_stand_apart_from_the_tools() -> None:
    text = (ROOT / "constraints.txt").read_text("utf-8")
    brought_lines, tools = (text.partition(BROUGHT)[2].partition(f"{TOOLS}\n")[at].split() for at in (0, 2))
    assert {canonical(line.partition("==")[0]) for line in brought_lines} == listed().keys()
    assert len(brought_lines) + len(tools) == len(PINNED)


@pytest.mark.parametrize("name", sorted(listed()))
def test_a_licence_is_the_one_that_the_package_states(name: str) -> None:
    licence = listed()[name][1]
    try:
        metadata = distribution(name).metadata
    except PackageNotFoundError:
        pytest.skip("not installed here")
    expression, text = ((metadata.get_all(key) or [None])[0] for key in ("License-Expression", "License"))
    if expression is not None:
        assert licence == expression
        return
    classifiers = [item.rpartition(" :: ")[2] for item in metadata.get_all("Classifier") or [] if "License ::" in item]
    words = [word for old, word in OLD_NAMES.items() if old in classifiers]
    assert all(word in licence for word in words), (licence, classifiers)
    assert words or licence == text or name in SILENT, (licence, text)


def test_no_package_under_the_lgpl_comes_along_without_an_extra() -> None:
    lesser = {name for name, (_, licence) in listed().items() if "GPL" in licence}
    assert all(listed()[name][0] in EXTRAS for name in lesser)
    named = TEXT.partition("Nothing under the LGPL")[2].partition("\n- ")[0]
    assert {name for name in lesser if name != "psycopg-binary"} == set(re.findall(r"`([a-z-]+)`", named)) - {"pip"}


def section(title: str) -> list[list[str]]:
    """Return the rows of the tables of one section, as their cells."""
    text = TEXT.partition(f"## {title}")[2].partition("\n## ")[0]
    return [[cell.strip() for cell in row.split(" | ")] for row in re.findall(r"^\| (`.*) \|$", text, re.MULTILINE)]


@pytest.mark.parametrize("title", ["Why each is there", "What each costs"])
def test_each_direct_dependency_has_a_reason_a_size_and_a_maintainer(title: str) -> None:
    rows = [cells[0].strip("`") for cells in section(title)]
    assert sorted(rows) == sorted(required(*EXTRAS))


def test_what_leaves_with_a_package_is_what_nothing_else_needs() -> None:
    owners = brought()
    rows = [(cells[0].strip("`"), cells[2]) for cells in section("What each costs")]
    for name, leaving in ((name, leaving) for name, leaving in rows if name in owners):
        extras = () if owners[name] == "the program" else EXTRAS
        others = [Requirement(text) for text in asked(*extras) if canonical(Requirement(text).name) != name]
        seen = {(name, ""), (name, "binary")}
        kept = {package for other in others for package in closure(other, seen)}
        here = {package for package, owner in owners.items() if extras or owner == "the program"}
        if "stays while" in leaving:
            assert name in kept, name
        else:
            assert here - kept - {name} == set(re.findall(r"`([^`]+)`", leaving)), name


def asked(*extras: str) -> list[str]:
    """Return the requirements of the program and of these extras, as they are written."""
    return [*PROJECT["dependencies"], *(text for extra in extras for text in PROJECT["optional-dependencies"][extra])]


def required(*extras: str) -> set[str]:
    """Return the packages that the program and these extras ask for by name."""
    return {canonical(Requirement(text).name) for text in asked(*extras)} - {canonical(PROJECT["name"])}


@cache
def imports(*folders: str) -> set[tuple[Path, str]]:
    """Return the top-level module of each import in these folders, with its file."""
    found = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            found |= {(path, name.partition(".")[0]) for name in names}
    return found


def imported(*folders: str) -> dict[str, set[str]]:
    """Return the modules of others that files in these folders import, each with the packages that have it."""
    names = {name for _, name in imports(*folders)} - sys.stdlib_module_names - LATER_STANDARD - OURS
    return {name: owners_of_modules().get(name, {canonical(name)}) for name in names}


@pytest.mark.parametrize(
    ("folders", "extras"),
    [(("blackboard", "agents", "migrations"), EXTRAS), (("tests",), (*EXTRAS, "dev", "dev-postgresql"))],
    ids=["the program", "its tests"],
)
def test_only_declared_packages_are_imported(folders: tuple[str, ...], extras: tuple[str, ...]) -> None:
    declared = required(*extras) | {"pytest"}  # only pytest imports the module of its plugin
    undeclared = {name for name, owners in imported(*folders).items() if not owners & declared}
    assert undeclared == set()


@cache
def owners_of_modules() -> Mapping[str, set[str]]:
    """Return the installed packages that have each top-level module."""
    return {name: set(map(canonical, owners)) for name, owners in packages_distributions().items()}


def import_names(package: str) -> set[str]:
    """Return the names under which a package is imported."""
    names = {name for name, owners in owners_of_modules().items() if package in owners}
    return names & {"opentelemetry"} or names or {package.replace("-", "_")}


def importers(package: str) -> set[Path]:
    """Return the files of the program that import a package."""
    names = import_names(package)
    return {path for path, name in imports("blackboard", "agents", "migrations") if name in names}


def places() -> dict[str, str]:
    """Return the column "where it is used" of both tables, by package."""
    found: dict[str, str] = {}
    for table in TEXT.partition("## Why each is there")[2].partition("\n## ")[0].split("\n\n"):
        rows = [
            [cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines() if line[0] == "|"
        ]
        found |= {row[0].strip("`"): row[rows[0].index("where it is used")] for row in rows[2:]}
    return found


@pytest.mark.parametrize("package", sorted(places()))
def test_the_page_says_where_each_package_is_imported(package: str) -> None:
    named = [ROOT / name for name in re.findall(r"`((?:blackboard|agents|migrations)/[^`]*)`", places()[package])]
    if package == "opentelemetry-sdk":  # it is imported by the same name as the API
        assert named == []
        return
    files = importers(package)
    outside = {path for path in files if not any(path == name or name in path.parents for name in named)}
    unused = {name for name in named if not any(path == name or name in path.parents for path in files)}
    assert (outside, unused) == (set(), set())
    assert files or places()[package].startswith("no import")


def test_each_range_that_does_not_end_before_the_next_major_version_has_a_reason() -> None:
    table = TEXT.partition("| packages | the range ends before |")[2].partition("\n\n")[0]
    named = {name for row in table.splitlines() for name in re.findall(r"`([a-z0-9-]+)`", row.partition(" | ")[0])}
    others = set()
    for requirement in map(Requirement, asked(*EXTRAS)):
        ends = [Version(item.version) for item in requirement.specifier if item.operator == "<"]
        lowest = next(Version(item.version) for item in requirement.specifier if item.operator == ">=")
        if not lowest.major or [end.release for end in ends] != [(lowest.major + 1,)]:
            others.add(canonical(requirement.name))
    assert named == others - {canonical(PROJECT["name"])}


def test_every_version_is_pinned_within_its_range_and_by_nothing_else() -> None:
    assert [line for line in CONSTRAINTS if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line)] == []
    assert brought().keys() <= PINNED.keys()
    for requirement in map(Requirement, asked(*PROJECT["optional-dependencies"])):
        if (name := canonical(requirement.name)) != canonical(PROJECT["name"]):
            assert PINNED[name] in requirement.specifier, requirement
