"""Every block of code in the documentation runs, and every link has a target."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from blackboard import Blackboard, Daemon, ManualClock
from blackboard.cli.row_files.column_matching import Columns
from blackboard.cli.row_files.row_deposits import load_rows
from blackboard.cli.row_files.row_reader import Rows
from blackboard.settings.deployment_resolver import resolve_file
from blackboard.system.files.packaged_files import config_file
from tests.docs.blocks import DOCUMENTS, LANGUAGES, ROOT, Blocks

POSTGRESQL_PAGE = ROOT / "docs/postgresql.md"
NEEDS = {ROOT / "docs/mcp.md": "mcp", ROOT / "docs/sbp.md": "sbp"}
"""The packages that the blocks of a document import, besides those that every installation for tests has."""
LATER = datetime(2099, 1, 5, 8, tzinfo=UTC)
"""A Monday. The board's time is never before its last record, so the views of this board use this time."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Return the file of a board on which the lead desk has worked through its samples, created on first use."""
    made: list[Path] = []

    def make() -> Path:
        if not made:
            made.append(_worked(tmp_path_factory.mktemp("desk")))
        return made[0]

    return make


def _worked(folder: Path) -> Path:
    resolved = resolve_file(config_file("leads.toml"), {})
    clock, path = ManualClock(LATER), folder / "desk.db"
    settings = {"lead_desk": {**resolved.settings.settings["lead_desk"], "calendar": str(folder / "calendar.ics")}}
    with Blackboard.open(f"sqlite:///{path}", author="webform", clock=clock) as board:
        board.deploy(resolved.deployment)
        with (ROOT / "agents/lead_desk/samples/leads.csv").open("rb") as stream:
            columns = Columns("lead", ["email", "phone"], {"inbound_message": "message"})
            rows = Rows(stream, "leads.csv")
            load_rows(board, rows, columns, lambda row: None, lambda: None)
        Daemon(board, resolved.agents, resolved.settings.daemon, agent_settings=settings).run(until_quiescent=True)
    return path


@pytest.fixture
def blocks(tmp_path: Path, desk: Callable[[], Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Blocks]:
    """Run blocks in their own folder, and forget the modules that they imported from it."""
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    yield Blocks(tmp_path, desk)
    for server in tmp_path.glob("*.pid"):  # left by a document whose block failed
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(server.read_text("utf-8")), signal.SIGTERM)
    sys.path[:] = before
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(f"{tmp_path}/"):
            del sys.modules[name]


@pytest.mark.processes
@pytest.mark.parametrize(
    "path", [path for path in DOCUMENTS if path != POSTGRESQL_PAGE], ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_block_of_code_runs(path: Path, blocks: Blocks) -> None:
    if path in NEEDS:
        pytest.importorskip(NEEDS[path], reason=f"{NEEDS[path]!r} is not installed")
    _run(path, blocks)


@pytest.mark.postgresql(only=True)
def test_every_block_about_postgresql_runs_on_it(
    board_url: str, empty_url: str, blocks: Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLACKBOARD_DATABASE__URL", board_url)
    monkeypatch.setenv("TARGET", empty_url)  # a board in a file moves there
    Blackboard.open(blocks.folder / "board.db").close()
    blocks.server = board_url
    _run(POSTGRESQL_PAGE, blocks)


def _run(path: Path, blocks: Blocks) -> None:
    fences = re.findall(r"^```(\w*)$", path.read_text("utf-8"), re.MULTILINE)
    languages = fences[::2]
    assert set(languages) <= set(LANGUAGES), "a block that nothing runs"
    assert blocks.run(path) == len(languages)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_has_a_target(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
        name, _, anchor = target.partition("#")
        if not target.startswith("https://"):
            page = path.parent / name if name else path
            assert page.exists(), target
            assert not anchor or anchor in anchors(page), target


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("name", ["blackboard.service", "blackboard-server.service"])
def test_the_packaged_units_leave_little_exposed(name: str) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=25", f"packaging/{name}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot read a unit file")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_service_is_installed_with_the_versions_of_the_tests() -> None:
    lines = [line for path in DOCUMENTS for line in path.read_text("utf-8").splitlines()]
    installs = [line for line in lines if "/opt/blackboard" in line and "pip install" in line]
    assert installs
    assert all("-c constraints.txt" in line for line in installs), installs


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_install_command_installs_the_clone_with_the_tested_versions(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        for arguments in re.findall(r"pip install +([-'.].*)", line):
            assert re.match(r"-c constraints\.txt ('\.\[[a-z,]+\]'|\.)", arguments), line
        assert "blackboard-marks[" not in line


def test_the_map_of_modules_lists_the_enforced_layers() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract.get("containers") == ["blackboard"])
    section = re.search(r"^## The layers\n(.*?)(?=^## |\Z)", (ROOT / "docs/modules.md").read_text("utf-8"), re.M | re.S)
    assert section
    items = re.findall(r"^\d+\. ((?:[^:\n]|\n   )+)", section[1], re.MULTILINE)
    listed = [set(re.findall(r"`(\w+)`", item)) for item in items]
    assert listed == [set(re.findall(r"\w+", layer)) for layer in reversed(layers)]


def test_the_first_program_is_no_longer_than_fifteen_lines() -> None:
    first = re.search(r"^```python\n# smoke_alarm.py\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.M | re.S)
    assert first
    assert len([line for line in first[1].splitlines() if line.strip()]) <= 15


def test_the_word_from_biology_stays_in_the_readme_and_the_glossary() -> None:
    word = "stig" + "mergy"
    folders = ("blackboard", "agents", "migrations", "config", "docs", "benchmarks", "tests")
    files = [
        path for folder in folders for ending in ("py", "md", "toml") for path in (ROOT / folder).rglob(f"*.{ending}")
    ]
    holders = {str(path.relative_to(ROOT)) for path in files if word in path.read_text("utf-8").lower()}
    assert holders <= {"docs/glossary.md", "docs/economy.md", "docs/performance.md"}
