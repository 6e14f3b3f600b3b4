"""The command `doctor`: examines the board, the deployment file and the agents, even if one of them cannot be read."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from blackboard.cli.cli_session import CommandSession, session_of
from blackboard.cli.terminal.output import AsJson, print_json, print_line
from blackboard.clock import SystemClock, to_datetime
from blackboard.errors import ConfigurationError, ExitCode, StoreError
from blackboard.plurals import counted

if TYPE_CHECKING:
    from blackboard.core.records.finding import Finding
    from blackboard.settings.deployment_resolver import ResolvedDeployment


def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Check the board for known problems, and show how to fix each. The exit code is 1 if there is a problem.

    Examples:
      blackboard doctor
      blackboard --config config/leads.toml doctor --json
    """
    from blackboard.presentation.json_shapes import examination

    session = session_of(context)
    if session.server_url is None:
        shape = examination(_findings(session))
    else:
        with session.client() as client:
            shape = client.doctor()
    wrong, findings = shape.wrong, shape.findings
    if as_json:
        print_json(shape)
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            print_line(f"{finding.state:<5}  {finding.name:<{width}}  {finding.detail}")
            if finding.advice:
                print_line(f"{'':<5}  {'':<{width}}  -> {finding.advice}")
        print_line("no problems" if not wrong else counted(wrong, "problem"))
    if wrong:
        raise typer.Exit(ExitCode.FAILED)


def _findings(session: CommandSession) -> list[Finding]:
    """Return the findings. A board that cannot be opened and a file with mistakes are also findings."""
    from blackboard.board import Blackboard, known_classes
    from blackboard.board.diagnosis.doctor import examine_board
    from blackboard.board.diagnosis.worker_findings import MODEL
    from blackboard.core.records.finding import Finding
    from blackboard.settings.sections import DatabaseSection

    findings: list[Finding] = []
    of_board: list[Finding] = []
    resolved, options, now = None, DatabaseSection(), to_datetime(SystemClock().now())
    try:
        options = session.settings.database
        if session.settings.names_agents:
            resolved = session.resolve()
    except ConfigurationError as error:
        advice = "'blackboard check' names every mistake"
        findings.append(Finding("deployment file", "wrong", counted(len(error.mistakes), "mistake"), advice))
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            opened = Blackboard.open(session.url, create=False, writes=False, **options.connection_options)
        advice = "run this as their owner, give all files one owner, or share the board with [database] mode"
        of_board += [Finding("owners", "note", str(warning.message), advice) for warning in caught]
        with opened as board:
            now = board.now()
            known_classes.load_classes_from(board, session.classes)
            of_board += examine_board(board, resolved.deployment if resolved else None)
        if all(finding.name != MODEL for finding in of_board):
            of_board.append(Finding(MODEL, "note", session.configured_model()))
    except StoreError as error:
        of_board.append(Finding("board", "wrong", str(error), "the other checks need a board that can be opened"))
    if resolved is not None:
        findings += _findings_of_agents(resolved, now)
    return findings + of_board


def _findings_of_agents(resolved: ResolvedDeployment, now: datetime) -> Iterator[Finding]:
    """Yield the findings of the agents outside the board. A failing examination is also a finding."""
    from blackboard.core.records.finding import Finding

    for agent in resolved.agents.values():
        if agent.examine is not None:
            try:
                yield from agent.examine(resolved.settings.settings, now)
            except Exception as error:  # an error in the code of a user must not hide the other findings
                yield Finding(agent.name, "wrong", f"its function 'examine' failed: {type(error).__name__}: {error}")
