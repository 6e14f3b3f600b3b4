"""A process that fills a full-text index as a daemon does: `python -m tests.processes.indexing_process BOARD LIMIT`."""

from __future__ import annotations

import os
import sys

from blackboard import Blackboard
from blackboard.board.housekeeping.board_maintenance import BoardMaintenance
from blackboard.system import failpoints


def main(path: str, limit: int) -> None:
    """Do all work on indexes, at most `limit` marks in a transaction."""
    failpoints.arm_from_environment(os.environ)
    with Blackboard.open(path, create=False) as board:
        work = BoardMaintenance(board.session)
        while work.search(limit):
            print("batch", flush=True)
    print("done", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
