"""The command line: reads what a person typed, asks the board, prints. It decides nothing and knows no table.

app               the commands, their common options, and how a failure ends
cli_session       which board and which deployment a command works on
completion        what a shell completes from the board
output            tables for people, one JSON document for programs
mark_commands     init, deposit, withdraw, answer, pause, resume
load_command      load; `row_reader` and `row_loader` read CSV and JSON Lines and leave the marks
inspect_commands  marks, history, status, agents, agenda, activations, inbox, explain
sql_command       sql
cost_commands     costs, record-cost
check_command     check
run_command       run; `log_setup` says how it logs
watch_command     watch
demo_command      demo
table_layout      a table as text that fits a width
"""

from __future__ import annotations

import io
import os
import sys
from typing import NoReturn

__all__ = ["main"]

COMMON = ("--config", "--database", "--author")

HOSTS = {"run", "demo"}
"""The commands that run agents, which may count on what else is installed."""


def main() -> NoReturn:
    """Run the command line of this process, and end the process with 0 done, 1 failed or 2 wrong usage."""
    if not HOSTS.intersection(sys.argv):
        # Looking for plugins of pydantic's reads the metadata of every package that is installed.
        os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from blackboard.cli.app import app

    if isinstance(sys.stdout, io.TextIOWrapper):
        # A mark may hold what the terminal's encoding has no letter for: it is shown escaped.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app(args=common_first(sys.argv[1:]), prog_name="blackboard")
        sys.exit(0)
    finally:
        # What is read through `head` ends early, on purpose: that is no failure to tell of.
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def common_first(arguments: list[str]) -> list[str]:
    """The arguments with the common options before the command, wherever they were written."""
    common: list[str] = []
    rest: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--":
            return [*common, *rest, argument, *waiting]
        if argument in COMMON:
            common += [argument, *([value] if (value := next(waiting, None)) is not None else [])]
        elif argument.startswith(tuple(f"{name}=" for name in COMMON)):
            common.append(argument)
        else:
            rest.append(argument)
    return common + rest
