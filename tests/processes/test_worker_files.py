"""The proof that a worker is alive does not depend on the environment, the path of the board, or the user who looks."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blackboard import Blackboard
from blackboard.errors import StoreError
from blackboard.store.sqlite.local_processes import worker_sockets
from blackboard.store.sqlite.local_processes.worker_liveness import WorkerLiveness, any_alive, living_workers
from blackboard.store.sqlite.local_processes.worker_sockets import WorkerNotifier
from blackboard.system.files.board_files import BoardFiles
from tests.support.bounds import BOUND_SECONDS
from tests.support.started_processes import started
from tests.support.worker_program import Task

FOREIGN = 65534
"""A user id that is not that of the tests."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A path that is too long for the address of a socket."""
    folder = tmp_path / "a-rather-long-name-of-a-folder-of-a-customer" / "and-another-one-of-the-same-length"
    folder.mkdir(parents=True)
    return folder / "board.db"


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short path for the temporary folder of this process."""
    folder = Path(f"/tmp/bb-{os.getpid()}")
    folder.mkdir(mode=0o700)
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    for left in sorted(folder.rglob("*"), reverse=True):
        left.rmdir() if left.is_dir() else left.unlink()
    folder.rmdir()


@pytest.mark.processes
def test_workers_with_different_temporary_folders_see_each_other(path: Path, tmp_path: Path) -> None:
    folders = [tmp_path / "t1", tmp_path / "t2"]
    for folder in folders:
        folder.mkdir()
    arguments = ["-m", "tests.support.worker_program", str(path), "patient"]
    with (
        Blackboard.open(path) as board,
        started([*arguments, "waits"], environment={"TMPDIR": str(folders[0])}) as first,
    ):
        first.event("started")
        board.deposit(Task(subject="s", n=1))
        first.event("claimed")
        first.line(lambda line: "at work" in line)
        with started(arguments, environment={"TMPDIR": str(folders[1])}) as second:
            assert second.event("started")["recovered"] == 0
            assert len(board.status().workers) == 2
            first.signal(signal.SIGKILL)
            second.event("done")
            second.signal(signal.SIGTERM)
            assert second.ends() == 0
    assert list(BoardFiles(path).run_folder.iterdir()) == []
    assert [list(folder.iterdir()) for folder in folders] == [[], []]


def test_a_socket_elsewhere_is_found_by_its_link_and_removed_with_it(path: Path, temporary: Path) -> None:
    woken = threading.Event()
    liveness = WorkerLiveness(path, woken.set)
    liveness.enter()
    [folder] = temporary.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    notifier = WorkerNotifier(BoardFiles(path).run_folder)
    notifier.notify()
    assert woken.wait(BOUND_SECONDS)
    liveness.release()
    notifier.close()
    assert list(temporary.iterdir()) == []


def make_folder(folder: Path, *, listens: bool = False) -> socket.socket | None:
    """Make the temporary folder of a worker that was killed, or that still lives."""
    folder.mkdir(mode=0o700)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.bind(str(folder / "01234567.sock"))
    if listens:
        return listening
    listening.close()
    return None


def test_folders_of_killed_workers_whose_boards_are_gone_are_removed(path: Path, temporary: Path) -> None:
    def named(number: int) -> Path:
        return temporary / f"blackboard-{os.getuid()}-{number:016x}"

    make_folder(named(1))
    living = make_folder(named(2), listens=True)
    named(3).mkdir()  # a worker is just making its socket
    make_folder(named(4))
    (named(4) / "notes").write_text("of somebody")
    spool = temporary / f"blackboard-{os.getuid()}-{5:020x}-spool"
    spool.mkdir()
    (spool / "7.json").write_text("{}")
    before = set(temporary.iterdir())
    worker = WorkerLiveness(path, lambda: None)
    worker.enter()
    assert before - set(temporary.iterdir()) == {named(1)}
    worker.release()
    assert living is not None
    living.close()


def test_a_board_that_is_deleted_takes_the_folders_of_its_sockets_along(path: Path, temporary: Path) -> None:
    worker = WorkerLiveness(path, lambda: None)
    worker.enter()
    [folder] = temporary.iterdir()
    files = BoardFiles(path)
    worker_sockets.delete_all(files.run_folder)
    files.delete()
    assert not folder.exists()
    worker.release()


def test_a_socket_in_a_folder_of_another_user_is_neither_used_nor_removed(
    path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    liveness = WorkerLiveness(path, lambda: None)
    liveness.enter()
    folder = BoardFiles(path).run_folder
    [address] = worker_sockets.addresses(folder)
    monkeypatch.setattr(os, "geteuid", lambda: FOREIGN)
    assert list(worker_sockets.addresses(folder)) == []
    worker_sockets.delete(next(folder.glob("*.sock")))
    assert os.path.exists(address)
    monkeypatch.undo()
    os.unlink(address)
    os.rmdir(os.path.dirname(address))
    liveness.release()


def test_a_worker_that_can_make_no_socket_says_so_and_leaves_nothing(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/proc/none")
    liveness = WorkerLiveness(path, lambda: None)
    with pytest.raises(StoreError, match="no socket can be made"):
        liveness.enter()
    liveness.release()
    assert list(BoardFiles(path).run_folder.iterdir()) == []


@pytest.mark.parametrize(
    "check",
    [
        living_workers,
        lambda path, names: any_alive(path),
        lambda path, names: WorkerLiveness(path, lambda: None).remove_dead([]),
    ],
)
def test_a_dead_worker_is_dead_for_every_check_of_its_lock(
    tmp_path: Path, check: Callable[[Path, list[str]], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each check is made at the worst instant: while another one holds the lock."""
    path = tmp_path / "board.db"
    folder = BoardFiles(path).run_folder
    folder.mkdir(mode=0o700)
    name = "host-1-0123abcd"
    flock = fcntl.flock
    checks: list[int] = []

    def nested(handle: int, operation: int) -> None:
        flock(handle, operation)
        if operation & fcntl.LOCK_NB and not checks:
            checks.append(operation)
            assert not any_alive(path)
            assert living_workers(path, [name]) == set()
            assert WorkerLiveness(path, lambda: None).remove_dead([name]) == [name]

    (folder / "0123abcd.lock").touch()
    monkeypatch.setattr(fcntl, "flock", nested)
    check(path, [name])
    assert checks
    assert not (folder / "0123abcd.lock").exists()


