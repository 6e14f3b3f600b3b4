"""The person behind the soak test: `python -m tests.soak.person BOARD ACTIVATION...` tries dead activations again."""

from __future__ import annotations

import sys

from blackboard import Blackboard

if __name__ == "__main__":
    with Blackboard.open(f"sqlite:///{sys.argv[1]}", author="person:soak") as board:
        for activation in map(int, sys.argv[2:]):
            board.retry(activation)
