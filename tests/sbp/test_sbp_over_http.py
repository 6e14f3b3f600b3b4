"""What the protocol says on the wire: envelopes, errors, headers, tokens, and the paths beside /sbp."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from blackboard.errors import InvalidAuthor
from tests.support.bounds import BOUND_SECONDS
from tests.support.served_board import Served, serve
from tests.support.server_process import process, token_for

EMISSION = {"trail": "t", "type": "e", "intensity": 0.5, "decay": {"type": "immortal"}}


def rpc(client: httpx2.Client, method: str, params: Any = None, **headers: str) -> httpx2.Response:
    body = {"jsonrpc": "2.0", "id": 7, "method": method} | ({} if params is None else {"params": params})
    return client.post("/sbp", json=body, headers=headers)


NAN, HUGE, NUL = '{"intensity": NaN}', '{"intensity": 1e999}', '{"trail": "\\u0000", "type": "e", "intensity": 1}'


def text(method: str, parameters: str) -> str:
    return f'{{"jsonrpc": "2.0", "id": 1, "method": "{method}", "params": {parameters}}}'


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("not json{", 400, -32700),
        (text("sbp/emit", NAN), 400, -32700),
        (text("sbp/emit", HUGE), 400, -32700),
        ("[" * 100_000, 400, -32700),
        ('{"id": 1, "method": "sbp/sniff"}', 200, -32600),
        ('{"jsonrpc": "2.0", "method": "sbp/sniff"}', 200, -32600),
        ("[]", 200, -32600),
        (text("sbp/unknown", "{}"), 200, -32601),
        (text("sbp/emit", '{"trail": "", "type": "e", "intensity": 1}'), 200, -32602),
        (text("sbp/emit", "[1]"), 200, -32602),
        (text("sbp/emit", NUL), 200, -32602),
    ],
)
def test_a_request_that_cannot_be_served_has_the_code_of_the_protocol(
    sbp_served: Served, body: str, status: int, code: int
) -> None:
    answer = sbp_served.client().post("/sbp", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_an_answer_has_the_id_the_session_and_the_version_of_its_request(sbp_served: Served) -> None:
    client = sbp_served.client()
    first = rpc(client, "sbp/sniff")
    assert (first.json()["id"], first.headers["sbp-protocol-version"]) == (7, "0.2")
    session = first.headers["sbp-session-id"]
    again = rpc(client, "sbp/sniff", **{"Sbp-Session-Id": session, "Sbp-Protocol-Version": "0.1"})
    assert (again.headers["sbp-session-id"], again.headers["sbp-protocol-version"]) == (session, "0.1")
    unknown = rpc(client, "sbp/sniff", **{"Sbp-Protocol-Version": "9.9"})
    assert (unknown.status_code, unknown.headers["sbp-protocol-version"]) == (200, "0.2")


def test_the_other_paths_answer_with_the_result_alone(sbp_served: Served) -> None:
    client = sbp_served.client()
    assert client.post("/emit", json=EMISSION).json()["action"] == "created"
    assert client.post("/sniff", json={}).json()["pheromones"][0]["current_intensity"] == 0.5
    assert [*client.get("/inspect?include=stats").json()] == ["timestamp", "stats"]
    assert client.get("/health").json()["status"] == "ok"
    assert client.get("/health", headers={"Accept": "text/html"}).headers["content-type"].startswith("text/html")
    refused = client.post("/emit", json={**EMISSION, "intensity": 2})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, -32602)
    assert client.post("/rpc", json={"jsonrpc": "2.0", "id": "x", "method": "sbp/sniff"}).json()["id"] == "x"


def test_tags_and_age_choose_pheromones(sbp_served: Served) -> None:
    client = sbp_served.client()
    for type_, tags in (("a", ["urgent", "finance"]), ("b", ["routine"]), ("c", ["urgent", "health"])):
        client.post("/emit", json={**EMISSION, "type": type_, "tags": tags})

    def types(**wanted: Any) -> str:
        found = client.post("/sniff", json=wanted).json()["pheromones"]
        return "".join(sorted(pheromone["type"] for pheromone in found))

    assert types(tags={"any": ["finance", "routine"]}) == "ab"
    assert types(tags={"all": ["urgent", "finance"]}) == "a"
    assert types(tags={"none": ["urgent"]}) == "b"
    assert types(tags={"any": [], "all": [], "none": []}, trails=[], types=[]) == "abc"
    sbp_served.clock.advance(timedelta(seconds=2))
    client.post("/emit", json={**EMISSION, "type": "d"})
    assert types(max_age_ms=1000) == "d"
    assert rpc(client, "sbp/evaporate", {"older_than_ms": 1000}).json()["result"]["evaporated_count"] == 3


@pytest.mark.parametrize("method", ["sbp/evaporate", "sbp/erase"])
@pytest.mark.parametrize("given", [{"trails": ["t"]}, {"trail": "t", "type": "a"}])
def test_a_removal_with_an_unknown_filter_removes_nothing(
    sbp_served: Served, method: str, given: Mapping[str, Any]
) -> None:
    client = sbp_served.client()
    rpc(client, "sbp/emit", {**EMISSION, "unknown": 1})  # here it does no harm
    rpc(client, "sbp/inscribe", {"trail": "t", "key": "k", "value": {}})
    error = rpc(client, method, given).json()["error"]
    assert (error["code"], error["message"]) == (-32602, f"the parameters of {method} are not valid")
    assert error["data"] == [{"path": [*given][-1], "message": "Extra inputs are not permitted"}]
    left = {kind: len(sbp_served.board.marks(kind)) for kind in ("sbp_pheromone", "sbp_trace")}
    assert left == {"sbp_pheromone": 1, "sbp_trace": 1}


def test_off_is_the_default(board_url: str) -> None:
    with serve(board_url) as served:
        assert rpc(served.client("read", "deposit"), "sbp/sniff").status_code == 404


def test_a_token_counts_where_there_is_one(sbp_served: Served) -> None:
    ada = sbp_served.client("read", "deposit:sbp_pheromone:t/*", author="ada")
    assert rpc(ada, "sbp/emit", EMISSION).json()["result"]["action"] == "created"
    assert sbp_served.board.marks("sbp_pheromone")[0].author == "ada"
    refused = rpc(ada, "sbp/emit", {**EMISSION, "trail": "other"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, -32005)
    assert rpc(sbp_served.client("deposit"), "sbp/sniff").status_code == 403
    assert rpc(sbp_served.client("read"), "sbp/evaporate").status_code == 403
    assert rpc(sbp_served.client("read-redacted"), "sbp/sniff").status_code == 403
    invalid = rpc(sbp_served.client(token="nonsense"), "sbp/sniff")
    assert (invalid.status_code, invalid.json()["error"]["code"]) == (401, -32005)


@pytest.mark.parametrize("header", ["Origin", "Sec-Fetch-Site"])
def test_a_page_in_a_browser_needs_a_token_on_this_machine_too(sbp_served: Served, header: str) -> None:
    value = {"Origin": sbp_served.url, "Sec-Fetch-Site": "same-origin"}[header]
    assert rpc(sbp_served.client(), "sbp/sniff", **{header: value}).status_code == 401
    assert rpc(sbp_served.client("read"), "sbp/sniff", **{header: value}).status_code == 200


@pytest.mark.processes
def test_behind_a_proxy_every_program_needs_a_token(tmp_path: Path, board_url: str) -> None:
    with (
        process(
            tmp_path, board_url, "serve", "--listen", "127.0.0.1:0", "--behind-proxy", file="[server]\nsbp = true\n"
        ) as (
            _,
            url,
        ),
        httpx2.Client(base_url=url, timeout=BOUND_SECONDS, trust_env=False) as client,
    ):
        refused = rpc(client, "sbp/sniff")
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, -32005)
        assert client.get("/health").status_code == 200
        assert rpc(client, "sbp/sniff", **token_for(board_url, "read")).status_code == 200


def test_a_program_without_a_token_is_limited_too(board_url: str) -> None:
    with serve(board_url, sbp=True, requests_per_second=1) as served:
        client = served.client()
        assert rpc(client, "sbp/sniff").status_code == 200
        refused = rpc(client, "sbp/sniff")
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, -32004)
        assert int(refused.headers["retry-after"]) >= 1


def test_an_author_that_cannot_sign_is_reported_at_the_start(board_url: str) -> None:
    with pytest.raises(InvalidAuthor), serve(board_url, sbp=True, sbp_author="blackboard"):
        pass


def test_a_body_that_is_too_large_is_refused(sbp_served: Served) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "sbp/emit", "params": {"payload": {"x": "y" * 3_000_000}}})
    answer = sbp_served.client().post("/sbp", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, -32600)
