"""A script that runs one SQL query of a person, in a process that can only read.

It imports nothing of this program and takes its request as JSON on stdin. On stdout it writes a line of JSON for each
row, and last a line with the columns or the error. The script is confined: the file is opened read-only, and an
authorizer refuses everything but reading. The system limits memory, time and the files that the script may write. Its
parent process kills it after the time limit. The script ends when its parent does.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import resource
import sys
import threading
from typing import Any
from urllib.parse import quote

try:
    import pysqlite3 as sqlite3
except ImportError:
    import sqlite3

SELECT, READ, FUNCTION, RECURSIVE = 21, 20, 31, 33
"""The actions that the authorizer allows, by SQLite's numbers. All others change something or leave the database."""
PRAGMA = 19
REFUSED_FUNCTIONS = {"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"}
REFUSED_WORDS = {
    9: "deleting", 18: "inserting", 19: "PRAGMA", 22: "transactions", 23: "updating", 24: "ATTACH", 25: "DETACH",
    26: "ALTER", 27: "REINDEX", 28: "ANALYZE", 29: "virtual tables", 30: "virtual tables", 32: "savepoints",
}  # fmt: skip
LIMITS = ((0, 16_000_000), (1, 200_000), (3, 500), (7, 0), (11, 0))
"""Limits by SQLite's numbers: bytes of a value and of the SQL, depth of an expression, attached databases, threads."""
ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False)
CORRUPT, NOT_A_DATABASE = 11, 26
"""The error codes that blame the file, not the query."""
PRAGMAS = ("busy_timeout = 5000", "query_only = ON", "trusted_schema = OFF", "temp_store = MEMORY", "mmap_size = 0")


def main() -> None:
    """Answer the request on stdin. The argument is a pipe that ends when the parent does."""
    threading.Thread(target=end_with, args=(int(sys.argv[1]),), daemon=True).start()
    request = json.load(sys.stdin)
    lines: list[bytes] = []
    try:
        answer = run(request, lines)
    except MemoryError:
        answer = {"error": "the query needs more memory than it may have", "category": "query"}
    if "error" not in answer:
        sys.stdout.buffer.writelines(lines)
    sys.stdout.buffer.write(line(answer))


def end_with(parent: int) -> None:
    """End this process when the other end of a pipe is closed, even in the middle of a query."""
    os.read(parent, 1)
    os._exit(1)


def line(value: Any) -> bytes:
    """Return a value as a line of JSON. JSON escapes each line break within a text."""
    return ENCODER.encode(value).encode() + b"\n"


def run(request: dict[str, Any], lines: list[bytes]) -> dict[str, Any]:
    """Add a line for each row, and return the columns and whether there are more rows, or an error and its category."""
    refused: list[str] = []
    try:
        connection = connect(request, refused)
    except sqlite3.Error as error:
        return {"error": str(error), "category": "store"}
    try:
        cursor = connection.execute(request["sql"], request["values"])
        if cursor.description is None:
            return {"error": "this is not a query; write one that begins with SELECT or WITH", "category": "query"}
        size, more = 0, False
        for values in cursor:
            if len(lines) == request["limit"]:
                more = True
                break
            row = [plain(value) for value in values]
            lines.append(line(row))
            # The memory of the parent: a character takes up to 4 bytes, and up to 6 in JSON.
            size += max(len(lines[-1]), sum(map(sys.getsizeof, (row, *row))))
            if size > request["max_bytes"]:
                return {"error": f"the result needs more than {request['max_bytes'] >> 20} MB", "category": "query"}
    except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
        if refused:
            return {"error": f"only reading is allowed here, not {refused[0]}", "category": "query"}
        is_damaged = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in (CORRUPT, NOT_A_DATABASE)
        return {"error": str(error), "category": "store" if is_damaged else "query"}
    return {"columns": [column[0] for column in cursor.description], "more": more}


def connect(request: dict[str, Any], refused: list[str]) -> Any:
    """Return a connection that can only read, and confine the process."""
    connection = sqlite3.connect(
        f"file:{quote(request['path'])}?{request['parameters']}", uri=True, isolation_level=None
    )
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    # The first read opens the log's files, which the limits forbid later.
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if hasattr(connection, "setlimit"):  # pysqlite3 has no such method, so only the limit of memory holds
        for category, maximum in LIMITS:
            connection.setlimit(category, maximum)

    def allow(action: int, first: str | None, second: str | None, database: str | None, inner: str | None) -> int:
        if only_reads(action, second):
            return 0
        if action == PRAGMA and first == "data_version" and second is None:  # FTS5 reads this pragma
            return 0
        refused.append(describe_refused(action, second))
        return 1

    connection.set_authorizer(allow)
    lower_process_limit(resource.RLIMIT_AS, request["memory"])
    lower_process_limit(resource.RLIMIT_CPU, math.ceil(request["seconds"]) + 1)
    lower_process_limit(resource.RLIMIT_FSIZE, 0)
    lower_process_limit(resource.RLIMIT_CORE, 0)
    return connection


def only_reads(action: int, function: str | None) -> bool:
    """Return whether an action about which SQLite asks only reads. `function` is what it calls, if it is a call."""
    if action == FUNCTION:
        return (function or "").lower() not in REFUSED_FUNCTIONS
    return action in (SELECT, READ, RECURSIVE)


def describe_refused(action: int, function: str | None) -> str:
    """Return the words of a message for an action that is refused."""
    return f"{function}()" if action == FUNCTION else REFUSED_WORDS.get(action, "changing the schema")


def lower_process_limit(resource_: int, maximum: int) -> None:
    """Lower a limit of this process for the rest of its life."""
    _, hard = resource.getrlimit(resource_)
    maximum = maximum if hard == resource.RLIM_INFINITY else min(maximum, hard)
    # A platform may lack a limit. The others still apply, and the parent kills the process after the time limit.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource_, (maximum, maximum))


def plain(value: Any) -> Any:
    """Return a value that JSON can represent."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


if __name__ == "__main__":
    main()
