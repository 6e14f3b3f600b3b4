"""huey with its SQLite queue: enqueues per second. It runs in its own environment."""

import json
import sys
import time
from pathlib import Path

from huey import SqliteHuey

folder, count = Path(sys.argv[1]), int(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
path = folder / "huey.db"
path.unlink(missing_ok=True)
huey = SqliteHuey(filename=str(path))


@huey.task()
def trace(subject: str, detail: str) -> None:
    """Do nothing; the task is only queued."""


for number in range(20):
    trace(f"s/{number}", "one")
begin = time.perf_counter()
for number in range(count):
    trace(f"s/{number}", "one")
rate = count / (time.perf_counter() - begin)
level = huey.storage.conn.execute("PRAGMA synchronous").fetchone()[0]
print(json.dumps({"what": "enqueues", "rate": rate, "durability": f"synchronous = {level}"}))
