"""`connect` changes a project as it said, can be run again, leaves hand edits alone, and takes back what it wrote."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from blackboard.claude_code import project_files
from blackboard.claude_code.project_changes import ProjectChanges
from blackboard.claude_code.project_connection import (
    BEGIN,
    MCP_SERVERS,
    MEMORY,
    RECORD,
    SETTINGS,
    SKILL,
    ProjectConnection,
)
from blackboard.errors import UsageError

CONNECTION = ProjectConnection(["--database", "board.db", "--author", "claude-code"], "review")
OWN = {
    MCP_SERVERS: '{"mcpServers": {\n    "other": {"command": "other"}\n  }\n}\n',
    SETTINGS: '{\n  "permissions": {"allow": ["Bash(ls)"]},\n  "hooks": {"Stop": [{"hooks": []}], "Start": []}\n}',
    MEMORY: "# My project\n\nUse tabs.",
}


def texts(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text("utf-8") for path in sorted(folder.rglob("*")) if path.is_file()
    }


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def connect(folder: Path, connection: ProjectConnection = CONNECTION) -> ProjectChanges:
    changes = ProjectChanges(folder)
    changes.connect(connection)
    changes.write()
    return changes


def disconnect(folder: Path) -> ProjectChanges:
    changes = ProjectChanges(folder)
    changes.disconnect()
    changes.write()
    return changes


def load(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


def test_an_empty_project_is_connected_and_empty_again(tmp_path: Path) -> None:
    connect(tmp_path)
    assert set(texts(tmp_path)) == {MCP_SERVERS, SETTINGS, SKILL, MEMORY, RECORD}
    server = load(tmp_path, MCP_SERVERS)["mcpServers"]["blackboard"]
    assert server == {
        "command": "blackboard", "args": ["--database", "board.db", "--author", "claude-code", "mcp"],
    }  # fmt: skip
    [stop] = load(tmp_path, SETTINGS)["hooks"]["Stop"]
    [hook] = stop["hooks"]
    assert hook["command"] == (
        "blackboard --database board.db --author claude-code claim review --hook --wait 8h --lease 30m"
    )
    assert (hook["asyncRewake"], hook["timeout"] > 8 * 3600) == (True, True)
    assert (tmp_path / SKILL).read_text().startswith("---\nname: blackboard\n")
    assert "`review`" in (tmp_path / MEMORY).read_text()
    disconnect(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "connection", [CONNECTION, ProjectConnection([], "review", uses_channel=True), ProjectConnection([])]
)
def test_what_was_there_before_is_there_again(tmp_path: Path, connection: ProjectConnection) -> None:
    write(tmp_path, OWN)
    connect(tmp_path, connection)
    assert load(tmp_path, MCP_SERVERS)["mcpServers"]["other"] == {"command": "other"}
    assert (tmp_path / MEMORY).read_text().startswith(OWN[MEMORY])
    disconnect(tmp_path)
    assert texts(tmp_path) == OWN


def test_the_changes_of_a_project_can_be_made_again_without_effect(tmp_path: Path) -> None:
    write(tmp_path, OWN)
    connect(tmp_path)
    before = texts(tmp_path)
    changes = ProjectChanges(tmp_path)
    changes.connect(CONNECTION)
    assert (changes.diff(), changes.write(), changes.notes) == ("", [], [])
    assert texts(tmp_path) == before


def test_another_agent_replaces_the_first(tmp_path: Path) -> None:
    write(tmp_path, OWN)
    connect(tmp_path)
    connect(tmp_path, ProjectConnection([], "tester", uses_channel=True))
    assert len(load(tmp_path, SETTINGS)["hooks"]["Stop"]) == 1
    assert load(tmp_path, MCP_SERVERS)["mcpServers"]["blackboard"]["args"][-2:] == ["--channel", "tester"]
    assert (tmp_path / MEMORY).read_text().count(BEGIN) == 1
    connect(tmp_path)
    assert len(load(tmp_path, SETTINGS)["hooks"]["Stop"]) == 2
    disconnect(tmp_path)
    assert texts(tmp_path) == OWN


def test_the_diff_shows_what_is_written(tmp_path: Path) -> None:
    write(tmp_path, OWN)
    changes = ProjectChanges(tmp_path)
    changes.connect(CONNECTION)
    diff = changes.diff()
    assert texts(tmp_path) == OWN, "it is shown before anything is written"
    assert f"--- a/{MCP_SERVERS}\n" in diff
    assert f"--- /dev/null\n+++ b/{SKILL}\n" in diff
    assert '+    "blackboard": {\n' in diff
    assert "-Use tabs" not in diff.replace("-Use tabs.\n+Use tabs.", ""), "only the line without an end is repeated"


def test_entries_that_a_person_has_changed_stay(tmp_path: Path) -> None:
    connect(tmp_path)
    servers = load(tmp_path, MCP_SERVERS)
    servers["mcpServers"]["blackboard"]["env"] = {"A": "1"}
    write(tmp_path, {
        MCP_SERVERS: json.dumps(servers),
        SKILL: "mine",
        MEMORY: (tmp_path / MEMORY).read_text().replace("shares", "sometimes shares"),
        SETTINGS: json.dumps({"hooks": {"Stop": []}}),
    })  # fmt: skip
    before = texts(tmp_path)
    del before[RECORD]
    notes = connect(tmp_path, ProjectConnection([], "tester")).notes
    assert {note.partition(" ")[0] for note in notes} == {MCP_SERVERS, SKILL, MEMORY, SETTINGS}
    assert {name: text for name, text in texts(tmp_path).items() if name != RECORD} == before
    assert len(disconnect(tmp_path).notes) == 4
    assert texts(tmp_path) == before


def test_what_a_person_wrote_under_the_same_names_stays(tmp_path: Path) -> None:
    own = {
        MCP_SERVERS: '{"mcpServers": {"blackboard": {"command": "mine"}}}',
        SKILL: "mine",
        MEMORY: f"{BEGIN}\nmine\n",
    }
    write(tmp_path, own)
    changes = connect(tmp_path)
    assert len(changes.notes) == 3
    disconnect(tmp_path)
    assert texts(tmp_path) == own


def test_additions_of_a_person_around_an_entry_stay(tmp_path: Path) -> None:
    connect(tmp_path)
    servers, settings = load(tmp_path, MCP_SERVERS), load(tmp_path, SETTINGS)
    servers["mcpServers"]["other"] = {"command": "other"}
    settings["hooks"]["Stop"].append({"hooks": []})
    memory = (tmp_path / MEMORY).read_text() + "\nMore.\n"
    write(tmp_path, {MCP_SERVERS: json.dumps(servers), SETTINGS: json.dumps(settings), MEMORY: memory})
    disconnect(tmp_path)
    assert load(tmp_path, MCP_SERVERS) == {"mcpServers": {"other": {"command": "other"}}}
    assert load(tmp_path, SETTINGS) == {"hooks": {"Stop": [{"hooks": []}]}}
    assert (tmp_path / MEMORY).read_text() == "\nMore.\n"
    assert not (tmp_path / RECORD).exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"mcpServers": []}', '{"mcpServers": "x"}'])
def test_a_file_that_cannot_be_changed_is_an_error_and_nothing_is_written(tmp_path: Path, text: str) -> None:
    write(tmp_path, {MCP_SERVERS: text})
    with pytest.raises(UsageError, match=r"\.mcp\.json cannot be changed"):
        connect(tmp_path)
    assert texts(tmp_path) == {MCP_SERVERS: text}


def test_to_take_back_nothing_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, OWN)
    changes = disconnect(tmp_path)
    assert (changes.diff(), changes.notes, texts(tmp_path)) == ("", [], OWN)


def contents(folder: Path) -> dict[str, bytes | None]:
    """Return the bytes of all files, and None for folders."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize("name", [".claude", ".claude/skills", SKILL, RECORD, MCP_SERVERS, MEMORY])
