"""The same correlator as a table and a loop: python plain/alert_loop.py < day.csv.

It takes each line as it comes, and looks once a minute for what time alone brings about.
"""

import csv
import sqlite3
import sys
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")
WEIGHTS = {"error": 1.0, "latency": 0.3, "probe": 2.0}
MINUTE = 60.0
HALF_LIFE, WINDOW, DEPLOY, HELD = 2 * MINUTE, 10 * MINUTE, 10 * MINUTE, 5 * MINUTE
ESCALATE, AGAIN, DAY = 15 * MINUTE, 30 * MINUTE, 24 * 60 * MINUTE

SCHEMA = """
pragma journal_mode = wal;
pragma synchronous = normal;
create table if not exists event (id integer primary key, at real, kind text, service text, detail text);
create index if not exists event_of_service on event (service, kind, at);
create table if not exists service (
  name text primary key, total real default 0, total_at real default 0, deploy_until real default 0,
  paged_at real, why text, escalate_at real, below_since real);
create table if not exists message (at real, kind text, service text, detail text);
create table if not exists timer (tick real, digest real);
"""


def nine_after(at: float) -> float:
    local = datetime.fromtimestamp(at, BERLIN)
    nine = local.replace(hour=9, minute=0, second=0, microsecond=0)
    return (nine if nine > local else nine + timedelta(days=1)).timestamp()


def send(db: sqlite3.Connection, at: float, kind: str, service: str, detail: str) -> None:
    db.execute("insert into message values (?, ?, ?, ?)", (at, kind, service, detail))
    print(f"{datetime.fromtimestamp(at, BERLIN):%a %H:%M:%S}  {kind:10}  {service:7}  {detail}", flush=True)


def update(db: sqlite3.Connection, service: str, **values: float | str | None) -> None:
    names = ", ".join(f"{name} = ?" for name in values)
    db.execute(f"update service set {names} where name = ?", (*values.values(), service))


def total(row: sqlite3.Row, at: float) -> float:
    return float(row["total"] * 2 ** -((at - row["total_at"]) / HALF_LIFE))


def handle(db: sqlite3.Connection, at: float, kind: str, service: str, detail: str) -> None:
    db.execute("insert into event (at, kind, service, detail) values (?, ?, ?, ?)", (at, kind, service, detail))
    db.execute("insert or ignore into service (name) values (?)", (service,))
    row = db.execute("select * from service where name = ?", (service,)).fetchone()
    if kind == "deploy":
        update(db, service, deploy_until=at + DEPLOY)
    elif kind == "ack":
        update(db, service, escalate_at=None)
    else:
        weight, errors = total(row, at) + WEIGHTS[kind], 0
        update(db, service, total=weight, total_at=at)
        if kind == "error":
            recent = "select count(*) from event where service = ? and kind = 'error' and at > ?"
            [errors] = db.execute(recent, (service, at - WINDOW)).fetchone()
        if (weight >= 8 or errors >= 5) and row["paged_at"] is None and at >= row["deploy_until"]:
            why = "weight" if weight >= 8 else "errors"
            send(db, at, "page", service, why)
            update(db, service, paged_at=at, why=why, escalate_at=at + ESCALATE, below_since=None)


def tick(db: sqlite3.Connection, now: float) -> None:
    for row in db.execute("select * from service where paged_at is not null order by name").fetchall():
        below = None if total(row, now) >= 1 else row["below_since"] or now
        update(db, row["name"], below_since=below)
        if below is not None and now - below >= HELD:
            send(db, now, "recovery", row["name"], row["why"])
            update(db, row["name"], paged_at=None, escalate_at=None)
        elif row["escalate_at"] is not None and now >= row["escalate_at"]:
            send(db, now, "escalation", row["name"], row["why"])
            update(db, row["name"], escalate_at=row["escalate_at"] + AGAIN)


def digest(db: sqlite3.Connection, at: float) -> None:
    counted = "select kind, count(*) from message where at > ? group by kind"
    counts = dict(db.execute(counted, (at - DAY,)).fetchall())
    [still] = db.execute("select count(*) from service where paged_at is not null").fetchone()
    text = f"{counts.get('recovery', 0)} over, {still} open, {counts.get('escalation', 0)} escalated"
    send(db, at, "digest", "all", text)


def run(db: sqlite3.Connection, lines: Iterable[list[str]]) -> None:
    """Handle the lines that no earlier run has handled."""
    db.row_factory = sqlite3.Row
    db.executescript(SCHEMA)
    [done] = db.execute("select count(*) from event").fetchone()
    for instant, kind, service, detail in islice(lines, done, None):
        at = datetime.fromisoformat(instant).timestamp()
        timer = db.execute("select * from timer").fetchone()
        if timer is None:
            db.execute("insert into timer values (?, ?)", (at - at % MINUTE + MINUTE, nine_after(at)))
            timer = db.execute("select * from timer").fetchone()
        next_tick, next_digest = timer
        with db:
            while next_tick <= at:
                tick(db, next_tick)
                if next_tick >= next_digest:
                    digest(db, next_digest)
                    next_digest = nine_after(next_digest)
                next_tick += MINUTE
            db.execute("update timer set tick = ?, digest = ?", (next_tick, next_digest))
            handle(db, at, kind, service, detail)


if __name__ == "__main__":
    reader = csv.reader(sys.stdin)
    next(reader, None)  # the names of the columns
    run(sqlite3.connect("loop.db"), reader)
