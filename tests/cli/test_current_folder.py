"""The current folder decides nothing that its user did not ask for: no board appears, no module of it is imported."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from blackboard import Blackboard
from blackboard.cli.app import COMMANDS
from blackboard.errors import ForeignFilesWarning, StoreError
from tests.support.bounds import BOUND_SECONDS
from tests.support.command_line import AGENTS, DEPLOYMENT, CommandLine

BEGIN_A_BOARD = {"init", "deposit", "load", "run", "demo", "restore", "serve", "token"}
"""The commands that may begin a board."""
USE_NO_BOARD = {"new", "test", "connect"}
ARGUMENTS = {
    "activation": ["1"],
    "history": ["a"],
    "explain": ["sales"],
    "withdraw": ["1"],
    "answer": ["1", "yes"],
    "assign": ["1", "ada"],
    "reinforce": ["1", "--by", "0.2"],
    "retry": ["1"],
    "discard": ["1"],
    "sql": ["SELECT 1"],
    "record-cost": ["1", "--usd", "0"],
    "backup": ["copy.db"],
    "copy": ["board.db", "copy.db"],
    "forget": ["a", "--yes"],
    "search": ["a"],
    "outbox": ["list"],
    "wake": ["1"],
    "claim": ["review"],
    "heartbeat": ["1"],
    "finish": ["1"],
    "fail": ["1"],
}


NEED_A_BOARD = sorted(set(COMMANDS) - BEGIN_A_BOARD - USE_NO_BOARD)


@pytest.mark.parametrize("command", NEED_A_BOARD)
def test_a_command_that_does_not_begin_a_board_says_that_there_is_none(typed: CommandLine, command: str) -> None:
    done = typed(command, *ARGUMENTS.get(command, ()), stdin="{}")
    if command != "check":
        assert done.code == 1, done
        assert f"there is no board at {typed.folder / 'board.db'}" in done.out + done.err
    assert list(typed.folder.iterdir()) == []


def test_an_empty_file_is_not_a_board_and_stays_empty(typed: CommandLine) -> None:
    (typed.folder / "board.db").touch()
    done = typed("inbox")
    assert done.code == 1
    assert "there is no board" in done.err
    assert (typed.folder / "board.db").stat().st_size == 0


def test_a_command_that_reads_deploys_no_file(typed: CommandLine, house: CommandLine) -> None:
    with Blackboard.open(house.url) as board:
        assert house("agents").code == 0
        assert board.deployment.version == 0
        assert house("deposit", "smoke", "kitchen", "--payload", '{"detail": "thin"}').code == 0
        assert board.deployment.version == 1


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("BLACKBOARD", "PYTHON"))}
    return subprocess.run(
        words, cwd=folder, env=environ, capture_output=True, text=True, timeout=BOUND_SECONDS, check=False
    )


@pytest.fixture
def traps(tmp_path: Path) -> Path:
    """Return a folder of modules that each leave a trace when they are imported."""
    folder = tmp_path / "traps"
    folder.mkdir()
    for name in ("house_agents", "rich", "structlog", "anthropic", "icalendar", "alembic", "calendar", "json"):
        (folder / f"{name}.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'a').write({name!r} + ' ')\n")
    return folder


@pytest.mark.parametrize(
    "program",
    [
        [str(Path(sys.executable).with_name("blackboard")), "run", "--until-quiescent"],
        [sys.executable, "-m", "blackboard", "check"],
    ],
    ids=["installed", "-m"],
)
def test_only_modules_beside_the_named_file_are_imported(tmp_path: Path, traps: Path, program: list[str]) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "house_agents.py").write_text(AGENTS)
    (own / "house.toml").write_text(DEPLOYMENT)
    done = run(traps, *program, "--config", str(own / "house.toml"))
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "sprung").exists()


def test_a_module_beside_the_file_hides_no_installed_one(house: CommandLine) -> None:
    house.write("rich.py", "raise AssertionError('imported')")
    house.write("house_agents.py", AGENTS + "\nimport rich\nassert rich.__path__\n")
    sys.modules.pop("rich", None)
    assert house("check").code == 0


def test_a_name_that_an_installed_module_hides_is_explained(house: CommandLine) -> None:
    house.write("typer.py", AGENTS)
    house.write("blackboard.toml", DEPLOYMENT.replace("house_agents:", "typer:"))
    done = house("check")
    assert done.code == 2
    assert f"hides {house.folder / 'typer.py'}, which needs another name" in done.err


NOBODY = 65534
"""The id of a second user."""

AS_NOBODY = """
import os, sys
from blackboard import Blackboard
from blackboard.errors import BlackboardError

