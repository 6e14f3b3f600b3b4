"""Scents on the wire: their streams, their leases, who may have them, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from blackboard.server.sbp.scents import stored_scents
from tests.support.event_client import Received, parse
from tests.support.served_board import Served

CONDITION = {"type": "threshold", "trail": "t", "signal_type": "e", "aggregation": "any", "operator": ">=", "value": 1}
SCENT = {"scent_id": "s", "condition": CONDITION, "trigger_mode": "edge_rising"}
WITHOUT = {
    "condition": {"type": "composite", "operator": "not", "conditions": [CONDITION]}, "trigger_mode": "edge_rising"
}  # fmt: skip
EMISSION = {"trail": "t", "type": "e", "intensity": 0.5, "decay": {"type": "immortal"}}
STREAM = {"Accept": "text/event-stream"}


def call(client: httpx2.Client, method: str, parameters: dict[str, Any], session: str = "one") -> dict[str, Any]:
    body = {"jsonrpc": "2.0", "id": 1, "method": f"sbp/{method}", "params": parameters}
    answer: dict[str, Any] = client.post("/sbp", json=body, headers={"Sbp-Session-Id": session}).json()
    return answer


@contextmanager
def listening(client: httpx2.Client, session: str = "one", last_id: str = "") -> Iterator[Iterator[Received]]:
    headers = {**STREAM, "Sbp-Session-Id": session} | ({"Last-Event-ID": last_id} if last_id else {})
    with client.stream("GET", "/sbp", headers=headers) as response:
        response.raise_for_status()
        assert response.headers["sbp-session-id"] == session
        events = parse(response.iter_lines())
        connected = next(events)
        assert (connected.event, connected.data["session_id"]) == ("connected", session)
        yield events


def test_a_trigger_is_a_message_whose_id_is_its_event(sbp_served: Served) -> None:
    client = sbp_served.client()
    call(client, "register_scent", SCENT)
    with listening(client) as events:
        client.post("/emit", json=EMISSION)
        told = next(events)
    assert told.event == "message"
    assert (told.data["jsonrpc"], told.data["method"]) == ("2.0", "sbp/trigger")
    assert told.data["params"]["scent_id"] == "s"
    [mark] = sbp_served.board.marks("sbp_trigger")
    assert (int(told.id), mark.author) == (mark.event_id, "sbp")


def test_a_stream_without_a_last_event_begins_where_its_session_asked(sbp_served: Served) -> None:
    client = sbp_served.client()
    call(client, "register_scent", SCENT)
    call(client, "register_scent", {**SCENT, "scent_id": "elsewhere"}, session="two")
    client.post("/emit", json=EMISSION)
    with listening(client, "two") as events:  # the trigger is certainly there
        assert next(events).data["params"]["scent_id"] == "elsewhere"
    with listening(client) as events:
        first = next(events)
    with listening(client, last_id=str(int(first.id) - 1)) as events:
        assert next(events) == first


def test_a_stream_needs_its_media_type_and_a_head_of_it_ends(sbp_served: Served) -> None:
    client = sbp_served.client()
    refused = client.get("/sbp", headers={"Accept": "application/json"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (406, -32600)
    assert client.head("/sbp", headers=STREAM).status_code == 200
    with client.stream("GET", "/sbp", headers={**STREAM, "Origin": sbp_served.url}) as response:
        assert response.status_code == 401


def test_a_scent_lives_as_long_as_its_subscriber_renews_it(sbp_served: Served) -> None:
    client = sbp_served.client()
    call(client, "register_scent", SCENT)
    assert call(client, "register_scent", SCENT)["result"]["status"] == "updated"
    sbp_served.clock.advance(timedelta(minutes=9))
    call(client, "subscribe", {"scent_id": "s"})
    sbp_served.clock.advance(timedelta(minutes=9))
    assert call(client, "inspect", {"include": ["stats"]})["result"]["stats"]["total_scents"] == 1
    sbp_served.clock.advance(timedelta(minutes=2))
    assert call(client, "inspect", {"include": ["scents"]})["result"]["scents"] == []
    assert call(client, "subscribe", {"scent_id": "s"})["error"]["code"] == -32002
    assert call(client, "register_scent", SCENT)["result"]["status"] == "registered"


def test_an_open_stream_renews_the_scents_of_its_session(sbp_served: Served) -> None:
    client = sbp_served.client()
    call(client, "register_scent", SCENT)
    call(client, "register_scent", {**SCENT, "scent_id": "left"}, session="gone")
    with listening(client) as events:
        for turn in ("first", "second", "third"):
            sbp_served.clock.advance(timedelta(minutes=6))
            client.post("/emit", json=EMISSION)  # the commit is noticed
            _await_trigger(events, "s")
            client.request("POST", "/sbp", json={"jsonrpc": "2.0", "id": 1, "method": "sbp/evaporate"})
            # A new scent fires after the pheromone is gone. So "s" has been measured without it, and may fire again.
            call(client, "register_scent", {**WITHOUT, "scent_id": turn})
            _await_trigger(events, turn)
    names = [scent["scent_id"] for scent in call(client, "inspect", {"include": ["scents"]})["result"]["scents"]]
    assert "s" in names
    assert "left" not in names


def _await_trigger(events: Iterator[Received], scent_id: str) -> None:
    """Wait until a scent fires. Others may fire before it: each commit is measured by itself, or with the next ones."""
    while next(events).data["params"]["scent_id"] != scent_id:
        pass


def test_a_scent_that_is_registered_again_fires_again_if_its_condition_is_met(sbp_served: Served) -> None:
    client = sbp_served.client()
    client.post("/emit", json=EMISSION)
    with listening(client) as events:
        for _ in range(3):
            call(client, "register_scent", SCENT)
            assert next(events).data["params"]["scent_id"] == "s"


def test_a_scent_belongs_to_its_author_and_needs_two_scopes(sbp_served: Served) -> None:
    ada, eve = sbp_served.client("read", "deposit", author="ada"), sbp_served.client("read", "deposit", author="eve")
    assert call(ada, "register_scent", SCENT)["result"]["status"] == "registered"
    for method in ("register_scent", "subscribe", "unsubscribe", "deregister_scent"):
        parameters = SCENT if method == "register_scent" else {"scent_id": "s"}
        assert call(eve, method, parameters)["error"]["code"] == -32005
    assert call(sbp_served.client("read"), "register_scent", SCENT)["error"]["code"] == -32005
    assert call(sbp_served.client("deposit"), "register_scent", SCENT)["error"]["code"] == -32005
    assert call(ada, "unsubscribe", {"scent_id": "s"})["result"] == {"unsubscribed": "s"}
    assert call(ada, "unsubscribe", {"scent_id": "unknown"})["result"] == {"unsubscribed": "unknown"}


def test_the_stream_of_a_revoked_token_ends(sbp_served: Served) -> None:
    client = sbp_served.client("read", "deposit")
    call(client, "register_scent", SCENT)
    with listening(client) as events:
        sbp_served.board.revoke_token("token 1")
        assert list(events) == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"agent_endpoint": "https://example.org/hook"}, -32602),
        ({"condition": {"type": "nonsense"}}, -32006),
        ({"scent_id": ""}, -32602),
        ({"trigger_mode": "sometimes"}, -32602),
        ({"cooldown_ms": -1}, -32602),
    ],
)
def test_a_scent_that_cannot_be_carried_is_refused(sbp_served: Served, fields: dict[str, Any], code: int) -> None:
    error = call(sbp_served.client(), "register_scent", {**SCENT, **fields})["error"]
    assert error["code"] == code
    assert json.dumps(error["data"]) != "[]"


def test_the_paths_of_scents_answer_with_the_result_alone(sbp_served: Served) -> None:
    client = sbp_served.client()
    assert client.post("/scents", json={**SCENT, "scent_id": "a/b"}).json()["status"] == "registered"
    assert sbp_served.board.marks("sbp_scent")[0].payload["sessions"] == {}
    assert client.delete("/scents/a/b").json() == {"scent_id": "a/b", "status": "deregistered"}
    assert client.delete("/scents/a/b").json()["status"] == "not_found"


def test_many_sessions_leave_a_scent_as_large_as_before(sbp_served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    client = sbp_served.client()
    monkeypatch.setattr(stored_scents, "MAX_SESSIONS", 5)
    for number in range(stored_scents.MAX_SESSIONS + 5):
        call(client, "register_scent", SCENT, session=f"session-{number}")
    [mark] = sbp_served.board.marks("sbp_scent")
    sessions = mark.payload["sessions"]
    assert isinstance(sessions, dict)
    assert sessions.keys() == {f"session-{number}" for number in range(5, 10)}, "the sessions that came last stay"
