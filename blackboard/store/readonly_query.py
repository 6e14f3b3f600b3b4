"""SQL queries by people, run in a child process that can only read and is killed after a time limit."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from blackboard.errors import InvalidQuery, QueryStopped, StoreError, nearest
from blackboard.store.view_columns import VIEWS

CHILD = Path(__file__).with_name("readonly_query_process.py")
MEMORY = 768 << 20
"""Bytes of address space for the child, including Python's own."""
MAX_BYTES = 64 * 1024 * 1024
"""Largest number of bytes of text in one result."""


class Result(NamedTuple):
    """The result of a query; `more` says whether there were more rows than the limit."""

    columns: tuple[str, ...]
    rows: list[list[Any]]
    more: bool


def query(path: Path, sql: str, *, limit: int = 1000, seconds: float = 10.0) -> Result:
    """Run one query on an SQLite board, over views or tables, and return at most `limit` rows.

    Raises:
        InvalidQuery: The SQL is invalid, or does more than read.
        QueryStopped: The query took more than `seconds`, or too much memory.
        StoreError: The database cannot be read.
    """
    request = {
        "path": str(path.absolute()),
        "sql": sql,
        "limit": limit,
        "seconds": seconds,
        "memory": MEMORY,
        "max_bytes": MAX_BYTES,
    }
    # -I: neither the environment nor the current folder decides what the child imports.
    with subprocess.Popen(
        [sys.executable, "-I", str(CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        try:
            answer, _ = child.communicate(json.dumps(request).encode(), timeout=seconds)
        except subprocess.TimeoutExpired:
            raise QueryStopped(
                f"the query took longer than {seconds:g} s; narrow it, or give it a longer --timeout"
            ) from None
        finally:
            child.kill()
    try:
        reply = json.loads(answer)
    except ValueError:
        raise QueryStopped(
            f"the query was stopped: it took too much memory or time (exit {child.returncode})"
        ) from None
    if "error" not in reply:
        return Result(tuple(reply["columns"]), reply["rows"], reply["more"])
    message = str(reply["error"])
    if reply["category"] == "store":
        raise StoreError(f"{path}: {message}")
    if missing := re.fullmatch(r"no such table: (\S+)", message):
        message += nearest(missing[1], VIEWS)
    raise InvalidQuery(message)
