"""The other operations over HTTP: waking, pauses, activations, the state of the board, SQL, and what describes them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path

import pytest

from blackboard import Deposit, Need
from blackboard.core.specs.sink_spec import SinkSpec
from blackboard.durations import Microseconds
from blackboard.server import api_routes, http_problems
from blackboard.server.access.token_checks import Caller
from blackboard.server.open_requests.event_stream_text import StreamChoice
from blackboard.server.open_requests.open_event_streams import EventStreams
from tests.server.http_steps import LEAD, pages, problem
from tests.support.bounds import BOUND_SECONDS
from tests.support.served_board import Served, deploy_remote

ROOT = Path(__file__).parents[2]


def test_a_crossing_is_woken_over_http(served: Served) -> None:
    client = served.client("deposit", "operate", "read")
    client.post("/v1/marks", json=LEAD)
    assert client.get("/v1/agenda").json()[0]["held_by"] == "batch_window"
    assert client.post("/v1/agenda/1/wake").json()["held_by"] is None
    assert client.get("/v1/agenda").json()[0]["held_by"] is None
    assert problem(client.post("/v1/agenda/99/wake")) == "not-found"


def test_groups_and_several_states_are_asked_for(served: Served) -> None:
    client = served.client("read")
    served.board.deposit("lead", subject="lead/1", payload={"company": "Acme"})
    assert client.get("/v1/activations?state=dead&state=held").json() == []
    assert client.get("/v1/schedules").json() == []
    assert problem(client.get("/v1/activations?state=done&state=undone")) == "invalid"
    assert problem(client.get("/v1/agents/sales/explanation?group=Acme")) == "invalid"  # it watches no groups


def test_agents_and_the_board_are_paused_and_resumed(served: Served) -> None:
    client = served.client("operate", "read")
    assert client.post("/v1/agents/sales/pause", json={"reason": "lunch"}).json() == {
        "agent": "sales", "reason": "lunch", "paused": True
    }  # fmt: skip
    assert client.get("/v1/status").json()["paused_agents"] == {"sales": "lunch"}
    assert client.post("/v1/agents/sales/resume").json() == {"agent": "sales", "paused": False}
    assert client.post("/v1/pause").json()["paused"] is True
    assert client.post("/v1/resume").json()["paused"] is False
    assert problem(client.post("/v1/agents/sails/pause")) == "unknown-name"


def test_the_tag_of_the_state_changes_only_with_the_board(served: Served) -> None:
    client = served.client("read")
    first = client.get("/v1/status")
    served.clock.advance(timedelta(seconds=1))
    same = client.get("/v1/status", headers={"If-None-Match": first.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    served.board.deposit("lead", subject="lead/1")
    assert client.get("/v1/status", headers={"If-None-Match": first.headers["etag"]}).status_code == 200


@pytest.mark.processes  # a query of the server runs in a process
@pytest.mark.file_only("the queries are in the SQL of SQLite")
def test_sql_reads_and_only_reads(served: Served) -> None:
    client = served.client("sql")
    served.board.deposit("lead", subject="lead/1")
    served.board.deposit("lead", subject="lead/2")
    rows = client.post("/v1/sql", json={"sql": "select subject, 9e999 as n from live_marks order by id", "limit": 1})
    assert (rows.json(), rows.headers["blackboard-more"]) == ([{"subject": "lead/1", "n": "inf"}], "true")
    table = {"sql": "select subject, subject from live_marks where id = :id", "parameters": {"id": 2}, "table": True}
    assert client.post("/v1/sql", json=table).json() == {
        "columns": ["subject", "subject"], "rows": [["lead/2", "lead/2"]], "has_more": False
    }  # fmt: skip
    assert problem(client.post("/v1/sql", json={"sql": "select ?", "parameters": [2**70]})) == "invalid-query"
    assert problem(client.post("/v1/sql", json={"sql": "delete from mark"})) == "invalid-query"
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"
    assert problem(client.post("/v1/sql", json={"sql": endless, "seconds": 0.2})) == "query-stopped"


@pytest.mark.file_only("a server does not stop statements within the first millisecond")
def test_the_reading_of_a_request_has_a_time_limit(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    served.board.deposit_many(Deposit("note", f"n/{number}", {"text": "rain"}) for number in range(500))
    client = served.client("read")
    for path in ("/v1/search?text=rain&faded=true", "/v1/marks?limit=1000", "/v1/status", "/v1/subjects?limit=500"):
        assert client.get(path).status_code == 200
        with monkeypatch.context() as patched:
            patched.setattr(api_routes, "MAX_READING_TIME", Microseconds(1))
            assert problem(client.get(path)) == "query-stopped", path
    assert client.get("/v1/search?text=rain").status_code == 200


@pytest.fixture
def telling(served: Served) -> Served:
    """Return a server with three messages that wait: 1, 2 and 3."""
    board = served.board
    board.deploy(board.deployment.model_copy(update={"sinks": {"phone": SinkSpec(on=("mark:lead",))}}))
    for number in range(3):
        board.deposit("lead", subject=f"lead/{number}", payload={"company": "Acme"})
    return served


def test_messages_to_people_outside_are_listed_and_shown(telling: Served) -> None:
    reader = telling.client("read")
    first = reader.get("/v1/outbox", params={"limit": 2, "state": "waiting"})
    assert [item["subject"] for item in first.json()] == ["lead/2", "lead/1"]
    assert [item["subject"] for item in reader.get(first.links["next"]["url"]).json()] == ["lead/0"]
    assert reader.get("/v1/outbox/1").json()["data"]["payload"]["company"] == "Acme"
    assert reader.get("/v1/status").json()["sinks"][0]["waiting"] == 3


def test_a_redacted_message_names_no_subject_and_no_payload(telling: Served) -> None:
    shown = telling.client("read-redacted").get("/v1/outbox/1").json()
    assert (shown["topic"], shown["sink"], shown["state"], shown["data"]) == ("mark:lead", "phone", "waiting", {})
    assert "Acme" not in str(shown)
    assert "lead/" not in str(shown)


def test_a_message_is_given_up_and_sent_again(telling: Served) -> None:
    operator = telling.client("operate")
    assert operator.post("/v1/outbox/1/discard", json={}).json()["state"] == "discarded"
    assert problem(operator.post("/v1/outbox/1/discard", json={})) == "not-possible"
    assert operator.post("/v1/outbox/1/retry", json={}).json()["state"] == "waiting"
    assert problem(operator.post("/v1/outbox/9/retry", json={})) == "not-found"
    assert problem(telling.client("read").post("/v1/outbox/1/retry", json={})) == "not-allowed"


def test_many_messages_are_given_up_or_sent_again_together(telling: Served) -> None:
    operator = telling.client("operate")
    assert problem(telling.client("read").post("/v1/outbox/discard", json={})) == "not-allowed"
    assert problem(operator.post("/v1/outbox/retry", json={"sink": "fax"})) == "unknown-name"
    assert problem(operator.post("/v1/outbox/retry", json={"state": "delivered"})) == "invalid"
    assert operator.post("/v1/outbox/retry", json={"state": "failed"}).json() == {"ids": [], "state": "waiting"}
    assert operator.post("/v1/outbox/discard", json={}).json() == {"ids": [3, 2, 1], "state": "discarded"}


def test_an_explanation_is_about_a_group(served: Served) -> None:
    client = served.client("read")
    for number in range(2):
        served.board.deposit("note", subject=f"n/{number}", payload={"topic": "rain"})
    asked = client.get("/v1/agents/listener/explanation", params={"group": "rain"})
    assert asked.json()["watches"][0]["group"] == "rain", asked.text
    assert problem(client.get("/v1/agents/sales/explanation", params={"group": "rain"})) == "invalid"
    withheld = served.client("read-redacted").get("/v1/agents/listener/explanation", params={"group": "rain"})
    assert problem(withheld) == "withheld"


def test_people_and_administrators_have_their_operations(served: Served) -> None:
    client = served.client("admin", "read", "answer", "operate")
    served.board.deposit("lead", subject="lead/1")
    for number in range(3):
        served.board.deposit(Need(subject=f"lead/{number}", question="and then?"))
    assert [len(page) for page in pages(client, "/v1/inbox", limit=2)] == [2, 1]
    assert {"engine", "schema", "answers"} <= {item["name"] for item in client.get("/v1/doctor").json()["findings"]}
    assert [item["version"] for item in client.get("/v1/deployments").json()] == [1]
    assert client.post("/v1/forget", json={"subject": "lead/1"}).json()["live"] == 2
    kinds = {kind["name"]: kind for kind in client.get("/v1/kinds").json()}
    assert kinds["lead"]["payload_schema"]["properties"]["company"]["type"] == "string"
    assert client.get("/v1/kinds/lead").json() == kinds["lead"]
    assert client.post("/v1/activations/retry", json={"agent": "sales"}).json() == {"ids": [], "state": "ready"}
    assert problem(client.post("/v1/model-calls/7/cost", json={"usd": 1})) == "not-found"


@pytest.mark.parametrize(
    ("method", "path", "body", "name"),
    [
        ("GET", "/v1/nothing", None, "not-found"),
        ("PUT", "/v1/marks", None, "wrong-method"),
        ("GET", "/v1/marks/many", None, "wrong-method"),
        ("GET", "/v1/marks/99999999999999999999", None, "invalid"),
        ("GET", "/v1/marks?limit=0", None, "invalid"),
        ("GET", "/v1/marks?colour=red", None, "invalid"),
        ("GET", "/v1/marks?kind=a&kind=b", None, "invalid"),
        ("GET", "/v1/marks?cursor=AAAA", None, "invalid"),
        ("GET", "/v1/marks?at=yesterday", None, "invalid"),
        ("GET", "/v1/marks?kind=leed", None, "unknown-name"),
        ("GET", "/v1/search", None, "invalid"),
        ("GET", "/v1/search?text=a&limit=1001", None, "invalid"),
        ("GET", "/v1/search?text=" + "a" * 2001, None, "invalid"),
        ("GET", "/v1/search?text=a&kind=lead", None, "invalid"),
        ("GET", "/v1/search?text=a&kind=leed", None, "unknown-name"),
        ("GET", "/v1/search?text=a&tag=colour%3Dred", None, "unknown-name"),
        ("GET", "/v1/search?text=rain+AND&raw=true", None, "invalid-search"),
        ("POST", "/v1/marks", b"{", "invalid-request"),
        ("POST", "/v1/marks", b"[" * 10_000, "invalid-request"),
        ("POST", "/v1/marks", b'{"kind": "lead", "subject": "\\ud800"}', "invalid-request"),
        ("POST", "/v1/marks", b'{"kind": "lead", "subject": "s", "intensity": "1"}', "invalid"),
        ("POST", "/v1/marks", b'{"kind": "lead", "subject": "s", "payload": {"other": 1}}', "invalid-mark"),
        ("POST", "/v1/marks", b'{"kind": "lead", "subject": "s", "decay": "sometimes"}', "invalid"),
        ("POST", "/v1/marks", b'{"kind": "lead", "subject": "s", "if_event": 9}', "conflict"),
        ("POST", "/v1/marks", b'{"kind": "lead", "subject": "s", "author": "person:eve"}', "invalid"),
        ("POST", "/v1/marks/many", b'{"marks": [{"kind": "lead", "subject": "s", "author": "eve"}]}', "invalid"),
    ],
)
def test_a_mistake_is_a_problem_of_a_stable_type(
    served: Served, method: str, path: str, body: bytes | None, name: str
) -> None:
    client = served.client("read", "deposit")
    headers = {} if body is None else {"Content-Type": "application/json"}
    response = client.request(method, path, content=body, headers=headers)
    assert problem(response) == name, response.text


def test_every_type_of_problem_is_documented() -> None:
    text = (ROOT / "docs/server.md").read_text("utf-8")
    section = text.partition("## Problems")[2].partition("\n## ")[0]
    documented = dict(re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", section, re.MULTILINE))
    assert documented == {name: str(kind.status) for name, kind in http_problems.PROBLEM_TYPES.items()}


def test_every_operation_is_documented(served: Served) -> None:
    text = (ROOT / "docs/server.md").read_text("utf-8")
    section = text.partition("## Operations")[2].partition("\n## ")[0]
    documented = set(re.findall(r"^\| `([A-Z]+ /v1/\S+)` \| `([a-z]+)` \|", section, re.MULTILINE))
    document = served.client().get("/v1/openapi.json").json()
    described = {
        (f"{method.upper()} {path}", re.search(r"`(\w+)`", operation["description"])[1])  # type: ignore[index]
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert documented == described


def test_the_page_for_people_fetches_nothing(served: Served) -> None:
    response = served.client().get("/v1/docs")
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert not re.search(r"<script|<link|<img|src=|@import|url\(", response.text)
    assert set(re.findall(r'href="([^"]*)"', response.text)) == {"/v1/openapi.json"}
    assert "/v1/marks/{id}/reinforce" in response.text


SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"


LINES = """
import json
import schemathesis

