"""Runs a day of alerts through a real daemon, and prints what it sent: python replay_day.py < day.csv."""

import csv
import logging
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import structlog

from alerts import Ack, Deploy, Error, Latency, Probe
from blackboard import Blackboard, ManualClock, Mark
from blackboard.testing import replay

Sent = tuple[datetime, str, str, str]
"""The instant, the kind, the service and the detail of what an agent sent."""

BERLIN = ZoneInfo("Europe/Berlin")
REPORTED = {kind.kind: kind for kind in (Error, Latency, Probe, Deploy, Ack)}
SENT = """
    select recorded_at, kind, subject, coalesce(payload ->> '$.why', payload ->> '$.text') as detail
    from mark_history
    where event = 'deposited' and kind in ('page', 'escalation', 'recovery', 'digest')
    order by id
"""


def events(lines: Iterable[str]) -> Iterator[tuple[datetime, Mark]]:
    for row in csv.DictReader(lines):
        yield datetime.fromisoformat(row["at"]), REPORTED[row["kind"]](subject=row["service"], detail=row["detail"])


def run(board: Blackboard, day: Iterable[tuple[datetime, Mark]]) -> list[Sent]:
    replay(board, Path(__file__).with_name("blackboard.toml"), day)
    rows = [list(map(str, row)) for row in board.query(SENT)]
    return [(datetime.fromisoformat(at), kind, service, detail) for at, kind, service, detail in rows]


def line(at: datetime, kind: str, service: str, detail: str) -> str:
    return f"{at.astimezone(BERLIN):%a %H:%M:%S}  {kind:10}  {service:7}  {detail}"


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    day = list(events(sys.stdin))
    with TemporaryDirectory() as folder, Blackboard.open(Path(folder, "day.db"), clock=ManualClock(day[0][0])) as board:
        print(*(line(*sent) for sent in run(board, day)), sep="\n")
