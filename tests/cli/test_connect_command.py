"""`connect` shows the changes of a project before it writes them."""

from __future__ import annotations

import json

from tests.cli.conftest import CommandLine

WORDS = ("--database", "board.db", "connect", "claude-code")


def test_nothing_is_written_before_the_changes_are_accepted(typed: CommandLine) -> None:
    refused = typed(*WORDS)
    assert refused.code == 2
    assert "+++ b/.mcp.json" in refused.out
    assert "run it again with --yes" in refused.err
    assert list(typed.folder.iterdir()) == []


def test_a_project_is_connected_and_disconnected(typed: CommandLine) -> None:
    done = typed(*WORDS, "--agent", "review", "--yes")
    assert done.code == 0
    assert done.out.endswith(
        "changed .mcp.json, .claude/settings.json, .claude/skills/blackboard/SKILL.md, CLAUDE.md\n"
    )
    args = json.loads((typed.folder / ".mcp.json").read_text())["mcpServers"]["blackboard"]["args"]
    assert args == ["--database", "board.db", "--author", "claude-code", "mcp"]
    assert typed(*WORDS, "--agent", "review").out == "nothing to change\n"
    removed = typed("connect", "claude-code", "--remove", "--yes")
    assert (removed.code, list(typed.folder.iterdir())) == (0, [])
    assert typed("connect", "claude-code", "--remove").out == "nothing to change\n"


def test_the_author_and_the_server_are_those_of_the_command(typed: CommandLine) -> None:
    typed("--url", "http://127.0.0.1:9", "--token-file", "t", "connect", "claude-code", "--agent", "a", "--yes")
    settings = json.loads((typed.folder / ".claude/settings.json").read_text())
    [hook] = settings["hooks"]["Stop"][0]["hooks"]
    assert hook["command"].startswith("blackboard --url http://127.0.0.1:9 --token-file t claim a --hook")


def test_what_was_left_alone_is_said(typed: CommandLine) -> None:
    typed.write(".mcp.json", '{"mcpServers": {"blackboard": {}}}')
    assert ".mcp.json is left as it is" in typed(*WORDS, "--yes").err


def test_a_channel_needs_an_agent(typed: CommandLine) -> None:
    done = typed("connect", "claude-code", "--channel")
    assert (done.code, "--channel needs --agent" in done.err) == (2, True)


def test_other_programs_are_unknown(typed: CommandLine) -> None:
    assert typed("connect", "emacs").code == 2
