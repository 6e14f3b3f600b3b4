"""A server on this machine that speaks the Messages API and answers by a function, for tests and demonstrations."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic import BaseModel, JsonValue

from blackboard.system.media_types import JSON_TYPE

BYTES_PER_TOKEN = 4
"""The length of a token, for the usage that the server reports."""
POLL_SECONDS = 0.05
"""The longest wait for the end of the server."""

AnswerFunction = Callable[[Any], BaseModel | JsonValue]
"""A function that returns the answer to the data of a request."""


@contextlib.contextmanager
def serve_model(answer: AnswerFunction, *, overloaded_every: int | None = None) -> Iterator[dict[str, str]]:
    """Serve the Messages API on 127.0.0.1 until the block ends, and yield the variables that make a program use it.

    The requests, their retries and their costs are real. Only the answers come from a function.

    Args:
        answer: Returns the answer to the data of a request, which it gets as JSON: a pydantic model, or JSON.
        overloaded_every: The last of each so many requests is refused, as an overloaded API refuses it.
    """
    with _Server(answer, overloaded_every) as server:
        thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,))
        thread.start()
        try:
            yield {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{server.server_port}", "ANTHROPIC_API_KEY": "any"}
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    def __init__(self, answer: AnswerFunction, overloaded_every: int | None) -> None:
        super().__init__(("127.0.0.1", 0), _MessagesHandler)
        self.answer, self.overloaded_every = answer, overloaded_every
        self.numbers = itertools.count(1)


class _MessagesHandler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        number = next(self.server.numbers)
        if self.server.overloaded_every and number % self.server.overloaded_every == 0:
            self._reply(529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
            return
        request = json.loads(body)
        found = self.server.answer(json.loads(request["messages"][0]["content"]))
        text = found.model_dump_json() if isinstance(found, BaseModel) else json.dumps(found)
        message = {
            "id": f"msg_{number}",
            "type": "message",
            "role": "assistant",
            "model": request["model"],
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": len(body) // BYTES_PER_TOKEN, "output_tokens": len(text) // BYTES_PER_TOKEN},
        }
        self._reply(200, message)

    def _reply(self, status: int, content: dict[str, Any]) -> None:
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", JSON_TYPE)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Log nothing."""
