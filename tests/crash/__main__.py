"""Kill processes at work and print the results: `python -m tests.crash --kills 1000`.

It is a program of its own, because it forks its children from a process with a single thread.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import secrets
import shutil
import signal
import statistics
import sys
import tempfile
from pathlib import Path

import structlog

from tests.crash.births import births
from tests.crash.harness import Figures, run
from tests.crash.invariants import Broken
from tests.crash.worlds import WORLDS


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    options.add_argument("--world", choices=[*WORLDS, "births"], action="append", help="which; all of them by default")
    options.add_argument("--kills", type=int, default=1000, help="in each world")
    options.add_argument("--seed", type=int, default=None, help="what is done follows from it; a new one by default")
    options.add_argument("--first", type=int, default=0, help="the number of the first board")
    options.add_argument(
        "--postgresql", action="store_true", help="several hosts with PostgreSQL, instead of the worlds"
    )
    options.add_argument("--hosts", type=int, default=4, help="the number of these hosts (default 4)")
    options.add_argument("--proxies", action="store_true", help="hosts without networks of their own")
    options.add_argument("--seconds", type=float, help="with --postgresql: begin no further round after this time")
    options.add_argument("--json", action="store_true", help="the figures as one JSON document")
    chosen = options.parse_args()
    seed = chosen.seed if chosen.seed is not None else secrets.randbelow(1_000_000)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    print(f"seed {seed}", file=sys.stderr, flush=True)
    if chosen.postgresql:
        return run_on_postgresql(seed, chosen)
    # Use memory if possible: a kill does not lose unflushed data, so a thousand restarts need not wait for the disk.
    # Another test simulates the loss of power.
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="blackboard-crash-", dir=memory if os.access(memory, os.W_OK) else None))
    gc.collect()
    gc.freeze()  # otherwise garbage collection in a child would copy every page of its parent
    try:
        result = {}
        for name in chosen.world or [*WORLDS, "births"]:
            if name == "births":
                result[name] = births(folder, seed, max(1, chosen.kills // 10), chosen.first)
            else:
                result[name] = run(name, folder, seed, chosen.kills, chosen.first)
    except Broken as broken:
        print(broken, file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    if chosen.json:
        print(json.dumps({name: vars(figures) for name, figures in result.items()}))
    else:
        for name, figures in result.items():
            print("\n".join(describe(name, figures)))
    return 0


def run_on_postgresql(seed: int, chosen: argparse.Namespace) -> int:
    """Run several hosts with PostgreSQL, and print the figures."""
    from tests.crash.hosts.host_command import run_hosts  # needs the extra `dev-postgresql`

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it ends its processes and PostgreSQL
    try:
        figures = run_hosts(seed, chosen.hosts, chosen.kills, chosen.seconds, proxies=chosen.proxies)
    except Broken as broken:
        print(broken, file=sys.stderr)
        return 1
    print(json.dumps(vars(figures)) if chosen.json else "\n".join(figures.lines()))
    return 0


def describe(name: str, figures: Figures) -> list[str]:
    """Return the figures as text."""
    recoveries = sorted(figures.recoveries)
    return [
        f"{name}: {figures.kills} kills ({figures.daemons} daemons, {figures.depositors} depositors),"
        f" {figures.boards} boards, {figures.seconds:.1f} s, {1000 * figures.seconds / figures.kills:.0f} ms each",
        f"  {figures.acknowledged} deposits acknowledged, {figures.activations} activations, {figures.taken_up} taken"
        " up from the dead; nothing lost, nothing doubled"
        + (f"; {figures.interrupts} deposits interrupted" if figures.interrupts else ""),
        f"  recovery: median {1000 * statistics.median(recoveries):.0f} ms, longest {1000 * recoveries[-1]:.0f} ms",
        f"  at failpoints: {dict(sorted(figures.failpoints.items()))}",
    ]


if __name__ == "__main__":
    sys.exit(main())
