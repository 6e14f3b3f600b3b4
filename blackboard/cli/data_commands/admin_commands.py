"""The commands that maintain a board: backup, restore, doctor, forget, compact."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blackboard.cli import completion
from blackboard.cli.cli_session import CommandSession, model_of, session_of
from blackboard.cli.terminal.output import AsJson, note, print_json, say
from blackboard.errors import ExitCode
from blackboard.plurals import counted

if TYPE_CHECKING:
    from blackboard.board.housekeeping.erasure import ErasedEvents
    from blackboard.board.result_types import ErasureReport
    from blackboard.core.records.finding import Finding
    from blackboard.settings.deployment_resolver import ResolvedDeployment


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (backup, restore, doctor, forget, compact):
        app.command()(command)


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The new file; it must not exist.")],
    as_json: AsJson = False,
) -> None:
    """Copy the board to a file while it is in use, and check the copy by opening it.

    Example:
      blackboard backup /var/backups/board-$(date +%F).db
    """
    from blackboard.board.board_copies import back_up
    from blackboard.clock import iso

    with session_of(context).board(upgrade=False) as board:
        result = back_up(board, file)
    copy = {**vars(result), "last_recorded_at": iso(result.last_recorded_at)}
    if as_json:
        print_json(copy)
    else:
        say(f"{_describe(copy)}; the integrity check passed")


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The backup.")],
    forget_again: Annotated[
        bool, typer.Option("--forget", help="Also forget again the subjects that were forgotten after the backup.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Replace the board with a backup, and keep the previous board under another name beside it.

    The command refuses to run while a daemon runs. Marks deposited after the backup are not in it: deposit them again.
    A backup brings back subjects that were forgotten later. The command names them; --forget forgets them again.

    Examples:
      blackboard restore /var/backups/board-2027-01-31.db
      blackboard restore --forget /var/backups/board-2027-01-31.db
    """
    from blackboard.board import board_copies
    from blackboard.clock import SystemClock, iso

    session = session_of(context)
    erased = board_copies.erased_events(session.url)
    result, previous = board_copies.restore(file, session.url, SystemClock().now())
    restored = {**vars(result), "last_recorded_at": iso(result.last_recorded_at)}
    if not as_json:
        say(_describe(restored))
        if previous is not None:
            say(f"the previous board is now {previous}")
    if erased and erased[0] is None:
        note("the previous board cannot be read; subjects that were forgotten on it may be back")
    back, forgotten = _forget_again(session, erased, forgets=forget_again)
    if as_json:
        reports = [{"subject": subject, **vars(report)} for subject, report in forgotten.items()]
        print_json({**restored, "previous": previous, "back": back, "forgotten": reports})
        return
    for subject, report in forgotten.items():
        _show_erasure(subject, report)


def _forget_again(
    session: CommandSession, erased: list[ErasedEvents | None], *, forgets: bool
) -> tuple[list[str], dict[str, ErasureReport]]:
    """Report the forgotten subjects that a backup brought back, or forget them again.

    Returns the subjects that are back, and the reports of the subjects that are forgotten again.
    """
    from blackboard.board import board_copies

    if not any(events is None or events.events for events in erased):
        return [], {}
    with session.board(deploy=False) as board:
        back = board_copies.brought_back(board, erased)
        if forgets:
            return [], {subject: board.forget(subject) for subject in back}
    if back:
        note(
            f"forgotten subjects that are back: {', '.join(map(repr, back))}; 'blackboard forget SUBJECT'"
            " forgets one, and 'blackboard restore --forget' all of them"
        )
    return back, {}


def _describe(copy: dict[str, Any]) -> str:
    content = f"{counted(copy['marks'], 'mark')} and {counted(copy['events'], 'event')}"
    return f"{copy['path']}: {content}, as of {copy['last_recorded_at']}"


