"""Runs a file of issues through days of plain/issue_queue.py, as replay_days.py does with a board.

python scripted_verdicts.py python replay_days_plain.py < issues.json prints what became of them. `work` runs every 10
minutes.
"""

import json
import sqlite3
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from anthropic import Anthropic

from plain import issue_queue

ROW = "{:%a}  {:7}  {:6}  {:5}  {:.4f}  {:3}  {:6}"
MONDAY = datetime.fromisoformat("2026-11-02T09:00Z")
TIMER = timedelta(minutes=10)
DAY = """
    select
      (select count(*) from queue) as waiting,
      (select count(*) from issue where team is not null) as judged,
      (select count(*) from call where date(at) = :day) as calls,
      (select total(usd) from call where date(at) = :day) as usd,
      (select count(*) from question where answered_by = 'ada') as ada,
      (select count(*) from question where answered_by = 'deputy') as deputy
"""


def days(db: sqlite3.Connection, client: Anthropic, rows: list[dict[str, Any]]) -> Iterator[str]:
    """Load the issues, run days until none waits, and yield lines about it."""
    yield f"first load:  {counted(issue_queue.load(db, rows))}"
    yield f"second load: {counted(issue_queue.load(db, rows))}"
    yield "     waiting  judged  calls  US$     ada  deputy"
    before, day = [0, 0, 0], MONDAY
    while is_open(db):
        run(db, client, day)
        waiting, judged, calls, usd, ada, deputy = db.execute(DAY, {"day": f"{day:%Y-%m-%d}"}).fetchone()
        new = [number - earlier for number, earlier in zip([judged, ada, deputy], before, strict=True)]
        yield ROW.format(day, waiting, new[0], calls, usd, *new[1:])
        before, day = [judged, ada, deputy], day + timedelta(days=1)


def counted(outcomes: dict[str, int]) -> str:
    return ", ".join(f"{number} {outcome}" for outcome, number in outcomes.items())


def is_open(db: sqlite3.Connection) -> bool:
    """Return whether an issue waits, or a question."""
    waiting = "select exists (select 1 from queue) or exists (select 1 from question where answer is null)"
    return bool(db.execute(waiting).fetchone()[0])


def run(db: sqlite3.Connection, client: Anthropic, day: datetime) -> None:
    """Run one day. Ada answers her questions at 10:00; Bob is away."""
    now = day
    while now <= day.replace(hour=23):
        issue_queue.work(db, client, now)
        if now == day.replace(hour=10):
            for number, *_ in issue_queue.inbox(db, "ada"):
                issue_queue.answer(db, number, "soon", "ada")
        now += TIMER


if __name__ == "__main__":
    for line in days(issue_queue.connect(":memory:"), Anthropic(), json.load(sys.stdin)):
        print(line)
