"""`connect` changes a project as it said, can be run again, leaves hand edits alone, and takes back what it wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from blackboard.claude_code.project_changes import RECORD, ProjectChanges
from blackboard.claude_code.wanted_entries import BEGIN, MEMORY, SERVERS, SETTINGS, SKILL, Wish
from blackboard.errors import UsageError

WISH = Wish(["--database", "board.db", "--author", "claude-code"], "review")
OWN = {
    SERVERS: '{"mcpServers": {\n    "other": {"command": "other"}\n  }\n}\n',
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


def connect(folder: Path, wish: Wish = WISH) -> ProjectChanges:
    changes = ProjectChanges(folder)
    changes.connect(wish)
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
    assert set(texts(tmp_path)) == {SERVERS, SETTINGS, SKILL, MEMORY, RECORD}
    server = load(tmp_path, SERVERS)["mcpServers"]["blackboard"]
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


@pytest.mark.parametrize("wish", [WISH, Wish([], "review", uses_channel=True), Wish([])])
def test_what_was_there_before_is_there_again(tmp_path: Path, wish: Wish) -> None:
    write(tmp_path, OWN)
    connect(tmp_path, wish)
    assert load(tmp_path, SERVERS)["mcpServers"]["other"] == {"command": "other"}
    assert (tmp_path / MEMORY).read_text().startswith(OWN[MEMORY])
    disconnect(tmp_path)
    assert texts(tmp_path) == OWN


def test_it_can_be_run_again_without_a_change(tmp_path: Path) -> None:
    write(tmp_path, OWN)
    connect(tmp_path)
    before = texts(tmp_path)
    changes = ProjectChanges(tmp_path)
    changes.connect(WISH)
    assert (changes.diff(), changes.write(), changes.notes) == ("", [], [])
    assert texts(tmp_path) == before


def test_another_agent_replaces_the_first(tmp_path: Path) -> None:
    write(tmp_path, OWN)
    connect(tmp_path)
    connect(tmp_path, Wish([], "tester", uses_channel=True))
    assert len(load(tmp_path, SETTINGS)["hooks"]["Stop"]) == 1
    assert load(tmp_path, SERVERS)["mcpServers"]["blackboard"]["args"][-2:] == ["--channel", "tester"]
    assert (tmp_path / MEMORY).read_text().count(BEGIN) == 1
    connect(tmp_path)
    assert len(load(tmp_path, SETTINGS)["hooks"]["Stop"]) == 2
    disconnect(tmp_path)
    assert texts(tmp_path) == OWN


def test_the_diff_shows_what_is_written(tmp_path: Path) -> None:
    write(tmp_path, OWN)
    changes = ProjectChanges(tmp_path)
    changes.connect(WISH)
    diff = changes.diff()
    assert texts(tmp_path) == OWN, "it is shown before anything is written"
    assert f"--- a/{SERVERS}\n" in diff
    assert f"--- /dev/null\n+++ b/{SKILL}\n" in diff
    assert '+    "blackboard": {\n' in diff
    assert "-Use tabs" not in diff.replace("-Use tabs.\n+Use tabs.", ""), "only the line without an end is repeated"


def test_entries_that_a_person_has_changed_stay(tmp_path: Path) -> None:
    connect(tmp_path)
    servers = load(tmp_path, SERVERS)
    servers["mcpServers"]["blackboard"]["env"] = {"A": "1"}
    write(tmp_path, {
        SERVERS: json.dumps(servers),
        SKILL: "mine",
        MEMORY: (tmp_path / MEMORY).read_text().replace("shares", "sometimes shares"),
        SETTINGS: json.dumps({"hooks": {"Stop": []}}),
    })  # fmt: skip
    before = texts(tmp_path)
    notes = connect(tmp_path, Wish([], "tester")).notes
    assert {note.partition(" ")[0] for note in notes} == {SERVERS, SKILL, MEMORY, SETTINGS}
    assert texts(tmp_path) == before
    assert len(disconnect(tmp_path).notes) == 4
    del before[RECORD]
    assert texts(tmp_path) == before


def test_what_a_person_wrote_under_the_same_names_stays(tmp_path: Path) -> None:
    own = {
        SERVERS: '{"mcpServers": {"blackboard": {"command": "mine"}}}',
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
    servers, settings = load(tmp_path, SERVERS), load(tmp_path, SETTINGS)
    servers["mcpServers"]["other"] = {"command": "other"}
    settings["hooks"]["Stop"].append({"hooks": []})
    memory = (tmp_path / MEMORY).read_text() + "\nMore.\n"
    write(tmp_path, {SERVERS: json.dumps(servers), SETTINGS: json.dumps(settings), MEMORY: memory})
    disconnect(tmp_path)
    assert load(tmp_path, SERVERS) == {"mcpServers": {"other": {"command": "other"}}}
    assert load(tmp_path, SETTINGS) == {"hooks": {"Stop": [{"hooks": []}]}}
    assert (tmp_path / MEMORY).read_text() == "\nMore.\n"
    assert not (tmp_path / RECORD).exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"mcpServers": []}', '{"mcpServers": "x"}'])
def test_a_file_that_cannot_be_changed_is_an_error_and_nothing_is_written(tmp_path: Path, text: str) -> None:
    write(tmp_path, {SERVERS: text})
    with pytest.raises(UsageError, match=r"\.mcp\.json cannot be changed"):
        connect(tmp_path)
    assert texts(tmp_path) == {SERVERS: text}


def test_to_take_back_nothing_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, OWN)
    changes = disconnect(tmp_path)
    assert (changes.diff(), changes.notes, texts(tmp_path)) == ("", [], OWN)
