"""docs/dependencies.md lists what an installation brings, directly and indirectly, with the licences that it states."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution

import pytest
from packaging.requirements import Requirement

from tests.docs.blocks import ROOT

TEXT = (ROOT / "docs/dependencies.md").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PINNED = {
    re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower()
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    if "==" in line
}
EXTRAS = ("desk", "telemetry", "plot", "postgresql")
SILENT = {"pysqlite3"}
"""The packages whose metadata names no licence; it is in a file beside it."""
OLD_NAMES = {
    "MIT License": "MIT",
    "BSD License": "BSD-",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(requirement: Requirement, seen: set[tuple[str, str]]) -> Iterator[str]:
    """Yield the installed packages that a requirement brings on this platform, itself first."""
    name = canonical(requirement.name)
    new = {(name, extra) for extra in {"", *requirement.extras}} - seen
    try:
        needs = [Requirement(text) for text in distribution(name).requires or []] if new else []
    except PackageNotFoundError:  # the extra is not installed here
        return
    seen |= new
    yield name
    for need in needs:
        if any(need.marker is None or need.marker.evaluate({"extra": extra}) for _, extra in new):
            yield from closure(need, seen)


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
    assert found.keys() - here.keys() <= PINNED, "listed, but no package of the pinned versions"


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


def test_each_direct_dependency_has_a_reason() -> None:
    direct = {canonical(Requirement(text).name) for text in PROJECT["dependencies"]}
    direct |= {
        canonical(Requirement(text).name) for extra in EXTRAS for text in PROJECT["optional-dependencies"][extra]
    }
    reasons = TEXT.partition("## What comes along")[0]
    assert {name for name in direct if f"`{name}`" not in reasons} == set()
