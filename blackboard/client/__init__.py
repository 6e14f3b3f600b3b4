"""Clients of a server: the board over HTTP for programs in Python, with the methods and results of `Blackboard`.

    from blackboard.client import Client

Each call is written once, as a generator of requests, and both clients can carry it out:

board_clients           `Client`, which waits for each response, and `AsyncClient`, which awaits it
client_methods          the methods of both clients, a line for each call; `make methods` writes it
method_builders         makes a method of a client from a call
server_connection       what both clients know of their server: its address, the token, the certificates
calls                   the calls, by subject
request_attempts        the attempts of a request, and the delays between them
requests_and_responses  the requests of calls, and the results in their responses
problem_errors          the errors that a server reports, as the classes that a board raises
"""

from blackboard.client.board_clients import AsyncClient, Client
from blackboard.client.calls.event_calls import BoardEvent

__all__ = ["AsyncClient", "BoardEvent", "Client"]