def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Check the board for known problems, and show how to fix each. The exit code is 1 if there is a problem.

    Examples:
      blackboard doctor
      blackboard --config config/leads.toml doctor --json
    """
    from blackboard.board.json_shapes import examination

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
            say(f"{finding.state:<5}  {finding.name:<{width}}  {finding.detail}")
            if finding.advice:
                say(f"{'':<5}  {'':<{width}}  -> {finding.advice}")
        say("no problems" if not wrong else counted(wrong, "problem"))
    if wrong:
        raise typer.Exit(ExitCode.FAILED)


def _findings(session: CommandSession) -> list[Finding]:
    """Return the findings. A board that cannot be opened and a file with mistakes are findings too."""
    from blackboard.board import Blackboard
    from blackboard.board.diagnosis.worker_findings import MODEL
    from blackboard.board.doctor import examine_board
    from blackboard.core.records.finding import Finding
    from blackboard.errors import ConfigurationError, StoreError
    from blackboard.settings.sections import DatabaseSection

    findings: list[Finding] = []
    deployment, options = None, DatabaseSection()
    try:
        options = session.settings.database
        if session.settings.names_agents:
            resolved = session.resolve()
            deployment = resolved.deployment
            findings += _findings_of_agents(resolved)
    except ConfigurationError as error:
        advice = "'blackboard check' names every mistake"
        findings.append(Finding("deployment file", "wrong", counted(len(error.mistakes), "mistake"), advice))
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            opened = Blackboard.open(
                session.url,
                create=False,
                mode=options.mode,
                writes=False,
                prepare=options.prepare,
                direct_url=options.direct_url,
            )
        advice = "run this as their owner, give all files one owner, or share the board with [database] mode"
        findings += [Finding("owners", "note", str(warning.message), advice) for warning in caught]
        with opened as board:
            board.classes.load_from(session.classes)
            findings += examine_board(board, deployment)
        if all(finding.name != MODEL for finding in findings):
            findings.append(Finding(MODEL, "note", model_of(session)))
    except StoreError as error:
        findings.append(Finding("board", "wrong", str(error), "the other checks need a board that can be opened"))
    return findings


def _findings_of_agents(resolved: ResolvedDeployment) -> Iterator[Finding]:
    """Yield the findings of the agents outside the board. A failing examination is a finding too."""
    from blackboard.core.records.finding import Finding

    for agent in resolved.agents.values():
        if agent.examine is not None:
            try:
                yield from agent.examine(resolved.settings.settings)
            except Exception as error:  # this runs code of users, whose error must not hide the other findings
                yield Finding(agent.name, "wrong", f"its examination failed: {type(error).__name__}: {error}")


def forget(
    context: typer.Context,
    subject: Annotated[
        str,
        typer.Argument(help="The subject, exactly as `blackboard marks` shows it.", autocompletion=completion.subjects),
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Skip the confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase the data of a subject: its marks, their payloads in the history, and model calls that mention it.

    The record of events stays under a random name: ids, times, kinds, intensities, costs. This cannot be undone.

    Example:
      blackboard forget ada@example.org
    """
    if not yes and not as_json:
        typer.confirm(f"Erase the data of {subject!r} permanently?", abort=True)
    with session_of(context).board_or_client() as board:
        report = board.forget(subject)
    if as_json:
        from blackboard.board.json_shapes import erasure

        print_json(erasure(subject, report))
    else:
        _show_erasure(subject, report)
    if report.not_compacted is not None:
        note(
            f"error: unused parts of the file may still contain words of {subject!r}: {report.not_compacted};"
            " the same command, or 'blackboard compact', finishes it"
        )
        raise typer.Exit(ExitCode.FAILED)


def _show_erasure(subject: str, report: ErasureReport) -> None:
    """Print what was erased, and where the subject is still named."""
    if not report.name:
        say(f"{subject!r} was forgotten before{'; the file is compacted now' if report.not_compacted is None else ''}")
        return
    say(
        f"{subject!r} is forgotten: {counted(report.live, 'mark')}, the payloads of {counted(report.events, 'event')}"
        f" and {counted(len(report.calls), 'model call')} are erased; the record of events is kept as {report.name}"
    )
    if report.named_in:
        say(
            f"marks of other subjects mention it: {', '.join(map(str, report.named_in))};"
            " withdraw them, or forget their subjects"
        )
    for copy in report.backups:
        say(f"still in {copy.path}: {counted(copy.events, 'event')}" if copy.events else f"could not read {copy.path}")
    note("the daemon updates files outside the board, such as a calendar, when it next publishes")
    note(f"not erased, because this program cannot reach them: {'; '.join(report.out_of_reach)}")


def compact(context: typer.Context, as_json: AsJson = False) -> None:
    """Rewrite the file of the board. This gives unused space back to the disk, and completes an unfinished `forget`.

    Other processes may use the board at the same time. At the end, writers wait while the new content is copied into
    the board. The disk needs room for the new content twice.

    Example:
      blackboard compact
    """
    with session_of(context).board(upgrade=False) as board:
        report = board.compact()
    if as_json:
        print_json(report)
    else:
        say(f"the file had {_megabytes(report.bytes_before)}, and has {_megabytes(report.bytes_after)} now")


def _megabytes(count: int) -> str:
    return f"{count / 1024 / 1024:.1f} MB"
