"""A stand-in for the Messages API on this machine: python stand_in.py COMMAND runs a command that asks it.

It judges by a few words, says how many tokens that took, and refuses each tenth call as an overloaded API does. It ends
with the command.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BYTES_PER_TOKEN = 4
TEAMS = {
    "sync": {"calendar", "contact", "photo", "offline", "shared"},
    "editor": {"table", "spell", "pdf", "image", "code"},
    "account": {"password", "team", "billing", "login", "profile"},
}
CRASHES = {"crashes", "stops", "fatal", "loses", "unsaved", "hangs", "startup"}
WISHES = {"should", "support", "keyboard", "needs", "undo", "lacks", "reader", "deserves", "compact"}


def judge(issue: dict[str, Any]) -> dict[str, Any]:
    """Return the verdict on an issue."""
    title = set(issue["title"].lower().replace(",", "").replace(":", "").split())
    kind = "crash" if title & CRASHES else "wish" if title & WISHES else "bug"
    is_urgent = kind == "crash" or (kind == "bug" and issue["strength"] >= 3)
    return {
        "id": issue["id"],
        "team": next((team for team, words in TEAMS.items() if title & words), "editor"),
        "type": kind,
        "priority": "now" if is_urgent else "later" if kind == "wish" else "soon",
        "sure": "sometimes" not in issue["body"],
    }


class StandIn(ThreadingHTTPServer):
    """The server."""

    calls = 0


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: StandIn

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.calls += 1
        if self.server.calls % 10 == 0:
            self.reply(529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
            return
        request = json.loads(body)
        issues = json.loads(request["messages"][0]["content"])["issues"]
        text = json.dumps({"verdicts": [judge(issue) for issue in issues]})
        answer = {
            "id": f"msg_{self.server.calls}",
            "type": "message",
            "role": "assistant",
            "model": request["model"],
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": len(body) // BYTES_PER_TOKEN, "output_tokens": len(text) // BYTES_PER_TOKEN},
        }
        self.reply(200, answer)

    def reply(self, status: int, content: dict[str, Any]) -> None:
        """Send JSON."""
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def serve() -> Iterator[dict[str, str]]:
    """Serve on a free port until the block ends, and yield the variables that lead a program there."""
    with StandIn(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{server.server_port}", "ANTHROPIC_API_KEY": "any"}
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    with serve() as variables:
        code = subprocess.run(sys.argv[1:], env=os.environ | variables, check=False).returncode
    sys.exit(code)
