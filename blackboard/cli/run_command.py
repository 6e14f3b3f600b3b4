"""The command that runs the daemon: `run`, and what the signals do to it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blackboard.cli.cli_session import Session, session_of
from blackboard.cli.output import note, say

if TYPE_CHECKING:
    from blackboard.agent_definition import Agent
    from blackboard.board import Blackboard
    from blackboard.daemon import Daemon
    from blackboard.llm import Client
    from blackboard.settings import Resolved

__all__ = ["add_to", "client_of", "daemon_of", "obeying_signals"]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(run)


def run(
    context: typer.Context,
    until_quiescent: Annotated[
        bool, typer.Option("--until-quiescent", help="End when nothing waits that time or work alone could finish.")
    ] = False,
) -> None:
    """The daemon: wakes agents as marks cross their thresholds. Puts the deployment file in force first.

    SIGTERM and Ctrl-C finish what runs, within [daemon] grace, and hand back the rest; a second one stops at once.
    SIGHUP reads the deployment file again.

    \b
    Examples:
      blackboard --config config/leads.toml run
      blackboard run --until-quiescent
    """
    from blackboard.cli import log_setup

    log_setup.configure()
    session = session_of(context)
    resolved = session.resolve()
    for warning in resolved.warnings:
        note(f"warning: {warning}")
    with session.board(folder=True, register=False) as board:
        session.deploy(board, resolved)
        daemon = daemon_of(board, resolved, client_of(resolved))
        daemon.reload = _reload(session, board)
        with obeying_signals(daemon):
            report = daemon.run(until_quiescent=until_quiescent)
    for line in report.lines():
        say(line)


def client_of(resolved: Resolved) -> Client | None:
    """The connection to the model that the file and the environment ask for; None where the offline rules answer.

    Raises:
        ConfigurationError: there should be one, and there is no key.
    """
    from blackboard.llm import client_from

    return client_from(resolved.settings.model, os.environ)


def daemon_of(board: Blackboard, resolved: Resolved, client: Client | None) -> Daemon:
    """A daemon for what a deployment file says."""
    from blackboard.daemon import Daemon
    from blackboard.llm import load_prices

    return Daemon(
        board,
        resolved.agents,
        resolved.settings.daemon,
        model=resolved.settings.model,
        client=client,
        prices=None if client is None else load_prices(resolved.settings.model.prices),
        context=resolved.settings.settings,
    )


def _reload(session: Session, board: Blackboard) -> Callable[[], tuple[Mapping[str, Agent], Mapping[str, Any]]]:
    def reload() -> tuple[Mapping[str, Agent], Mapping[str, Any]]:
        resolved = session.resolve()
        session.deploy(board, resolved)
        return resolved.agents, resolved.settings.settings

    return reload


@contextmanager
def obeying_signals(daemon: Daemon) -> Iterator[None]:
    """While this lasts, the signals of this process stop the daemon, or have it read its file again."""
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
    # A handler runs in the middle of whatever the main thread does, which may hold the very lock that it would take.
    threading.Thread(target=work, name="blackboard-signal", daemon=True).start()
