"""A server of the chat-completions protocol on 127.0.0.1, for frameworks without another protocol.

Its answers come from a function and are never wrong. Tokens are counted as in tests/support/messages_api.py: messages,
tools, tool calls and the schema of the answer.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from benchmarks.coordination.chat import Chat, Reply, from_completions
from benchmarks.coordination.outcome import Cost
from blackboard.errors import BlackboardError
from tests.support.tokenizer import count_tokens

__all__ = ["Completions"]


class Completions:
    """The server. `cost` contains its calls and tokens."""

    def __init__(self, responder: Callable[[Chat], Reply]) -> None:
        self.responder = responder
        self.calls = self.input = self.output = 0
        self.errors: list[str] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"api": self}))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def cost(self) -> Cost:
        return Cost(self.calls, self.input, self.output)

    def answer(self, body: Mapping[str, Any]) -> dict[str, Any]:
        reply = self.responder(from_completions(body))
        output = count_tokens(reply.text) + sum(_json(call.arguments) for call in reply.calls)
        prompt = input_tokens(body)
        with self._lock:
            self.calls += 1
            self.input += prompt
            self.output += output
            number = self.calls
        message: dict[str, Any] = {"role": "assistant", "content": reply.text or None}
        if reply.calls:
            message["tool_calls"] = [
                {
                    "id": f"call_{number}_{at}",
                    "type": "function",
                    "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
                }
                for at, call in enumerate(reply.calls)
            ]
        return {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion",
            "created": 1767603600,
            "model": body["model"],
            "choices": [
                {
                    "index": 0,
                    "message": message,
                    "logprobs": None,
                    "finish_reason": "tool_calls" if reply.calls else "stop",
                }
            ],
            "usage": {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output},
        }


def input_tokens(body: Mapping[str, Any]) -> int:
    """Return the number of input tokens of a request."""
    total = sum(_json(tool["function"]) for tool in body.get("tools") or ())
    total += _json(body["response_format"].get("json_schema") or {}) if body.get("response_format") else 0
    for message in body["messages"]:
        content = message.get("content") or ""
        parts = [content] if isinstance(content, str) else [block.get("text", "") for block in content]
        total += sum(count_tokens(part) for part in parts)
        for call in message.get("tool_calls") or ():
            total += count_tokens(call["function"]["name"]) + count_tokens(call["function"]["arguments"])
    return total


def _json(value: Any) -> int:
    return count_tokens(json.dumps(value, ensure_ascii=False))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    api: Completions

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)))
        try:
            status, answer = 200, self.api.answer(body)
        except (BlackboardError, KeyError, AssertionError, ValueError) as error:
            self.api.errors.append(f"{type(error).__name__}: {error}")
            status, answer = 400, {"error": {"message": str(error), "type": "invalid_request_error"}}
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""
