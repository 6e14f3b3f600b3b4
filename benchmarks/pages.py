"""The cost of open pages: what a browser does for each frame, and what the server does for many viewers.

A board has 10,000 live marks, and a process deposits 100 marks a second. The server runs in a process of its own.

    python -m benchmarks.pages [--marks 10000] [--events 100] [--viewers 50] [--seconds 20]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from playwright.sync_api import sync_playwright

from blackboard import Blackboard, Deposit, Exponential, Mark, strength
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.core.specs.watch_spec import WatchSpec

KINDS = 4
READ = """() => new Promise((resolve) => {
  let frames = 0;
  const end = performance.now() + SECONDS * 1000;
  const count = () => { frames += 1; performance.now() < end ? requestAnimationFrame(count) : resolve(frames); };
  requestAnimationFrame(count);
})"""


def kinds() -> list[type[Mark]]:
    """Return the kinds of marks."""
    return [
        type(f"Signal{number}", (Mark,), {}, kind=f"signal_{number}", decay=Exponential("1h"))
        for number in range(KINDS)
    ]


def main() -> None:
    """Measure, and print the figures."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--marks", type=int, default=10_000)
    options.add_argument("--events", type=int, default=100)
    options.add_argument("--viewers", type=int, default=50)
    options.add_argument("--seconds", type=int, default=20)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "board.db"
        with Blackboard.open(path) as board:
            board.deploy(kinds=kinds())
            board.deploy(board.deployment.model_copy(update={"agents": {"watcher": watcher()}}))
            board.deposit_many([deposit(number) for number in range(given.marks)])
            token = board.create_token("viewer", may=["read"])
            with served(path) as (url, server), depositing(board, given.events):
                headers = {"Authorization": f"Bearer {token}"}
                idle = share(server, given.seconds)
                with viewers(url, headers, given.viewers) as received:
                    busy = share(server, given.seconds)
                    bytes_a_second = received() / given.seconds / given.viewers
                print(f"{given.marks:,} marks, {given.events} deposits a second")
                print(f"server without viewers: {idle:.1%} of a core; with {given.viewers}: {busy:.1%}")
                print(f"bytes a second for each viewer: {bytes_a_second:,.0f}")
                browse(url, headers, given.seconds)


def watcher() -> AgentSpec:
    """Return a remote agent, whose threshold the page draws."""
    condition = str(strength("signal_0") >= 0.99)
    return AgentSpec(name="watcher", watches=(WatchSpec(name="high", when=condition),), remote=True)


def deposit(number: int) -> Deposit:
    """Return a deposit; a number stands for a subject."""
    return Deposit(f"signal_{number % KINDS}", f"subject/{number}", {}, intensity=0.2 + number % 79 / 100)


@contextmanager
def served(path: Path) -> Iterator[tuple[str, int]]:
    """Serve the board in a process, and yield its address and the id of the process."""
    command = [sys.executable, "-m", "blackboard", "--database", str(path), "serve", "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    line = process.stderr.readline()
    threading.Thread(target=process.stderr.read, daemon=True).start()
    try:
        yield line.split('"urls": ["')[1].split('"')[0], process.pid
    finally:
        process.terminate()
        process.wait()


@contextmanager
def depositing(board: Blackboard, events: int) -> Iterator[None]:
    """Deposit `events` marks a second, each on the subject of an older mark, and strong enough to be drawn."""
    stopped = threading.Event()

    def work() -> None:
        number, begin = 0, time.monotonic()
        while not stopped.wait(max(0.0, begin + number / events - time.monotonic())):
            item = deposit(number * 37 % 10_000)
            board.deposit(item.kind, subject=item.subject, intensity=1.0)
            number += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


@contextmanager
def viewers(url: str, headers: dict[str, str], number: int) -> Iterator[Callable[[], int]]:
    """Read the stream of the board's page in this many connections, and yield a function that counts the bytes."""
    total, stopped = [0], threading.Event()

    def read() -> None:
        with httpx2.stream("GET", f"{url}/live?page=/", headers=headers, timeout=30, trust_env=False) as response:
            for chunk in response.iter_raw():
                total[0] += len(chunk)
                if stopped.is_set():
                    return

    threads = [threading.Thread(target=read, daemon=True) for _ in range(number)]
    for thread in threads:
        thread.start()
    time.sleep(3)
    total[0] = 0
    try:
        yield lambda: total[0]
    finally:
        stopped.set()


def share(process: int, seconds: int) -> float:
    """Return which share of a core a process uses."""
    before, begin = ticks(process), time.monotonic()
    time.sleep(seconds)
    return (ticks(process) - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - begin)


def ticks(process: int) -> int:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def browse(url: str, headers: dict[str, str], seconds: int) -> None:
    """Show the board in a browser, and print the time of scripts for each frame and the memory."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_context(extra_http_headers=headers, viewport={"width": 1440, "height": 900}).new_page()
        page.goto(f"{url}/")
        page.wait_for_selector("#connection[data-state=live]")
        tab = page.context.new_cdp_session(page)
        # The processor time of the page, whatever else the machine does meanwhile.
        tab.send("Performance.enable", {"timeDomain": "threadTicks"})

        def metrics() -> dict[str, float]:
            return {item["name"]: item["value"] for item in tab.send("Performance.getMetrics")["metrics"]}

        before = metrics()
        frames = page.evaluate(READ.replace("SECONDS", str(seconds)))
        after = metrics()
        script = (after["ScriptDuration"] - before["ScriptDuration"]) * 1000
        task = (after["TaskDuration"] - before["TaskDuration"]) * 1000
        print(
            f"browser: {frames / seconds:.0f} frames a second, scripts {script / frames:.2f} ms a frame and"
            f" {script / seconds:.0f} ms a second, all work {task / seconds:.0f} ms a second"
        )
        print(f"browser: {after['JSHeapUsedSize'] / 1e6:.1f} MB used by scripts")
        browser.close()


if __name__ == "__main__":
    main()
