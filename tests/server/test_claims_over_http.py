"""Remote workers claim, extend, finish and fail over HTTP; a claim that waits takes no thread and loses nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from blackboard import Blackboard
from blackboard.server.open_requests import claim_queue
from blackboard.server.open_requests.claim_queue import ClaimQueue
from blackboard.server.work_threads import QueueFull, WorkThreads
from tests.server.http_steps import LEAD, problem
from tests.support.board_waits import wait_until
from tests.support.bounds import BOUND_SECONDS
from tests.support.served_board import Served, deploy_remote, review, serve

CLAIMS = "/v1/agents/review/claims"
REPLY = {"kind": "reply", "subject": "lead/1", "payload": {"text": "welcome"}}


@pytest.fixture
def remote(served: Served) -> Served:
    """Return a served board with one remote agent."""
    deploy_remote(served.board)
    return served


def test_a_worker_works_over_http(remote: Served) -> None:
    worker = remote.client("claim:review", author="reviewer")
    nothing = worker.post(CLAIMS)
    assert (nothing.status_code, nothing.content) == (204, b"")
    remote.board.deposit("lead", subject="lead/1", payload={"company": "Acme"})
    claimed = worker.post(CLAIMS, params={"lease": "2m"}).json()
    assert (claimed["agent"], claimed["fence"], claimed["subjects"]) == ("review", 1, ["lead/1"])
    assert claimed["marks"][0]["payload"] == {"company": "Acme", "number": None}
    run = f"/v1/agents/review/activations/{claimed['id']}"
    beat = worker.post(f"{run}/heartbeat", json={"fence": 1, "lease": "10m"}).json()
    assert (beat["state"], beat["lease_until"] > claimed["lease_until"]) == ("running", True)
    usage = [{"model": "small", "usd": 0.01, "input_tokens": 10}]
    body = {"fence": 1, "marks": [REPLY], "usage": usage}
    end = worker.post(f"{run}/finish", json=body)
    assert end.json()["state"] == "done"
    assert worker.post(f"{run}/finish", json=body).content == end.content
    (reply,) = remote.board.marks("reply")
    assert (reply.author, reply.activation_id, reply.payload) == ("review", claimed["id"], {"text": "welcome"})
    details = remote.board.activation(claimed["id"])
    assert (details.activation.worker, details.cost_usd) == ("remote:reviewer", 0.01)


def test_a_failure_and_a_refusal_over_http(remote: Served) -> None:
    worker = remote.client("claim:review")
    remote.board.deposit("lead", subject="lead/1")
    claimed = worker.post(CLAIMS).json()
    run = f"/v1/agents/review/activations/{claimed['id']}"
    for body, name in (
        ({"fence": 1, "marks": [{"kind": "lead", "subject": "lead/1"}]}, "invalid-result"),
        ({"fence": 1, "marks": [{**REPLY, "payload": {"other": 1}}]}, "invalid-mark"),
        ({"fence": 1, "mark": []}, "invalid"),
        ({"marks": []}, "invalid"),
        ({"fence": 2}, "lease-lost"),
        ({"fence": 1, "withdrawals": [{"mark_id": 99}]}, "invalid-mark"),
    ):
        assert problem(worker.post(f"{run}/finish", json=body)) == name
    refused = worker.post(f"{run}/finish", json={"fence": 1, "marks": [{"kind": "reply"}]}).json()
    assert refused["errors"][0]["place"] == "body.marks.0.subject"
    assert problem(worker.post(f"{run}/fail", json={"fence": 1, "reason": " "})) == "invalid"
    failed = worker.post(f"{run}/fail", json={"fence": 1, "reason": "no idea"}).json()
    assert (failed["state"], failed["attempt"]) == ("ready", 1)
    assert problem(worker.post(f"{run}/finish", json={"fence": 1})) == "lease-lost"
    assert problem(worker.post("/v1/agents/review/activations/99/finish", json={"fence": 1})) == "not-found"


def test_a_late_result_is_refused_and_the_next_worker_gets_the_marks(remote: Served) -> None:
    first, second = remote.client("claim:review"), remote.client("claim:review")
    remote.board.deposit("lead", subject="lead/1")
    claimed = first.post(CLAIMS, params={"lease": "1m"}).json()
    remote.clock.advance(timedelta(minutes=1))
    run = f"/v1/agents/review/activations/{claimed['id']}"
    assert problem(first.post(f"{run}/heartbeat", json={"fence": 1})) == "lease-lost"
    again = second.post(CLAIMS).json()
    assert (again["id"], again["fence"], again["marks"]) == (claimed["id"], 2, claimed["marks"])
    assert problem(first.post(f"{run}/finish", json={"fence": 1, "marks": [REPLY]})) == "lease-lost"
    assert second.post(f"{run}/finish", json={"fence": 2, "marks": [REPLY]}).status_code == 200
    assert len(remote.board.marks("reply")) == 1


def test_a_token_claims_only_for_its_agent(remote: Served) -> None:
    other = remote.client("claim:sales", "read", "operate", "admin")
    assert problem(other.post(CLAIMS)) == "not-allowed"
    assert problem(other.post("/v1/agents/review/activations/1/finish", json={"fence": 1})) == "not-allowed"
    assert problem(remote.client("claim:nobody").post("/v1/agents/nobody/claims")) == "unknown-name"
    assert problem(remote.client("read").post(CLAIMS)) == "not-allowed"
    worker = remote.client("claim:review")
    assert problem(worker.post(CLAIMS, params={"wait": "2h"})) == "invalid"
    assert problem(worker.post(CLAIMS, params={"lease": "25h"})) == "invalid"
    assert problem(worker.get("/v1/marks")) == "not-allowed"


def test_an_agent_of_the_daemon_cannot_be_claimed(served: Served) -> None:
    assert problem(served.client("claim:sales").post("/v1/agents/sales/claims")) == "not-possible"


def claim_in_thread(pool: ThreadPoolExecutor, client: httpx2.Client, wait: str = "60s") -> Any:
    return pool.submit(lambda: client.post(CLAIMS, params={"wait": wait}))


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as pool:
        yield pool


class WaitingClaims:
    """The claims that wait at the servers of this process."""

    def __init__(self) -> None:
        self._number = 0
        self._changed = threading.Condition()

    def add(self, number: int) -> None:
        with self._changed:
            self._number += number
            self._changed.notify_all()

    def wait_for(self, number: int) -> None:
        """Wait until exactly this many claims wait."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._number == number, BOUND_SECONDS), self._number


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> WaitingClaims:
    """Return the count of the claims that wait."""
    waiting, wait = WaitingClaims(), ClaimQueue.wait

    async def counted_wait(queue: ClaimQueue, *arguments: Any) -> Any:
        waiting.add(1)
        try:
            return await wait(queue, *arguments)
        finally:
            waiting.add(-1)

    monkeypatch.setattr(ClaimQueue, "wait", counted_wait)
    return waiting


