"""Run two daemons and two depositors through all sorts of faults: `python -m tests.soak --minutes 30`.

It prints its seed and its progress on stderr, and one line with the figures at the end. If anything was lost or
doubled, it names this and ends with 1.
"""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from tests.crash.invariants import Broken
from tests.soak.process_faults import FAULTS
from tests.soak.soak_run import SoakRun


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    options.add_argument("--minutes", type=float, default=2.0)
    options.add_argument("--seed", type=int, default=None, help="what is done follows from it; a new one by default")
    options.add_argument("--fault", choices=sorted(FAULTS), action="append", help="which; all of them by default")
    chosen = options.parse_args()
    seed = chosen.seed if chosen.seed is not None else secrets.randbelow(1_000_000)
    folder = Path(tempfile.mkdtemp(prefix="blackboard-soak-"))

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    try:
        figures = SoakRun(folder, seed, chosen.minutes * 60, say, chosen.fault or ()).run()
    except Broken as broken:
        again = f"python -m tests.soak --minutes {chosen.minutes:g} --seed {seed}"
        say(f"{broken}\nthe files are in {folder}\nsee it again with: {again}")
        return 1
    shutil.rmtree(folder, ignore_errors=True)  # a disk that is mounted there ends with this process
    print(figures.line())
    return 0


if __name__ == "__main__":
    sys.exit(main())
