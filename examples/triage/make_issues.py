"""Writes 300 issues as a tracker exports them: python make_issues.py > issues.json.

The file is the same at each run. 71 of the issues repeat an earlier one in other words.
"""

import json
import random
import sys

PARTS = (
    *("calendar sync", "contact list", "photo upload", "offline mode", "shared folder"),
    *("table editor", "spell checker", "pdf export", "image viewer", "code block"),
    *("password reset", "team invitation", "billing page", "login form", "profile picture"),
)
TROUBLES = (
    *("crashes while scrolling", "stops with fatal error", "loses unsaved changes", "hangs during startup"),
    *("shows wrong timezone", "ignores dark theme", "repeats every entry", "overlaps narrow screens"),
    *("prints garbled umlauts", "forgets chosen language", "refuses large attachments", "reports outdated numbers"),
    *("should support keyboard shortcuts", "needs undo button", "lacks screen reader", "deserves compact layout"),
)
DETAILS = (
    *("It began with version 4.2.", "Linux and Windows.", "Every time.", "See the log.", "It worked last week."),
    *("Each of us has it.", "I tried it twice.", "With the new release.", "The screenshot shows it."),
    "Only sometimes; I cannot say when.",
)

Issue = dict[str, str | int]


def again(rng: random.Random, part: str, trouble: str) -> str:
    """Return the title of somebody who has not seen that the issue is known."""
    short = trouble.partition(" ")[2]
    return rng.choice(
        [f"{part}: {short}", f"Help! {part} still {trouble}", f"{trouble}, {part} again", f"{part} {trouble}"]
    )


def make() -> tuple[list[Issue], dict[int, int]]:
    """Return the issues, and for each duplicate the number of the issue that it repeats."""
    rng = random.Random(2026)
    unreported = [(part, trouble) for part in PARTS for trouble in TROUBLES]
    rng.shuffle(unreported)
    issues: list[Issue] = []
    reported: dict[int, tuple[str, str]] = {}
    repeats: dict[int, int] = {}
    for number in range(1, 301):
        if number > 20 and rng.random() < 0.25:
            original = rng.choice(list(reported)[: rng.choice([12, 200])])
            repeats[number], title = original, again(rng, *reported[original])
        else:
            reported[number] = unreported.pop()
            title = " ".join(reported[number])
        body, day = rng.choice(DETAILS), rng.randrange(1, 29)
        issues.append(
            {"number": number, "title": title[0].upper() + title[1:], "body": body, "updated_at": f"2026-10-{day:02}"}
        )
    return issues, repeats


if __name__ == "__main__":
    json.dump(make()[0], sys.stdout, indent=1)