def test_a_waiting_claim_is_answered_by_a_deposit(
    remote: Served, pool: ThreadPoolExecutor, waiting: WaitingClaims
) -> None:
    worker = remote.client("claim:review")
    answer = claim_in_thread(pool, worker)
    waiting.wait_for(1)
    remote.board.deposit("lead", subject="lead/1")
    assert answer.result(BOUND_SECONDS).json()["subjects"] == ["lead/1"]
    assert remote.client("claim:review").post(CLAIMS, params={"wait": "20ms"}).status_code == 204


def test_waiting_claims_take_no_threads_and_share_the_work(
    board_url: str, pool: ThreadPoolExecutor, waiting: WaitingClaims
) -> None:
    with serve(board_url, threads=1) as served:
        deploy_remote(served.board)
        workers = [served.client("claim:review") for _ in range(8)]
        answers = [claim_in_thread(pool, worker) for worker in workers]
        waiting.wait_for(8)
        depositor = served.client("deposit")
        for number in range(8):
            sent = {**LEAD, "subject": f"lead/{number}", "payload": {}}
            assert depositor.post("/v1/marks", json=sent).status_code == 200
        subjects = [answer.result(BOUND_SECONDS).json()["subjects"][0] for answer in answers]
        assert sorted(subjects) == [f"lead/{number}" for number in range(8)]


def test_the_end_of_a_cooldown_wakes_a_waiting_claim(
    remote: Served, pool: ThreadPoolExecutor, waiting: WaitingClaims
) -> None:
    spec = review.spec.model_copy(update={"remote": True, "code": None})
    settings = spec.settings.model_copy(update={"batch_window": 200_000, "batch": 9})
    remote.board.deploy(
        remote.board.deployment.model_copy(
            update={"agents": {"review": spec.model_copy(update={"settings": settings})}}
        )
    )
    remote.board.deposit("lead", subject="lead/1")
    answer = claim_in_thread(pool, remote.client("claim:review"))
    waiting.wait_for(1)
    remote.clock.advance(timedelta(seconds=1))
    assert answer.result(BOUND_SECONDS).status_code == 200


