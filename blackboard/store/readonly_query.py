"""Lets a person query the board in SQL: in a child process that can read and nothing else, and is killed in time."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from blackboard.errors import InvalidQuery, QueryStopped, StoreError, nearest
from blackboard.store.view_columns import VIEWS

__all__ = ["Result", "query"]

CHILD = Path(__file__).with_name("readonly_query_process.py")
MEMORY = 768 << 20
"""Bytes of address space for the child, Python's own included."""
MOST_BYTES = 64 * 1024 * 1024
"""Bytes of text in one result."""


class Result(NamedTuple):
    """What a query found."""

    columns: tuple[str, ...]
    rows: list[list[Any]]
    more: bool
    """Whether there were more rows than the limit."""


def query(path: Path, sql: str, *, limit: int = 1000, seconds: float = 10.0) -> Result:
    """Run one query on an SQLite board.

    Args:
        path: the database's file.
        sql: one SELECT, over the views or any table.
        limit: the most rows that are returned, at least 1.
        seconds: after which the query is killed.

    Raises:
        InvalidQuery: it is wrong, or asks for more than reading.
        QueryStopped: it took too long, or too much memory.
        StoreError: the database cannot be read.
    """
    request = {
        "path": str(path.absolute()),
        "sql": sql,
        "limit": limit,
        "seconds": seconds,
        "memory": MEMORY,
        "max_bytes": MOST_BYTES,
    }
    # Isolated: neither the environment nor the current folder has a say in what the child imports.
    with subprocess.Popen(
        [sys.executable, "-I", str(CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        try:
            answer, _ = child.communicate(json.dumps(request).encode(), timeout=seconds)
        except subprocess.TimeoutExpired:
            what = f"the query took longer than {seconds:g} s; narrow it, or give it a longer --timeout"
            raise QueryStopped(what) from None
        finally:
            child.kill()
    try:
        found = json.loads(answer)
    except ValueError:
        raise QueryStopped(
            f"the query was stopped: it took too much memory or time (exit {child.returncode})"
        ) from None
    if "error" not in found:
        return Result(tuple(found["columns"]), found["rows"], found["more"])
    message = str(found["error"])
    if found["category"] == "store":
        raise StoreError(f"{path}: {message}")
    if missing := re.fullmatch(r"no such table: (\S+)", message):
        message += nearest(missing[1], VIEWS)
    raise InvalidQuery(message)
