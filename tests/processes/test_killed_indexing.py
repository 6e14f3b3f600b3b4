"""A process that fills a new full-text index is killed, and the next continues: the index then equals the marks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from blackboard import Blackboard, Mark
from blackboard.board.search_index import index_rebuilds
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from tests.support.bounds import BOUND_SECONDS
from tests.support.search_checks import check_index

pytestmark = pytest.mark.processes
NOTES, BATCH = 60, 10


class Note(Mark, kind="note", on_repeat="separate"):
    """A kind that is not searched at first."""

    title: str


def run(path: Path, failpoint: str = "") -> tuple[int, int]:
    """Run a process that fills the index, and return its exit code and how many batches it reported."""
    command = [sys.executable, "-m", "tests.processes.indexing_process", str(path), str(BATCH)]
    environment = {**os.environ, "BLACKBOARD_FAILPOINT": failpoint} if failpoint else None
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=BOUND_SECONDS, check=False)
    return ended.returncode, ended.stdout.count("batch")


def test_an_index_is_filled_to_its_end_although_processes_are_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_rebuilds, "MARKS_INDEXED_AT_ONCE", BATCH)
    path = tmp_path / "board.db"
    with Blackboard.open(path, author="person:ada") as board:
        board.deposit_many(Note(subject=f"n{number}", title=f"Pricing {number}") for number in range(NOTES))
        spec = KindSpec.of(Note.defaults).model_copy(update={"search": ("title",)})
        board.deploy(Deployment(kinds={"note": spec}))
        assert run(path, "backfill.within:2") == (-signal.SIGKILL, 1)  # its second batch is not committed
        assert len(board.search("pricing", limit=NOTES)) == 2 * BATCH
        assert run(path, "backfill.after") == (-signal.SIGKILL, 0)  # its first batch is committed
        found = board.search("pricing", limit=NOTES)
        assert (len(found), found.complete) == (3 * BATCH, False)
        check_index(board)
        assert run(path)[0] == 0
        found = board.search("pricing", limit=NOTES)
        assert (len(found), found.complete) == (NOTES, True)
        check_index(board)
