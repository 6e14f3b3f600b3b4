"""The published conformance tool passes, but for the failures that `expected_failures.yml` lists with their reasons.

The tool speaks the revisions with a handshake. It is fetched by npm, with the Node.js that it needs; without npm, or if
npm can reach no registry and has kept nothing, the test is skipped. The tool sends no token, so one is added here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from blackboard import Blackboard
from blackboard.server.http_app import build_app
from blackboard.server.transport.addresses import Address
from blackboard.server.transport.http_server import HttpServer
from blackboard.server.transport.request_guards import RequestGuards
from blackboard.settings.sections import ServerSection

TOOL = ("--package=node@22.23.3", "--package=@modelcontextprotocol/conformance@0.1.16", "--", "conformance")
EXPECTED = Path(__file__).with_name("expected_failures.yml")
PASSES = {"server-initialize", "ping", "tools-list", "resources-list", "prompts-list", "dns-rebinding-protection"}


class WithToken(RequestGuards):
    """An application that adds a token to each request."""

    def __init__(self, app: RequestGuards, token: str) -> None:
        self._inner, self.stop = app, app.stop
        self._header = (b"authorization", f"Bearer {token}".encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["headers"] = [*scope["headers"], self._header]
        await self._inner(scope, receive, send)


def run(folder: Path, *words: str, timeout: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["npm", "exec", "--yes", "--no-update-notifier", *TOOL, *words], cwd=folder, env={**os.environ, "CI": "1"},
        capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    """Return a folder in which the tool runs."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = tmp_path / "tool"
    folder.mkdir()
    if run(folder, "--version", timeout=100).returncode:
        pytest.skip("npm cannot install the conformance tool")
    return folder


@pytest.mark.processes
@pytest.mark.timeout(300)
def test_the_conformance_tool_finds_only_the_expected_failures(tool: Path, tmp_path: Path) -> None:
    section = ServerSection(listen="127.0.0.1:0", requests_per_second=10_000)
    address = Address.parse(section.listen)
    with Blackboard.open(tmp_path / "board.db") as board:
        token = board.create_token("conformance", may=["read", "deposit", "sql"])
        app = WithToken(build_app(board, section, "offline rules", address), token)
        with HttpServer(app, section, address) as server:
            words = ("server", "--url", f"{server.url}/mcp", "--expected-failures", str(EXPECTED))
            done = run(tool, *words, timeout=120)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    summary = done.stdout.partition("=== SUMMARY ===")[2]
    assert set(re.findall(r"^\S+ ([a-z0-9-]+): [1-9]\d* passed, 0 failed", summary, re.MULTILINE)) == PASSES