def test_a_client_that_leaves_takes_no_activation_with_it(remote: Served, waiting: WaitingClaims) -> None:
    token = remote.board.create_token("leaver", may=["claim:review"])
    host, port = remote.url.removeprefix("http://").split(":")
    head = f"POST {CLAIMS}?wait=60s HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n"
    with socket.create_connection((host, int(port)), timeout=BOUND_SECONDS) as leaver:
        leaver.sendall(f"{head}Content-Length: 0\r\n\r\n".encode())
        waiting.wait_for(1)
    waiting.wait_for(0)
    remote.board.deposit("lead", subject="lead/1")
    # A thread that was just looking for work may still claim it, and gives it back then.
    claimed = remote.client("claim:review").post(CLAIMS, params={"wait": "60s"}).json()
    assert (claimed["subjects"], claimed["attempt"]) == (["lead/1"], 1)


@pytest.mark.parametrize("is_overloaded", [False, True])
def test_an_activation_that_was_claimed_for_a_client_that_left_is_given_back(
    remote: Served,
    pool: ThreadPoolExecutor,
    waiting: WaitingClaims,
    monkeypatch: pytest.MonkeyPatch,
    is_overloaded: bool,
) -> None:
    """The client leaves while a thread claims for it."""
    begun, go_on, refuses = threading.Event(), threading.Event(), threading.Event()
    original, run = Blackboard.claim, WorkThreads.run

    async def run_if_accepted(threads: WorkThreads, work: Any, *, is_accepted: bool = False) -> Any:
        if refuses.is_set() and not is_accepted:
            raise QueueFull("too many requests wait already")
        return await run(threads, work, is_accepted=is_accepted)

    monkeypatch.setattr(WorkThreads, "run", run_if_accepted)

    def slow(board: Blackboard, *arguments: Any, **options: Any) -> Any:
        found = original(board, *arguments, **options)
        if found is not None and not go_on.is_set():
            begun.set()
            go_on.wait(BOUND_SECONDS)
        return found

    monkeypatch.setattr(Blackboard, "claim", slow)
    token = remote.board.create_token("leaver", may=["claim:review"])
    host, port = remote.url.removeprefix("http://").split(":")
    head = f"POST {CLAIMS}?wait=60s HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n"
    with socket.create_connection((host, int(port)), timeout=BOUND_SECONDS) as leaver:
        leaver.sendall(f"{head}Content-Length: 0\r\n\r\n".encode())
        waiting.wait_for(1)
        remote.board.deposit("lead", subject="lead/1")
        assert begun.wait(BOUND_SECONDS)
    waiting.wait_for(0)
    if is_overloaded:
        refuses.set()
    go_on.set()
    wait_until(remote.board, lambda: remote.board.activations(state="running") == [])
    refuses.clear()
    answer = claim_in_thread(pool, remote.client("claim:review"))
    claimed = answer.result(BOUND_SECONDS).json()
    assert (claimed["fence"], claimed["attempt"]) == (2, 1)


def test_waiting_claims_are_bounded_and_end_with_the_server(
    board_url: str, pool: ThreadPoolExecutor, waiting: WaitingClaims, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim_queue, "MAX_WAITING_CLAIMS_OF_TOKEN", 2)
    with serve(board_url) as served:
        deploy_remote(served.board)
        worker = served.client("claim:review")
        answers = [claim_in_thread(pool, worker) for _ in range(2)]
        waiting.wait_for(2)
        full = worker.post(CLAIMS, params={"wait": "1s"})
        assert (problem(full), full.headers["retry-after"]) == ("overloaded", "1")
        assert worker.post(CLAIMS).status_code == 204
        served.server.stop_waits()
        assert [answer.result(BOUND_SECONDS).status_code for answer in answers] == [204, 204]


def test_a_token_that_is_revoked_gets_no_work(remote: Served, pool: ThreadPoolExecutor, waiting: WaitingClaims) -> None:
    token = remote.board.create_token("gone", may=["claim:review"])
    answer = claim_in_thread(pool, remote.client(token=token))
    waiting.wait_for(1)
    remote.board.revoke_token("gone")
    remote.board.deposit("lead", subject="lead/1")
    assert problem(answer.result(BOUND_SECONDS)) == "invalid-token"
    assert remote.board.activations() == []