def test_a_lock_that_has_been_made_anew_is_not_removed_by_a_late_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "board.db"
    folder = BoardFiles(path).run_folder
    folder.mkdir(mode=0o700)
    lock = folder / "0123abcd.lock"
    lock.touch()
    flock = fcntl.flock
    workers: list[int] = []

    def late(handle: int, operation: int) -> None:
        if operation & fcntl.LOCK_NB and not workers:  # opened, not yet held: now a worker makes its lock
            lock.unlink()
            workers.append(os.open(lock, os.O_CREAT | os.O_RDWR))
            flock(workers[0], fcntl.LOCK_EX)
        flock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    WorkerLiveness(path, lambda: None).remove_dead([])
    assert lock.exists()
    os.close(workers[0])


def test_a_worker_without_free_descriptors_keeps_what_it_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "board.db"
    one, other = WorkerLiveness(path, lambda: None), WorkerLiveness(path, lambda: None)
    one.enter()
    other.enter()
    assert not one.check_peers()

    def fails(*arguments: object) -> object:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(os, "listdir", fails)
        patched.setattr(os, "open", fails)
        assert not one.check_peers()
        assert one.remove_dead([other.id]) == []
        assert living_workers(path, [other.id]) == {other.id}
        with pytest.raises(StoreError, match="cannot be read"):
            any_alive(path)
    other.release()
    one.release()
