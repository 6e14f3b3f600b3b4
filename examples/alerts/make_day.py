"""Writes a day of about 5,000 alerts, deploys and acknowledgements: python make_day.py > day.csv.

It is the night in which Berlin moves its clocks, from Saturday 18:00 to Sunday 18:00. The file is the same at each run.
"""

import csv
import random
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 3, 28, 17, tzinfo=ZoneInfo("UTC"))
DETAILS = {"error": ("500", "502", "timeout"), "latency": ("p99 2.1s", "p99 3.4s"), "probe": ("no answer",)}

Event = tuple[datetime, str, str, str]
"""The instant, the kind, the service and the detail of an event."""


def at(clock: str) -> datetime:
    """Return the instant when the clock on a wall in Berlin shows this time, such as `01:00`."""
    hour, minute = map(int, clock.split(":"))
    day = START.astimezone(BERLIN).replace(hour=hour, minute=minute)
    return (day if hour >= 18 else day + timedelta(days=1)).astimezone(ZoneInfo("UTC"))


def alerts(
    random: random.Random, service: str, start: datetime, minutes: float, each_minute: float, **shares: float
) -> Iterator[Event]:
    """Yield alerts that come at random, on average `each_minute` in a minute; `shares` gives the part of each kind."""
    elapsed = random.expovariate(each_minute)
    while elapsed < minutes:
        [kind] = random.choices(list(shares), list(shares.values()))
        yield start + timedelta(seconds=int(elapsed * 60)), kind, service, random.choice(DETAILS[kind])
        elapsed += random.expovariate(each_minute)


def day() -> list[Event]:
    """Return the events of the day in the order of time."""
    rng = random.Random(2026)
    events: list[Event] = []

    for service in ("api", "auth", "billing", "db", "mail", "media", "search", "web"):  # what happens on any day
        events += alerts(rng, service, START, 24 * 60, 0.1, latency=0.8, error=0.2)

    # db becomes slow. Few errors, but much of everything.
    events += alerts(rng, "db", at("19:10"), 45, 9, latency=0.9, probe=0.08, error=0.02)
    events.append((at("19:19"), "ack", "db", "ada"))
    # api answers with errors, and nobody sees the page.
    events += alerts(rng, "api", at("21:30"), 40, 14, error=0.9, latency=0.1)
    events.append((at("21:52"), "ack", "api", "ada"))
    # web is deployed, which is noisy and ends well.
    events.append((at("22:30"), "deploy", "web", "v41"))
    events += alerts(rng, "web", at("22:31"), 6, 20, error=0.5, latency=0.4, probe=0.1)
    # auth is deployed, and the new version is broken.
    events.append((at("23:40"), "deploy", "auth", "v17"))
    events += alerts(rng, "auth", at("23:43"), 40, 12, error=0.7, probe=0.3)
    events.append((at("23:55"), "ack", "auth", "ada"))
    # mail fails twice. The acknowledgement of the first time says nothing about the second.
    events += alerts(rng, "mail", at("01:00"), 25, 10, error=0.8, latency=0.2)
    events.append((at("01:06"), "ack", "mail", "ada"))
    events += alerts(rng, "mail", at("03:15"), 50, 12, error=0.8, latency=0.2)
    events.append((at("03:50"), "ack", "mail", "grace"))
    # search is up and down, which is one incident.
    for minute in range(0, 40, 10):
        events += alerts(rng, "search", at("05:00") + timedelta(minutes=minute), 5, 14, error=0.6, probe=0.4)
    events.append((at("05:04"), "ack", "search", "grace"))
    # billing is still down when the digest is written.
    events += alerts(rng, "billing", at("08:30"), 90, 10, error=0.5, probe=0.5)
    events.append((at("08:48"), "ack", "billing", "grace"))

    return sorted(events, key=lambda event: event[0])


if __name__ == "__main__":
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["at", "kind", "service", "detail"])
    writer.writerows((at.isoformat(), kind, service, detail) for at, kind, service, detail in day())
