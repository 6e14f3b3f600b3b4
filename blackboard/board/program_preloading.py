"""The preloading of the whole program at the start of a long-running process.

Methods of a board import most modules when they are first called, and statements are read from their files when they
are first run. The first call or run can be months after the start. If the package was upgraded on the disk meanwhile, a
process of the old version would then get code or SQL of the new version.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from functools import cache

from blackboard.store import statements
from blackboard.store.statement_file import StatementFile

BOARD_PACKAGES = ("core", "system", "store", "board", "presentation")
"""The packages that a process with a board may need."""
LEFT_OUT = (
    "blackboard.board.backups_and_copies",
    "blackboard.board.housekeeping.board_copy",
    "blackboard.store.schema",
)
"""Modules that only short commands need: upgrades, backups and copies. Each would load SQLAlchemy and Alembic."""
POSTGRESQL_STORE = "blackboard.store.postgresql"


def preload_program(*packages: str) -> None:
    """Import all modules of a board and of these packages, such as `daemon`, and read all statements.

    What is loaded already is not loaded again. A board on PostgreSQL also needs the modules of its database.
    """
    for package in (*BOARD_PACKAGES, *packages):
        _import_all(f"blackboard.{package}")
    if POSTGRESQL_STORE in sys.modules:
        _import_all(POSTGRESQL_STORE)
    for value in vars(statements).values():
        if isinstance(value, StatementFile):
            value.all()


@cache
def _import_all(package: str) -> None:
    for name in _modules(package):
        importlib.import_module(name)


def _modules(package: str) -> Iterator[str]:
    """Yield the names of a package's modules, without the modules that are left out."""
    yield package
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        if info.name in LEFT_OUT or info.name == POSTGRESQL_STORE:
            continue
        if info.ispkg:
            yield from _modules(info.name)
        else:
            yield info.name
