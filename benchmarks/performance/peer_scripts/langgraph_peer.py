"""LangGraph with its SqliteStore: puts per second. It runs in its own environment."""

import json
import sqlite3
import sys
import time
from pathlib import Path

from langgraph.store.sqlite import SqliteStore

folder, count = Path(sys.argv[1]), int(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
path = folder / "langgraph.db"
path.unlink(missing_ok=True)
with SqliteStore.from_conn_string(str(path)) as store:
    store.setup()
    for number in range(20):
        store.put(("trace",), f"w/{number}", {"detail": "one"})
    begin = time.perf_counter()
    for number in range(count):
        store.put(("trace",), f"s/{number}", {"detail": "one"})
    rate = count / (time.perf_counter() - begin)
    connection: sqlite3.Connection = store.conn
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    level = connection.execute("PRAGMA synchronous").fetchone()[0]
print(json.dumps({"what": "puts", "rate": rate, "durability": f"{mode}, synchronous = {level}"}))
