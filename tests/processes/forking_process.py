"""A program that forks, for tests: `python -m tests.processes.forking_process SCENARIO BOARD`.

It prints one JSON document. A scenario runs in a process of its own, because a test's process has threads.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from blackboard import Blackboard, Daemon, Mark, agent, strength
from blackboard.daemon import DaemonEventDetails
from blackboard.errors import StoreError
from blackboard.store.database_factory import database_of
from blackboard.system import forks
from tests.support.bounds import BOUND_SECONDS


class Note(Mark, kind="note", on_repeat="separate"):
    text: str


def fork(work: Callable[[], object]) -> int:
    """Run work in a child that ends like a program: through the interpreter's own end."""
    if pid := os.fork():
        return pid
    work()
    sys.exit(0)


def wait_for(*children: int) -> list[int]:
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]


def deposit_twenty(board: Blackboard, name: str) -> None:
    for n in range(20):
        board.deposit(Note(subject="s", text=f"{name} {n}"))


def prefork(path: str) -> Any:
    """Fork workers from a server that has used the board, close the board in the server, and kill another program."""
    board = Blackboard.open(path)
    board.deposit(Note(subject="s", text="server"))
    goes_on, released = os.pipe()

    def work(name: str) -> None:
        board.deposit(Note(subject="s", text=f"{name} first"))
        os.close(released)
        os.read(goes_on, 1)  # until the server has closed its board, and the other program is dead
        deposit_twenty(board, name)

    def die() -> None:
        with Blackboard.open(path) as own:
            deposit_twenty(own, "killed")
            os.kill(os.getpid(), signal.SIGKILL)

    children = [fork(lambda: work("one")), fork(lambda: work("two"))]
    board.deposit(Note(subject="s", text="server again"))
    board.close()
    killed = wait_for(fork(die))
    os.close(released)
    codes = wait_for(*children)
    with Blackboard.open(path) as again:
        return {"codes": codes, "killed": killed, "notes": len(again.marks(Note))}


def idle(path: str) -> Any:
    """Fork children that never touch the board and end, while the server goes on."""
    board = Blackboard.open(path)
    for n in range(5):
        board.deposit(Note(subject="s", text=f"before {n}"))
        wait_for(fork(lambda: None))
        board.deposit(Note(subject="s", text=f"after {n}"))
    os.kill(os.getpid(), signal.SIGKILL) if "dies" in sys.argv else None
    return {"notes": len(board.marks(Note))}


def busy(path: str) -> Any:
    """Fork with multiprocessing while threads of the server write and read."""
    board, stop = Blackboard.open(path), threading.Event()
    counts = [0, 0, 0]

    def write(number: int) -> None:
        while not stop.is_set():
            board.deposit(Note(subject="s", text=f"thread {number}"))
            counts[number] += 1

    def read() -> None:
        while not stop.is_set():
            board.marks(Note, limit=5)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(3)] + [threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    context = multiprocessing.get_context("fork")
    codes = []
    for n in range(5):
        children = [context.Process(target=deposit_twenty, args=(board, f"child {n} {m}")) for m in range(2)]
        for child in children:
            child.start()
        for child in children:
            child.join(BOUND_SECONDS)
            codes.append(child.exitcode)
    stop.set()
    for thread in threads:
        thread.join(BOUND_SECONDS)
    board.close()
    with Blackboard.open(path) as again:
        return {"codes": codes, "expected": sum(counts) + 20 * len(codes), "notes": len(again.marks(Note))}


def within(path: str) -> Any:
    """Fork within a transaction of the forking thread: the child must not use the file, and the parent goes on."""
    database = database_of(Path(path))
    database.write(lambda transaction: transaction.cursor.execute("CREATE TABLE t (x)"))
    reading, writing = os.pipe()

    def work(transaction: Any) -> None:
        transaction.cursor.execute("INSERT INTO t VALUES (1)")
        if os.fork() == 0:
            errors = []
            for use in (database, database_of(Path(path))):
                try:
                    use.write(lambda transaction: transaction.cursor.execute("INSERT INTO t VALUES (2)"))
                except StoreError as error:
                    errors.append(str(error))
            os.write(writing, json.dumps(errors).encode())
            sys.exit(0)

    database.write(work)
    os.wait()
    database.write(lambda transaction: transaction.cursor.execute("INSERT INTO t VALUES (3)"))
    with database.read() as transaction:
        rows = [row[0] for row in transaction.cursor.execute("SELECT x FROM t")]
    return {"errors": json.loads(os.read(reading, 1 << 16)), "rows": rows}


def unprepared(path: str) -> Any:
    """Fork as a program in C does, which prepares nothing before the fork."""
    board = Blackboard.open(path)
    board.deposit(Note(subject="s", text="server"))
    forks._objects.clear()  # noqa: SLF001 -- nothing else runs no hook of Python
    reading, writing = os.pipe()

    def work() -> None:
        for item in (board.database,):
            item.after_fork(in_child=True)
        try:
            board.deposit(Note(subject="s", text="child"))
        except StoreError as error:
            os.write(writing, str(error).encode())

    codes = wait_for(fork(work))
    board.deposit(Note(subject="s", text="server again"))
    return {"codes": codes, "error": os.read(reading, 1 << 16).decode(), "notes": len(board.marks(Note))}


def daemons(path: str) -> Any:
    """Make a daemon before the fork and run it in two children at the same time."""

    @agent(watches=strength(Note) >= 0.5, batch=1)
    def reader(notes: list[Note], context: Any) -> None:
        return None

    board = Blackboard.open(path)
    daemon = Daemon(board, [reader])
    board.deploy(reader)
    board.deposit_many(Note(subject="s", text=str(n)) for n in range(20))
    reading, writing = os.pipe()

    def report(event: str, details: DaemonEventDetails) -> None:
        if event == "started":
            os.write(writing, f"{details['worker']}\n".encode())

    daemon.on_event.append(report)
    codes = wait_for(*(fork(lambda: daemon.run(until_quiescent=True)) for _ in range(2)))
    workers = os.read(reading, 1 << 16).decode().split()
    return {
        "codes": codes,
        "workers": len(set(workers)),
        "states": sorted({item.state for item in board.activations(limit=100)}),
        "left": [file.name for file in Path(f"{path}-run").iterdir()],
    }


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](sys.argv[2])), flush=True)
