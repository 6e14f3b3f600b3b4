"""Access: tokens, scopes, withheld texts, hosts, origins, and the number of requests."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from blackboard import Blackboard, ModelUsage, Need, Receipt
from blackboard.core.specs.sink_spec import SinkSpec
from blackboard.core.token_scopes import Scopes
from blackboard.errors import InvalidAuthor, NotFound, UsageError
from blackboard.server.access.response_redaction import Redaction
from tests.server.http_steps import LEAD, filled, problem
from tests.support.file_boards import path_of
from tests.support.served_board import Served, review, serve

SECRETS = ("Sesame", "sesame/1", "sésame")
"""Words that only depositors have written."""


def test_without_a_valid_token_nothing_is_told(served: Served) -> None:
    served.board.deposit("lead", subject="lead/1")
    for client, name in (
        (served.client(), "no-token"),
        (served.client(token="blackboard_wrong"), "invalid-token"),
        (served.client(token="x" * 5000), "no-token"),
    ):
        response = client.get("/v1/marks")
        assert (response.status_code, problem(response)) == (401, name)
        assert response.headers["www-authenticate"] == "Bearer"
        assert "lead" not in response.text


def test_a_token_ends_at_once_when_it_is_revoked_and_in_time_when_it_expires(served: Served) -> None:
    revoked = served.client(token=served.board.create_token("a", may=["read"]))
    expiring = served.client(token=served.board.create_token("b", may=["read"], expires="1h"))
    assert (revoked.get("/v1/marks").status_code, expiring.get("/v1/marks").status_code) == (200, 200)
    served.board.revoke_token("a")
    assert problem(revoked.get("/v1/marks")) == "invalid-token"
    served.clock.advance(timedelta(hours=1))
    assert problem(expiring.get("/v1/marks")) == "invalid-token"
    assert [(token.name, token.state) for token in served.board.tokens()] == [("a", "revoked"), ("b", "expired")]


def test_the_board_keeps_no_token_and_each_name_stands_for_one(served: Served) -> None:
    token = served.board.create_token("a", may=["read"])
    [stored] = served.board.query("SELECT * FROM access_token WHERE name = 'a'")
    assert token not in repr(stored)
    if (path := path_of(served.board)) is not None:
        files = b"".join(file.read_bytes() for file in path.parent.glob("board.db*") if file.is_file())
        assert token.encode() not in files
    with pytest.raises(UsageError, match="revoke it first"):
        served.board.create_token("a", may=["read"])
    served.board.revoke_token("a")
    with pytest.raises(NotFound):
        served.board.revoke_token("a")
    assert served.board.create_token("a", may=["read"]) != token
    with pytest.raises(InvalidAuthor):
        served.board.create_token("c", may=["read"], author="sales")


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "allows nothing"),
        (["reed"], "did you mean 'read'"),
        (["claim"], "write claim:AGENT"),
        (["read:lead"], "write read"),
        (["deposit:"], "write deposit"),
        (["deposit:lead:a b"], "without spaces"),
        (["read", "read-redacted"], "exclude each other"),
        (["read-redacted", "sql"], "exclude each other"),
        (["claim:sales", "answer"], "exclude each other"),
    ],
)
def test_scopes_that_make_no_sense_are_refused(texts: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Scopes(texts)


def test_a_deposit_is_limited_to_a_kind_and_to_subjects(served: Served) -> None:
    client = served.client("deposit:lead:lead/*")
    assert client.post("/v1/marks", json=LEAD).status_code == 200
    refused = [
        client.post("/v1/marks", json={**LEAD, "subject": "elsewhere"}),
        client.post("/v1/marks", json={**LEAD, "kind": "reply", "payload": {}}),
        client.post("/v1/marks/many", json={"marks": [LEAD, {**LEAD, "subject": "elsewhere"}]}),
        client.get("/v1/marks"),
        client.post("/v1/sql", json={"sql": "select 1"}),
        client.post("/v1/pause", json={}),
        client.post("/v1/forget", json={"subject": "lead/1"}),
    ]
    other = served.board.deposit("lead", subject="elsewhere")
    refused += [
        client.delete(f"/v1/marks/{other.mark_id}"),
        client.post(f"/v1/marks/{other.mark_id}/reinforce", json={"by": 1}),
    ]
    assert {(response.status_code, problem(response)) for response in refused} == {(403, "not-allowed")}
    assert client.delete("/v1/marks/1").status_code == 200
    assert len(served.board.marks()) == 1


def test_only_a_person_decides(served: Served) -> None:
    need = served.board.deposit(Need(subject="lead/1", question="and then?"))
    decision = {"kind": "decision", "subject": "lead/1", "payload": {"answer": "yes", "need": need.mark_id}}
    machine, person = served.client("deposit"), served.client("answer", author="person:bo")
    assert problem(machine.post(f"/v1/inbox/{need.mark_id}/answer", json={"text": "yes"})) == "not-allowed"
    assert problem(machine.post("/v1/marks", json=decision)) == "not-allowed"
    answered = person.post(f"/v1/inbox/{need.mark_id}/answer", json={"text": "yes"}).json()
    assert (answered["need_id"], served.board.mark(answered["mark_id"]).author) == (need.mark_id, "person:bo")


def test_a_token_is_used_only_so_often(board_url: str) -> None:
    with serve(board_url, requests_per_second=2) as served:
        busy, other = served.client("read"), served.client("read")
        answers = [busy.get("/v1/marks") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert (problem(answers[2]), answers[2].headers["retry-after"]) == ("too-many-requests", "1")
        assert other.get("/v1/marks").status_code == 200
        served.clock.advance(timedelta(seconds=1))
        assert busy.get("/v1/marks").status_code == 200


def secrets_on(board: Blackboard) -> list[Receipt]:
    """Put words on a board that a redacted token must not read: in subjects, payloads, needs and reasons."""
    receipts = [
        board.deposit("lead", subject="sesame/1", payload={"company": "Sesame"}),
        board.deposit("lead", subject="sésame", payload={"company": "Sesame Ltd"}, intensity=0.1),
        board.deposit(Need(subject="sesame/1", question="open Sesame?", options=("Sesame", "no"), detail="Sesame")),
    ]
    spec = review.spec.model_copy(update={"remote": True, "code": None})
    agents = {**board.deployment.agents, "review": spec}
    sinks = {"phone": SinkSpec(on=("mark:lead", "need"))}
    board.deploy(board.deployment.model_copy(update={"agents": agents, "sinks": sinks}))
    board.deposit("lead", subject="sesame/2", payload={"company": "Sesame Sons"})
    worker = board.as_author("worker")
    if (claimed := worker.claim("review")) is not None:
        worker.fail(claimed.id, "the door said Sesame", retry=False, usage=[ModelUsage(model="small", usd=0.01)])
    board.pause("counter", "Sesame is away")
    board.assign(receipts[2].mark_id, "Sesame")
    return receipts


def operations(client: httpx2.Client) -> list[tuple[str, str, dict[str, Any]]]:
    document = client.get("/v1/openapi.json").json()
    return [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_a_redacted_token_reads_no_word_of_a_depositor(served: Served) -> None:
    secrets_on(served.board)
    client = served.client("read-redacted")
    told = set()
    for method, path, operation in operations(client):
        if "text/event-stream" in operation["responses"]["200"]["content"]:
            continue  # it has no end; test_events.py reads it
        address = filled(path)
        response = client.request(method, address, json=None if method == "GET" else {})
        if (
            "`read`" in operation["description"]
        ):  # whatever it reads is there, so that nothing is withheld only because it is missing
            allowed = response.status_code == 200 or problem(response) == "withheld"
            assert allowed or operation["operationId"] == "search", (path, response.text)
        assert response.status_code != 500
        text = response.text.replace(served.url, "")
        assert not any(word.lower() in text.lower() for word in SECRETS), (path, text)
        assert not any(json.dumps(word)[1:-1] in text for word in SECRETS), (path, text)
        if response.status_code == 200:
            told.add(operation["operationId"])
        else:
            assert response.status_code in (403, 404, 415, 422), (path, response.text)
    assert {"marks", "mark", "agenda", "agents", "inbox", "status", "doctor", "explain", "costs", "kinds"} <= told
    assert {"activations", "activation", "outbox", "outbox_message"} <= told
    assert not told & {"subjects", "history", "sql", "deposit", "forget", "answer"}


SCOPES = ("read", "deposit", "answer", "operate", "sql", "admin", "claim:sales")


def test_every_operation_needs_its_scope_and_a_token_that_is_valid(served: Served) -> None:
    tokens = {scope: served.board.create_token(scope, may=[scope]) for scope in SCOPES}
    revoked = served.board.create_token("revoked", may=["read", "deposit"])
    served.board.revoke_token("revoked")
    expired = served.board.create_token("old", may=["read", "deposit"], expires="1s")
    served.clock.advance(timedelta(seconds=1))
    client = served.client()
    for method, path, operation in operations(client):
        needed = re.search(r"`(\w+)`", operation["description"])[1]  # type: ignore[index]
        address = filled(path)
        media = next(iter(operation.get("requestBody", {}).get("content", {})), None)

        def ask(token: str | None, media: str | None = media, method: str = method, address: str = address) -> str:
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            if media is not None:
                headers["Content-Type"] = media
            answer = client.request(method, address, content=None if media is None else b"{}", headers=headers)
            assert answer.status_code in (401, 403), (method, address, answer.text)
            return problem(answer)

        assert ask(None) == "no-token"
        assert {ask("blackboard_wrong"), ask(revoked), ask(expired)} == {"invalid-token"}
        allowed = {"deposit", "answer"} if needed == "deposit" else {needed, f"{needed}:sales"}
        assert {ask(tokens[scope]) for scope in SCOPES if scope not in allowed} == {"not-allowed"}


def test_a_subject_has_one_name_where_it_is_withheld(served: Served) -> None:
    first, second, _ = secrets_on(served.board)
    client, reader = served.client("read-redacted"), served.client("read")
    names = {mark["id"]: mark["subject"] for mark in client.get("/v1/marks").json()}
    assert names[first.mark_id] != names[second.mark_id]
    assert client.get("/v1/agenda").json()[0]["subject"] == names[first.mark_id]
    assert not any(word in "".join(names.values()) for word in SECRETS)
    for parameters in ({"subject": "sesame/1"}, {"tag": "company=Sesame"}):
        assert problem(client.get("/v1/marks", params=parameters)) == "withheld"
        assert reader.get("/v1/marks", params=parameters).status_code == 200
    assert problem(client.get("/v1/agents/sales/explanation", params={"subject": "sesame/1"})) == "withheld"
    assert problem(client.get("/v1/search", params={"text": "sesame"})) == "withheld"


def test_an_error_tells_a_redacted_token_no_answer(served: Served) -> None:
    board = served.board
    need = board.deposit(Need(subject="sesame/1", question="who?"))
    board.answer(need.mark_id, "Sesame")
    for scope in ("operate", "answer"):
        for act, body in (("assign", {"assignee": "eve"}), ("answer", {"text": "no"})):
            path = f"/v1/inbox/{need.mark_id}/{act}"
            redacted = served.client("read-redacted", scope).post(path, json=body)
            assert "Sesame" not in redacted.text
            open_one = served.client("read", scope).post(path, json=body)
            if open_one.status_code != 403:
                assert (redacted.status_code, "Sesame" in open_one.text) == (404, True)


def test_a_redacted_token_sees_what_kind_of_mistake_a_line_has(served: Served) -> None:
    client = served.client("read-redacted", "deposit")
    answer = client.post("/v1/marks/bulk", content=b'{"kind": "led"}', headers={"Content-Type": "application/x-ndjson"})
    assert answer.json()["errors"][0]["type"] == "urn:blackboard:problem:invalid"


def test_a_redacted_token_sees_which_fields_are_searched(served: Served) -> None:
    client = served.client("read-redacted")
    assert client.get("/v1/kinds/note").json()["search"] == ["text"]
    assert client.get("/v1/status").json()["searches"][0]["doing"] == ""


def test_a_new_field_is_withheld_until_somebody_names_it() -> None:
    redaction = Redaction("key")
    told = {"payload": {"a": "secret"}, "fresh": "secret", "many": ["secret"], "watches": [{"it": "secret", "id": 7}]}
    assert redaction(told) == {
        "payload": {},
        "fresh": "(withheld)",
        "many": [],
        "watches": [{"it": "(withheld)", "id": 7}],
    }
    assert re.fullmatch(r"subject-[0-9a-f]{20}", redaction({"subject": "s"})["subject"])


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_another_host_is_refused(served: Served, host: str) -> None:
    response = served.client("read").get("/v1/marks", headers={"Host": host})
    assert (response.status_code, problem(response)) == (421, "wrong-host")


def test_pages_of_other_origins_are_refused(served: Served) -> None:
    client = served.client("read", "deposit")
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1", "http://localhost"):
        response = client.post("/v1/marks", json=LEAD, headers={"Origin": origin})
        assert (response.status_code, problem(response)) == (403, "wrong-origin")
    assert client.get("/v1/marks", headers={"Origin": served.url}).status_code == 200


def test_named_hosts_and_origins_are_accepted(board_url: str) -> None:
    with serve(board_url, hosts=("board.example.org",), origins=("https://page.example",)) as served:
        client = served.client("read")
        headers = {"Host": "board.example.org:443", "Origin": "https://page.example"}
        assert client.get("/v1/marks", headers=headers).status_code == 200


def test_a_prefix_of_a_proxy_is_in_links_only_behind_a_proxy(tmp_path: Path) -> None:
    with serve(tmp_path / "a.db", behind_proxy=True) as served:
        client = served.client("read")
        for number in range(3):
            served.board.deposit("lead", subject=str(number))
        response = client.get("/v1/marks", params={"limit": 1}, headers={"X-Forwarded-Prefix": "/boards/one/"})
        assert response.links["next"]["url"].startswith("/boards/one/v1/marks?")
        document = client.get("/v1/openapi.json", headers={"X-Forwarded-Prefix": "/boards/one"}).json()
        assert document["servers"] == [{"url": "/boards/one"}]
        strange = client.get("/v1/openapi.json", headers={"X-Forwarded-Prefix": "//evil.example/<script>"})
        assert strange.json()["servers"] == [{"url": "/"}]
    with serve(tmp_path / "b.db") as served:
        document = served.client().get("/v1/openapi.json", headers={"X-Forwarded-Prefix": "/boards/one"}).json()
        assert document["servers"] == [{"url": "/"}]
