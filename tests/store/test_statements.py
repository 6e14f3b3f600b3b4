"""What runs is what is written in SQLAlchemy Core, in every dialect; on SQLite it was compiled beforehand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.dialects import postgresql

from blackboard.store import freeze, shelf
from blackboard.store.dialect import SQLITE, Dialect
from blackboard.store.view_columns import VIEWS
from blackboard.store.views import view_definitions
from tests.board.world import World, kind

ROOT = Path(__file__).parents[2]
POSTGRESQL = Dialect("postgresql", Exception, postgresql.dialect)

# Runs what stands in the first argument on the board in the second; then says which of these were loaded.
CHILD = """
import sys
from pathlib import Path
from blackboard.store import shelf
shelf.FILE = Path(sys.argv[3])
from blackboard import Agent, Blackboard, Daemon, Mark, agent, count

class Smoke(Mark, kind="smoke", on_repeat="separate"):
    pass

@agent(watches=count(Smoke) >= 1, kinds=[Smoke])
def watchman(marks, context):
    return []

def deposit():
    with Blackboard.open(f"sqlite:///{sys.argv[2]}") as board:
        board.deposit(Smoke(subject="s"))

def marks():
    from blackboard.cli.app import app
    app(["--database", sys.argv[2], "marks"], standalone_mode=False)

def daemon():
    with Blackboard.open(f"sqlite:///{sys.argv[2]}") as board:
        Daemon(board, [watchman]).run(until_quiescent=True)

globals()[sys.argv[1]]()
print("loaded:", [name for name in ("sqlalchemy", "alembic") if name in sys.modules])
"""


def run(command: str, path: Path, file: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, command, str(path), str(file)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout


def test_what_was_compiled_beforehand_is_current() -> None:
    current = shelf.FILE.read_text("utf-8") == freeze.text()
    assert current, "the store's statements have changed: write them anew with 'make statements'"


def test_every_statement_is_on_the_shelf_as_it_compiles() -> None:
    held = dict(shelf.read(shelf.FILE.read_text("utf-8")))
    compiled = {name: statement.compile(SQLITE) for name, statement in freeze.statements()}
    assert held == compiled
    assert len(held) > 200


def test_a_statement_from_the_shelf_knows_what_it_was_compiled_from() -> None:
    modules = shelf.take()
    for name in ("marks.FIND_MARK", "marks.STIMULI_SUMMED[linear]", "marks.LIVE[kind subject limit]", "marks.LIVE[]"):
        module, _, rest = name.partition(".")
        attribute, bracket, key = rest.removesuffix("]").partition("[")
        found: Any = getattr(modules[module], attribute)
        statement = found[key] if bracket else found
        assert statement.compiled(SQLITE) == statement.compile(SQLITE), name
        assert "%(" in statement.compiled(POSTGRESQL).sql, name
    assert modules["marks"].MARK_COLUMNS
    with pytest.raises(AttributeError):
        _ = modules["marks"].NO_SUCH_STATEMENT


def test_every_statement_and_view_is_for_postgresql_too() -> None:
    for name, statement in freeze.statements():
        assert statement.compile(POSTGRESQL).sql, name
    assert set(view_definitions(POSTGRESQL)) == set(VIEWS)


@pytest.mark.parametrize(
    "text", [None, "", "-- from sources with the SHA-256 0\n\n-- name: marks.FIND_MARK\nnonsense;\n"]
)
def test_a_file_that_is_not_current_is_not_used(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "sqlite.sql"
    if text is not None:
        file.write_text(text)
    monkeypatch.setattr(shelf, "FILE", file)
    assert {name: module.__file__ for name, module in shelf.take().items() if module.__file__ is None} == {}


def test_a_file_whose_statements_were_edited_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "sqlite.sql"
    file.write_text(freeze.text().replace("DELETE FROM mark WHERE mark.id = ?", "DELETE FROM mark"))
    assert file.read_text() != freeze.text()
    monkeypatch.setattr(shelf, "FILE", file)
    assert shelf.take()["marks"].__file__ is not None


@pytest.mark.processes
@pytest.mark.parametrize("command", ["deposit", "marks", "daemon"])
def test_a_process_that_uses_a_board_loads_no_sqlalchemy(command: str, world: World) -> None:
    world.deploy({"smoke": kind("smoke", on_repeat="separate")})
    world.put("smoke")
    world.close()
    assert run(command, world.path, shelf.FILE).endswith("loaded: []\n")


@pytest.mark.processes
@pytest.mark.parametrize("command", ["deposit", "marks", "daemon"])
def test_it_loads_it_and_works_where_the_file_is_not_current(command: str, world: World, tmp_path: Path) -> None:
    world.deploy({"smoke": kind("smoke", on_repeat="separate")})
    world.put("smoke")
    world.close()
    file = tmp_path / "sqlite.sql"
    file.write_text("-- from sources with the SHA-256 0\n")
    assert run(command, world.path, file).endswith("loaded: ['sqlalchemy']\n")
