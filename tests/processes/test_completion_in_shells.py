"""A shell on a terminal completes subjects, and evaluates none: an author who may deposit must not run commands here.

`make shells` installs the shells; the tests of a missing one are skipped.
"""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer._completion_shared import get_completion_script

from blackboard import Blackboard, Mark, Need
from tests.support.bounds import BOUND_SECONDS


class Alert(Mark, kind="alert", tags=["severity"]):
    """A mark with a tag."""

    severity: str


TOUCH = "touch${IFS}PWNED"
HOSTILE = (
    *(f"lead/{text}" for text in (f"$({TOUCH})", f"`{TOUCH}`", f"\\$({TOUCH})", f"\\\\$({TOUCH})", f"x;{TOUCH};")),
    *(
        f"lead/{text}"
        for text in (f"'$({TOUCH})'", f'"$({TOUCH})"', f'"")); {TOUCH} #', f"x\n{TOUCH}\n", f"x:$({TOUCH})")
    ),
    *(
        "lead/\u202e",
        "lead/ x",
        "lead/~",
        "lead/$HOME",
        "lead/*",
        "lead/{a,b}",
        "lead/\x1b[2J",
        "lead/\t",
        f"({TOUCH})",
    ),
)
SHELLS = {
    "bash": (["bash", "--noprofile", "--rcfile", "rc", "-i"], "PS1='P> '\n"),
    "zsh": (["zsh", "-i"], "PS1='P> '; autoload -Uz compinit; compinit -u -D\n"),
    "fish": (["fish", "--no-config", "-i", "-C", "source rc"], "function fish_prompt; echo 'P> '; end\n"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a board on which a stranger left subjects that are shell code, and an honest one."""
    with Blackboard.open(tmp_path / "board.db", author="webform") as board:
        for subject in (*HOSTILE, "lead/plain@example.org"):
            board.deposit(Need(subject=subject, question="?"))
        board.deposit(Alert(subject="web", severity="critical"))
    return tmp_path


class Terminal:
    """A shell on a terminal of its own."""

    def __init__(self, command: list[str], folder: Path, environ: dict[str, str]) -> None:
        self.output = b""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(command[0], command, environ)

    def type(self, keys: str) -> None:
        os.write(self.terminal, keys.encode())

    def wait_for(self, pattern: str) -> str:
        """Return the output once it has the pattern."""
        end = time.monotonic() + BOUND_SECONDS
        while not re.search(pattern, text := self.output.decode("utf-8", "replace")):
            assert time.monotonic() < end, f"no {pattern} in {text!r}"
            if select.select([self.terminal], [], [], 0.2)[0]:
                self.output += os.read(self.terminal, 65536)
        return text

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, folder: Path) -> Iterator[Terminal]:
    """Start a shell with the completion that `--install-completion` installs."""
    name = str(request.param)
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed; 'make shells' installs it")
    command, begin = SHELLS[name]
    rc = folder / (".zshrc" if name == "zsh" else "rc")
    script = get_completion_script(prog_name="blackboard", complete_var="_BLACKBOARD_COMPLETE", shell=name)
    rc.write_text(f"{begin}{script}\n")
    programs = folder / "bin"
    programs.mkdir()
    (programs / "blackboard").write_text(f'#!/bin/sh\nexec {sys.executable} -m blackboard --database board.db "$@"\n')
    (programs / "blackboard").chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BLACKBOARD", "_", "COMP"))}
    environ = {**kept, "PATH": f"{programs}:{os.environ['PATH']}", "TERM": "dumb", "COLUMNS": "200"}
    environ |= {"HOME": str(folder), "ZDOTDIR": str(folder), "XDG_CONFIG_HOME": str(folder)}
    terminal = Terminal(command, folder, environ)
    yield terminal
    terminal.close()


def test_tab_offers_the_plain_subject_and_runs_none(shell: Terminal, folder: Path) -> None:
    shell.wait_for("P> ")
    shell.type("blackboard history le\t")
    shell.wait_for("lead/plain@example.org")
    assert not list(folder.rglob("PWNED*"))


def test_tab_completes_a_tag_and_its_value(shell: Terminal) -> None:
    shell.wait_for("P> ")
    shell.type("blackboard marks --tag severity=crit\t")
    shell.wait_for("severity=critical")
