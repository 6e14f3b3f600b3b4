"""Write the files that follow from the statements in `blackboard/store/sql`; `make statements` runs this.

They are the stub `blackboard/store/statements.pyi`, which gives each statement the type of its results, and
`tests/store/query_plans.json`, the plan of each statement. `tests/store/test_statements.py` compares them.
"""

from __future__ import annotations

import builtins
import json
import re
import tempfile
from pathlib import Path

from blackboard import Blackboard, clock
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.store import statements
from blackboard.store.dialects.sqlite_dialect import SqliteDialect
from blackboard.store.row_types import column_types
from blackboard.store.statement_file import row_type
from tools.statement_variants import FILES, every_statement, variants

STUB = Path(statements.__file__).with_suffix(".pyi")
PLANS = Path(__file__).resolve().parents[1] / "tests" / "store" / "query_plans.json"
MAX_LINE_CHARACTERS = 120


def main() -> None:
    """Write both files."""
    STUB.write_text(stub(), "utf-8")
    with tempfile.TemporaryDirectory() as folder:
        PLANS.write_text(json.dumps(query_plans(Path(folder)), indent=1) + "\n", "utf-8")


def stub() -> str:
    """Return the text of the stub, which gives each statement the type of its results."""
    classes, constants = [], []
    for file in FILES:
        name = f"_{file.name.title().replace('_', '')}"
        types = [f"    {key}: Statement[{statement.result or 'object'}]" for key, statement in file.all().items()]
        classes.append("\n".join([f"class {name}(StatementFile):", *types]))
        constants.append(f"{file.name.upper()}: {name}")
    used = set(re.findall(r"Statement\[(\w+)", "\n".join(classes)))
    names: dict[str, list[str]] = {}
    for name in sorted(used):
        names.setdefault(_module_of(name), []).append(name)
    names.pop("builtins")
    imports = [_import_of(module, names[module]) for module in sorted(names)]
    imports.append("from blackboard.store.statement_file import Statement, StatementFile")
    heading = '"""The type of each statement. `make statements` writes this file from the SQL."""'
    return "\n\n".join([heading, "\n".join(imports), *classes, "\n".join(constants)]) + "\n"


def _import_of(module: str, names: list[str]) -> str:
    """Return the import of names, as ruff formats it."""
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= MAX_LINE_CHARACTERS:
        return line
    return "\n    ".join([f"from {module} import (", *(f"{name}," for name in names)]) + "\n)"


def _module_of(name: str) -> str:
    """Return the module that defines the type of a result."""
    if hasattr(builtins, name):
        return builtins.__name__
    if (row := row_type(name)) is not None:
        return row.__module__
    return clock.__name__ if hasattr(clock, name) else column_types.__name__


def searched_board(path: Path) -> Blackboard:
    """Return an empty board with a full-text index, to which statements refer."""
    board = Blackboard.open(path)
    board.deploy(Deployment(kinds={"searched": KindSpec(search=("text",))}))
    return board


def query_plans(folder: Path) -> dict[str, list[str]]:
    """Return SQLite's plan for each statement on an empty board."""
    plans = {}
    with searched_board(folder / "plans.db") as board, board.database.read() as transaction:
        for statement in every_statement():
            for name, variant in variants(statement):
                text, parameters = variant.compile(SqliteDialect())
                plan = transaction.cursor.execute(f"EXPLAIN QUERY PLAN {text}", [None] * len(parameters)).fetchall()
                plans[name] = [row[3] for row in plan]
    return plans


if __name__ == "__main__":
    main()
