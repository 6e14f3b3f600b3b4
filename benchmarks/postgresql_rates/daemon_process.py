"""A daemon in a process of its own, whose agents deposit two marks for each mark.

python -m benchmarks.postgresql_rates.daemon_process URL NUMBER

It prints a line when it has started, and ends with its input.
"""

from __future__ import annotations

import sys
import threading

from benchmarks.performance import boards
from benchmarks.performance.report import quiet
from benchmarks.performance.wakes import crew
from blackboard import Blackboard
from blackboard.daemon import Daemon
from blackboard.settings.sections import DaemonSection


def main() -> None:
    quiet()
    with Blackboard.open(sys.argv[1], kinds=boards.KINDS) as board:
        daemon = Daemon(board, crew(), DaemonSection(workers=16))
        daemon.on_event.append(lambda event, details: print(event, flush=True) if event == "started" else None)
        thread = threading.Thread(target=daemon.run)
        thread.start()
        sys.stdin.read()
        daemon.stop()
        thread.join()


if __name__ == "__main__":
    main()
