"""Files of a board are private to their owner, and no key reaches the database, a log, an error or a status."""

from __future__ import annotations

import json
import os
import random
import stat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from pydantic import BaseModel

from blackboard import Blackboard, Mark, agent, strength
from blackboard.daemon import DaemonLoop
from blackboard.errors import ConfigurationError, StoreError
from blackboard.llm.anthropic_client import AnthropicClient
from blackboard.llm.model_settings import ModelSettings
from blackboard.store.database_factory import database_of
from blackboard.store.sqlite.sqlite_backups import back_up
from blackboard.system.files.private_files import ensure_private_folder
from tests.support.fake_api_faults import Cut, Junk, Status, cut_off, refusal
from tests.support.file_boards import sqlite_database_of
from tests.support.messages_api import MessagesApi

KEY = "sk-CANARY-0123456789-do-not-tell"


class Lead(Mark, kind="lead", on_repeat="separate"):
    text: str = ""


class Reply(Mark, kind="reply", on_repeat="separate"):
    text: str


class Answer(BaseModel):
    text: str


@agent(watches=strength(Lead) >= 0.5, writes=[Reply], batch=1, max_attempts=2, retry_after="1s")
def clerk(marks: Any, context: Any) -> Reply:
    found = context.ask("Answer.", {"text": marks[0].text}, Answer)
    return Reply(subject=marks[0].subject, text=found.text)


def modes(folder: Path) -> dict[str, str]:
    return {str(item.relative_to(folder)): oct(stat.S_IMODE(item.lstat().st_mode)) for item in folder.rglob("*")}


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_files_and_folders_are_private_to_the_user(umask: int) -> None:
    before = os.umask(umask)
    short = TemporaryDirectory(dir="/tmp")  # the address of a socket has little room
    try:
        folder = Path(short.name) / "made"
        with Blackboard.open(f"sqlite:///{folder}/board.db") as board:
            daemon = DaemonLoop(board, [clerk], rng=random.Random(1))
            daemon.start()
            board.deposit(Lead(subject="ann"))
            back_up(sqlite_database_of(board), folder / "copy.db")
            found = modes(folder)
            daemon.close()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        os.umask(before)
        short.cleanup()
    assert found.pop("board.db-run") == "0o700"
    sockets = {name: mode for name, mode in found.items() if name.endswith(".sock")}
    assert len(sockets) == 1  # in a folder that other users cannot enter
    assert {mode for name, mode in found.items() if name not in sockets} == {"0o600"}
    assert {"board.db", "board.db-wal", "board.db-shm", "board.db-write-lock", "copy.db"} <= set(found)


def test_a_folder_of_another_user_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(StoreError, match="is a link"):
        ensure_private_folder(tmp_path / "link")
    (tmp_path / "open").mkdir(mode=0o777)
    assert stat.S_IMODE(ensure_private_folder(tmp_path / "open").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "fault",
    [
        None,
        Status(401, message=f"invalid x-api-key: {KEY[:6]}"),
        Status(529),
        Cut(),
        Junk(),
        refusal(),
        cut_off(),
    ],
    ids=str,
)
def test_a_key_is_stored_nowhere(
    board: Blackboard, tmp_path: Path, fault: Any, logs: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with MessagesApi(lambda body: {"text": "hello"}) as api:
        if fault is not None:
            api.queue(fault, fault)
        client = AnthropicClient(KEY, api.url)
        board.deploy(clerk)
        board.deposit(Lead(subject="ann", text="hi"))
        daemon = DaemonLoop(board, [clerk], model=ModelSettings(), client=client, rng=random.Random(1))
        report = daemon.run(until_quiescent=True)
        assert api.calls, "it was used"
        assert api.calls[0].key == KEY
    shown = json.dumps([logs, board.status(), board.agents(), board.activations(), report.lines], default=str)
    captured = capsys.readouterr()
    assert KEY not in shown + captured.out + captured.err
    assert KEY not in repr(client)
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert KEY.encode() not in file.read_bytes(), file


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+nonsense://ada:CANARY@localhost/board",
        "nonsense://ada:CANARY@localhost/board",
        "not-a-scheme://ada:CANARY@localhost/board",
        "postgresql+nonsense://localhost/board?password=CANARY",
    ],
)
def test_a_password_in_a_url_is_in_no_error(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        database_of(url)
    assert "CANARY" not in str(caught.value)
