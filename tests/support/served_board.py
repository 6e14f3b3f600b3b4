"""A board of two agents behind a server in a thread of this process, reached by a client that is not ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from blackboard import Blackboard, Linear, ManualClock, Mark, agent, count, strength
from blackboard.server.access.sign_in_tickets import SignInTickets
from blackboard.server.http_app import build_app
from blackboard.server.transport.addresses import Address
from blackboard.server.transport.http_server import HttpServer
from blackboard.settings.sections import ServerSection
from blackboard.system import log_queue
from tests.support.bounds import BOUND_SECONDS
from tests.support.postgresql_boards import reader_url


class Lead(Mark, kind="lead", tags=("company",), unique="number"):
    company: str = ""
    number: int | None = None


class Reply(Mark, kind="reply", decay=Linear("1h")):
    text: str = ""


class Note(Mark, kind="note", decay=Linear("1h"), search=("text",), tags=("topic",)):
    text: str = ""
    topic: str = ""


@agent(watches=strength(Lead) >= 0.5, writes=[Reply], batch=10, batch_window="1h", cooldown="10m")
def sales(leads: list[Lead], context: Any) -> list[Reply]:
    return [Reply(subject=lead.subject, text=lead.company) for lead in leads]


@agent(watches={"many": count(Reply, over="board") >= 3}, writes=[])
def counter(replies: list[Reply], context: Any) -> None:
    return None


@agent(watches={"topics": count(Note, by="topic") >= 3}, writes=[])
def listener(notes: list[Note], context: Any) -> None:
    return None


@agent(watches=strength(Lead) >= 0.5, writes=[Reply], name="review", concurrency=8, batch=1)
def review(leads: Any, context: Any) -> None:
    return None


def deploy_remote(board: Blackboard) -> None:
    """Make the agent `review` remote, and take away the agent of the daemon that watches the same marks."""
    spec = review.spec.model_copy(update={"remote": True, "code": None})
    board.deploy(board.deployment.model_copy(update={"agents": {"review": spec}}))


@dataclass
class Served:
    """A board with its server."""

    board: Blackboard
    database: str
    """The board as the option `--database` names it."""
    clock: ManualClock
    url: str
    server: HttpServer
    tickets: SignInTickets
    clients: list[httpx2.Client] = field(default_factory=list)
    names: int = 0

    def client(self, *scopes: str, author: str | None = None, token: str | None = None) -> httpx2.Client:
        """Return a client with a token for these scopes, or with another token."""
        if token is None and scopes:
            self.names += 1
            token = self.board.create_token(f"token {self.names}", may=scopes, author=author)
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        client = httpx2.Client(base_url=self.url, headers=headers, timeout=BOUND_SECONDS, trust_env=False)
        self.clients.append(client)
        return client


@contextmanager
def serve(board: str | Path, **settings: Any) -> Iterator[Served]:
    """Serve a board, which is named by its URL or its file."""
    clock = ManualClock()
    query_url = reader_url(board) if isinstance(board, str) else None
    with Blackboard.open(board, clock=clock, author="person:ada", query_url=query_url) as opened:
        opened.deploy(sales, counter, listener, kinds=[Lead, Reply, Note])
        section = ServerSection(**{"listen": "127.0.0.1:0", "requests_per_second": 100_000, **settings})
        address = Address.parse(section.listen)
        tickets = SignInTickets(clock)
        with HttpServer(
            build_app(opened, section, "offline rules", address, tickets=tickets), section, address
        ) as server:
            log_queue.flush()  # a line that is written later could stand in what a test captures
            served = Served(opened, str(board), clock, server.url, server, tickets)
            try:
                yield served
            finally:
                for client in served.clients:
                    client.close()
