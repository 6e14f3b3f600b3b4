"""A depositor of the soak test: `python -m tests.soak.depositor BOARD SEED WHO START`, until its input ends.

It repeats a refused deposit, with the same key, until the board takes it. It says what was kept, and what was refused.
"""

from __future__ import annotations

import random
import select
import sys

from blackboard import Blackboard
from tests.soak.planned_deposits import plan_deposit

PAUSE_SECONDS = (0.05, 0.4)
"""The shortest and the longest pause between two deposits, in seconds."""


def main() -> None:
    board_path, seed, who, start = sys.argv[1], *map(int, sys.argv[2:])
    rng = random.Random(f"{seed} {who} {start} pace")
    with Blackboard.open(f"sqlite:///{board_path}", author=f"depositor-{who}") as board:
        index = start
        while not input_ends(rng.uniform(*PAUSE_SECONDS)):
            item = plan_deposit(seed, who, index)
            try:
                receipt = board.deposit(
                    item.kind, subject=item.subject, payload={"n": item.n}, intensity=item.intensity, key=item.key
                )
            except Exception as error:
                print("refused", type(error).__name__, str(error).replace("\n", " "), flush=True)
            else:
                print("kept", item.key, receipt.mark_id, receipt.event_id, flush=True)
                index += 1


def input_ends(seconds: float) -> bool:
    """Wait for the end of the input, at most some seconds."""
    return bool(select.select([sys.stdin], [], [], seconds)[0])


if __name__ == "__main__":
    main()
