"""A long-running process loads the whole program at its start: an upgrade on the disk does not reach it."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from blackboard import Blackboard
from blackboard.client import Client
from blackboard.errors import BlackboardError
from tests.support.board_waits import wait_until
from tests.support.started_processes import ROOT, Process, started

pytestmark = [
    pytest.mark.processes,
    pytest.mark.file_only("the modules for PostgreSQL are loaded by the same function"),
]

TRACED = """
import os, sys

def report(event, words):
    if event == "import" and words[0].startswith("blackboard"):
        os.write(2, f"imports {words[0]}\\n".encode())

sys.addaudithook(report)
from blackboard.cli import main
main()
"""
AGENTS = """
from blackboard import Mark, agent, strength


class Lead(Mark, kind="lead", tags=["company"], search=["company"]):
    company: str = ""


class Reply(Mark, kind="reply"):
    text: str = ""


@agent(watches=strength(Lead) >= 0.5, writes=[Reply], max_attempts=1)
def sales(leads, context):
    if any(lead.company == "broken" for lead in leads):
        raise ValueError("broken")
    return [Reply(subject=lead.subject, text=lead.company) for lead in leads]
"""
FILE = """
[database]
url = "{url}"

[deployment]
agents = ["desk:sales"]

[agents.review]
remote = true
watches = 'strength("reply") >= 0.5'
"""
READS = (
    "activations", "activity", "agenda", "agents", "costs", "deployments", "doctor", "history?subject=a", "inbox",
    "kinds", "kinds/lead", "marks", "marks?kind=lead&tag=company=x", "outbox", "schedules", "search?text=x", "status",
    "subjects", "agents/sales/explanation?subject=a", "activations/1", "marks/1",
)  # fmt: skip
PAGES = (
    "",
    "agenda",
    "activations",
    "inbox",
    "agents",
    "deployment",
    "costs",
    "health",
    "subject?subject=a",
    "metrics",
)


def copy_program(folder: Path) -> Path:
    """Copy the program into a folder, as an installation would have it."""
    for name in ("blackboard", "migrations", "config"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "desk.py").write_text(AGENTS)
    return folder


@contextmanager
def run(program: Path, url: str, *words: str) -> Iterator[Process]:
    """Run a command of a copy of the program, which reports its imports."""
    file = program / "desk.toml"
    file.write_text(FILE.format(url=url))
    arguments = ["-c", TRACED, "--config", str(file), *words]
    with started(arguments, folder=program, environment={"PYTHONPATH": str(program)}) as process:
        yield process


def use(client: Client, board: Blackboard) -> None:
    """Use the operations that change a board, and those that fail."""
    client.deposit("lead", subject="a", payload={"company": "x"})
    client.deposit_many([], on_error="return")
    with suppress(BlackboardError):
        client.deposit("lead", subject="", payload={"unknown": 1})
    wait_until(board, lambda: len(board.marks("reply")) == 1)
    client.deposit("lead", subject="b", payload={"company": "broken"})
    wait_until(board, lambda: bool(board.activations(state="dead")))
    (dead,) = client.activations(state="dead")
    client.retry(dead.id)
    wait_until(board, lambda: bool(board.activations(state="dead")))
    client.discard(dead.id)
    need = client.deposit("need", subject="a", payload={"question": "and then?"})
    client.assign(need.mark_id, "ada")
    client.answer(need.mark_id, "yes")
    mark = client.deposit("lead", subject="c", payload={"company": "y"})
    client.reinforce(mark.mark_id, by=0.5)
    client.withdraw(mark.mark_id)
    client.pause("sales")
    client.resume("sales")
    client.forget("c")


def claim(worker: Client) -> None:
    claimed = worker.claim("review", wait="5s")
    assert claimed is not None
    worker.heartbeat(claimed.id, fence=claimed.fence, agent="review")
    worker.finish(claimed.id, {"marks": []}, fence=claimed.fence, agent="review")


def test_a_daemon_and_its_server_import_nothing_after_their_start(tmp_path: Path, board_url: str) -> None:
    pytest.importorskip("uvicorn")
    program = copy_program(tmp_path / "program")
    with (
        Blackboard.open(board_url, author="ada") as board,
        run(program, board_url, "run", "--serve", "127.0.0.1:0") as process,
    ):
        address = process.line(lambda line: '"urls"' in line).split('"urls": ["')[1].split('"')[0]
        process.line(lambda line: '"started"' in line)
        token = str(board.create_token("test", may=["admin", "operate", "read", "deposit", "answer"]))
        of_agent = str(board.create_token("worker", may=["claim:review"]))
        begun = len(process.lines)
        for path in (*(program / "blackboard").rglob("*"), *(program / "migrations").rglob("*")):
            if path.is_file():
                path.unlink()
        with Client(address, token=token) as client, Client(address, token=of_agent) as worker:
            use(client, board)
            claim(worker)
        with httpx2.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}) as http:
            http.post("/sign-in", data={"token": token}, headers={"Origin": address})
            paths = [*(f"/v1/{path}" for path in READS), *(f"/{path}" for path in PAGES)]
            answers = {path: http.get(path).status_code for path in paths}
            assert http.get("/none").status_code == 404
        process.signal(signal.SIGTERM)
        assert process.ends() == 0
    assert [line for line in process.lines[begun:] if line.startswith("imports ") or "No such file" in line] == []
    assert {path: status for path, status in answers.items() if status != 200} == {}
