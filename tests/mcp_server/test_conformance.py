"""The published conformance tool passes, but for the failures that the files beside this one list with their reasons.

Its releases know the revisions with a handshake, and its preview the newest. npm fetches it, with the Node.js that it
needs. Without npm, or if npm can reach no registry and has kept nothing, the test is skipped. The tool sends no token,
so one is added here.
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
from tests.support.bounds import BOUND_SECONDS

NODE = "--package=node@22.23.3"
VERSIONS = {"2025-11-25": "0.1.16", "2026-07-28": "0.2.0-alpha.12"}
"""The versions of the tool, by the revision of the protocol that each tests."""
PASSES = {
    "2025-11-25": "server-initialize ping tools-list resources-list prompts-list dns-rebinding-protection",
    "2026-07-28": (
        "tools-list server-sse-multiple-streams resources-list sep-2164-resource-not-found prompts-list"
        " dns-rebinding-protection caching http-header-validation input-required-result-unsupported-methods"
        " input-required-result-validate-input"
    ),
}
"""The scenarios that pass."""


class WithToken(RequestGuards):
    """An application that adds a token to each request."""

    def __init__(self, app: RequestGuards, token: str) -> None:
        self._inner, self.stop = app, app.stop
        self._header = (b"authorization", f"Bearer {token}".encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["headers"] = [*scope["headers"], self._header]
        await self._inner(scope, receive, send)


def run(folder: Path, version: str, *words: str, timeout: float) -> subprocess.CompletedProcess[str]:
    tool = (NODE, f"--package=@modelcontextprotocol/conformance@{version}", "--", "conformance")
    return subprocess.run(
        ["npm", "exec", "--yes", "--no-update-notifier", *tool, *words], cwd=folder, env={**os.environ, "CI": "1"},
        capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip


@pytest.mark.processes
@pytest.mark.timeout(600)
@pytest.mark.file_only("the tool tests the protocol, and takes minutes")
@pytest.mark.parametrize(("revision", "version"), VERSIONS.items())
def test_the_conformance_tool_finds_only_the_expected_failures(
    revision: str, version: str, tmp_path: Path, board_url: str
) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    if run(tmp_path, version, "--version", timeout=BOUND_SECONDS).returncode:
        pytest.skip("npm cannot install the conformance tool")
    failures = Path(__file__).with_name(f"failures_{revision.replace('-', '_')}.yml")
    section = ServerSection(listen="127.0.0.1:0", requests_per_second=10_000)
    address = Address.parse(section.listen)
    with Blackboard.open(board_url) as board:
        token = board.create_token("conformance", may=["read", "deposit", "sql"])
        app = WithToken(build_app(board, section, "offline rules", address), token)
        with HttpServer(app, section, address) as server:
            words = ("server", "--url", f"{server.url}/mcp", "--expected-failures", str(failures))
            suite = ("--suite", "all", "--spec-version", revision) if revision > "2026" else ()
            done = run(tmp_path, version, *words, *suite, timeout=BOUND_SECONDS)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    summary = done.stdout.partition("=== SUMMARY ===")[2]
    passed = re.findall(r"^\S+ ([a-z0-9-]+): [1-9]\d* passed, 0 failed", summary, re.MULTILINE)
    named = set(re.findall(r"- (\S+)", failures.read_text("utf-8")))
    assert [name for name in passed if name not in named] == PASSES[revision].split()