@schemathesis.serializer("application/x-ndjson")
def lines(context, value):
    return json.dumps(value).encode() + b"\\n"
"""
"""How schemathesis writes a body of a deposit in bulk."""


def walk(description: str, url: str, token: str, folder: Path, *words: str) -> None:
    """Let schemathesis send each operation what a description allows, and what it does not allow."""
    (folder / "lines.py").write_text(LINES)
    done = subprocess.run(
        [SCHEMATHESIS, "run", description, "--url", url, "-H", f"Authorization: Bearer {token}", "--phases", "fuzzing",
         "--generation-deterministic", "--exclude-checks", "positive_data_acceptance", "--no-color",
         "--request-timeout", str(BOUND_SECONDS), *words],
        cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "SCHEMATHESIS_HOOKS": "lines"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:]


@pytest.mark.processes
@pytest.mark.skipif(not SCHEMATHESIS.exists(), reason="needs schemathesis")
def test_every_operation_keeps_to_its_description(served: Served, tmp_path: Path) -> None:
    served.board.deposit("lead", subject="lead/1")
    served.board.deposit(Need(subject="lead/1", question="and then?"))
    token = served.board.create_token("all", may=["read", "deposit", "answer", "operate", "sql", "admin"])
    left_out = ("--exclude-path", "/v1/marks/bulk", "--exclude-path", "/v1/events")  # the next test has these
    walk(f"{served.url}/v1/openapi.json", served.url, token, tmp_path, "--max-examples", "1", *left_out)


@pytest.mark.processes
@pytest.mark.skipif(not SCHEMATHESIS.exists(), reason="needs schemathesis")
def test_bulk_deposits_and_streams_keep_to_their_description(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that is not valid is reported in a response with 200. A stream has no end: here, it has a beginning."""
    original = EventStreams.open

    async def begin(hub: EventStreams, caller: Caller, choice: StreamChoice) -> AsyncIterator[bytes]:
        texts = await original(hub, caller, choice)

        async def first() -> AsyncIterator[bytes]:
            async with aclosing(texts):
                yield await anext(texts)

        return first()

    monkeypatch.setattr(EventStreams, "open", begin)
    token = served.board.create_token("both", may=["read", "deposit"])
    only = ("--include-path", "/v1/marks/bulk", "--include-path", "/v1/events", "--mode", "positive")
    walk(f"{served.url}/v1/openapi.json", served.url, token, tmp_path, "--max-examples", "20", *only)
    figures = served.client(token=token).get("/metrics").text
    answered = dict(re.findall(r'http_requests_total\{operation="(\w+)",status="200"\} (\d+)', figures))
    assert {"deposit_bulk", "events"} <= answered.keys()


