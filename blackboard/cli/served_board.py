"""The board of a command, served over HTTP while the command runs."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from blackboard.cli.cli_session import CommandSession, model_of
from blackboard.cli.terminal.output import note
from blackboard.errors import MissingPackage, UsageError

if TYPE_CHECKING:
    from blackboard.board import Blackboard
    from blackboard.server.access.sign_in_tickets import SignInTickets
    from blackboard.server.transport.http_server import HttpServer
    from blackboard.settings.sections import ServerSection


@contextmanager
def serving(
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
        listen: The address; None for the other sockets only.
        path: A Unix socket to listen on.
        opens: Whether to open the link in a browser.

    Raises:
        MissingPackage: The extra is not installed.
        UsageError: The address is not one, or would need TLS; or no browser could reach the server.
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
        raise UsageError("name an address or a Unix socket to listen on")
    address = None if listen is None else Address.parse(listen)
    reached = [address, *map(address_of, inherited)]
    where, tickets = next((each for each in reached if each is not None), None), SignInTickets(board.clock)
    app = build_app(board, settings, model_of(session), where, session.config, tickets)
    with HttpServer(app, settings, address, path, inherited) as server:
        _offer_link(server.browser_url, tickets, opens=opens)
        yield server


def _offer_link(url: str | None, tickets: SignInTickets, *, opens: bool) -> None:
    """Show a person at a terminal the link that signs a browser in, or open it.

    The link is never in the log, which others may read.

    Raises:
        UsageError: The link should be opened, and the address of the server is not known.
    """
    if url is None:
        if opens:
            raise UsageError("the server knows no address that a browser could use; name one in [server] hosts")
        return

    def link(ticket: str) -> str:
        return f"{url}/sign-in?ticket={ticket}"

    def show(ticket: str) -> None:
        if sys.stderr.isatty():
            note("to use the board in a browser, open this link within ten minutes; it works once:")
            note(f"    {link(ticket)}", wraps=False)

    ticket = tickets.show(show)
    if opens:
        threading.Thread(target=_open, args=(link(ticket),), name="blackboard-browser", daemon=True).start()


def _open(link: str) -> None:
    """Open a link in a browser. A browser that runs in the terminal blocks until the person leaves it."""
    import webbrowser

    if not webbrowser.open(link):
        note("there is no browser that could be opened")
