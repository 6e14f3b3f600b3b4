"""The command `run`, and the signals that stop or reload the daemon."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blackboard.cli.cli_session import Replace, Session, session_of
from blackboard.cli.output import say

if TYPE_CHECKING:
    from blackboard.agent_definition import Agent
    from blackboard.board import Blackboard
    from blackboard.board.deployer import Deployer
    from blackboard.daemon import Daemon
    from blackboard.llm.client_protocol import Client
    from blackboard.settings.deployment_resolver import ResolvedDeployment


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(run)


def run(
    context: typer.Context,
    until_quiescent: Annotated[
        bool,
        typer.Option("--until-quiescent", help="Exit when all remaining work waits for a person, a budget or a guard."),
    ] = False,
    replace: Replace = False,
) -> None:
    """Run the daemon: deploy the file, then wake agents as marks cross their thresholds.

    SIGTERM and Ctrl-C let running activations finish within [daemon] grace, then stop; a second signal stops at once.
    SIGHUP reloads the deployment file: settings, not code. New code needs a restart.

    \b
    Examples:
      blackboard --config config/leads.toml run
      blackboard run --until-quiescent
    """
    from blackboard.board.deployer import Deployer
    from blackboard.cli import log_setup, standard_streams
    from blackboard.daemon import build_daemon
    from blackboard.log_queue import Log, dropped

    with standard_streams.queued():
        log_setup.configure()
        log = Log("blackboard")
        session = session_of(context)
        resolved = session.resolve()
        for warning in resolved.warnings:
            log.warning(str(warning))
        with session.board(create=None, register=False, report=log.warning) as board:
            session.deploy(board, resolved, Deployer(replace, "unserved"))
            daemon = build_daemon(board, resolved, client_of(resolved))
            daemon.reload = _reload(session, board, Deployer(new_code="never", worker=daemon.worker.id))
            with handle_signals(daemon):
                report = daemon.run(until_quiescent=until_quiescent)
        for line in report.lines:
            say(line)
        if missing := dropped():
            say(f"{missing} log lines could not be written")


def client_of(resolved: ResolvedDeployment) -> Client | None:
    """Return the client of the configured model; None if the offline rules answer.

    Raises:
        ConfigurationError: A client is required, but there is no key.
    """
    from blackboard.llm.client import client_from

    return client_from(resolved.settings.model, os.environ)


def _reload(
    session: Session, board: Blackboard, deployer: Deployer
) -> Callable[[], tuple[Mapping[str, Agent], Mapping[str, Any]]]:
    def reload() -> tuple[Mapping[str, Agent], Mapping[str, Any]]:
        resolved = session.resolve()
        session.deploy(board, resolved, deployer)
        return resolved.agents, resolved.settings.settings

    return reload


@contextmanager
def handle_signals(daemon: Daemon) -> Iterator[None]:
    """Handle the signals of the process: stop the daemon or reload its file."""
    stops = 0

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stops
        stops += 1
        _in_thread(lambda now=stops > 1: daemon.stop(now=now))  # type: ignore[misc]

    def reload(number: int, frame: FrameType | None) -> None:
        _in_thread(daemon.request_reload)

    before = {
        number: signal.signal(number, handler)
        for number, handler in ((signal.SIGTERM, stop), (signal.SIGINT, stop), (signal.SIGHUP, reload))
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_thread(work: Callable[[], None]) -> None:
    # A signal handler interrupts the main thread, which may hold the lock that the daemon needs.
    threading.Thread(target=work, name="blackboard-signal", daemon=True).start()
