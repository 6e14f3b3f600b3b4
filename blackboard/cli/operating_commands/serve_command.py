"""The command `serve`: the board over HTTP."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blackboard.cli.cli_session import session_of
from blackboard.cli.served_board import serving
from blackboard.errors import WorkError

if TYPE_CHECKING:
    from blackboard.settings.sections import ServerSection


def serve(
    context: typer.Context,
    listen: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="The address to listen on; by default 'listen' in [server]."),
    ] = None,
    uds: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Listen on this Unix socket; without --listen, only on it.")
    ] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A reverse proxy adds TLS and may set X-Forwarded-Prefix.")
    ] = False,
    tls_certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Serve HTTPS with this certificate chain.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="The private key of the certificate.")] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the board in a browser, signed in.")] = False,
) -> None:
    """Serve the board over HTTP, until a signal ends it. This wakes no agents; 'blackboard run --serve' does both.

    Every operation needs a token, which 'blackboard token create' makes. On a terminal, the command prints a link that
    signs a browser in; the link works once. SIGTERM and Ctrl-C let requests finish. A socket that systemd passes
    replaces [server] listen.

    Examples:
      blackboard serve
      blackboard serve --open
      blackboard serve --listen 127.0.0.1:9000
      blackboard serve --uds /run/blackboard/http.sock --behind-proxy
    """
    from blackboard.cli.terminal import log_setup, standard_streams
    from blackboard.cli.terminal.stop_signals import StopSignals
    from blackboard.daemon.service_manager import ServiceManager
    from blackboard.server.lease_recovery import LeaseRecovery
    from blackboard.sinks.sink_threads import Deliverer
    from blackboard.system.log_queue import Log

    with standard_streams.queue_output(), log_setup.log_thread_errors():
        log_setup.configure()
        log = Log("blackboard")
        session = session_of(context)
        paths = {"tls_certificate": tls_certificate, "tls_key": tls_key}
        settings = _with_options(session.settings.server, listen=listen, behind_proxy=behind_proxy or None, **paths)
        with contextlib.ExitStack() as stack:
            board = stack.enter_context(session.board(create=None, report=log.warning))
            signals = stack.enter_context(StopSignals())
            inherited = os.environ.get("LISTEN_PID") == str(os.getpid())
            where = None if listen is None and (uds is not None or inherited) else settings.listen
            server = stack.enter_context(serving(board, session, settings, where, uds, opens=open_browser))
            manager = ServiceManager.of(os.environ)
            manager.report_ready(f"serves at {server.url}")
            stack.callback(manager.report_stopping)
            stack.enter_context(Deliverer(board, session.settings.sinks))
            stack.enter_context(LeaseRecovery(board))
            if not signals.wait(None, server.ended):
                raise WorkError("the server has ended; the log says why")


def _with_options(settings: ServerSection, **given: str | bool | Path | None) -> ServerSection:
    """Return the settings of [server], with the options of the command in place of those that they name."""
    options = {name: str(value) if isinstance(value, Path) else value for name, value in given.items()}
    return settings.model_copy(update={name: value for name, value in options.items() if value is not None})
