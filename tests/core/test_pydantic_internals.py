"""Pydantic has each internal that saves time, one module of the program uses them, and marks need none of them."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field, PrivateAttr, SecretStr

from blackboard import Mark
from blackboard.core.marks import pydantic_internals
from tests.support.bounds import BOUND_SECONDS

ROOT = Path(__file__).resolve().parents[2]


class Base(BaseModel):
    """A model with an attribute that is not a field."""

    detail: str | None = None
    _note: str = PrivateAttr(default="")


class Hooked(Base):
    """A model whose hook pydantic wraps."""

    _count: int = PrivateAttr(default=0)

    def model_post_init(self, context: Any, /) -> None:
        """Do nothing."""


@dataclass
class Part:
    """A dataclass inside a model."""

    left_out: int = Field(exclude=True)


class Losing(BaseModel):
    """A model with fields that are not written, and with sets."""

    password: SecretStr
    parts: list[Part]
    words: dict[str, frozenset[str]]
    hidden: int = Field(default=1, exclude=True)


class Scalars(BaseModel):
    """A model of scalars."""

    text: str
    number: int | None = None


@pytest.mark.parametrize(
    "name",
    [
        "__private_attributes__",
        "__pydantic_core_schema__",
        "__pydantic_private__",
    ],
)
def test_a_model_has_the_internal(name: str) -> None:
    assert hasattr(Base(), name)
    assert name in (ROOT / "blackboard/core/marks/pydantic_internals.py").read_text("utf-8")


def test_private_attributes_are_set_and_read_together() -> None:
    model = Base()
    assert pydantic_internals.private_attribute(model, "_note") == ""
    pydantic_internals.set_private_attributes(model, {"_note": "set"})
    assert (model._note, pydantic_internals.private_attribute(model, "_note")) == ("set", "set")  # noqa: SLF001
    assert pydantic_internals.has_private_attributes_of(Losing, Scalars)
    assert not pydantic_internals.has_private_attributes_of(Hooked, Base)


def test_pydantic_wraps_the_hook_of_a_class_with_private_attributes() -> None:
    assert getattr(pydantic_internals.wrapped_hook(Hooked), "__doc__", None) == "Do nothing."
    assert pydantic_internals.wrapped_hook(Scalars) is None

    class Plain(Mark, kind="plain_mark"):
        pass

    assert vars(Plain)["model_post_init"].__name__ == "_begin_attributes", "the hook of marks was not found"


def test_a_core_schema_shows_sets_scalars_and_lost_fields() -> None:
    assert [pydantic_internals.has_sets(each) for each in (Losing, Scalars)] == [True, False]
    assert [pydantic_internals.has_only_scalars(each) for each in (Losing, Scalars)] == [False, True]
    assert {place for place, _ in pydantic_internals.lost_fields(Losing)} == {"password", "parts.left_out", "hidden"}
    assert list(pydantic_internals.lost_fields(Scalars)) == []


@pytest.mark.processes
def test_an_unknown_version_gives_the_same_marks_without_its_internals() -> None:
    suites = [
        "tests/core/test_marks.py",
        "tests/board/marks/test_payload_round_trip.py",
        "tests/board/marks/test_subject_forms.py",
    ]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.support.later_pydantic", "-p", "no:cacheprovider"]
    command += ["--quick", "--hypothesis-profile=quick", "--postgresql=none"]
    command += ["-k", "not by_the_internals_of_pydantic", *suites]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=BOUND_SECONDS, check=False)
    assert done.returncode == 0, done.stdout
    assert "6 deselected" in done.stdout


def test_no_other_module_uses_internals() -> None:
    found = {
        (path.stem, node.attr)
        for path in (ROOT / "blackboard").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Attribute) and node.attr.startswith(("__pydantic_", "__private_attributes__"))
    }
    documented = "__pydantic_init_subclass__"
    assert {stem for stem, name in found if name != documented} == {"pydantic_internals"}
