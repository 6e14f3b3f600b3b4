"""Writes 2,000 notes of customer research from the 195 days before a day: python make_notes.py 2026-11-02 > notes.json.

The notes of a day are the same at each run, and so are the questions that are asked from that day on.
"""

import json
import random
import sys
from datetime import UTC, datetime, timedelta

THINGS = {
    "pricing": ("yearly plan", "seat price", "volume discount", "renewal invoice"),
    "onboarding": ("sample project", "welcome mail", "setup wizard", "first import"),
    "reports": ("weekly digest", "revenue chart", "custom column", "pdf export"),
    "mobile": ("offline mode", "push message", "tablet layout", "photo upload"),
    "security": ("single login", "audit trail", "guest access", "password rule"),
    "support": ("answer time", "phone line", "help page", "status page"),
    "search": ("saved filter", "typo tolerance", "result order", "tag cloud"),
    "billing": ("payment card", "tax number", "cost centre", "refund rule"),
    "contract": ("notice period", "data processing", "partner terms", "service level"),
}
OVER = {"contract": 165}
"""The topics that nobody has noted for this many days."""
POPULAR = (
    "What about the yearly plan (pricing)?",
    "What about the guest access (security)?",
    "What about the partner terms (contract)?",
)
"""What is asked again and again."""
ASKED = ("objects to", "praises", "misreads", "waits for")
FINDINGS = (*ASKED, "cannot find", "shows others", "would pay for", "asks for a simpler", "has stopped using")
CUSTOMERS = (
    *("Acme", "Bolt", "Cobalt", "Delta", "Ember", "Fjord", "Gamma", "Harbor", "Indigo", "Juno", "Karst", "Lumen"),
    *("Mosaic", "Nimbus", "Orbit", "Pylon", "Quartz", "Rivet", "Sable", "Tundra", "Umbra", "Vertex", "Zephyr"),
)
DETAILS = (
    *("Two people said it without being asked.", "It came up at the end of the call.", "Their manager was surprised."),
    *("The team had talked about it before.", "Nobody else in the room agreed.", "It is the third time this year."),
    *("They will tell us more in spring.", "We saw the same in the recordings.", "They showed it on their screen."),
    *("It costs them an hour each week.", "They have a workaround.", "They asked when this will change."),
)
COUNT, DAYS = 2000, 195

Note = dict[str, str]


def notes(day: datetime) -> list[Note]:
    """Return the notes that were made before a day, the oldest first."""
    rng = random.Random(2026)
    made = []
    for age in sorted((rng.uniform(0, DAYS) for _ in range(COUNT)), reverse=True):
        area = rng.choice([area for area in THINGS if age > OVER.get(area, 0)])
        finding = f"{rng.choice(FINDINGS)} the {rng.choice(THINGS[area])}"
        text = f"{rng.choice(CUSTOMERS)} {finding}. {' '.join(rng.sample(DETAILS, 3))}"
        made.append((day - timedelta(days=age), f"{area.capitalize()}: {finding}", text))
    return [
        {"id": f"n{number}", "title": title, "text": text, "made_at": at.isoformat()}
        for number, (at, title, text) in enumerate(made, 1)
    ]


def questions(weeks: int, each_week: int = 6) -> list[tuple[timedelta, str]]:
    """Return questions and when they are asked, counted from the day of the notes."""
    rng = random.Random(2026)
    every = [(area, thing) for area, things in THINGS.items() for thing in things]
    asked = []
    for week in range(weeks):
        for number in range(each_week):
            area, thing = rng.choice(every)
            rare = f"Who {rng.choice(ASKED)} the {thing} ({area})?"
            at = timedelta(weeks=week, days=number % 5, hours=10 + number // 5)
            asked.append((at, rng.choice(POPULAR) if number % 2 else rare))
    return sorted(asked)


if __name__ == "__main__":
    json.dump(notes(datetime.fromisoformat(sys.argv[1]).replace(tzinfo=UTC)), sys.stdout, indent=1)
