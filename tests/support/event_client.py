"""A client of event streams that reads the protocol by its own words, as any client would."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2


@dataclass(frozen=True)
class Received:
    """An event of a stream."""

    id: str
    event: str
    data: Any


def parse(lines: Iterator[str]) -> Iterator[Received]:
    """Yield the events of a stream, as the specification of server-sent events parses them."""
    last_id, event = "", ""
    data: list[str] = []
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield Received(last_id, event, json.loads("\n".join(data)))
            event, data = "", []
        elif name == "id":
            last_id = value
        elif name == "event":
            event = value
        elif name == "data":
            data.append(value)


class Listening:
    """A stream that is open, as a context. Its first event is `ready`."""

    def __init__(self, client: httpx2.Client, query: str = "", last_id: str = "") -> None:
        headers = {"Last-Event-ID": last_id} if last_id else {}
        self._context = client.stream("GET", f"/v1/events{query}", headers=headers)

    def __enter__(self) -> Listening:
        self.response = self._context.__enter__()
        self.response.raise_for_status()
        self._events = parse(self.response.iter_lines())
        self.ready = next(self._events)
        assert self.ready.event == "ready"
        return self

    def __exit__(self, *error: object) -> None:
        self._context.__exit__(*error)  # type: ignore[arg-type]

    def take(self, number: int) -> list[Received]:
        """Return the next events. The client's timeout bounds the wait."""
        return [next(self._events) for _ in range(number)]

    def rest(self) -> list[Received]:
        """Return the events until the server ends the stream."""
        return [*self._events]


def in_thread(work: Any) -> threading.Thread:
    """Run work beside the test."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread
