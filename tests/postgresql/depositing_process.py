"""A process that deposits: `python -m tests.postgresql.depositing_process URL NAME NUMBER [FAILPOINT]`.

It prints that it is ready, and waits for a line of input. Then it makes its deposits, without the lock where possible,
and prints the id of each event. At the end, it prints how many deposits it made without the lock and under it. With a
FAILPOINT, it dies there after a few deposits.
"""

from __future__ import annotations

import json
import sys
from collections import Counter

from blackboard import Blackboard, Mark, Never
from blackboard.store.postgresql.optimistic_transactions.optimistic_commits import TryOutcome
from blackboard.system import failpoints
from tests.postgresql.optimistic_boards import be_optimistic, optimistic_commits


class Fact(Mark, kind="fact", on_repeat="add", decay=Never()):
    """A kind that stays."""


TIMES = 5
"""How often the failpoint is reached before the process dies."""


def main(url: str, name: str, number: str, failpoint: str = "") -> None:
    """Deposit as the arguments say."""
    counts: Counter[str] = Counter()
    with Blackboard.open(url, author="person:ada", kinds=[Fact]) as board:
        optimistic = optimistic_commits(board)
        commit = optimistic.commit

        def counted(batch: object) -> TryOutcome:
            outcome = commit(batch)  # type: ignore[arg-type]
            counts["optimistic" if outcome is TryOutcome.DONE else "under the lock"] += 1
            return outcome

        optimistic.commit = counted  # type: ignore[method-assign]
        print("ready", flush=True)
        sys.stdin.readline()
        be_optimistic(board)
        if failpoint:
            failpoints.arm(failpoint, TIMES)
        for turn in range(int(number)):
            receipt = board.deposit(Fact(subject=f"{name}/{turn}"))
            print(json.dumps({"made": {f"{name}/{turn}": receipt.event_id}}), flush=True)
    print(json.dumps({"counts": counts}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