def test_something_else_where_a_file_or_folder_belongs_is_an_error_before_anything_is_written(
    tmp_path: Path, name: str
) -> None:
    if name in (SKILL, RECORD, MCP_SERVERS, MEMORY):
        (tmp_path / name).mkdir(parents=True)
    else:
        write(tmp_path, {name: "a file"})
    before = contents(tmp_path)
    with pytest.raises(UsageError, match=r"cannot be changed: (Not|Is) a directory"):
        connect(tmp_path)
    assert contents(tmp_path) == before


def test_after_an_error_half_way_the_files_are_as_they_were(tmp_path: Path) -> None:
    write(tmp_path, OWN)
    (tmp_path / MEMORY).unlink()
    (tmp_path / MEMORY).symlink_to("no-folder/CLAUDE.md")  # the last file to be written
    before = contents(tmp_path)
    with pytest.raises(FileNotFoundError):
        connect(tmp_path)
    assert contents(tmp_path) == before


def test_a_process_that_is_killed_leaves_a_record_of_what_it_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    with monkeypatch.context() as patch:
        patch.setattr(project_files, "write_text", lambda path, text: written.append(str(path.relative_to(tmp_path))))
        connect(tmp_path)
    assert written[0] == RECORD
    connect(tmp_path)
    written.clear()
    monkeypatch.setattr(project_files, "write_text", lambda path, text: written.append(str(path.relative_to(tmp_path))))
    disconnect(tmp_path)
    assert written[-1] == RECORD