with Blackboard.open(sys.argv[1]) as board:  # imports, as root, what another user may not be able to read
    board.inbox()
try:
    board.database.connect(writes=False), open("/nowhere")
except Exception:
    pass
os.setgroups([])
os.setegid(65534)
os.seteuid(65534)
for path in sys.argv[2:]:
    try:
        Blackboard.open(path)
        print("opened")
    except BlackboardError as error:
        print(error)
"""


@pytest.mark.file_only("the users own files")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be several users")
class TestTwoUsers:
    """Root, and a second user with the id of nobody."""

    def test_a_board_that_cannot_be_opened_names_its_owner_and_the_user(self) -> None:
        with tempfile.TemporaryDirectory(prefix="blackboard-test-") as folder:
            os.chmod(folder, 0o755)
            Path(folder, "closed").mkdir(mode=0o700)
            paths = [f"{folder}/board.db", f"{folder}/closed/board.db", f"{folder}/new.db"]
            script = Path(folder, "as_nobody.py")
            script.write_text(AS_NOBODY)
            done = run(Path("/"), sys.executable, str(script), paths[0], *paths)
            opened, closed, new = done.stdout.splitlines()
        who = "belongs to root, and this process runs as nobody"
        assert opened.endswith(f"{paths[0]} {who}"), done
        assert closed.endswith(f"{folder}/closed {who}")
        assert new.endswith(f"{folder} {who}")

    @pytest.mark.parametrize("name", ["house.db", "house.db-write-lock"])
    def test_a_board_or_lock_of_another_user_is_used_with_a_warning(self, house: CommandLine, name: str) -> None:
        assert "belong" not in house("init").err
        os.chown(house.folder / name, NOBODY, -1)
        done = house("inbox")
        assert done.code == 0
        assert f"warning: {house.folder / name} belongs to nobody; this process runs as root" in done.err
        done = house("doctor", "--json")
        [owners] = [finding for finding in done.json["findings"] if finding["name"] == "owners"]
        assert (owners["state"], "belongs to nobody" in owners["detail"], done.err) == ("note", True, "")
        with pytest.warns(ForeignFilesWarning, match="belongs to nobody"):
            Blackboard.open(house.folder / "house.db").close()

    def test_a_file_of_another_user_imports_nothing(self, house: CommandLine) -> None:
        house.write("house_agents.py", "raise AssertionError('imported')")
        os.chown(house.folder, NOBODY, -1)
        os.chown(house.folder / "blackboard.toml", NOBODY, -1)
        for words in (["status"], ["check"], ["run", "--until-quiescent"], ["deposit", "need", "x"], ["doctor"]):
            done = house(*words)
            assert done.code == 2, words
            assert "belongs to nobody" in done.err
        assert not (house.folder / "house.db").exists()


def test_a_current_folder_that_was_deleted_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, typed: CommandLine
) -> None:
    folder = tmp_path / "deleted"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    for arguments in (["status"], ["--database", "board.db", "status"]):
        result = typed(*arguments)
        assert result.code == 1
        assert "the current folder was deleted; change to another folder" in result.err
    with pytest.raises(StoreError, match=r"board\.db is a relative path, and the current folder was deleted"):
        Blackboard.open("board.db")
