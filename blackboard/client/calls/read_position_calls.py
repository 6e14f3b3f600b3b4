"""The calls on the positions of followed files, for `load --follow`."""

from __future__ import annotations

from blackboard.board.deposited_files.read_positions import ReadPosition
from blackboard.client.requests_and_responses import (
    ClientCall,
    HttpRequest,
    ask_for,
    encode_body,
    get_request,
    path_of,
    query_of,
)
from blackboard.errors import NotFound

READ_POSITION_PATH = "/v1/read-positions/{}"


def read_position(source: str, kind: str) -> ClientCall[ReadPosition | None]:
    """Return how far a file has been deposited by the author of the token as a kind; None if it never was.

    Args:
        source: A digest that names the file.
        kind: The kind of mark that its lines become.
    """
    try:
        return (yield from ask_for(ReadPosition, get_request(path_of(READ_POSITION_PATH, source), kind=kind)))
    except NotFound:
        return None


def set_read_position(source: str, kind: str, position: ReadPosition) -> ClientCall[ReadPosition]:
    """Record how far a file has been deposited by the author of the token as a kind."""
    query = query_of({"kind": kind})
    request = HttpRequest(
        "POST", path_of(READ_POSITION_PATH, source), query, encode_body(vars(position)), is_repeatable=True
    )
    return (yield from ask_for(ReadPosition, request))
