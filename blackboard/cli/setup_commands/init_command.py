"""The command `init`, which creates a board."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from blackboard.cli.cli_session import Replace, no_agents_note, session_of
from blackboard.cli.terminal.output import AsJson, gone_agent_lines, print_json, print_line, print_note, print_warnings
from blackboard.errors import UsageError
from blackboard.system.files.packaged_files import config_file
from blackboard.system.files.private_files import create_private

if TYPE_CHECKING:
    from blackboard.board import Blackboard
    from blackboard.cli.cli_session import CommandSession


EVENTS_PER_PARTITION = 1_000_000
"""The number of events of a partition by default."""
READABLE_MODE = 0o644
"""The mode of a new deployment file: all users may read it. A file that other users can change would be refused."""


Example = Literal["leads", "default"]
"""Deployment files of the folder `config/`: the lead desk, or every setting with its default."""


def init(
    context: typer.Context,
    example: Annotated[
        Example | None,
        typer.Option(
            help="First write an example deployment file: 'leads' is the lead desk, and 'default' lists every setting."
            " An existing file is never replaced."
        ),
    ] = None,
    replace: Replace = False,
    partition_history: Annotated[
        bool,
        typer.Option(
            "--partition-history",
            help="Keep the history in partitions, so that old events are removed one whole partition at a time. Only"
            " on PostgreSQL.",
        ),
    ] = False,
    partition_events: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="The number of events in a partition, with --partition-history; by default 1,000,000.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create or upgrade the database, and deploy the deployment file.

    Examples:
      blackboard init
      blackboard init --example leads
      blackboard --config config/leads.toml init
    """
    from blackboard.board.board_storage import partition_history as keep_in_partitions
    from blackboard.board.board_storage import refresh_views
    from blackboard.board.deployments.deployer import Deployer

    session, written = session_of(context), None
    events = _events_per_partition(session, partition_events, is_wanted=partition_history)
    if example is not None:
        written = _write_example(example, session.config)
        if not as_json:
            print_line(f"{written} is written")
    resolved = session.resolve()
    with session.board(create=True, upgrade=True, deploy=False) as board:
        result = session.deploy(board, resolved, Deployer(replace=replace))
        if message := refresh_views(board):
            print_note(message)
        if events is not None:
            keep_in_partitions(board, events)
        print_warnings(resolved)
        _report(board, () if result is None else result.changed, written, as_json=as_json)
    if (note := no_agents_note(resolved.settings)) is not None:
        print_note(note)


def _report(board: Blackboard, changed: Sequence[str], written: Path | None, *, as_json: bool) -> None:
    """Print the active deployment and its changes, and note the agents and workers that do not fit it."""
    location, version = board.location, board.deployment.version
    if as_json:
        from blackboard.cli.command_documents import InitializedBoard

        print_json(InitializedBoard(written=written, board=location, deployment=version, changed=changed))
    else:
        print_line(f"{location}: deployment {version} is active")
        for line in changed:
            print_line(f"  {line}")
    status = board.status()
    for line in gone_agent_lines(status.gone_agents):
        print_note(line)
    for worker in status.workers:
        if worker.problem is not None and worker.alive:
            print_note(f"worker {worker.id}: {worker.problem}; restart it with the active code")


def _events_per_partition(session: CommandSession, events: int | None, *, is_wanted: bool) -> int | None:
    """Return the number of events of a partition; None if no partitions are wanted.

    Raises:
        UsageError: The number is given without the option, or the board is in a file.
    """
    from blackboard.board import board_addresses

    if not is_wanted:
        if events is not None:
            raise UsageError("--partition-events works only with --partition-history; add --partition-history")
        return None
    if not board_addresses.can_partition_history(session.url):
        raise UsageError("--partition-history is only for a board on PostgreSQL; a history in a file has no partitions")
    return EVENTS_PER_PARTITION if events is None else events


def _write_example(name: Example, path: Path | None) -> Path:
    """Write an example to the place where the deployment file is looked for, and return the path.

    That is the first of: `path`, BLACKBOARD_CONFIG, ./blackboard.toml.

    Raises:
        UsageError: There is a file, or a link.
        OSError: The file cannot be written.
    """
    from blackboard.settings.deployment_file import CONFIG, LOCAL_FILE

    path = Path(os.path.expanduser(path or os.environ.get(CONFIG) or LOCAL_FILE))
    text = config_file(f"{name}.toml").read_bytes()
    try:
        handle = create_private(path, os.O_WRONLY, READABLE_MODE)
    except FileExistsError:
        raise UsageError(f"{path} already exists; name another file with --config, or leave out --example") from None
    with open(handle, "wb") as file:
        file.write(text)
    return path
