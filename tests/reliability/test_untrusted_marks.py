"""Names, subjects and payloads are data.

No character in them affects a terminal, a log, a query or a prompt, and data that is too large or too deep is refused
whole.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest
import structlog
from rich.console import Console
from typer.testing import CliRunner

from blackboard import Blackboard, Mark, agent, strength
from blackboard.cli.app import app
from blackboard.cli.entry_point import move_common_first
from blackboard.cli.everyday_commands import sql_command
from blackboard.errors import BlackboardError, InvalidMark
from blackboard.system import log_queue
from tests.support.bounds import BOUND_SECONDS
from tests.support.manual_daemons import run_until_idle, served


class Note(Mark, kind="note", on_repeat="separate", max_payload=20_000_000):
    text: str = ""
    more: Any = None


HOSTILE = {
    "clear screen": "\x1b[2J\x1b[H",
    "window title": "\x1b]0;owned\x07",
    "clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "8-bit control": "\x9b2J\x9d0;owned\x9c",
    "bell and backspace": "safe\x07\x08\x08\x08\x08evil",
    "carriage return": "harmless\rdangerous",
    "new lines": 'x\n{"event": "forged", "level": "info"}\n',
    "right to left": "\u202egnp.exe",
    "zero width": "a\u200bb\ufeffc",
    "line separators": "a\u2028b\u2029c\x85d",
    "markup": "[bold red]x[/bold red] [link=file:///etc/passwd]y[/link] [/]",
    "emoji code": ":skull: :bomb:",
    "html": "<script>alert(1)</script><img src=x onerror=1>",
    "sql": "'; DROP TABLE mark; --",
    "sql union": '" UNION SELECT * FROM board --',
    "format": "{0.__class__} %s %n ${HOME} {{7*7}}",
    "shell": "$(touch /tmp/owned) `id` | sh",
    "path": "../../../../etc/passwd",
    "option": "--help",
    "json": '"}],"marks":[{"kind":"note"}]',
    "null": "text\\u0000",
    "combining": "e" + "\u0301" * 300,
}
CONTROLS = {chr(code) for code in [*range(0x20), *range(0x7F, 0xA0)]} - {"\n"}


def command(url: str, *words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, move_common_first(["--database", url, *words]))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    structlog.reset_defaults()
    return result.exit_code, result.stdout, result.stderr


def subject_of(text: str) -> str:
    return normalize("NFC", text[:400]).strip() or "x"


def test_hostile_text_is_stored_unchanged_and_shown_as_data(
    board: Blackboard, board_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for text in HOSTILE.values():
        board.deposit(Note(subject=subject_of(text), text=text, more={text: [text]}))
    kept = {mark.subject: (mark.text, mark.more) for mark in board.marks(Note)}
    assert kept == {subject_of(text): (text, {text: [text]}) for text in HOSTILE.values()}
    commands = [("marks",), ("status",), ("agenda",), ("sql", "SELECT subject, payload FROM live_marks")]
    commands += [("history", "--", subject_of(text)) for text in list(HOSTILE.values())[:12]]
    for words in commands:
        code, out, err = command(board_url, *words)
        assert code == 0, (words, out, err)
        assert not CONTROLS & set(out + err), words
        assert "\u202e" not in out + err
    code, out, _ = command(board_url, "marks", "--json")
    assert {row["payload"]["text"] for row in json.loads(out)} == set(HOSTILE.values())
    assert not CONTROLS & set(out)


def test_csv_is_raw_in_a_file_and_harmless_on_a_terminal(
    board: Blackboard, board_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    board.deposit(Note(subject="\x1b[2J\x9b2Jx", text=""))
    asked = ("sql", 'SELECT subject AS "a\x1b[2J" FROM live_marks', "--csv")
    assert command(board_url, *asked)[1] == "a\x1b[2J\n\x1b[2J\x9b2Jx\n"
    assert not CONTROLS & set(command(board_url, *asked[:2])[1])
    monkeypatch.setattr(sql_command, "is_terminal", lambda: True)
    assert command(board_url, *asked)[1] == "a\ufffd[2J\n\ufffd[2J\ufffd2Jx\n"


@pytest.mark.parametrize("text", ["\x1b[2J", "\x9b2J", "a\rb", "[/]", "\u202egnp"])
def test_hostile_arguments_are_harmless_in_an_error_message(board: Blackboard, board_url: str, text: str) -> None:
    code, _, err = command(board_url, "marks", "--kind", text)
    assert code == 2
    assert not CONTROLS & set(err)


@pytest.mark.parametrize("terminal", [True, False])
def test_a_log_line_is_a_single_line_without_control_characters(
    board: Blackboard, terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blackboard.cli.terminal import log_setup as configured

    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    stream = Stream()
    monkeypatch.setattr("sys.stderr", stream)
    configured.configure(logging.INFO)
    try:

        @agent(watches=strength(Note) >= 0.5, batch=1, max_attempts=1, cooldown_after_failures=100, name="teller")
        def teller(marks: Any, context: Any) -> None:
            raise ValueError(marks[0].text)

        daemon = served(board, teller)
        for text in HOSTILE.values():
            board.deposit(Note(subject="x", text=text))
        run_until_idle(daemon)
        assert log_queue.flush(BOUND_SECONDS)
    finally:
        structlog.reset_defaults()
    lines = stream.getvalue().split("\n")
    failed = [line for line in lines if "failed" in line]
    assert len(failed) == len(HOSTILE)
    assert not any(line.lstrip().startswith('{"event": "forged"') for line in lines)
    allowed = {"\x1b"} if terminal else set()  # colours of the console itself
    assert not (CONTROLS - allowed) & set("".join(lines))
    if terminal:
        for dangerous in ("\x1b[2J", "\x1b]"):
            assert dangerous not in stream.getvalue()
    else:
        assert all(json.loads(line) for line in lines if line)


def test_a_mark_that_is_too_large_is_refused_whole(board: Blackboard) -> None:
    too_large: list[Callable[[], Mark]] = [
        lambda: Note(subject="x" * 513),
        lambda: Note(subject="x" * 10_000_000),
        lambda: Note(subject="a\x00b"),
        lambda: Note(subject="\ud800"),
        lambda: Note(subject=" \n "),
        lambda: Note(subject="x", text="\ud800"),
    ]
    for make in too_large:
        with pytest.raises(InvalidMark) as caught:
            board.deposit(make())
        assert len(str(caught.value)) < 500
    assert board.marks() == []


def test_ten_megabytes_and_deep_nesting_are_harmless(board: Blackboard, board_url: str) -> None:
    deep: Any = "bottom"
    for _ in range(100_000):
        deep = [deep]
    board.withdraw(board.deposit(Note(subject="first")).mark_id)
    with pytest.raises(InvalidMark):
        board.deposit("note", subject="deep", payload={"text": "", "more": deep})
    assert board.marks() == []
    board.deposit(Note(subject="large", text="x" * 10_000_000))
    board.deposit(Note(subject="small"))
    code, out, _ = command(board_url, "marks")
    assert code == 0
    assert "small" in out


def test_deep_json_on_the_command_line_is_an_error_without_a_traceback(board: Blackboard, board_url: str) -> None:
    board.deposit(Note(subject="x"))
    text = '{"more": ' + "[" * 100_000 + "]" * 100_000 + "}"
    code, out, err = command(board_url, "deposit", "note", "deep", "--payload", text)
    assert code == 2
    assert err.startswith("error: ")
    assert "Traceback" not in out + err


def test_nothing_of_a_mark_is_markup_to_the_console() -> None:
    from blackboard.cli.terminal.output import live_table

    console = Console(file=io.StringIO(), width=200, markup=False, force_terminal=True)
    console.print(live_table(["what"], [[text] for text in HOSTILE.values()]))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "[bold red]x[/bold red]" in shown
    assert "\x1b]8;" not in shown, "no link"
    assert "\x1b[2J" not in shown


def test_names_of_kinds_and_agents_cannot_be_hostile() -> None:
    for name in ("a b", "x'; --", "\x1b[2J", "a" * 65, "né", ""):
        with pytest.raises(BlackboardError):
            type("Bad", (Mark,), {"__module__": __name__}, kind=name)
