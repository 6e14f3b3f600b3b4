"""Deposits leads on one host: `python -m tests.cluster.lead_depositor URL HOST COUNT`.

Each lead has a key, so that it can be repeated after an error. At the end, it prints how many attempts failed.
"""

from __future__ import annotations

import sys

from blackboard import Blackboard
from blackboard.clock import sleep_for
from blackboard.errors import StoreError
from tests.cluster.host import Lead
from tests.support.worker_program import say

__all__: list[str] = []

PAUSE_MICROSECONDS = 50_000
"""The pause between two leads, so that leads still arrive when hosts are lost."""


def main() -> None:
    url, host, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    refused = 0
    with Blackboard.open(url, author=host) as board:
        for number in range(count):
            subject = f"{host}/{number}"
            while not _has_deposited(board, Lead(subject=subject, host=host), subject):
                refused += 1
                sleep_for(PAUSE_MICROSECONDS)
            sleep_for(PAUSE_MICROSECONDS)
    say("deposited", {"refused": refused})


def _has_deposited(board: Blackboard, lead: Lead, key: str) -> bool:
    try:
        board.deposit(lead, key=key)
    except StoreError:
        return False
    return True


if __name__ == "__main__":
    main()
