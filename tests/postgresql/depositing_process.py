"""A process that deposits, for tests: `python -m tests.postgresql.depositing_process URL NAME NUMBER FAILPOINT`.

It says that it is ready, waits for a line of input, makes its deposits, and prints their subjects, one event per line.
If a failpoint is named, it dies when it reaches it after a few deposits.
"""

from __future__ import annotations

import json
import sys

from blackboard import Blackboard, Mark
from blackboard.system import failpoints

TIMES = 5
"""How often the failpoint is reached before the process dies."""


class Ash(Mark, kind="ash", on_repeat="separate"):
    """A kind of which each deposit is a mark."""


def believe_busy(board: Blackboard) -> None:
    """Let a board believe that others write on it, for as long as it is open."""
    assert board.database.combined is not None
    board.database.combined.queue._busy_until = 2**62


def main(url: str, name: str, number: str, failpoint: str) -> None:
    """Deposit as the arguments say."""
    with Blackboard.open(url, author="person:ada", kinds=[Ash], share_commits=True) as board:
        for _ in range(2):  # the first one may register the kind
            board.deposit(Ash(subject="first"))
        believe_busy(board)
        _say("ready")
        sys.stdin.readline()
        if failpoint:
            failpoints.arm(failpoint, TIMES)
        for turn in range(int(number)):
            receipt = board.deposit(Ash(subject=f"{name}/{turn}"))
            _say("made", subject=f"{name}/{turn}", id=receipt.event_id)
        _say("done")


def _say(event: str, **details: object) -> None:
    print(json.dumps([event, details]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
