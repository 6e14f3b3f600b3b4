"""The entry point of the command line: sets up the process, then runs the command that its arguments name."""

from __future__ import annotations

import io
import os
import sys
from typing import NoReturn

from blackboard.cli.terminal import standard_streams
from blackboard.errors import ExitCode, WorkError

COMMON = ("--config", "--database", "--author", "--url", "--token-file")

RUNS_AGENTS = {"run", "demo"}
"""The commands that run agents. Agents may rely on pydantic plugins."""


def main() -> NoReturn:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong usage."""
    standard_streams.open_closed()
    for number, argument in enumerate(sys.argv[1:], 1):
        if not _is_text(argument):
            sys.stderr.write(f"error: argument {number} is not valid {sys.getfilesystemencoding().upper()}\n")
            # The exit code of wrong usage would tell a coding agent that its hook has work.
            sys.exit(ExitCode.FAILED if "--hook" in sys.argv else ExitCode.WRONG_USAGE)
    if "run" in sys.argv:
        from blackboard.cli.terminal import process_signals

        process_signals.hold_reloads()  # before all slow steps
    if not RUNS_AGENTS.intersection(sys.argv):
        # pydantic's search for plugins reads the metadata of all installed packages.
        os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        from blackboard.cli.app import app
    except WorkError as error:  # the installed version of typer lacks a part
        sys.stderr.write(f"error: {error}\n")
        sys.exit(ExitCode.FAILED)

    if "COMP_WORDS" in os.environ:
        from blackboard.cli import completion

        completion.join_words_of_bash(os.environ)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Escape characters that the terminal's encoding lacks.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app(args=move_common_first(sys.argv[1:]), prog_name="blackboard")
        sys.exit(ExitCode.DONE)
    finally:
        standard_streams.finish()


def _is_text(argument: str) -> bool:
    """Return whether the bytes of an argument are text. Python keeps any other byte as half of a surrogate pair."""
    return not any("\ud800" <= character <= "\udfff" for character in argument)


def move_common_first(arguments: list[str]) -> list[str]:
    """Return the arguments with the common options moved before the command."""
    common: list[str] = []
    others: list[str] = []
    remaining = iter(arguments)
    for argument in remaining:
        if argument == "--":
            return [*common, *others, argument, *remaining]
        if argument in COMMON:
            common += [argument, *([value] if (value := next(remaining, None)) is not None else [])]
        elif argument.startswith(tuple(f"{name}=" for name in COMMON)):
            common.append(argument)
        else:
            others.append(argument)
    return common + others
