"""The process that runs a person's query: its result fits the memory of its parent, and it ends with its parent."""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path

import pytest

from blackboard import Blackboard
from blackboard.errors import InvalidQuery
from blackboard.store.sqlite import readonly_query_process
from tests.support.bounds import BOUND_SECONDS
from tests.support.started_processes import started

ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"
MEGABYTE = 1 << 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    Blackboard.open(tmp_path / "board.db").close()
    return tmp_path / "board.db"


@pytest.mark.parametrize(("sign", "size"), [("x", 1), ("ш", 2), ("😀", 4), ("\x01", 6)])
def test_a_result_is_as_large_as_what_it_needs_and_not_as_its_characters(
    path: Path, monkeypatch: pytest.MonkeyPatch, sign: str, size: int
) -> None:
    monkeypatch.setattr(readonly_query_process, "MAX_RESULT_BYTES", MEGABYTE)
    text = f"replace(hex(zeroblob({MEGABYTE // size // 20})), '0', char({ord(sign)}))"
    rows = "with recursive n(i) as (select 1 union all select i + 1 from n where i < {}) select {} from n"
    assert len(readonly_query_process.query(path, rows.format(9, text)).rows) == 9
    with pytest.raises(InvalidQuery, match="needs more than 1 MB"):
        readonly_query_process.query(path, rows.format(11, text))


def test_numbers_and_empty_values_need_memory_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readonly_query_process, "MAX_RESULT_BYTES", MEGABYTE)
    for value in ("i", "null", "''"):
        rows = f"with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) select {value} from n"
        with pytest.raises(InvalidQuery, match="needs more than 1 MB"):
            readonly_query_process.query(path, rows, limit=20000)


def test_a_text_with_line_breaks_stays_in_its_row(path: Path) -> None:
    result = readonly_query_process.query(path, "select char(10, 13, 8232, 133) || 'x', 2 union all select 'y', 3")
    assert result.rows == [["\n\r\u2028\x85x", 2], ["y", 3]]


def test_the_longest_timeout_is_not_a_mistake(path: Path) -> None:
    assert readonly_query_process.query(path, "select 1", seconds=1000 * 365 * 86_400.0).rows == [[1]]


@pytest.mark.processes
@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux tells of the end of a process that is no child")
def test_a_query_ends_with_the_process_that_asked_it(path: Path) -> None:
    asking = f"""
import subprocess, sys
from pathlib import Path
from blackboard.store.sqlite import readonly_query_process

class Popen(subprocess.Popen):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        print(self.pid, flush=True)

readonly_query_process.subprocess.Popen = Popen
readonly_query_process.query(Path({str(path)!r}), {ENDLESS!r}, seconds=100)
"""
    assert sys.platform == "linux"
    with started(["-c", asking]) as process:
        watched = os.pidfd_open(int(process.line()))
        try:
            assert not select.select([watched], [], [], 0)[0]
            process.popen.kill()
            assert select.select([watched], [], [], BOUND_SECONDS)[0], "the query runs on"
        finally:
            os.close(watched)
