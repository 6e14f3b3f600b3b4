"""Trace contexts over HTTP: with deposits, to remote workers, and with what these return."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from blackboard.client import Client
from blackboard.system import tracing
from tests.server.http_steps import LEAD
from tests.support.recorded_spans import links_of, recorded_spans, traceparent
from tests.support.served_board import Served, deploy_remote

CLAIMS = "/v1/agents/review/claims"
REPLY = {"kind": "reply", "subject": "lead/1"}


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with recorded_spans(monkeypatch) as exporter:
        yield exporter


def stored(served: Served, kind: str = "lead") -> dict[Any, Any]:
    """Return the trace context of the last deposit on each subject."""
    rows = served.board.query(f"SELECT subject, traceparent FROM mark_history WHERE kind = '{kind}' ORDER BY id")
    return {row[0]: row[1] for row in rows}


def lead(number: int) -> dict[str, Any]:
    return {"kind": "lead", "subject": f"lead/{number}"}


def test_each_way_to_deposit_carries_the_header(served: Served) -> None:
    client = served.client("deposit")
    header = {"traceparent": traceparent(7)}
    assert client.post("/v1/marks", json=lead(1), headers=header).status_code == 200
    assert client.post("/v1/marks/many", json={"marks": [lead(2), lead(3)]}, headers=header).status_code == 200
    lines = b'{"kind": "lead", "subject": "lead/4"}\n{"kind": "lead", "subject": "lead/5"}\n'
    kind = {"Content-Type": "application/x-ndjson"}
    assert client.post("/v1/marks/bulk", content=lines, headers=header | kind).json()["failed"] == 0
    client.post("/v1/marks", json=lead(6))
    client.post("/v1/marks", json=lead(7), headers={"traceparent": "00-nothing"})
    expected: dict[str, str | None] = dict.fromkeys((f"lead/{number}" for number in range(1, 6)), traceparent(7))
    assert stored(served) == {**expected, "lead/6": None, "lead/7": None}


def test_deposits_that_share_a_transaction_keep_their_own_trace_contexts(served: Served) -> None:
    client = served.client("deposit")

    def deposit(number: int) -> int:
        header = {"traceparent": traceparent(number)} if number % 3 else {}
        return client.post("/v1/marks", json=lead(number), headers=header).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(deposit, range(1, 65))) == {200}
    assert stored(served) == {f"lead/{number}": traceparent(number) if number % 3 else None for number in range(1, 65)}


def test_the_answer_to_a_need_keeps_the_header_traceparent(served: Served) -> None:
    need = served.board.deposit("need", subject="lead/1", payload={"question": "Ship it?"}).mark_id
    client = served.client("answer")
    answer = client.post(f"/v1/inbox/{need}/answer", json={"text": "yes"}, headers={"traceparent": traceparent(3)})
    assert answer.status_code == 200
    assert stored(served, "decision") == {"lead/1": traceparent(3)}


def test_a_remote_worker_continues_the_trace_of_its_activation(served: Served, spans: Any) -> None:
    deploy_remote(served.board)
    person, worker = served.client("deposit"), served.client("claim:review")
    person.post("/v1/marks", json=LEAD, headers={"traceparent": traceparent(5)})
    claimed = worker.post(CLAIMS).json()
    (span,) = spans.get_finished_spans()
    assert (span.name, span.kind.name, links_of(span)) == ("invoke_agent review", "PRODUCER", [traceparent(5)])
    assert claimed["traceparent"] == tracing.traceparent_of(span)
    run = f"/v1/agents/review/activations/{claimed['id']}/finish"
    assert worker.post(run, json={"fence": 1, "marks": [REPLY]}).status_code == 200
    assert stored(served, "reply") == {"lead/1": claimed["traceparent"]}


def test_the_span_of_a_worker_is_that_of_its_result(served: Served) -> None:
    deploy_remote(served.board)
    person, worker = served.client("deposit"), served.client("claim:review")
    for number in (1, 2):
        person.post("/v1/marks", json=lead(number), headers={"traceparent": traceparent(number)})
        claimed = worker.post(CLAIMS).json()
        # Without OpenTelemetry, the trace of the deposit goes on.
        assert claimed["traceparent"] == traceparent(number)
        header = {"traceparent": traceparent(20)} if number == 2 else {}
        body = {"fence": 1, "marks": [{"kind": "reply", "subject": f"lead/{number}"}]}
        worker.post(f"/v1/agents/review/activations/{claimed['id']}/finish", json=body, headers=header)
    assert stored(served, "reply") == {"lead/1": traceparent(1), "lead/2": traceparent(20)}


def test_a_retry_of_a_worker_has_a_span_of_its_own(served: Served, spans: Any) -> None:
    deploy_remote(served.board)
    worker = served.client("claim:review")
    served.client("deposit").post("/v1/marks", json=LEAD, headers={"traceparent": traceparent(5)})
    first = worker.post(CLAIMS, params={"lease": "1s"}).json()
    served.clock.advance(timedelta(seconds=2))
    second = worker.post(CLAIMS).json()
    assert (first["id"], second["fence"]) == (second["id"], 2)
    assert first["traceparent"] != second["traceparent"]
    assert [links_of(span) for span in spans.get_finished_spans()] == [[traceparent(5)]] * 2


def test_the_client_sends_the_context_of_the_current_span(served: Served, spans: Any) -> None:
    token = served.board.create_token("form", may=["deposit"])
    with Client(served.url, token=token) as client:
        with tracing.recorded_span(tracing.get_tracer(), "form", {}) as span:
            client.deposit("lead", subject="lead/1")
            own = tracing.traceparent_of(span)
        client.deposit("lead", subject="lead/2")
    assert stored(served) == {"lead/1": own, "lead/2": None}
