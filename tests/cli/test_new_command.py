"""`blackboard new`: the folder that it makes works as it is, and nothing is overwritten."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.started_processes import ROOT, started

FILES = {"blackboard.toml", "my_notes.py", "test_my_notes.py", "README.md", "board.db"}


@pytest.fixture(autouse=True)
def _forget_the_module() -> Iterator[None]:
    yield
    sys.modules.pop("my_notes", None)


@pytest.mark.processes
@pytest.mark.parametrize("options", [[], ["--model"]], ids=["plain", "model"])
def test_a_new_agent_runs_and_its_test_passes_at_once(options: list[str], typed: CommandLine) -> None:
    done = typed("new", "my-notes", *options)
    assert (done.code, done.err) == (0, "")
    folder = typed.folder / "my-notes"
    environment = {"PYTHONPATH": str(ROOT), "ANTHROPIC_API_KEY": "", "BLACKBOARD_CONFIG": ""}
    with (
        started(["-m", "blackboard", "run", "--until-quiescent"], folder=folder, environment=environment) as run,
        started(
            ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"], folder=folder, environment=environment
        ) as test,
    ):
        assert run.ends() == 0, run.lines
        assert any('"agent": "summarizer"' in line and '"event": "done"' in line for line in run.lines)
        assert test.ends() == 0, test.lines
    marks = typed("marks", "--database", str(folder / "board.db"), "--json").json
    assert {(mark["subject"], mark["author"]) for mark in marks} >= {("summary", "summarizer")}
    assert {mark["payload"]["text"] for mark in marks} == {"A mark on the board woke this agent."}


def test_a_new_folder_has_what_a_first_look_needs(typed: CommandLine) -> None:
    done = typed("new", "my-notes", "--author", "ada", "--json")
    assert done.json["module"] == "my_notes"
    folder = typed.folder / "my-notes"
    assert {path.name for path in folder.iterdir()} >= FILES >= {*done.json["files"], done.json["board"]}
    assert (folder / "README.md").read_text().count("\n") <= 10
    assert not any(path.stat().st_mode & 0o022 for path in (folder, *folder.iterdir())), "others could change them"
    assert typed("check", "--config", "my-notes/blackboard.toml").code == 0
    agenda = typed("agenda", "--database", "my-notes/board.db", "--json").json
    assert [entry["agent"] for entry in agenda] == ["summarizer"]
    [mark] = typed("marks", "--database", "my-notes/board.db", "--json").json
    assert (mark["author"], mark["subject"]) == ("ada", "welcome")


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to("nowhere")], ids=["file", "link"])
def test_a_file_or_link_that_exists_is_named_and_kept(make: Callable[[Path], None], typed: CommandLine) -> None:
    make(typed.folder / "my-notes")
    done = typed("new", "my-notes")
    assert (done.code, "my-notes already exists" in done.err) == (2, True)
    assert os.listdir(typed.folder) == ["my-notes"]


def test_a_folder_that_exists_is_named_and_keeps_its_files(typed: CommandLine) -> None:
    path = typed.folder / "my-notes"
    path.mkdir()
    (path / "kept").touch()
    done = typed("new", "my-notes")
    assert (done.code, "my-notes already exists" in done.err) == (2, True)
    assert os.listdir(path) == ["kept"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        *(
            (name, "cannot be the name")
            for name in ("", "a/b", "../a", ".", "a\n", "a b", "1a", "ä", "a" * 65, "$name")
        ),
        *((name, "is a Python keyword") for name in ("class", "None")),
        *((name, "is installed already") for name in ("json", "sys", "blackboard", "pytest", "pydantic")),
    ],
)
def test_a_name_that_cannot_be_imported_is_refused(name: str, message: str, typed: CommandLine) -> None:
    done = typed("new", "--", name)
    assert done.code == 2
    assert message in done.err
    assert os.listdir(typed.folder) == []


def test_the_last_step_installs_pytest_where_it_is_missing(typed: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert typed("new", "my-notes").out.endswith("\n  pytest\n")
    monkeypatch.setitem(sys.modules, "pytest", None)
    assert typed("new", "your-notes").out.endswith("\n  pip install pytest && pytest\n")


def test_a_folder_that_cannot_be_completed_is_removed(typed: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blackboard.cli.setup_commands.new_command.TEMPLATES", Path("nowhere"))
    assert typed("new", "my-notes").code == 1
    assert os.listdir(typed.folder) == []


def test_settings_that_would_hide_the_new_file_are_reported(
    typed: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "leave out --config" in typed("new", "my-notes", "--config", "other.toml").err
    monkeypatch.setenv("BLACKBOARD_CONFIG", "other.toml")
    done = typed("new", "my-notes")
    assert done.code == 0
    assert "BLACKBOARD_CONFIG is set" in done.err
