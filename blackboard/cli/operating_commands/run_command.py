"""The command `run`, which runs the daemon, and the reload of its deployment file."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from blackboard.cli import completion
from blackboard.cli.cli_session import CommandSession, Replace, no_agents_note, session_of
from blackboard.cli.operating_commands.serve_command import serving_board
from blackboard.cli.terminal.output import print_line
from blackboard.errors import ConfigurationError, Mistake, UsageError
from blackboard.plurals import counted

if TYPE_CHECKING:
    from blackboard.board import Blackboard
    from blackboard.daemon import DaemonLoop
    from blackboard.daemon.loop.deployment_reload import DeployFile, ReloadedFile
    from blackboard.llm.prices import Prices
    from blackboard.settings.deployment_file import Settings
    from blackboard.settings.deployment_resolver import ResolvedDeployment

PRICES = "[model] prices"
"""The setting with the path of the price file. The file may change although the path stays the same."""


def run(
    context: typer.Context,
    agents: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,...",
            help="Run only these agents of the file; by default all. May be repeated.",
            autocompletion=completion.agent_lists,
        ),
    ] = None,
    until_quiescent: Annotated[
        bool,
        typer.Option(
            "--until-quiescent",
            help="Exit when no work is left, or when all remaining work is waiting for a budget, a guard, a pause or a"
            " person.",
        ),
    ] = False,
    serve: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="Also serve the board over HTTP at this address, as 'blackboard serve' does."
        ),
    ] = None,
    replace: Replace = False,
) -> None:
    """Run the daemon: deploy the file, then wake agents as marks cross their thresholds.

    After SIGTERM or Ctrl-C, running activations may finish within the time of [daemon] grace. A second signal stops
    them immediately. SIGHUP reloads the deployment file. New code, and changes of [database], [model], [daemon] and
    [server], need a restart.

    Examples:
      blackboard --config config/leads.toml run
      blackboard run --until-quiescent
      blackboard run --agents sales,scheduler
      blackboard run --serve 127.0.0.1:8787
    """
    from contextlib import ExitStack

    from blackboard.board.deployments.deployer import Deployer
    from blackboard.board.program_preloading import preload_program
    from blackboard.cli.terminal import log_setup, process_signals, standard_streams
    from blackboard.system import log_queue
    from blackboard.system.log_queue import Log

    with standard_streams.queue_output(), log_setup.log_thread_errors():
        log_setup.configure()
        log = Log("blackboard")
        session = session_of(context)
        names = None if agents is None else _names(agents)
        resolved = _only(session.resolve(), names)
        for warning in filter(None, (no_agents_note(resolved.settings), *resolved.warnings)):
            log.warning(str(warning))
        with session.board(create=None, deploy=False, report=log.warning) as board, ExitStack() as stack:
            session.deploy(board, resolved, Deployer(replace=replace, new_code="unserved"))
            daemon = _reloadable_daemon(session, board, resolved, names)
            stack.enter_context(process_signals.handle_signals(daemon))
            if serve is not None:
                stack.enter_context(serving_board(board, session, resolved.settings.server, serve))
            preload_program("cli.terminal")
            report = daemon.run(until_quiescent=until_quiescent)
        for line in report.lines:
            print_line(line)
        if missing := log_queue.dropped_line_count():
            print_line(f"{counted(missing, 'log line')} could not be written")


def _reloadable_daemon(
    session: CommandSession, board: Blackboard, resolved: ResolvedDeployment, names: Collection[str] | None
) -> DaemonLoop:
    """Build the loop of a daemon that can deploy its deployment file again.

    Args:
        session: The session of the command, which finds the file.
        board: The board that the daemon serves.
        resolved: The deployment file.
        names: The agents that it runs; None for all of the file.
    """
    from blackboard.daemon import build_loop
    from blackboard.llm.anthropic_client import client_from

    client = client_from(resolved.settings.model, os.environ)
    deploy_file = file_deployer(session, board, resolved.settings, names)
    return build_loop(board, resolved, client, delivers=True, deploy_file=deploy_file)


def _prices(settings: Settings) -> Prices:
    from blackboard.llm.prices import load_prices

    return load_prices(settings.model.prices)


def _names(lists: Iterable[str]) -> list[str]:
    """Return the names in comma-separated lists.

    Raises:
        UsageError: There are no names.
    """
    names = [name.strip() for text in lists for name in text.split(",") if name.strip()]
    if not names:
        raise UsageError("--agents names no agent; leave it out to run all agents of the file")
    return names


def _only(resolved: ResolvedDeployment, names: Collection[str] | None) -> ResolvedDeployment:
    """Return the deployment with the agents of these names to run; None for all."""
    return resolved if names is None else resolved.with_agents(names)


def file_deployer(
    session: CommandSession,
    board: Blackboard,
    started: Settings,
    names: Collection[str] | None = None,
) -> DeployFile:
    """Return a function that deploys the file of a running daemon again. `started` has the settings at its start.

    While an editor saves a file, the file may be missing or empty for a moment. This must not remove the agents.
    """
    from blackboard.board.deployments.deployer import Deployer
    from blackboard.daemon.loop.deployment_reload import ReloadedFile
    from blackboard.system.log_queue import Log

    log = Log("blackboard")
    path, prices = started.path.absolute(), _prices(started)

    def deploy_again(worker_id: str) -> ReloadedFile:
        resolved = session.resolve()
        if not resolved.settings.names_agents:
            problem = "names no agents" if path.is_file() else "is not a file" if path.exists() else "does not exist"
            raise ConfigurationError([Mistake(str(path), f"{problem}; stop the daemon if it should serve no agents")])
        resolved = _only(resolved, names)
        session.deploy(board, resolved, Deployer(new_code="never", worker_id=worker_id))
        changed = [name for name in resolved.settings.needing_restart(started) if name not in session.overrides]
        if _prices(resolved.settings) != prices and PRICES not in changed:
            changed.append(PRICES)
        if changed:
            log.warning("changed settings need a restart; until then the daemon keeps the old values", settings=changed)
        return ReloadedFile(resolved.agents, resolved.settings.settings, resolved.settings.sinks, resolved.webhooks)

    return deploy_again
