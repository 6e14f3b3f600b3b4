"""A server in a process of its own, whose log is read by the test."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blackboard import Blackboard
from tests.support.bounds import BOUND_SECONDS
from tests.support.postgresql_boards import reader_url
from tests.support.threads import join_all

ROOT = Path(__file__).parents[2]

AGENTS = """
from blackboard import Mark, agent, strength


class Lead(Mark, kind="lead"):
    company: str = ""


class Reply(Mark, kind="reply"):
    text: str = ""


@agent(watches=strength(Lead) >= 0.5, writes=[Reply])
def sales(leads, context):
    return [Reply(subject=lead.subject, text=lead.company) for lead in leads]
"""


@contextmanager
def process(folder: Path, url: str, *words: str, file: str = "") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a command that serves the board of a URL, and yield it with the URL that it names.

    Args:
        folder: The folder of the deployment file and of its module.
        url: The URL of the board.
        words: The command.
        file: What is added to the deployment file.
    """
    (folder / "desk.py").write_text(AGENTS)
    query_url = reader_url(url)
    database = f'[database]\nurl = "{url}"\n' + ("" if query_url is None else f'query_url = "{query_url}"\n')
    settings = f'{database}[deployment]\nagents = ["desk:sales"]\n'
    (folder / "blackboard.toml").write_text(settings + file)
    child = subprocess.Popen(
        [sys.executable, "-m", "blackboard", *words], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert child.stderr is not None
    reader = threading.Thread(target=child.stderr.read)
    try:
        before = []
        while '"urls"' not in (line := child.stderr.readline()):
            before.append(line)
            assert line, f"the server did not start: {''.join(before)}"
        reader.start()
        yield child, line.split('"')[3]
    finally:
        child.kill()
        child.wait(BOUND_SECONDS)
        if reader.ident is not None:
            join_all(reader)
        child.stderr.close()


def token_for(url: str, *scopes: str) -> dict[str, str]:
    with Blackboard.open(url) as board:
        return {"Authorization": f"Bearer {board.create_token('test', may=scopes)}"}


def certificate_for(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a certificate for a name, such as `IP:127.0.0.1`, and return its file and that of its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
         str(key), "-out", str(certificate), "-subj", "/CN=localhost", "-addext", f"subjectAltName={name}"],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key
