"""A process that makes deposits, one at a time.

python -m benchmarks.postgresql_rates.board_loop URL NUMBER

See `process_groups` for its input and output.
"""

from __future__ import annotations

import sys

from benchmarks.performance import boards
from benchmarks.postgresql_rates.process_groups import follow_commands
from blackboard import Blackboard


def main() -> None:
    url, number = sys.argv[1], int(sys.argv[2])
    subjects = boards.subjects(10**9, 10**8 * (number + 1))
    with Blackboard.open(url, author=f"depositor-{number}", kinds=boards.KINDS) as board:

        def deposit() -> None:
            board.deposit(boards.Trace(subject=next(subjects), detail="one"))

        for _ in range(5):
            deposit()
        follow_commands(deposit)


if __name__ == "__main__":
    main()
