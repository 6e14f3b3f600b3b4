"""Runs the code blocks of a document in order, in a folder that looks like a clone.

python   run in this process; a block that begins with `# NAME.py` is saved under that name and run as a program
toml     a deployment file without mistakes, or a scenario if it begins with `# NAME.board.toml`; a block that begins
         with `# NAME.toml` is saved under that name
sh       run by bash, with `blackboard` on the path; it ends at the first command that fails
sql      run on a board on which the lead desk has worked, or on the server of the document
ini      a unit that systemd would load
text     the output of the previous block; `...` stands for any text
mermaid  a diagram of states or a flow chart: each line except the first is an arrow
"""

from __future__ import annotations

import configparser
import doctest
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import structlog
from sybil import Document, Example, Sybil
from sybil.parsers.markdown import CodeBlockParser

from blackboard import Blackboard
from blackboard.board import user_queries
from blackboard.cli import main
from blackboard.settings.deployment_file import examine_settings
from blackboard.store.sqlite.readonly_query_process import query
from blackboard.testing.scenario_files import read_scenario
from tests.support.bounds import BOUND_SECONDS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")])
LANGUAGES = ("python", "toml", "sh", "sql", "ini", "text", "mermaid")

# `make` only prints its commands. Commands that need root or systemd are named, and their arguments are checked.
PRELUDE = f"""
python() {{ {shlex.quote(sys.executable)} "$@"; }}
make() {{ command make -n -C {shlex.quote(str(ROOT))} "$@" >/dev/null; }}
sudo() {{ case "$1" in cp|install) test -e "${{@: -2:1}}" ;; esac; }}
systemctl() {{ :; }}
journalctl() {{ :; }}
"""


def _is_plain(line: str) -> bool:
    """Return whether a line is a command of the program and needs no shell."""
    if not line.startswith("blackboard ") or "$" in line:
        return False
    return not any(set(token) <= set("();<>|&") for token in shlex.shlex(line, posix=True, punctuation_chars=True))


class Blocks:
    """The blocks of documents, evaluated in `folder`; SQL runs on the file `board`, or on a `server` by its URL."""

    def __init__(self, folder: Path, board: Callable[[], Path]) -> None:
        self.folder, self.board, self.printed = folder, board, ""
        self.server: str | None = None
        self.exported: dict[str, str] = {}
        """Variables that a line such as `export NAME=value` sets for the rest of a document."""
        for name in ("agents", "config", "examples", "packaging"):
            (folder / name).symlink_to(ROOT / name)
        self._commands = folder / ".commands"
        self._commands.mkdir()
        # A program and no function, so that `$!` is the process of a command that runs in the background.
        program = self._commands / "blackboard"
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m blackboard "$@"\n')
        program.chmod(0o755)
        evaluators: dict[str, Callable[[Example], None]] = {
            "python": self._python, "toml": self._toml, "sh": self._sh, "sql": self._sql, "ini": self._ini,
            "text": self._text, "mermaid": self._mermaid,
        }  # fmt: skip
        self._sybil = Sybil([CodeBlockParser(language, run) for language, run in evaluators.items()])

    def run(self, path: Path) -> int:
        """Run every block of a document and return their number."""
        document: Document = self._sybil.parse(path)
        examples = list(document.examples())
        for example in examples:
            try:
                example.evaluate()
            except Exception as error:
                error.add_note(f"in {path}, line {example.line}")
                raise
        return len(examples)

    def _python(self, example: Example) -> None:
        if name := self._saved(example, ".py"):
            self.printed = self._process([sys.executable, name])
            return
        output = StringIO()
        with redirect_stdout(output):
            exec(compile(example.parsed, f"{example.path}:{example.line}", "exec"), example.namespace)
        self.printed = output.getvalue()

    def _toml(self, example: Example) -> None:
        name = self._saved(example, ".toml")
        path = self.folder / (name or "block.toml")
        if not name:
            path.write_text(example.parsed)
        if path.name.endswith(".board.toml"):
            read_scenario(path)
            return
        tomllib.loads(example.parsed)
        _, mistakes = examine_settings(path, {})
        assert not mistakes, mistakes

    def _sh(self, example: Example) -> None:
        self.printed = ""
        script = str(example.parsed).replace("\\\n", "").splitlines()  # a command may continue on the next line
        exports = [line for line in script if line.startswith("export ")]
        self.exported |= dict(shlex.split(line, comments=True)[1].split("=", 1) for line in exports)
        for plain, lines in groupby(script, _is_plain):
            if plain:
                for line in lines:
                    self.printed += self._command(shlex.split(line, comments=True)[1:])
            else:
                self.printed += self._process(["bash", "-euo", "pipefail", "-c", PRELUDE + "\n".join(lines)])

    def _command(self, arguments: list[str]) -> str:
        """Run a command of the program in this process, which saves a second per command."""
        output, notes, before = StringIO(), StringIO(), structlog.get_config()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(output), redirect_stderr(notes):
            patch.setattr(sys, "argv", ["blackboard", *arguments])
            for name, value in self.exported.items():
                patch.setenv(name, value)
            try:
                main()
            except SystemExit as end:
                code = end.code
            finally:
                structlog.configure(**before)
        assert not code, f"{arguments} ended with {code}:\n{output.getvalue()}\n{notes.getvalue()}"
        return output.getvalue()

    def _sql(self, example: Example) -> None:
        text = example.parsed.strip().rstrip(";")
        if self.server is None:
            result = query(self.board(), text, limit=100, seconds=10)
        else:
            with Blackboard.open(self.server) as board:
                result = user_queries.run_query(board, text)
        assert result.columns
        assert result.rows or "-- no rows" in example.parsed, "the query finds nothing"

    def _ini(self, example: Example) -> None:
        parser = configparser.RawConfigParser(strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(example.parsed)
        assert {"Unit", "Service", "Install"} <= set(parser.sections())

    def _text(self, example: Example) -> None:
        options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        wanted = str(example.parsed)
        assert doctest.OutputChecker().check_output(wanted, self.printed, options), f"it printed:\n{self.printed}"

    def _mermaid(self, example: Example) -> None:
        first, *transitions = example.parsed.strip().splitlines()
        arrows = {"stateDiagram-v2": r"(\w+|\[\*\]) --> (\w+|\[\*\])( : .+)?", "flowchart LR": r"\w+ -- [\w ]+ --> \w+"}
        assert all(re.fullmatch(rf"\s+{arrows[first]}", line) for line in transitions)

    def _saved(self, example: Example, suffix: str) -> str | None:
        first = example.parsed.split("\n", 1)[0].removeprefix("# ")
        if not first.endswith(suffix) or " " in first:
            return None
        (self.folder / first).write_text(example.parsed)
        return str(first)

    def _process(self, command: Sequence[str]) -> str:
        environment = {
            **os.environ,
            **self.exported,
            "PATH": os.pathsep.join((str(self._commands), os.environ["PATH"])),
            "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "agents"))),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done: subprocess.CompletedProcess[Any] = subprocess.run(
            command,
            check=False,
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=BOUND_SECONDS,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, f"it ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return str(done.stdout)
