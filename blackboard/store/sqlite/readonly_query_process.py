"""SQL queries by people, run in a child process that can only read and is killed after a time limit."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from blackboard.clock import MAX_PLATFORM_WAIT_SECONDS
from blackboard.core.records.query_result_rows import QueryResult
from blackboard.errors import QueryStopped, StoreError
from blackboard.store.database_interfaces.user_query_interface import (
    MAX_RESULT_BYTES,
    Values,
    invalid_query,
    stopped_query,
)

CHILD = Path(__file__).with_name("readonly_query_script.py")
MEMORY_BYTES = 768 << 20
"""Bytes of address space for the child, including Python's own."""


def query(
    path: Path,
    sql: str,
    *,
    values: Values = (),
    limit: int = 1000,
    seconds: float = 10.0,
    parameters: str | None = None,
) -> QueryResult:
    """Run one query on an SQLite board, over views or tables, and return at most `limit` rows.

    `values` are the values of its placeholders. `parameters` are the parameters of the URI of a file that cannot be
    written.

    Raises:
        InvalidQuery: The SQL is invalid, or the statement writes.
        QueryStopped: The query took more than `seconds`, or too much memory.
        StoreError: The database cannot be read.
    """
    request = {
        "path": str(path.absolute()),
        "parameters": parameters or "mode=ro",
        "sql": sql,
        "values": values,
        "limit": limit,
        "seconds": seconds,
        "memory": MEMORY_BYTES,
        "max_bytes": MAX_RESULT_BYTES,
    }
    *rows, reply = _answer(request)
    if "error" not in reply:
        return QueryResult(tuple(reply["columns"]), rows, reply["more"])
    message = str(reply["error"])
    if reply["category"] == "store":
        raise StoreError(f"{path}: {message}")
    raise invalid_query(message)


def _answer(request: dict[str, Any]) -> list[Any]:
    """Return the lines of the child: its rows, and last the columns or an error.

    Raises:
        QueryStopped: The child took too long, or ended early.
    """
    seconds = min(request["seconds"], MAX_PLATFORM_WAIT_SECONDS)
    alive, ours = os.pipe()  # the child ends when this process does, because that closes its end of this pipe
    try:
        # -I: the child imports nothing from the environment or the current folder.
        with subprocess.Popen(
            [sys.executable, "-I", str(CHILD), str(alive)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=[alive],
        ) as child:
            try:
                answer, _ = child.communicate(json.dumps(request).encode(), timeout=seconds)
            finally:
                child.kill()
    except subprocess.TimeoutExpired:
        raise stopped_query(seconds) from None
    finally:
        os.close(alive)
        os.close(ours)
    if child.returncode:
        raise QueryStopped(
            f"the query was stopped: it took too much memory or time (exit {child.returncode}); narrow the query"
        )
    return [json.loads(line) for line in io.BytesIO(answer)]
