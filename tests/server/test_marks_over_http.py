"""Marks over HTTP: deposits, lists and changes, with keys, cursors and another time."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from blackboard.cli.app import app
from blackboard.cli.entry_point import move_common_first
from blackboard.server.request_batcher import RequestBatcher
from tests.server.http_steps import LEAD, pages, problem
from tests.support.bounds import BOUND_SECONDS
from tests.support.search_checks import embedded
from tests.support.served_board import Served


@pytest.mark.postgresql
def test_a_deposit_is_signed_by_the_token_and_wakes_as_any_other(served: Served) -> None:
    client = served.client("deposit", author="webform")
    receipt = client.post("/v1/marks", json=LEAD)
    assert receipt.json() == {
        "mark_id": 1, "event_id": 1, "outcome": "deposited", "strength": 1.0, "crossed": ["sales"]
    }  # fmt: skip
    assert served.board.mark(1).author == "webform"
    assert [item.agent for item in served.board.agenda()] == ["sales"]


@pytest.mark.parametrize("in_header", [True, False])
def test_a_key_stands_for_one_deposit(served: Served, in_header: bool) -> None:
    client = served.client("deposit")

    def deposit(body: dict[str, Any]) -> httpx2.Response:
        if in_header:
            return client.post("/v1/marks", json=body, headers={"Idempotency-Key": "form-1"})
        return client.post("/v1/marks", json={**body, "key": "form-1"})

    first, again = deposit(LEAD), deposit(LEAD)
    assert again.json()["mark_id"] == first.json()["mark_id"]
    assert again.json()["event_id"] == first.json()["event_id"]
    assert (again.json()["outcome"], again.headers["idempotency-replayed"]) == ("duplicate", "true")
    other = deposit({**LEAD, "subject": "lead/2"})
    assert (other.status_code, problem(other)) == (422, "key-reused")
    assert served.board.status().last_event_id == 1


def test_two_keys_for_one_deposit_are_a_mistake(served: Served) -> None:
    client = served.client("deposit")
    response = client.post("/v1/marks", json={**LEAD, "key": "a"}, headers={"Idempotency-Key": "b"})
    assert (problem(response), response.json()["errors"][0]["place"]) == ("invalid", "body.key")


def test_a_key_that_would_do_nothing_is_refused(served: Served) -> None:
    client = served.client("deposit")
    response = client.post("/v1/marks/many", json={"marks": [LEAD]}, headers={"Idempotency-Key": "once"})
    assert (response.status_code, problem(response)) == (422, "invalid")
    assert response.json()["errors"][0]["place"] == "header.Idempotency-Key"
    assert served.board.marks() == []


def test_an_error_says_which_of_many_marks_it_is_about(served: Served) -> None:
    marks = [LEAD, {"kind": "note", "subject": "n", "payload": {"text": 7}}]
    response = served.client("deposit").post("/v1/marks/many", json={"marks": marks})
    assert (response.status_code, problem(response)) == (422, "invalid-mark")
    assert response.json()["detail"].startswith("item 2 of 2 in its transaction: the payload does not fit")
    assert served.board.marks() == []


def test_many_deposits_are_all_stored_or_none(served: Served) -> None:
    client = served.client("deposit")
    receipts = client.post("/v1/marks/many", json={"marks": [LEAD, {**LEAD, "subject": "lead/2"}]}).json()
    assert [receipt["outcome"] for receipt in receipts] == ["deposited", "deposited"]
    failed = client.post("/v1/marks/many", json={"marks": [{**LEAD, "subject": "lead/3"}, {**LEAD, "kind": "nothing"}]})
    assert (failed.status_code, problem(failed), failed.json()["stored"]) == (404, "unknown-name", 0)
    assert [mark.subject for mark in served.board.marks()] == ["lead/1", "lead/2"]


def test_a_deposit_in_bulk_says_what_became_of_each_line(served: Served) -> None:
    client = served.client("deposit:lead", "deposit:reply:lead/*")
    lines = [json.dumps({**LEAD, "subject": f"lead/{number}", "key": f"k{number}"}) for number in range(1500)]
    lines[7] = "{"
    lines[8] = json.dumps({"kind": "reply", "subject": "elsewhere"})
    lines[9] = json.dumps({"kind": "lead", "subject": ""})
    lines[10] = lines[11]
    lines[12] = ""
    body = "\n".join(lines).encode()
    parts = (body[start : start + 9999] for start in range(0, len(body), 9999))
    result = client.post("/v1/marks/bulk", content=parts, headers={"Content-Type": "application/x-ndjson"}).json()
    assert (result["lines"], result["failed"]) == (1500, 3)
    assert result["outcomes"] == {"deposited": 1495, "duplicate": 1}
    assert [(item["line"], item["type"].rpartition(":")[2]) for item in result["errors"]] == [
        (8, "invalid-request"), (9, "not-allowed"), (10, "invalid-mark")
    ]  # fmt: skip


def test_a_short_deposit_in_bulk_has_the_result_of_each_line(served: Served) -> None:
    client = served.client("deposit")
    until = "2026-01-06T00:00:00Z"
    lines = [
        {**LEAD, "until": until},
        {"kind": "leed", "subject": "lead/2"},
        {"kind": "reply", "subject": "lead/2", "if_event": 7},
    ]
    ndjson = {"Content-Type": "application/x-ndjson"}
    body = "\n\n".join(map(json.dumps, lines)).encode()
    receipt, unknown, conflict = client.post("/v1/marks/bulk?results=true", content=body, headers=ndjson).json()[
        "results"
    ]
    assert (receipt["outcome"], receipt["crossed"]) == ("deposited", ["sales"])
    assert served.board.mark(receipt["mark_id"]).law.startswith("step")
    assert (unknown["line"], unknown["type"].rpartition(":")[2], unknown["name"]) == (3, "unknown-name", "leed")
    assert (conflict["line"], conflict["type"].rpartition(":")[2], conflict["event_id"]) == (5, "conflict", 0)
    many = b"\n".join([json.dumps(LEAD).encode()] * 1001)
    assert problem(client.post("/v1/marks/bulk?results=true", content=many, headers=ndjson)) == "too-large"


def test_each_page_begins_where_the_last_one_ended(served: Served) -> None:
    client = served.client("read")
    for number in range(7):
        served.board.deposit("lead", subject=f"lead/{number}", intensity=1.0 if number < 4 else 0.5 + number / 100)
        served.board.deposit("reply", subject=f"reply/{number}")
        served.clock.advance(timedelta(seconds=7))
    whole = client.get("/v1/marks").json()
    found = pages(client, "/v1/marks", limit=3)
    assert [len(page) for page in found] == [3, 3, 3, 3, 2]
    assert [mark["id"] for page in found for mark in page] == [mark["id"] for mark in whole]
    assert len({mark["as_of"] for page in found for mark in page}) == 1
    past = {"at": whole[0]["as_of"], "limit": 4}
    served.clock.advance(timedelta(minutes=30))
    served.board.withdraw(whole[0]["id"])
    assert [mark["id"] for page in pages(client, "/v1/marks", **past) for mark in page] == [
        mark["id"] for mark in whole
    ]


def test_equally_strong_marks_are_each_on_one_page(served: Served) -> None:
    client = served.client("read")
    for number in range(9):
        served.board.deposit("lead", subject=f"lead/{number}", intensity=0.5 if number in (2, 5) else 0.7)
    whole = [mark.id for mark in served.board.marks("lead")]
    assert whole == [1, 2, 4, 5, 7, 8, 9, 3, 6]
    for limit in (1, 2, 3, 8):
        assert [mark.id for mark in served.board.marks(limit=limit)] == whole[:limit]
        found = pages(client, "/v1/marks", limit=limit)
        assert [mark["id"] for page in found for mark in page] == whole


@pytest.mark.postgresql
def test_pages_stay_whole_while_time_passes_and_marks_change(served: Served) -> None:
    client = served.client("read")
    for number in range(6):
        served.board.deposit("reply", subject=f"reply/{number}", intensity=1 - number / 10)
    first = client.get("/v1/marks", params={"limit": 2})
    served.clock.advance(timedelta(minutes=5))
    served.board.deposit("reply", subject="reply/9")
    second = client.get(first.links["next"]["url"])
    assert [mark["subject"] for mark in second.json()] == ["reply/2", "reply/3"]
    assert second.json()[0]["as_of"] == first.json()[0]["as_of"]


def test_subjects_and_histories_have_pages_and_times(served: Served) -> None:
    client = served.client("read")
    for number in range(5):
        served.board.deposit("lead", subject=f"lead/{number % 3}", payload={"company": str(number)})
        served.clock.advance(timedelta(hours=1))
    assert pages(client, "/v1/subjects", limit=2) == [["lead/0", "lead/1"], ["lead/2"]]
    assert pages(client, "/v1/subjects", prefix="lead/2") == [["lead/2"]]
    events = [event["id"] for page in pages(client, "/v1/history", subject="lead/0", limit=1) for event in page]
    assert events == [event.id for event in served.board.history("lead/0")]
    early = {"at": served.board.history("lead/1")[0].recorded_at.isoformat()}
    assert client.get("/v1/subjects", params=early).json() == ["lead/0", "lead/1"]
    assert len(client.get("/v1/history", params={"subject": "lead/1", **early}).json()) == 1


@pytest.mark.postgresql
def test_marks_are_found_by_kind_subject_and_tag(served: Served) -> None:
    client = served.client("read")
    served.board.deposit("lead", subject="a", payload={"company": "Acme"})
    served.board.deposit("lead", subject="b", payload={"company": "Other"})
    assert [mark["subject"] for mark in client.get("/v1/marks", params={"tag": "company=Acme"}).json()] == ["a"]
    both = client.get("/v1/marks", params=[("tag", "company=Acme"), ("tag", "company=Other"), ("kind", "lead")])
    assert [mark["subject"] for mark in both.json()] == ["a", "b"]
    assert client.get("/v1/marks/1").json()["subject"] == "a"


def test_a_search_ranks_and_filters_as_the_board_does(served: Served) -> None:
    client = served.client("read")
    for subject, text, topic in (("a", "Pricing", "sales"), ("b", "pricing and rain", "support"), ("c", "snow", "x")):
        served.board.deposit("note", subject=subject, payload={"text": text, "topic": topic})

    def subjects(**parameters: Any) -> list[str]:
        return [mark["subject"] for mark in client.get("/v1/search", params=parameters).json()["marks"]]

    answer = client.get("/v1/search", params={"text": "pric*"}).json()
    found = served.board.search("pric*")
    assert (list(answer), answer["exact"], answer["complete"]) == (["exact", "complete", "marks"], True, True)
    assert [mark["id"] for mark in answer["marks"]] == [mark.id for mark in found]
    assert [mark["score"] for mark in answer["marks"]] == list(found.scores)
    assert [mark["relevance"] for mark in answer["marks"]] == list(found.relevances)
    assert subjects(text="pricing", kind="note", tag="topic=support") == ["b"]
    assert (subjects(text="pricing snow"), len(subjects(text="pricing snow", any=True))) == ([], 3)
    excluding = "pricing NOT rain" if embedded(served.board) else "pricing & !rain"
    assert subjects(text=excluding, raw=True) == ["a"]
    served.clock.advance(timedelta(hours=2))
    assert (subjects(text="snow"), subjects(text="snow", faded=True)) == ([], ["c"])


def test_a_search_has_pages(served: Served) -> None:
    client = served.client("read")
    for number in range(5):
        served.board.deposit("note", subject=f"n/{number}", payload={"text": "rain"}, intensity=1 - number / 10)
    found = [[mark["subject"] for mark in page["marks"]] for page in pages(client, "/v1/search", text="rain", limit=2)]
    assert found == [["n/0", "n/1"], ["n/2", "n/3"], ["n/4"]]


@pytest.mark.postgresql
def test_a_mark_is_reinforced_and_withdrawn_at_its_event(served: Served) -> None:
    client = served.client("deposit", "read")
    client.post("/v1/marks", json={**LEAD, "intensity": 0.2})
    receipt = client.post("/v1/marks/1/reinforce", json={"by": 0.5, "if_event": 1}).json()
    assert (receipt["outcome"], receipt["strength"]) == ("reinforced", 0.7)
    stale = client.delete("/v1/marks/1", params={"if_event": 1})
    assert (stale.status_code, problem(stale), stale.json()["event_id"]) == (409, "conflict", receipt["event_id"])
    assert client.delete("/v1/marks/1").json() == {"mark_id": 1, "outcome": "withdrawn"}
    gone = client.get("/v1/marks/1")
    assert (gone.status_code, problem(gone)) == (404, "not-found")


PASSING = {"answers", "file_bytes", "log_bytes"}
"""What the state of the board says of the model, which the command asks itself, and of a file that has changed."""


def test_answers_are_those_of_the_command_line(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blackboard.board.facade.SystemClock", lambda: served.clock)
    client = served.client("read")
    served.board.deposit("lead", subject="lead/1", payload={"company": "Acme"})
    served.board.deposit("need", subject="lead/1", payload={"question": "and then?"})
    compared = {
        ("marks",): "/v1/marks",
        ("history", "lead/1"): "/v1/history?subject=lead/1",
        ("agents",): "/v1/agents",
        ("agenda",): "/v1/agenda",
        ("activations",): "/v1/activations",
        ("inbox",): "/v1/inbox",
        ("costs",): "/v1/costs",
        ("explain", "sales"): "/v1/agents/sales/explanation",
        ("status",): "/v1/status",
    }
    for command, path in compared.items():
        words = [*command, "--json", "--database", served.database]
        printed = json.loads(CliRunner().invoke(app, move_common_first(words)).stdout)
        answered = client.get(path).json()
        if command == ("status",):
            printed, answered = ({n: v for n, v in item.items() if n not in PASSING} for item in (printed, answered))
        assert answered == printed, command


@pytest.mark.postgresql
def test_deposits_at_the_same_time_share_a_transaction_and_no_mistake(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hold the database until all requests wait. One of them is wrong, and one has a number that no database takes."""
    arrived, run = threading.Semaphore(0), RequestBatcher.run

    def noted_run(batcher: RequestBatcher[Any, Any], item: Any) -> Any:
        arrived.release()
        return run(batcher, item)

    monkeypatch.setattr(RequestBatcher, "run", noted_run)
    bodies: list[dict[str, Any]] = [{**LEAD, "subject": f"lead/{number}"} for number in range(20)]
    bodies[3] = {**bodies[3], "payload": {"number": 2**70}}
    bodies[5] = {**bodies[5], "kind": "nothing"}
    tokens = [served.board.create_token(f"t{n}", may=["deposit"], author=f"person:{n}") for n in range(20)]
    clients = [served.client(token=token) for token in tokens]
    served.board.revoke_token("t7")
    with ThreadPoolExecutor(20) as pool, served.board.database.write_lock():
        answers = [pool.submit(clients[n].post, "/v1/marks", json=bodies[n]) for n in range(20)]
        assert all(arrived.acquire(timeout=BOUND_SECONDS) for _ in answers)
    results = [answer.result(BOUND_SECONDS) for answer in answers]
    refused = {n: problem(result) for n, result in enumerate(results) if result.status_code != 200}
    assert {n: refused[n] for n in (5, 7)} == {5: "unknown-name", 7: "invalid-token"}
    assert refused.keys() - {3} == {5, 7}
    authors = {mark.subject: mark.author for mark in served.board.marks("lead")}
    assert authors | {"lead/1": "person:1"} == authors
    assert authors["lead/19"] == "person:19"
    assert len(served.board.marks()) == 20 - len(refused)
