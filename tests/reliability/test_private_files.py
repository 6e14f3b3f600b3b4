"""New files are for their owner alone, whatever the umask, unless `[database] mode` shares them.

Nothing is written through a link.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from blackboard import Blackboard, Mark, agent, strength
from blackboard.board import backups_and_copies
from blackboard.board.activations.call_records.answer_spool import AnswerSpool, SpooledAnswer
from blackboard.daemon import DaemonLoop
from blackboard.errors import ConfigurationError, StoreError
from blackboard.settings.deployment_file import load_settings
from blackboard.store.sqlite.compaction import compact
from blackboard.store.sqlite.local_processes.worker_liveness import WorkerLiveness
from blackboard.system.files.board_files import BoardFiles
from tests.support.file_boards import sqlite_database_of


class Smoke(Mark, kind="smoke", on_repeat="separate"):
    pass


@agent(watches=strength(Smoke) >= 0.5)
def watchman(marks: Any, context: Any) -> None:
    """Absorb the marks."""


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def make_everything(folder: Path, mode: int | None = None) -> None:
    """Make every kind of file that belongs to a board, in a new folder, and leave all of them there."""
    path = folder / "new" / "board.db"
    with Blackboard.open(path, mode=mode) as board:
        board.deposit(Smoke(subject="kitchen"))
        daemon = DaemonLoop(board, [watchman])
        daemon.start()
        compact(sqlite_database_of(board))
        backups_and_copies.back_up(board, path.with_name("copy.db"))
        AnswerSpool(board.session).put(SpooledAnswer(7, "{}", None))
        board.deposit(Smoke(subject="cellar"))
        check(folder, mode or 0o600)
        daemon.close()
    kept = backups_and_copies.restore(path.with_name("copy.db"), path, 1_800_000_000_000_000)[1]
    assert kept is not None
    with Blackboard.open(path) as board:
        board.deposit(Smoke(subject="kitchen"))
        check(folder, mode or 0o600)


def check(folder: Path, mode: int) -> None:
    """Check the permissions of everything in a folder; those of a spool are always private."""
    for path in folder.rglob("*"):
        wanted = 0o600 if "-spool" in str(path) else mode
        if path.is_symlink():  # to a socket elsewhere, whose path must be short
            continue
        if path.is_dir():
            wanted |= (wanted & 0o444) >> 2
        assert oct(stat.S_IMODE(path.lstat().st_mode)) == oct(wanted), path


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777])
def test_files_are_private_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    with umask(mask):
        make_everything(tmp_path)


@pytest.mark.parametrize(("mode", "mask"), [(0o660, 0o077), (0o664, 0o777), (0o640, 0o022)])
def test_a_mode_shares_the_files_of_a_board(tmp_path: Path, mode: int, mask: int) -> None:
    with umask(mask):
        make_everything(tmp_path, mode)


def test_a_mode_shares_a_board_that_exists_and_takes_it_back(tmp_path: Path) -> None:
    path = tmp_path / "board.db"
    with Blackboard.open(path) as board:
        liveness = WorkerLiveness(path, lambda: None)
        liveness.enter()
        board.deposit(Smoke(subject="kitchen"))
        for mode in (0o660, 0o600):
            with Blackboard.open(path, mode=mode):
                check(tmp_path, mode)
        liveness.release()


def test_a_folder_goes_on_to_give_its_group(tmp_path: Path) -> None:
    tmp_path.chmod(0o2770)
    with Blackboard.open(tmp_path / "board.db", mode=0o660) as board:
        daemon = DaemonLoop(board, [watchman])
        daemon.start()
        folder = BoardFiles(tmp_path / "board.db").run_folder
        assert oct(stat.S_IMODE(folder.stat().st_mode)) == "0o2770"
        daemon.close()


LINKS: dict[str, Callable[[BoardFiles], Path]] = {
    "log": lambda files: files.wal,
    "index": lambda files: files.shm,
    "journal": lambda files: files.journal,
    "write lock": lambda files: files.write_lock,
    "write queue": lambda files: files.write_queue,
    "backup list": lambda files: files.backup_list,
    "compaction": lambda files: files.compacted.database,
    "spool": lambda files: files.spool_folder,
    "answer": lambda files: files.spool_folder / "7.part",
    "run folder": lambda files: files.run_folder,
}


PASSED_OVER = {"backup list", "spool", "answer"}
"""The links that stop no work, because the work can do without the file. The other links are refused."""


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("name", LINKS)
def test_nothing_is_written_through_a_link(tmp_path: Path, name: str, exists: bool) -> None:
    """A link that leads to a file or folder of somebody else, or that creates one, changes nothing there."""
    path, target = tmp_path / "board" / "board.db", tmp_path / "target"
    Blackboard.open(path).close()
    if exists:
        target.write_text("theirs")
    link = LINKS[name](BoardFiles(path))
    if link.parent != path.parent:
        link.parent.mkdir(mode=0o700)
    link.unlink(missing_ok=True)
    link.symlink_to(target)

    def use() -> None:
        with Blackboard.open(path) as board:
            AnswerSpool(board.session).put(SpooledAnswer(7, "{}", None))
            backups_and_copies.back_up(board, path.with_name("copy.db"))
            daemon = DaemonLoop(board, [watchman])
            daemon.start()
            board.deposit(Smoke(subject="kitchen"))
            daemon.close()
            compact(sqlite_database_of(board))

    if name in PASSED_OVER:
        use()
    else:
        with pytest.raises(StoreError, match=f"{re.escape(str(link))} is a symbolic link"):
            use()
    if exists:
        assert target.read_text() == "theirs"
    else:
        assert not target.exists()


@pytest.mark.parametrize("text", ['"0660"', '"660"', "0o660"])
def test_a_mode_is_octal(tmp_path: Path, text: str) -> None:
    file = tmp_path / "blackboard.toml"
    file.write_text(f"[database]\nmode = {text}\n")
    assert load_settings(file).database.mode == 0o660


@pytest.mark.parametrize("text", ['"0770"', "660", '"0460"', '"rw"', "true", '"66"'])
def test_a_mode_that_is_none_of_a_file_is_a_mistake(tmp_path: Path, text: str) -> None:
    file = tmp_path / "blackboard.toml"
    file.write_text(f"[database]\nmode = {text}\n")
    with pytest.raises(ConfigurationError, match="must be an octal mode"):
        load_settings(file)