@pytest.mark.processes
@pytest.mark.skipif(not SCHEMATHESIS.exists(), reason="needs schemathesis")
def test_the_operations_of_workers_keep_to_their_description_up_to_their_end(served: Served, tmp_path: Path) -> None:
    """The description is narrowed to names and ids that exist, because by chance nothing would be claimed or ended."""
    deploy_remote(served.board)
    for number in range(20):
        served.board.deposit("lead", subject=f"lead/{number}")
    token = served.board.create_token("worker", may=["claim:review", "read"])
    worker = served.client(token=token)
    claimed = [worker.post("/v1/agents/review/claims").json()["id"] for _ in range(6)]
    document = worker.get("/v1/openapi.json").json()
    document["paths"] = {
        path: methods for path, methods in document["paths"].items() if "`claim`" in str(methods) and "{agent}" in path
    }
    names = [methods["post"]["operationId"] for methods in document["paths"].values()]
    for number, methods in enumerate(document["paths"].values()):  # each has its runs, so that none ends another's
        known = {"agent": ["review"], "wait": ["0s", "10ms"], "lease": ["5m"], "id": claimed[2 * number - 2 :][:2]}
        for parameter in methods["post"]["parameters"]:
            parameter["schema"] = {"enum": known[parameter["name"]]}
    for shape in ("HeartbeatFields", "ResultFields", "FailureFields"):
        document["components"]["schemas"][shape]["properties"]["fence"] = {"enum": [1]}
    (tmp_path / "claims.json").write_text(json.dumps(document))
    walk("claims.json", served.url, token, tmp_path, "--max-examples", "20", "--mode", "positive")
    figures = worker.get("/metrics").text
    answered = set(re.findall(r'http_requests_total\{operation="(\w+)",status="(\d+)"\}', figures))
    assert names == ["claim", "heartbeat", "finish", "fail"]
    assert {(name, "200") for name in names} <= answered, answered
    assert not [name for name, status in answered if status == "500"]
    states = {record.state for record in served.board.activations(limit=100)}
    assert {"done", "ready"} <= states
