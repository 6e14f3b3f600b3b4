"""A fake Messages API on 127.0.0.1 for the real SDK.

It answers by a function and fails only by queued faults. It never connects to other machines, and ends with its `with`
block, including its threads.

    with MessagesApi(lambda body: {"verdict": "good"}) as api:
        client = AnthropicClient("key", api.url)
        api.queue(Status(529), Cut())       # the next two calls; the third is answered
        ...
        assert api.paid == 1 and api.usage.input_tokens < 400
"""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from blackboard.llm.answer_parser import Usage
from tests.support.bounds import BOUND_SECONDS
from tests.support.fake_api_faults import Fault, Hang, Junk, Says, Status
from tests.support.fake_api_server import Call, Handler, Server, break_off
from tests.support.request_checks import Refused, parameters
from tests.support.threads import join_all
from tests.support.tokenizer import count_tokens, input_tokens, prefix_tokens

__all__ = ["Answer", "Call", "MessagesApi", "Responder", "Tally"]

Answer = Mapping[str, Any] | list[dict[str, Any]] | str
"""An answer: a mapping becomes JSON, a text stays unchanged, and a list contains content blocks such as `tool_use`."""
Responder = Callable[[dict[str, Any]], Answer]


@dataclass
class Tally:
    """The tokens of all paid answers."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0

    @property
    def prompt_tokens(self) -> int:
        return self.input_tokens + self.cache_read_input_tokens + self.cache_creation_input_tokens

    @property
    def weighted(self) -> int:
        """All input plus five times the output, the usual ratio of prices."""
        return self.prompt_tokens + 5 * self.output_tokens

    def add(self, usage: Mapping[str, int]) -> None:
        for name, count in usage.items():
            setattr(self, name, getattr(self, name) + count)


@dataclass
class _Batch:
    id: str
    created_at: datetime
    requests: list[dict[str, Any]]
    results: list[dict[str, Any]] | None = None


@dataclass
class MessagesApi:
    """The server. `calls`, `paid` and `usage` record its requests and their cost."""

    responder: Responder = lambda body: {}
    key: str | None = None
    """The only accepted key; by default every key is accepted."""
    cache_minimum: int = 1024
    """The shortest cached prefix, in tokens."""
    start: datetime = datetime(2026, 1, 5, 9, tzinfo=UTC)
    """The time of the first batch; each later batch is a second younger. `clock` overrides it."""
    clock: Callable[[], datetime] | None = None

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    paid: int = 0
    """The number of completed answers, including lost answers."""
    usage: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        self._faults: deque[Fault] = deque()
        self._read_faults: deque[Junk | Status] = deque()
        self._batches: list[_Batch] = []
        self._cached: set[str] = set()
        self.lock = threading.Lock()
        self._arrived = threading.Condition(self.lock)
        self.ending = False
        self._hanging: list[threading.Event] = []
        self.connections: set[socket.socket] = set()

    def __enter__(self) -> Self:
        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.api = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="messages-api")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.ending, hanging = True, list(self._hanging)
        for event in hanging:
            event.set()
        self._server.shutdown()
        join_all(self._thread)
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            break_off(connection)
        self._server.server_close()  # joins the threads of the connections

    def queue(self, *faults: Fault) -> None:
        """Queue faults for the next paid calls, one fault per call, in this order."""
        with self.lock:
            self._faults.extend(faults)

    def queue_reads(self, *faults: Junk | Status) -> None:
        """Queue faults for the next unpaid requests about batches."""
        with self.lock:
            self._read_faults.extend(faults)

    @property
    def bodies(self) -> list[bytes]:
        """The bytes of every message request, in order."""
        with self.lock:
            return [call.body for call in self.calls if call.path == "/v1/messages"]

    def wait_for_calls(self, count: int, timeout: float = BOUND_SECONDS) -> bool:
        """Wait at most `timeout` seconds for this many requests, and return whether they arrived."""
        with self._arrived:
            return self._arrived.wait_for(lambda: len(self.calls) >= count, timeout)

    def end_batches(self, outcome: Callable[[str], dict[str, Any] | None] = lambda custom_id: None) -> None:
        """Complete every waiting batch.

        Args:
            outcome: Returns another result for a custom id, such as `{"type": "expired"}` or
                `{"type": "errored", "error": {...}}`; None for success.
        """
        with self.lock:
            waiting = [batch for batch in self._batches if batch.results is None]
        for batch in waiting:
            results = []
            for item in batch.requests:
                result = outcome(item["custom_id"])
                if result is None:
                    result = {"type": "succeeded", "message": self._work(item["params"], None)}
                results.append({"custom_id": item["custom_id"], "result": result})
            batch.results = results[::-1]  # the API promises no order

    def usage_of(self, body: dict[str, Any], output: int) -> Usage:
        """Return the usage of a next request with this many output tokens, and add its prefix to the cache."""
        with self.lock:
            counts = self._usage(body, output)
        return Usage(
            counts["input_tokens"],
            counts["output_tokens"],
            counts["cache_read_input_tokens"],
            counts["cache_creation_input_tokens"],
        )

    # The handler calls these methods. A `Refused` becomes an error in the form of the API.

    def record(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Call:
        with self._arrived:
            self.calls.append(call := Call(method, path, headers, body, f"req_{len(self.calls) + 1:06d}"))
            self._arrived.notify_all()
        return call

    def answer(self, call: Call) -> tuple[str, Fault | None]:
        """Return the text of the answer, and the fault for its transmission."""
        self._check_headers(call)
        if call.method == "GET" and (spoilt := self._read_fault()) is not None:
            return spoilt, None
        url = urlsplit(call.path)
        match call.method, url.path.strip("/").split("/")[1:]:
            case "POST", ["messages"]:
                return self._message(call)
            case "POST", ["messages", "batches"]:
                return self._submit(call)
            case "GET", ["messages", "batches"]:
                return self._list({name: values[0] for name, values in parse_qs(url.query).items()}), None
            case "GET", ["messages", "batches", name]:
                return json.dumps(_shown(self._batch(name))), None
            case "GET", ["messages", "batches", name, "results"]:
                if (results := self._batch(name).results) is None:
                    raise Refused(Status(400, message="the batch has not ended"))
                return "".join(json.dumps(result, ensure_ascii=False) + "\n" for result in results), None
        raise Refused(Status(404, message=f"no such path: {call.path}"))

    def _check_headers(self, call: Call) -> None:
        if not call.key or (self.key is not None and call.key != self.key):
            raise Refused(Status(401, message="invalid x-api-key"))
        if "anthropic-version" not in call.headers:
            raise Refused(Status(400, message="anthropic-version: header is required"))

    def _message(self, call: Call) -> tuple[str, Fault | None]:
        body = parameters(call.body)
        fault = self._fault()
        if isinstance(fault, Junk):
            with self.lock:
                self.paid += 1
            return fault.text, None
        text = json.dumps(self._work(body, fault if isinstance(fault, Says) else None), ensure_ascii=False)
        self._hold(fault)
        return text, fault

    def _submit(self, call: Call) -> tuple[str, Fault | None]:
        requests = json.loads(call.body)["requests"]
        for item in requests:
            parameters(json.dumps(item["params"]).encode())
        fault = self._fault()
        with self.lock:
            number = len(self._batches) + 1
            created = self.clock() if self.clock else self.start + timedelta(seconds=number - 1)
            batch = _Batch(f"msgbatch_{number:06d}", created, requests)
            self._batches.append(batch)
        self._hold(fault)
        return fault.text if isinstance(fault, Junk) else json.dumps(_shown(batch)), fault

    def _list(self, query: Mapping[str, str]) -> str:
        with self.lock:
            batches = self._batches[::-1]
        if after := query.get("after_id"):
            batches = batches[[batch.id for batch in batches].index(after) + 1 :]
        page = batches[: int(query.get("limit", "20"))]
        ends = {"first_id": page[0].id, "last_id": page[-1].id} if page else {"first_id": None, "last_id": None}
        return json.dumps({"data": [_shown(batch) for batch in page], "has_more": len(page) < len(batches), **ends})

    def _batch(self, name: str) -> _Batch:
        with self.lock:
            for batch in self._batches:
                if batch.id == name:
                    return batch
        raise Refused(Status(404, message=f"no batch {name}"))

    def _read_fault(self) -> str | None:
        with self.lock:
            fault = self._read_faults.popleft() if self._read_faults else None
        if isinstance(fault, Status):
            raise Refused(fault)
        return None if fault is None else fault.text

    def _fault(self) -> Fault | None:
        with self.lock:
            fault = self._faults.popleft() if self._faults else None
        if isinstance(fault, Status):
            raise Refused(fault)
        return fault

    def _hold(self, fault: Fault | None) -> None:
        if isinstance(fault, Hang):
            with self.lock:
                self._hanging.append(fault.release)
                ending = self.ending
            fault.is_paid.set()
            if not ending:
                fault.release.wait(BOUND_SECONDS)

    def _work(self, body: dict[str, Any], instead: Says | None) -> dict[str, Any]:
        if instead is None:
            answer = self.responder(body)
            content = answer if isinstance(answer, list) else [{"type": "text", "text": _as_text(answer)}]
            stop = "tool_use" if any(block["type"] == "tool_use" for block in content) else "end_turn"
        else:
            content, stop = [{"type": "text", "text": instead.text}] if instead.text else [], instead.stop_reason
        output = sum(count_tokens(json.dumps(block.get("input", block.get("text")))) for block in content)
        if instead is None and output > body["max_tokens"]:
            # As in the real API, the answer stops in the middle, and the written part is paid for.
            text = content[0].get("text", "")
            content, stop, output = [{"type": "text", "text": text[: len(text) // 2]}], "max_tokens", body["max_tokens"]
        with self.lock:
            self.paid += 1
            usage = self._usage(body, max(output, 1))
            self.usage.add(usage)
            number = self.paid
        details = {"type": "refusal", "category": None, "explanation": None} if stop == "refusal" else None
        return {
            "id": f"msg_{number:06d}",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "stop_details": details,
            "usage": usage,
        }

    def _usage(self, body: dict[str, Any], output: int) -> dict[str, int]:
        prompt, prefix, read, written = input_tokens(body), prefix_tokens(body), 0, 0
        if _has_breakpoint(body) and prefix >= self.cache_minimum:
            name = json.dumps([body["model"], body.get("tools"), body["system"]])
            read, written = (prefix, 0) if name in self._cached else (0, prefix)
            self._cached.add(name)
        return {
            "input_tokens": prompt - read - written,
            "output_tokens": output,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": written,
        }


def _has_breakpoint(body: Mapping[str, Any]) -> bool:
    system = body.get("system")
    return isinstance(system, list) and any("cache_control" in block for block in system)


def _as_text(answer: Any) -> str:
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)


def _shown(batch: _Batch) -> dict[str, Any]:
    counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
    for result in batch.results or []:
        counts[result["result"]["type"]] += 1
    counts["processing"] = 0 if batch.results is not None else len(batch.requests)
    ended = batch.results is not None
    return {
        "id": batch.id,
        "type": "message_batch",
        "processing_status": "ended" if ended else "in_progress",
        "request_counts": counts,
        "created_at": batch.created_at.isoformat(),
        "expires_at": (batch.created_at + timedelta(days=1)).isoformat(),
        "ended_at": batch.created_at.isoformat() if ended else None,
        "archived_at": None,
        "cancel_initiated_at": None,
        "results_url": f"/v1/messages/batches/{batch.id}/results" if ended else None,
    }
