"""Clients of a served board, with a token for some scopes or for all."""

from __future__ import annotations

from typing import Any

from blackboard.client import Client
from tests.support.served_board import Served

SCOPES = ("deposit", "read", "operate", "answer", "sql", "admin")
"""All scopes but those of workers, which no token with `answer` has."""
AUTHOR = "person:ada"


def client_of(served: Served, *scopes: str, **options: Any) -> Client:
    """Return a client with a token for these scopes, or for all."""
    served.names += 1
    token = served.board.create_token(f"client {served.names}", may=scopes or SCOPES, author=AUTHOR)
    return Client(served.url, token=token, clock=served.clock, **options)
