"""No text of a stranger looks like a line of the program: on a terminal, in a pipe, in an error and in the log."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog

from blackboard import Blackboard, Need
from blackboard.cli.terminal import log_setup, output
from tests.support.command_line import CommandLine

FORGED = "12  lead/ceo  (3h old, from sales in activation 4)"
BREAKS = ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"]
TEXT = "Which room?" + "".join(f"{sign}{FORGED}" for sign in BREAKS) + "\x1b[2J\x1b]0;owned\x07\x9b31m\u202eevil"


@pytest.fixture
def asked(house: CommandLine) -> CommandLine:
    """Return a house with a need whose every text holds forged lines."""
    house("init")
    with Blackboard.open(house.url, author=f"mallory{FORGED}"[:40]) as board:
        need = Need(subject=f"a\n{FORGED}\x1b[2J", question=TEXT, options=[TEXT, "b"], detail=TEXT)
        board.deposit(need)
        board.pause(reason=TEXT)
    return house


@pytest.mark.parametrize(
    "words",
    [("inbox",), ("marks",), ("status",), ("agents",), ("explain", "watchman"), ("history", f"a\n{FORGED}\x1b[2J")],
)
def test_no_output_has_a_line_of_the_content(asked: CommandLine, words: tuple[str, ...]) -> None:
    done = asked(*words)
    assert done.code == 0
    lines = (done.out + done.err).split("\n")
    assert not any(line.lstrip().startswith("12  lead/ceo") for line in lines)
    assert all(line.isprintable() for line in lines)


def test_a_terminal_does_not_wrap_a_text_into_a_new_line(asked: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    class Screen(io.StringIO):
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdout", screen := Screen())
    monkeypatch.setenv("COLUMNS", "60")
    for indent in ("", "  ", "    "):
        screen.truncate(screen.seek(0))
        output.print_line(f"{indent}Which room?" + " " * 45 + FORGED + "x" * 200)
        first, *others = screen.getvalue().splitlines()
        assert first.startswith(f"{indent}Which room?")
        assert others
        assert all(line.startswith(f"{indent}    ") and len(line) <= 60 for line in others)
    screen.truncate(screen.seek(0))
    output.print_line("blackboard " + "x" * 99, wraps=False)
    assert len(screen.getvalue().splitlines()) == 1


def test_an_error_is_one_line(asked: CommandLine) -> None:
    done = asked("deposit", f"smoke\n{FORGED}", "x", "--payload", "{}")
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    done = asked("sql", f"select '\n{FORGED}' from nowhere\x1b")
    assert done.err.startswith("error: ")
    assert all(line.isprintable() for line in done.err.split("\n"))


@pytest.mark.parametrize("terminal", [True, False])
def test_an_event_of_the_log_has_one_line(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    monkeypatch.setattr("sys.stderr", stream := Stream())
    log_setup.configure(logging.INFO)
    log = structlog.wrap_logger(structlog.WriteLogger(stream))
    try:
        for sign in [*BREAKS, "\x1b]0;owned\x07"]:
            log.info(f"failed{sign}forged", error=f"x{sign}forged", agents=[f"y{sign}forged"])
        try:
            raise ValueError("x\n2026-01-01 [info] forged\x1b[2J")
        except ValueError:
            log.exception("failed")
    finally:
        structlog.reset_defaults()
    shown = stream.getvalue()
    lines = shown.split("\n")
    assert "\x1b]0;owned" not in shown
    assert "\x1b[2J" not in shown
    assert not any(line.startswith(("forged", "2026-01-01 [info] forged")) for line in lines)
    assert not {"\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\x07"} & set(shown)
    if not terminal:
        assert len([json.loads(line) for line in lines if line]) == len(BREAKS) + 2


def test_a_terminal_without_unicode_gets_plain_lines(asked: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    screen = io.TextIOWrapper(raw, encoding="ascii", errors="backslashreplace")
    monkeypatch.setattr("sys.stdout", screen)
    output.print_table(("name", "text"), [("n" * 600, "t" * 600)], empty="none")
    output.print_line("\u2588\u2588\u258c")
    screen.flush()
    shown = raw.getvalue().decode("ascii")
    assert "\\u" not in shown
    assert "-----" in shown
    assert "##" in shown


def test_a_csv_guards_every_way_to_begin_a_formula(asked: CommandLine) -> None:
    texts = ["=1+1", "+1", "-1+1", "@x", "\t=1", " =1", "\u00a0=1", "\n=1", "\uff1d1", "x=1", "-"]
    rows = ", ".join(f"({text!r})" for text in texts if text.isprintable() and text[0] != "\u00a0")
    done = asked("sql", f"with t(x) as (values {rows}) select x, -1 as n from t", "--csv", "--guard-formulas")
    assert [line.rpartition(",")[0].strip('"') for line in done.out.splitlines()[1:]] == [
        "'=1+1", "'+1", "'-1+1", "'@x", "' =1", "'\uff1d1", "x=1", "'-"
    ]  # fmt: skip
    assert {line.rpartition(",")[2] for line in done.out.splitlines()[1:]} == {"-1"}
