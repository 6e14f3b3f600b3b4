"""The command `serve`, and the server inside other commands: `run --serve` and `demo`."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blackboard.cli.cli_session import CommandSession, session_of
from blackboard.cli.terminal.output import print_note
from blackboard.errors import MissingPackage, UsageError, WorkError

if TYPE_CHECKING:
    from blackboard.board import Blackboard
    from blackboard.server.access.sign_in_tickets import SignInTickets
    from blackboard.server.transport.http_server import HttpServer
    from blackboard.settings.sections import ServerSection


def serve(
    context: typer.Context,
    listen: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="The address to listen on; by default [server] listen."),
    ] = None,
    uds: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Listen on this Unix socket. With --listen, also listen on that address."),
    ] = None,
    behind_proxy: Annotated[
        bool,
        typer.Option(
            "--behind-proxy", help="Run behind a reverse proxy, which adds TLS and may set X-Forwarded-Prefix."
        ),
    ] = False,
    tls_certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Serve HTTPS with this certificate chain.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="The private key of the certificate.")] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the board in a browser, signed in.")] = False,
) -> None:
    """Serve the board over HTTP, until a signal ends it. This wakes no agents; 'blackboard run --serve' does both.

    Every operation needs a token, which 'blackboard token create' makes. On a terminal, the command prints a link that
    signs a browser in; the link works once. After SIGTERM or Ctrl-C, requests may finish. If systemd passes a socket,
    the server listens on this socket instead of the address in [server] listen.

    Examples:
      blackboard serve
      blackboard serve --open
      blackboard serve --listen 127.0.0.1:9000
      blackboard serve --uds /run/blackboard/http.sock --behind-proxy
    """
    from blackboard.board.program_preloading import preload_program
    from blackboard.cli.terminal import log_setup, standard_streams
    from blackboard.cli.terminal.process_signals import StopSignals
    from blackboard.daemon.service_manager import ServiceManager
    from blackboard.server.lease_recovery import LeaseRecovery
    from blackboard.sinks.message_deliverer import Deliverer
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
            server = stack.enter_context(serving_board(board, session, settings, where, uds, opens=open_browser))
            manager = ServiceManager.of(os.environ)
            manager.report_ready(f"serves at {server.url}")
            stack.callback(manager.report_stopping)
            stack.enter_context(Deliverer(board, session.settings.sinks))
            stack.enter_context(LeaseRecovery(board))
            preload_program("cli.terminal", "daemon")
            if not signals.wait(None, server.ended):
                raise WorkError("the server has ended; the log says why")


def _with_options(settings: ServerSection, **given: str | bool | Path | None) -> ServerSection:
    """Return the settings of [server], with the options of the command in place of those that they name."""
    options = {name: str(value) if isinstance(value, Path) else value for name, value in given.items()}
    return settings.model_copy(update={name: value for name, value in options.items() if value is not None})


@contextmanager
def serving_board(
    board: Blackboard,
    session: CommandSession,
    settings: ServerSection,
    listen: str | None,
    path: Path | None = None,
    *,
    opens: bool = False,
) -> Iterator[HttpServer]:
    """Serve a board inside the context, in a thread. On a terminal, print a link that signs a browser in.

    Args:
        board: The board.
        session: The session of the command.
        settings: Where it listens, and how.
        listen: The address; None to listen on the other sockets only.
        path: A Unix socket to listen on.
        opens: Whether to open the link in a browser.

    Raises:
        MissingPackage: The extra is not installed.
        UsageError: The address is not valid, or would need TLS; or no browser could reach the server.
        WorkError: The address cannot be used.
    """
    try:
        from blackboard.server.access.sign_in_tickets import SignInTickets
        from blackboard.server.http_app import build_app
        from blackboard.server.transport.addresses import Address, address_of, inherited_sockets
        from blackboard.server.transport.http_server import HttpServer
    except ModuleNotFoundError as error:
        raise MissingPackage("the server", error.name, extra="server") from None
    inherited = inherited_sockets(os.environ)
    if listen is None and path is None and not inherited:
        raise UsageError("there is nothing to listen on; give --listen HOST:PORT or --uds PATH")
    address = None if listen is None else Address.parse(listen)
    reached = [address, *map(address_of, inherited)]
    where, tickets = next((each for each in reached if each is not None), None), SignInTickets(board.clock)
    app = build_app(board, settings, session.configured_model(), where, session.config, tickets)
    with HttpServer(app, settings, address, path, inherited) as server:
        _offer_link(server.browser_url, tickets, opens=opens)
        yield server


def _offer_link(url: str | None, tickets: SignInTickets, *, opens: bool) -> None:
    """Show a person at a terminal the link that signs a browser in, or open it.

    The link is never in the log, which other people may read.

    Raises:
        UsageError: The link should be opened, and the address of the server is not known.
    """
    if url is None:
        if opens:
            raise UsageError("the server knows no address that a browser could use; name one in [server] hosts")
        return

    from blackboard.durations import format_duration
    from blackboard.server.access.sign_in_tickets import TICKET_LIFETIME

    def link(ticket: str) -> str:
        return f"{url}/sign-in?ticket={ticket}"

    def show(ticket: str) -> None:
        if sys.stderr.isatty():
            lifetime = format_duration(TICKET_LIFETIME)
            print_note(f"to use the board in a browser, open this link within {lifetime}; it works once:")
            print_note(f"    {link(ticket)}", wraps=False)

    ticket = tickets.show(show)
    if opens:
        threading.Thread(target=_open, args=(link(ticket),), name="blackboard-browser", daemon=True).start()


def _open(link: str) -> None:
    """Open a link in a browser. A browser that runs in the terminal blocks until the person leaves it."""
    import webbrowser

    if not webbrowser.open(link):
        print_note("no browser could be opened")
