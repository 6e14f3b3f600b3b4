"""`connect` shows the changes of a project before it writes them."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest

from tests.support.command_line import CommandLine

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
    assert (done.code, "--channel works only with --agent" in done.err) == (2, True)


def test_other_programs_are_unknown(typed: CommandLine) -> None:
    assert typed("connect", "emacs").code == 2


def test_options_that_are_not_given_again_stay(typed: CommandLine) -> None:
    typed("--author", "me", *WORDS, "--agent", "review", "--yes")
    before = {path: path.read_bytes() for path in typed.folder.rglob("*") if path.is_file()}
    assert typed("connect", "claude-code").out == "nothing to change\n"
    assert typed(*WORDS).out == "nothing to change\n"
    assert {path: path.read_bytes() for path in typed.folder.rglob("*") if path.is_file()} == before
    typed("--url", "http://127.0.0.1:9", "connect", "claude-code", "--yes")
    assert "blackboard --url http://127.0.0.1:9 claim review" in (typed.folder / ".claude/settings.json").read_text()
    typed("connect", "claude-code", "--agent", "other", "--channel", "--yes")
    assert not (typed.folder / ".claude/settings.json").exists()
    assert typed("connect", "claude-code").out == "nothing to change\n"


def test_an_agent_that_the_board_does_not_have_is_said_with_the_nearest_name(
    typed: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    agents = "[agents.review]\nremote = true\nwatches = 'strength(\"a\") >= 1'\nwrites = []\n"
    typed.write(
        "blackboard.toml",
        f"[database]\nurl = 'sqlite:///board.db'\n[kinds.a.payload_schema]\ntype = 'object'\n{agents}",
    )
    assert typed("init").code == 0
    for words in (WORDS, WORDS[2:]):
        assert "no remote agent 'revew'; did you mean 'review'?" in typed(*words, "--agent", "revew", "--yes").err
    assert "warning" not in typed(*WORDS, "--agent", "review", "--yes").err
    transport = SimpleNamespace(serve_stdio=lambda *arguments: None)
    monkeypatch.setitem(sys.modules, "blackboard.mcp_server.stdio_transport", transport)
    assert "no remote agent 'nope'" in typed("mcp", "--channel", "nope").err
