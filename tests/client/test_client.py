"""The clients of a server have the methods of `Blackboard`, and every method gives what the board gives."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from blackboard import Blackboard, Decision, Deposit, Exponential, ModelUsage, Need
from blackboard.board.diagnosis.doctor import examine_board
from blackboard.client import AsyncClient, Client
from blackboard.client.problem_errors import error_of
from blackboard.errors import (
    AccessDenied,
    BlackboardError,
    Conflict,
    InvalidMark,
    InvalidQuery,
    KeyReused,
    LeaseLost,
    NotFound,
    UniqueConflict,
    UnknownName,
    UnreadableMark,
    UnreadableMarksWarning,
    UsageError,
)
from blackboard.presentation.json_shapes import examination, kind_shape
from blackboard.server import http_problems
from blackboard.server.operations.operation_table import OPERATIONS
from tests.client.served_clients import AUTHOR, SCOPES, client_of
from tests.support.search_checks import embedded
from tests.support.served_board import Lead, Note, Reply, Served, deploy_remote
from tools.client_methods import FILE, client_methods

NOT_OFFERED = {
    "as_author", "board_id", "claimable_at", "compact", "create_token", "deploy", "deployment", "engine", "figures",
    "find_token", "find_tokens", "give_back", "listen", "location", "mark_events", "open", "preview",
    "reads_within", "recover_leases", "revoke_token", "secret", "stream_position", "subscribe", "tag_values",
    "tokens", "unserved_agents", "url",
}  # fmt: skip
"""What the server does not offer, or what belongs to a board of this machine."""
OWN = {
    "discard_many", "doctor", "events", "kinds", "query_table", "read_position", "retry_many",
    "set_read_position", "summary",
}  # fmt: skip
"""Methods of the clients whose counterpart is not a method of `Blackboard`."""


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with client_of(served) as client:
        yield client


def public(owner: type) -> set[str]:
    return {name for name in dir(owner) if not name.startswith("_")}


def test_the_list_of_methods_has_all_calls() -> None:
    """Compare the list; `make methods` rewrites it after a change of the calls."""
    assert FILE.read_text("utf-8") == client_methods()


def test_a_client_has_the_methods_of_a_board() -> None:
    assert public(Blackboard) - public(Client) == NOT_OFFERED
    assert public(Client) - public(Blackboard) == OWN
    assert public(AsyncClient) == public(Client)
    for name in (public(Client) & public(Blackboard)) - {"close"}:
        method = inspect.signature(getattr(Blackboard, name))
        for client_class in (Client, AsyncClient):
            offered = inspect.signature(getattr(client_class, name))
            assert [*offered.parameters.values()][1:] == [*method.parameters.values()][1:], name
            if name not in ("deposit_many", "marks", "search"):  # their overloads say more
                assert offered.return_annotation == method.return_annotation, name
            assert getattr(client_class, name).__doc__


def fill(board: Blackboard, served: Served) -> None:
    """Put something for every reading on a board."""
    for number in range(3):
        board.deposit(Lead(subject=f"lead/{number}", company=f"Company {number % 2}", number=number))
        served.clock.advance(timedelta(minutes=1))
    board.deposit(Reply(subject="lead/1", text="yes"), occurred_at=served.clock.now() - 60_000_000)
    for number in range(3):
        board.deposit(Note(subject=f"note/{number}", text="wet paint", topic="paint"))
    board.deposit(Need(subject="lead/1", question="who?", options=("a", "b"), detail="soon"), key="need")
    board.pause("counter", "lunch")


READINGS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("marks", (), {}),
    ("marks", ("lead",), {"limit": 2}),
    ("marks", (), {"subject": "lead/1", "min_strength": 0.9, "at": "2026-01-05T09:02:00Z"}),
    ("marks", (Lead,), {"where": {"company": ["Company 0", "Company 1"]}}),
    ("marks", (), {"where": {"company": []}}),
    ("marks", (Reply,), {"subject": "lead/1"}),
    ("mark", (1,), {}),
    ("search", ("paint",), {}),
    ("search", ("wet OR dry",), {"kind": Note, "raw": True, "where": {"topic": "paint"}, "limit": 2}),
    ("history", ("lead/1",), {}),
    ("history", ("lead/1",), {"after": 2, "limit": 1, "at": "2030-01-01"}),
    ("subjects", (), {}),
    ("subjects", ("lead/",), {"after": "lead/0", "limit": 1}),
    ("agents", (), {}),
    ("agenda", (), {}),
    ("agenda", (), {"limit": 1}),
    ("schedules", (), {"limit": 2}),
    ("activations", (), {"state": ["done", "dead"]}),
    ("activations", (), {"agent": "sales", "state": "ready", "limit": 1}),
    ("activations", (), {"state": []}),
    ("explain", ("sales",), {}),
    ("explain", ("sales", "lead/1"), {}),
    ("explain", ("listener",), {"group": "paint"}),
    ("costs", (7,), {}),
    ("inbox", (), {}),
    ("inbox", ("ada",), {"all_needs": True}),
    ("status", (), {}),
    ("now", (), {}),
    ("deployments", (), {}),
    ("outbox", (), {"limit": 5}),
    ("activity", (), {}),
    ("activity", (), {"after": 1, "limit": 2}),
    ("query", ("select kind, kind, strength from live_marks where id = ?", [2]), {}),
]


def readings(board: Blackboard) -> list[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    """Return the readings that work on a board; on PostgreSQL, queries and raw searches are written differently."""
    return [item for item in READINGS if embedded(board) or not (item[0] == "query" or "raw" in item[2])]


def expected(board: Blackboard, name: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    result = getattr(board, name)(*args, **options)
    return [*result] if name == "query" else result


@pytest.mark.processes  # a query of the server runs in a process
def test_every_reading_gives_what_the_board_gives(served: Served, client: Client) -> None:
    fill(served.board, served)
    for name, args, options in readings(served.board):
        found, wanted = getattr(client, name)(*args, **options), expected(served.board, name, args, options)
        assert stripped(found) == stripped(wanted), (name, args, options)
        assert type(found) is type(wanted)
    if embedded(served.board):
        row = client.query("select kind, strength from live_marks where id = :id", {"id": 2})[0]
        assert (row["kind"], row[1]) == ("lead", 1.0)
    assert client.doctor().wrong == examination(examine_board(served.board)).wrong
    kinds = {kind.name: kind for kind in client.kinds()}
    assert kinds["lead"] == kind_shape("lead", served.board.deployment.kinds["lead"])
    mark = client.marks(Lead)[0]
    assert (mark.id, mark.author, mark.strength) == (1, "person:ada", 1.0)


@pytest.mark.processes  # a query of the server runs in a process
def test_an_asynchronous_client_gives_the_same(served: Served) -> None:
    board = served.board
    fill(board, served)
    token = board.create_token("async", may=SCOPES)

    async def read() -> None:
        async with AsyncClient(served.url, token=token, clock=served.clock) as client:
            for name, args, options in readings(board):
                found, wanted = await getattr(client, name)(*args, **options), expected(board, name, args, options)
                assert stripped(found) == stripped(wanted), (name, args, options)
            receipts = await asyncio.gather(*(client.deposit("reply", subject=f"reply/{n}") for n in range(20)))
            with pytest.raises(NotFound):
                await client.mark(10**6)
            assert len({receipt.mark_id for receipt in receipts}) == 20

    asyncio.run(read())


def stripped(value: Any) -> Any:
    """Return a value without what changes with the process that answers, or with time."""
    if hasattr(value, "file_bytes"):
        fields = vars(value)
        return {name: fields[name] for name in fields if name not in ("file_bytes", "log_bytes")}
    return value


def test_pages_are_joined(served: Served, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(served.board, served)
    monkeypatch.setattr("blackboard.client.requests_and_responses.MAX_PAGE_ITEMS", 2)
    monkeypatch.setattr("blackboard.client.calls.mark_calls.MAX_PAGE_ITEMS", 2)
    assert client.marks() == served.board.marks()
    assert client.marks(limit=5) == served.board.marks(limit=5)
    after = client.marks(limit=2)[-1].position
    assert client.marks(after=after) == served.board.marks()[2:]
    assert client.search("paint", limit=3) == served.board.search("paint", limit=3)
    assert client.history("lead/1") == served.board.history("lead/1")
    assert client.agenda() == served.board.agenda()


def test_a_deposit_reaches_the_board_with_its_options(served: Served, client: Client) -> None:
    receipt = client.deposit(
        Lead(subject="lead/1", company="Acme"), intensity=0.9, decay=Exponential("1d"), occurred_at="2026-01-05T08:59"
    )
    assert (receipt.outcome, receipt.crossed) == ("deposited", ("sales",))
    stored = served.board.mark(receipt.mark_id)
    assert (stored.payload, stored.author, stored.law) == (
        {"company": "Acme", "number": None}, AUTHOR, "exponential(half_life=1d)"
    )  # fmt: skip
    assert stored.occurred_at.isoformat() == "2026-01-05T08:59:00+00:00"
    option = Reply(subject="lead/1", text="a").with_options(key="k", until="2026-01-06")
    assert [client.deposit(option).outcome for _ in range(2)] == ["deposited", "duplicate"]


def test_a_mark_is_changed_only_as_the_caller_knows_it(client: Client) -> None:
    receipt = client.deposit(Lead(subject="lead/1", company="Acme"), intensity=0.9)
    assert client.reinforce(receipt.mark_id, by=0.1, if_event=receipt.event_id).strength > 0.9
    with pytest.raises(Conflict) as conflict:
        client.withdraw(receipt.mark_id, if_event=receipt.event_id)
    client.withdraw(receipt.mark_id, if_event=conflict.value.event_id)
    assert client.marks() == []


def test_a_person_answers_and_the_decision_reaches_the_board(served: Served, client: Client) -> None:
    board = served.board
    need = client.deposit(Need(subject="lead/1", question="who?", options=("a", "b")))
    assert client.answer(need.mark_id, "A").outcome == "deposited"
    assert board.marks(Decision)[0].author == AUTHOR
    assert client.decision(need.mark_id) == board.decision(need.mark_id)


def test_work_is_woken_paused_and_resumed(served: Served, client: Client) -> None:
    client.deposit("lead", subject="lead/2", payload={"company": "Acme"})
    crossing = client.agenda()[0]
    assert client.wake(crossing.id) == served.board.wake(crossing.id)
    client.pause(reason="lunch")
    client.pause("sales")
    assert (client.status().paused_because, client.status().paused_agents) == ("lunch", {"sales": None})
    client.resume()
    client.resume("sales")
    assert not client.status().paused


def test_what_is_not_there_is_not_found_or_an_empty_list(client: Client) -> None:
    assert client.retry_many().ids == client.discard_many(agent="sales", state="dead").ids == []
    for call in (client.retry, client.discard, client.activation):
        with pytest.raises(NotFound):
            call(7)
    with pytest.raises(NotFound):
        client.record_cost(7, 0.5)


def test_a_subject_is_forgotten(served: Served, client: Client) -> None:
    client.deposit("lead", subject="lead/1", payload={"company": "Acme"})
    assert client.forget("lead/1").events == 1
    assert served.board.marks() == []


def test_many_marks_are_deposited_together_or_each_with_its_result(
    served: Served, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blackboard.core.marks.deposit_lists.DEPOSITS_PER_TRANSACTION", 10)
    monkeypatch.setattr("blackboard.client.calls.deposit_calls.MANY_BYTES", 500)  # about five of these marks
    items: list[Any] = [Deposit("reply", f"reply/{number:02}", {}) for number in range(33)]
    receipts = client.deposit_many(items)
    assert [receipt.mark_id for receipt in receipts] == [*range(1, 34)]
    items[28] = Deposit("reply", "reply/28", {"colour": "red"})
    keys = [f"again {number}" for number in range(33)]
    with pytest.raises(InvalidMark, match=r"no field .colour.; known names: .*; 25 marks stored") as error:
        client.deposit_many(items, keys=keys)
    results = client.deposit_many(items, keys=keys, on_error="return")
    assert [getattr(result, "outcome", "") for result in results].count("duplicate") == error.value.stored == 25
    results = client.deposit_many(
        [
            Deposit("reply", "a", {}, until="2026-01-06"),
            Deposit("reply", "", {}),
            Deposit("leed", "a", {}),
            Lead(subject="b", number=7).with_options(key="seven"),
            Lead(subject="c", number=7),
            Deposit("reply", "c", {"text": float("nan")}),
        ],
        on_error="return",
    )
    assert [getattr(result, "outcome", type(result)) for result in results] == [
        "deposited", InvalidMark, UnknownName, "deposited", UniqueConflict, InvalidMark
    ]  # fmt: skip
    with pytest.raises(ValueError, match="keys is shorter"):
        client.deposit_many(items, keys=["k"])


MISTAKES: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("mark", (9,), {}),
    ("marks", ("leed",), {}),
    ("marks", ("lead",), {"where": {"colour": "red"}}),
    ("marks", (), {"at": "yesterday"}),
    ("search", ("a",), {"kind": "lead"}),
    ("search", ("rain AND",), {"raw": True}),
    ("search", ("a",), {"limit": 0}),
    ("explain", ("sails",), {}),
    ("explain", ("sales",), {"group": "a"}),
    ("deposit", ("leed",), {"subject": "a"}),
    ("deposit", ("lead",), {"subject": ""}),
    ("deposit", ("lead",), {"subject": "a", "payload": {"colour": 1}}),
    ("deposit", ("lead",), {"subject": "a", "intensity": -1}),
    ("deposit", ("lead",), {"subject": "a", "decay": "sometimes"}),
    ("deposit", ("lead",), {"subject": "a", "if_event": 7}),
    ("deposit", (Lead(subject="a"),), {"subject": "b"}),
    ("reinforce", (9,), {"by": 1}),
    ("reinforce", (9,), {"by": -1}),
    ("withdraw", (9,), {}),
    ("answer", (9, "yes"), {}),
    ("decision", (9,), {}),
    ("pause", ("sails",), {}),
    ("wake", (9,), {}),
    ("record_cost", (9, -1), {}),
    ("outbox_message", (9,), {}),
    ("retry_message", (9,), {}),
    ("discard_message", (9,), {}),
    ("claim", ("sales",), {"lease": "never"}),
]
"""Calls that a board refuses, and its server in the same words."""

MISTAKES_IN_OTHER_WORDS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("activations", (), {"state": "undone"}),
    ("deposit", ("lead",), {"subject": "a", "payload": {"company": "\ud800"}}),
]
"""Calls that the server refuses in words of its own, because the request cannot say them."""


def refusal(owner: Blackboard | Client, name: str, args: tuple[Any, ...], options: dict[str, Any]) -> BlackboardError:
    """Return the error that a call raises."""
    with pytest.raises(BlackboardError) as refused:
        getattr(owner, name)(*args, **options)
    return refused.value


def described(error: BlackboardError) -> tuple[type[BlackboardError], str, str | None]:
    """Return the class and the text of an error, and the name that it says is unknown."""
    return type(error), str(error), getattr(error, "name", None)


@pytest.mark.parametrize(("name", "args", "options"), MISTAKES)
def test_an_error_of_the_board_comes_back_with_its_class_its_text_and_its_name(
    served: Served, client: Client, name: str, args: tuple[Any, ...], options: dict[str, Any]
) -> None:
    local, remote = (refusal(owner, name, args, options) for owner in (served.board, client))
    assert described(remote) == described(local)


@pytest.mark.parametrize(("name", "args", "options"), MISTAKES_IN_OTHER_WORDS)
def test_an_error_that_the_server_finds_first_has_the_class_of_the_board(
    served: Served, client: Client, name: str, args: tuple[Any, ...], options: dict[str, Any]
) -> None:
    local, remote = (refusal(owner, name, args, options) for owner in (served.board, client))
    assert type(remote) is type(local)


def test_a_key_that_stands_for_another_request_is_refused(client: Client) -> None:
    client.deposit("lead", subject="a", key="k")
    with pytest.raises(KeyReused):
        client.deposit("lead", subject="b", key="k")


def test_a_client_deposits_no_mark_with_an_alternative(client: Client) -> None:
    with pytest.raises(UsageError, match="or_else"):
        client.deposit(Lead(subject="a").or_else(Lead(subject="b")))


@pytest.mark.processes
def test_a_query_that_writes_is_refused_as_on_the_board(served: Served, client: Client) -> None:
    local, remote = (refusal(owner, "query", ("delete from mark",), {}) for owner in (served.board, client))
    assert described(remote) == described(local)


@pytest.mark.processes
def test_a_query_with_more_rows_than_a_response_may_have_is_refused(client: Client) -> None:
    with pytest.raises(InvalidQuery, match="more than 10,000 rows"):
        client.query("with recursive n(i) as (select 1 union all select i + 1 from n where i < 10001) select i from n")


@pytest.fixture
def worker(served: Served) -> Iterator[Client]:
    deploy_remote(served.board)
    with client_of(served, "claim:review", "deposit") as worker:
        yield worker


def claimed_by(worker: Client) -> tuple[int, dict[str, Any]]:
    """Deposit a mark and claim its activation; return its id and the arguments that name the run."""
    worker.deposit(Lead(subject="lead/1", company="Acme"))
    claimed = worker.claim("review")
    assert claimed is not None
    return claimed.id, {"agent": "review", "fence": claimed.fence}


def test_a_worker_claims_an_activation_with_its_marks_and_extends_its_lease(worker: Client) -> None:
    assert worker.claim("review") is None
    worker.deposit(Lead(subject="lead/1", company="Acme"))
    claimed = worker.claim("review", wait="1m", lease="90s")
    assert claimed is not None
    assert (claimed.agent, claimed.marks[0].payload["company"]) == ("review", "Acme")
    assert worker.heartbeat(claimed.id, agent="review", fence=claimed.fence, lease="10m").state == "running"


def test_a_worker_finishes_an_activation_and_may_send_the_result_again(worker: Client) -> None:
    activation_id, run = claimed_by(worker)
    with pytest.raises(UsageError, match="the fence"):
        worker.finish(activation_id)
    with pytest.raises(UsageError, match="not valid"):
        worker.finish(activation_id, {"colour": "red"}, **run)
    result = {"marks": [{"kind": "reply", "subject": "lead/1", "payload": {"text": "welcome"}}]}
    end = worker.finish(activation_id, result, **run)
    assert (end.state, worker.finish(activation_id, result, **run)) == ("done", end)


def test_a_worker_reports_a_failure_and_then_has_lost_the_activation(worker: Client) -> None:
    activation_id, run = claimed_by(worker)
    with pytest.raises(UsageError, match="say why"):
        worker.fail(activation_id, " ", **run)
    assert worker.fail(activation_id, "tired", usage=[ModelUsage(model="small", usd=0.1)], **run).state == "ready"
    with pytest.raises(LeaseLost):
        worker.heartbeat(activation_id, **run)


def test_every_problem_has_an_error() -> None:
    for name, kind in http_problems.PROBLEM_TYPES.items():
        error = error_of({"type": f"urn:blackboard:problem:{name}", "detail": "so"}, kind.status)
        assert str(error).startswith("so")
        assert isinstance(error, BlackboardError)
    assert str(error_of({}, 502)) == (
        "the response with the status 502 does not come from a blackboard server, but perhaps from a proxy"
    )


def test_a_mark_that_does_not_fit_its_class_is_left_out(served: Served, client: Client) -> None:
    class Other(Lead, kind="lead"):
        number: int = 0

    client.deposit(Lead(subject="a", company="Acme"))
    with pytest.warns(UnreadableMarksWarning, match="left out: 1 mark cannot be read"):
        assert client.marks(Other) == []
    with pytest.raises(UnreadableMark):
        client.marks(Other, strict=True)


def test_a_redacted_token_reads_no_payload_and_no_history(served: Served) -> None:
    with client_of(served, "read-redacted") as redacted:
        fill(served.board, served)
        assert {mark.payload == {} for mark in redacted.marks()} == {True}
        assert redacted.status().marks == served.board.status().marks
        assert redacted.inbox()[0].question == ""
        assert redacted.agents()[0].agent == "counter"
        assert redacted.explain("sales").watches
        with pytest.raises(AccessDenied) as denied:
            redacted.history("lead/1")
        assert denied.value.problem == "withheld"


def test_a_token_decides_what_a_client_may_do_and_for_how_long(served: Served) -> None:
    token = served.board.create_token("short", may=["read"], expires="1h")
    with Client(served.url, token=token, clock=served.clock) as client:
        client.agents()
        with pytest.raises(AccessDenied, match="does not allow 'deposit'"):
            client.deposit("lead", subject="a")
        served.clock.advance(timedelta(hours=2))
        with pytest.raises(AccessDenied, match="this token is expired") as expired:
            client.agents()
        assert expired.value.problem == "invalid-token"


def test_a_client_needs_a_token(served: Served) -> None:
    with Client(served.url) as client, pytest.raises(AccessDenied, match="needs a token"):
        client.agents()


def test_every_operation_has_a_call() -> None:
    """Each operation of the server is one that a client asks for, but for those that other parts of it make."""
    source = "".join(path.read_text("utf-8") for path in Path(inspect.getfile(Client)).parent.rglob("*.py"))
    asked = set(re.findall(r'"(/v1/[^"]*)"', source.replace("/{{}}/{verb}", "/{}/pause").replace("/{verb}", "/pause")))
    others = {"/v1/kinds/{}", "/v1/resume", "/v1/agents/{}/resume"}
    assert {re.sub(r"\{\w+\}", "{}", operation.path) for operation in OPERATIONS} - others == asked
