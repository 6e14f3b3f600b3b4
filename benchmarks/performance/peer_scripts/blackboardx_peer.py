"""blackboardx with its SqliteStore: writes per second through its control. It runs in its own environment."""

import json
import os
import sqlite3
import sys
import time
from datetime import timedelta
from pathlib import Path

from blackboard import Agent, Level, RunLimits, SqliteStore, create_model

folder, count = Path(sys.argv[1]), int(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
path = folder / "blackboardx.db"
for suffix in ("", "-wal", "-shm"):
    path.with_name(path.name + suffix).unlink(missing_ok=True)
model = create_model(
    board_id="bench",
    store=SqliteStore(str(path)),
    regions=[Level("trace")],
    premises={},
    agents=[Agent(name="bench", notify=lambda notification: None)],
    limits=RunLimits(wall_clock=timedelta(hours=1), idle=timedelta(hours=1)),
)
for number in range(20):
    model.control.write("trace", {"subject": f"w/{number}", "detail": "one"}, writer="bench")
begin = time.perf_counter()
for number in range(count):
    model.control.write("trace", {"subject": f"s/{number}", "detail": "one"}, writer="bench")
rate = count / (time.perf_counter() - begin)
mode = sqlite3.connect(path).execute("PRAGMA journal_mode").fetchone()[0]
print(json.dumps({"what": "writes", "rate": rate, "durability": mode}))
sys.stdout.flush()
os._exit(0)  # its timer threads would wait for the end of the run
