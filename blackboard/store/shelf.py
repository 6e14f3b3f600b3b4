"""Holds the statements as they were compiled for SQLite beforehand. It compiles nothing itself.

`sqlite.sql` beside this file is written by `freeze`, from the modules of statements; it is there to be read, and is
used only where it was written from the very sources that lie here. Where it was not, the modules themselves are taken,
which load SQLAlchemy and compile the same.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from blackboard.store.transaction import Compiled, Statement

if TYPE_CHECKING:
    from sqlalchemy import Executable

__all__ = ["FILE", "MODULES", "heading", "read", "take"]

MODULES = ("activations", "deployments", "forgetting", "journal", "marks", "retention", "watching")
"""The modules of statements."""

HERE = Path(__file__).parent
FILE = HERE / "sqlite.sql"
SOURCES = (
    *(HERE / f"{name}.py" for name in (*MODULES, "view_columns", "phrases", "rows", "strength", "tables")),
    HERE.with_name("decay.py"),
)
"""What the text of a statement follows from."""


def compiled_from() -> str:
    """What tells these sources from any others.

    Raises:
        OSError: they are not there to be read.
    """
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in SOURCES)).hexdigest()


def heading(body: str) -> str:
    """The first line of a file with these statements: it holds for these sources and for these words alone.

    Raises:
        OSError: the sources are not there to be read.
    """
    words = hashlib.sha256(body.encode()).hexdigest()
    return (
        f"-- Written by python -m blackboard.store.freeze, from sources with the SHA-256 {compiled_from()}, as {words}"
    )


def take() -> dict[str, ModuleType]:
    """The modules of statements by name: from the file where it is current, else as they are."""
    try:
        text = FILE.read_text("utf-8")
        head, _, body = text.partition("\n")
        if head == heading(body):
            return _modules(text)
    except (OSError, ValueError, KeyError):  # no such file, or none that can be read; then it takes longer, and no more
        pass
    return {name: importlib.import_module(f"blackboard.store.{name}") for name in MODULES}


def read(text: str) -> Iterator[tuple[str, Compiled]]:
    """The statements of such a file, each with its name.

    Raises:
        ValueError: it is none.
    """
    for part in text.split("\n-- name: ")[1:]:
        name, *lines = part.rstrip().removesuffix(";").split("\n")
        names: tuple[str, ...] = ()
        constants: dict[str, Any] = {}
        while lines and lines[0].startswith("-- "):
            what, _, value = lines.pop(0).removeprefix("-- ").partition(": ")
            if what == "takes":
                names = tuple(value.split(", "))
            else:
                constants = json.loads(value)
        yield name, Compiled("\n".join(lines), names, constants)


def _modules(text: str) -> dict[str, ModuleType]:
    """For each module of statements one that stands in for it, and fetches whatever else is asked of it."""
    modules = {}
    for name in MODULES:
        modules[name] = ModuleType(f"blackboard.store.{name}", "Statements that were compiled beforehand.")
        modules[name].__dict__["__getattr__"] = partial(_of_module, name)
    for name, compiled in read(text):
        module, attribute = name.split(".", 1)
        held = modules[module].__dict__
        attribute, _, key = attribute.partition("[")
        statement = Statement(partial(_core, module, attribute, key.removesuffix("]")), {"sqlite": compiled})
        if key:
            held.setdefault(attribute, {})[key.removesuffix("]")] = statement
        else:
            held[attribute] = statement
    return modules


def _of_module(module: str, attribute: str) -> Any:
    if attribute.startswith("__"):
        raise AttributeError(attribute)
    return getattr(importlib.import_module(f"blackboard.store.{module}"), attribute)


def _core(module: str, attribute: str, key: str) -> Executable:
    found = _of_module(module, attribute)
    return (found if isinstance(found, Statement) else found[key]).core
