"""PostgreSQL starts in the tests for an ordinary user, as it does for root: on a socket in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.postgresql import copy_programs, postgresql_programs

pytestmark = [pytest.mark.postgresql(only=True), pytest.mark.processes]

ROOT = Path(__file__).parents[2]
AS_NOBODY = """
import os, sys
from pathlib import Path
from blackboard import Blackboard
from tests.support.postgresql import start_postgresql
from tests.support.postgresql_boards import PostgresqlServer

def use(url):
    server = PostgresqlServer(url)
    with Blackboard.open(server.create_board(), author="person:ada") as board:
        print(board.marks())
    server.close()

use(sys.argv[2])  # imports, as root, what another user may not be able to read
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
with start_postgresql(Path(sys.argv[1])) as url:
    use(url)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="all tests run as an ordinary user")
def test_a_user_without_rights_starts_postgresql(board_url: str) -> None:
    programs = postgresql_programs()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="blackboard-test-"))  # pytest's folders are closed to others
    try:
        folder.chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, copy_programs(programs, folder), board_url],
            check=False,
            cwd=ROOT,
            env={"PATH": os.defpath, "HOME": str(folder), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert done.stdout == "[]\n[]\n", done.stderr
    finally:
        shutil.rmtree(folder)
