"""Runs a file of notes through weeks of plain/note_index.py, as replay_weeks.py does with a board.

python scripted_answers.py python replay_weeks_plain.py < notes.json prints what became of them. `nightly` runs at
three.
"""

import json
import sqlite3
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta

from anthropic import Anthropic
from make_notes import Note, questions

from plain import note_index

ROW = "{:%b %d}  {:5}  {:4}  {:9}  {:5}  {:5}  {:.4f}"
MONDAY = datetime.fromisoformat("2026-11-02T00:00Z")
WEEKS = 6
SOUGHT = "partner terms"
DURING = """
    select total(json_array_length(notes)), count(*), total(usd) from answer where at > ? and at <= ?
"""


def weeks(db: sqlite3.Connection, client: Anthropic, rows: list[Note]) -> Iterator[str]:
    """Load the notes, run weeks of questions, and yield lines about them."""
    note_index.load(db, rows, MONDAY)
    asked = [(MONDAY + at, text) for at, text in questions(WEEKS)]
    yield from found(db)
    yield "week    asked  used  forgotten  notes  calls     US$"
    for week in range(WEEKS):
        since, until = (MONDAY + timedelta(weeks=number) for number in (week, week + 1))
        due = [(at, text) for at, text in asked if since <= at < until]
        forgotten = 0
        for day in range(7):
            midnight = since + timedelta(days=day)
            if day == 0:
                reviewed = note_index.review(db, midnight + timedelta(hours=8))
            forgotten += note_index.nightly(db, midnight + timedelta(hours=3))
            for at, text in due:
                if midnight <= at < midnight + timedelta(days=1):
                    note_index.ask(db, client, text, at)
        used, calls, usd = db.execute(DURING, (since.timestamp(), until.timestamp())).fetchone()
        [notes] = db.execute("select count(*) from note").fetchone()
        yield ROW.format(since, len(due), int(used), forgotten, notes, calls, usd)
    yield f"last review: {reviewed}"
    yield from found(db)


def found(db: sqlite3.Connection) -> Iterator[str]:
    yield f"{SOUGHT}:"
    for note in note_index.search(db, SOUGHT, limit=4):
        yield f"{note['strength']:.2f}  {note['name']:5}  {note['title']}"


if __name__ == "__main__":
    for line in weeks(note_index.connect(":memory:"), Anthropic(), json.load(sys.stdin)):
        print(line)
