"""A stand-in for the Messages API on this machine: python scripted_verdicts.py COMMAND runs a command that asks it.

It judges by a few words, and refuses each tenth call as an overloaded API does. It ends with the command.
"""

import os
import subprocess
import sys
from contextlib import AbstractContextManager
from typing import Any

from blackboard.testing import serve_model

TEAMS = {
    "sync": {"calendar", "contact", "photo", "offline", "shared"},
    "editor": {"table", "spell", "pdf", "image", "code"},
    "account": {"password", "team", "billing", "login", "profile"},
}
CRASHES = {"crashes", "stops", "fatal", "loses", "unsaved", "hangs", "startup"}
WISHES = {"should", "support", "keyboard", "needs", "undo", "lacks", "reader", "deserves", "compact"}


def judge(issue: dict[str, Any]) -> dict[str, Any]:
    """Return the verdict on an issue."""
    title = set(issue["title"].lower().replace(",", "").replace(":", "").split())
    kind = "crash" if title & CRASHES else "wish" if title & WISHES else "bug"
    is_urgent = kind == "crash" or (kind == "bug" and issue["strength"] >= 3)
    return {
        "id": issue["id"],
        "team": next((team for team, words in TEAMS.items() if title & words), "editor"),
        "type": kind,
        "priority": "now" if is_urgent else "later" if kind == "wish" else "soon",
        "sure": "sometimes" not in issue["body"],
    }


def serve() -> AbstractContextManager[dict[str, str]]:
    """Serve until the block ends, and return the variables that lead a program there."""
    return serve_model(lambda data: {"verdicts": [judge(issue) for issue in data["issues"]]}, overloaded_every=10)


if __name__ == "__main__":
    with serve() as variables:
        code = subprocess.run(sys.argv[1:], env=os.environ | variables, check=False).returncode
    sys.exit(code)
