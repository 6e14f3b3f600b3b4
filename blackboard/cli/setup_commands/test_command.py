"""The command `test`, which runs scenarios."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from blackboard.cli.terminal.output import AsJson, print_json, print_line
from blackboard.errors import ConfigurationError, ExitCode, Mistake


def test(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="The files of scenarios, such as *.board.toml.")],
    as_json: AsJson = False,  # noqa: PT028 - a command, no test
) -> None:
    """Run scenarios, which test a deployment. A file states which marks are deposited, and what must follow.

    A scenario expects that agents wake, that marks appear, or that nothing happens. A real daemon runs each file on a
    temporary board with a simulated clock. Nothing outside that board changes.

    Examples:
      blackboard test kitchen.board.toml
      blackboard test scenarios/*.board.toml --json
    """
    from blackboard.cli.terminal import log_setup
    from blackboard.testing.scenario_runs import UnmetExpectation, run_scenario

    log_setup.configure(logging.WARNING)
    unmet_by_file: dict[str, list[UnmetExpectation]] = {}
    mistakes: list[Mistake] = []
    for file in files:
        try:
            unmet_by_file[str(file)] = run_scenario(file)
        except ConfigurationError as error:
            mistakes += error.mistakes
    if as_json:
        from blackboard.cli.command_documents import ScenarioResult

        print_json([ScenarioResult(path, unmet) for path, unmet in unmet_by_file.items()])
    else:
        for path, unmet in unmet_by_file.items():
            print_line(f"{path}: {f'{len(unmet)} not met' if unmet else 'all expectations are met'}")
            for expectation in unmet:
                print_line(f"  expect {expectation.number}: {expectation.message}")
                for line in expectation.explanation:
                    print_line(f"    {line}")
    if mistakes:
        raise ConfigurationError(mistakes)
    if any(unmet_by_file.values()):
        raise typer.Exit(ExitCode.FAILED)
