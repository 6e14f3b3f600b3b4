"""Runs one SQL query that a person wrote, in a process of its own that can read and do nothing else.

It stands alone: it imports nothing of this program, takes its request as JSON on stdin and answers in JSON on stdout.
What holds it: the file is opened read-only, an authorizer refuses all but reading, the system limits its memory, its
time and the files it may write, and whoever started it kills it in time.
"""

from __future__ import annotations

import contextlib
import json
import math
import resource
import sys
from typing import Any
from urllib.parse import quote

try:
    import pysqlite3 as sqlite3
except ImportError:
    import sqlite3

SELECT, READ, FUNCTION, RECURSIVE = 21, 20, 31, 33
"""What the authorizer lets through, by SQLite's numbers; everything else changes something or leaves the database."""
REFUSED_FUNCTIONS = {"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"}
WORDS = {
    9: "deleting", 18: "inserting", 19: "PRAGMA", 22: "transactions", 23: "updating", 24: "ATTACH", 25: "DETACH",
    26: "ALTER", 27: "REINDEX", 28: "ANALYZE", 29: "virtual tables", 30: "virtual tables", 32: "savepoints",
}  # fmt: skip
LIMITS = ((0, 16_000_000), (1, 200_000), (3, 500), (7, 0), (11, 0))
"""Most bytes in a value and in the SQL, depth of an expression, attached databases, threads; by SQLite's numbers."""
DAMAGED = ("disk image is malformed", "malformed database schema", "not a database")
"""What SQLite says of a file; of JSON in a query it says `malformed JSON`, which is the query's fault."""
PRAGMAS = ("busy_timeout = 5000", "query_only = ON", "trusted_schema = OFF", "temp_store = MEMORY", "mmap_size = 0")


def main() -> None:
    """Answer the request on stdin."""
    request = json.load(sys.stdin)
    try:
        answer = run(request)
    except MemoryError:
        answer = {"error": "the query needs more memory than it may have", "category": "query"}
    json.dump(answer, sys.stdout, ensure_ascii=True)


def run(request: dict[str, Any]) -> dict[str, Any]:
    """The answer to a request: columns, rows and whether there were more, or an error and whose it is."""
    refused: list[str] = []
    try:
        connection = connect(request, refused)
    except sqlite3.Error as error:
        return {"error": str(error), "category": "store"}
    try:
        cursor = connection.execute(request["sql"])
        if cursor.description is None:
            return {"error": "this is no query: write one that begins with SELECT or WITH", "category": "query"}
        rows: list[list[Any]] = []
        size, more = 0, False
        for values in cursor:
            if len(rows) == request["limit"]:
                more = True
                break
            row = [plain(value) for value in values]
            size += sum(len(value) if isinstance(value, str) else 8 for value in row)
            if size > request["max_bytes"]:
                return {"error": f"the result is larger than {request['max_bytes']} bytes", "category": "query"}
            rows.append(row)
    except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
        if refused:
            return {"error": f"only reading is allowed here, and this asks for {refused[0]}", "category": "query"}
        damaged = any(words in str(error) for words in DAMAGED)
        return {"error": str(error), "category": "store" if damaged else "query"}
    return {"columns": [column[0] for column in cursor.description], "rows": rows, "more": more}


def connect(request: dict[str, Any], refused: list[str]) -> Any:
    """A connection that can only read, in a process that can hardly do more."""
    connection = sqlite3.connect(f"file:{quote(request['path'])}?mode=ro", uri=True, isolation_level=None)
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(
        "SELECT count(*) FROM sqlite_master"
    ).fetchone()  # opens the log's files, before they are shut out
    if hasattr(connection, "setlimit"):  # pysqlite3 lacks it; the limit on memory is behind it
        for category, most in LIMITS:
            connection.setlimit(category, most)

    def allow(action: int, one: str | None, two: str | None, database: str | None, inner: str | None) -> int:
        if action in (SELECT, READ, RECURSIVE):
            return 0
        if action == FUNCTION and (two or "").lower() not in REFUSED_FUNCTIONS:
            return 0
        refused.append(f"{two}()" if action == FUNCTION else WORDS.get(action, "changing the schema"))
        return 1

    connection.set_authorizer(allow)
    limit(resource.RLIMIT_AS, request["memory"])
    limit(resource.RLIMIT_CPU, math.ceil(request["seconds"]) + 1)
    limit(resource.RLIMIT_FSIZE, 0)
    limit(resource.RLIMIT_CORE, 0)
    return connection


def limit(what: int, most: int) -> None:
    """Lower a limit of this process, for good."""
    _, hard = resource.getrlimit(what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    # A platform that knows no such limit: the others hold, and the process is killed in time
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(what, (most, most))


def plain(value: Any) -> Any:
    """A value that JSON can hold."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


if __name__ == "__main__":
    main()