@pytest.mark.parametrize("second", [CONNECTION, ProjectConnection([], "tester"), ProjectConnection([])])
def test_line_endings_stay_and_additions_have_those_of_the_file(tmp_path: Path, second: ProjectConnection) -> None:
    for name, text in OWN.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(f"{text}\n".replace("\n", "\r\n").encode())
    before = contents(tmp_path)
    connect(tmp_path)
    connect(tmp_path, second)
    for name in OWN:
        data = (tmp_path / name).read_bytes()
        assert data.count(b"\n") == data.count(b"\r\n")
    disconnect(tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", [MCP_SERVERS, SETTINGS, SKILL, MEMORY, RECORD])
def test_a_file_that_is_not_utf_8_is_named_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes('{"caf\u00e9": 1}'.encode("latin-1"))
    before = contents(tmp_path)
    with pytest.raises(UsageError, match=f"^{re.escape(name)} cannot be changed, because it is not UTF-8"):
        connect(tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "record",
    [
        {MCP_SERVERS: 5},
        {MCP_SERVERS: {"value": 1}},
        {SETTINGS: {"value": {}, "added": [1], "space": ""}},
        {SKILL: None},
        {MEMORY: {"value": "x"}},
        {MEMORY: {"value": "x", "is_new": True}},
        {".folders": 1},
        {".wish": {"options": ["--database"], "agent": None, "uses_channel": False}},
        {"other": 1},
    ],
)
def test_a_damaged_record_is_an_error_and_nothing_is_written(tmp_path: Path, record: dict[str, Any]) -> None:
    write(tmp_path, {**OWN, RECORD: json.dumps(record)})
    before = contents(tmp_path)
    for action in (connect, disconnect):
        with pytest.raises(UsageError, match=f"{RECORD} is damaged at '{next(iter(record))}'"):
            action(tmp_path)
    assert contents(tmp_path) == before


def test_a_link_without_a_file_stays(tmp_path: Path) -> None:
    (tmp_path / MEMORY).symlink_to("AGENTS.md")
    connect(tmp_path)
    assert BEGIN in (tmp_path / "AGENTS.md").read_text()
    disconnect(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [MEMORY]
    assert (tmp_path / MEMORY).is_symlink()


@pytest.mark.parametrize("text", ["{}", "{ }", "{\n}", "{\r\n}\r\n", '{"mcpServers": { }, "hooks": {\n}}'])
def test_empty_objects_and_folders_are_again_as_they_were(tmp_path: Path, text: str) -> None:
    for name in (MCP_SERVERS, SETTINGS):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text.encode())
    (tmp_path / ".claude/skills").mkdir()
    before = contents(tmp_path)
    connect(tmp_path)
    connect(tmp_path, ProjectConnection([], "tester"))
    disconnect(tmp_path)
    assert contents(tmp_path) == before
