"""The event stream: what it shows to whom, and that a client that resumes misses nothing and gets nothing twice."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import httpx2
import pytest

from blackboard import Blackboard, Need, StreamEvent
from blackboard.board import board_session
from blackboard.board.housekeeping import retention
from blackboard.board.mark_changes import mark_removals
from blackboard.durations import HOUR
from blackboard.server import http_limits
from blackboard.server.access.token_checks import holder_of
from blackboard.server.http_app import build_app
from blackboard.server.open_requests import open_event_streams
from blackboard.server.open_requests.event_stream_text import StreamChoice
from blackboard.server.open_requests.open_event_streams import EventStreams
from blackboard.server.transport.addresses import Address
from blackboard.server.transport.http_server import HttpServer
from blackboard.server.work_threads import WorkThreads
from blackboard.settings.sections import ServerSection
from blackboard.store.sqlite.local_processes import write_listener
from tests.server.http_steps import problem
from tests.support.board_steps import in_transaction
from tests.support.bounds import BOUND_SECONDS
from tests.support.event_client import Listening, Received, in_thread
from tests.support.served_board import Served, serve
from tests.support.threads import join_all

READ = ("read",)


def numbers(events: list[Received], name: str) -> list[int]:
    """Return the ids of the events of one stream."""
    return [event.data["id"] for event in events if event.event == name]


@contextmanager
def server_of(board: Blackboard) -> Iterator[str]:
    """Serve a board, and yield the URL."""
    section = ServerSection(listen="127.0.0.1:0", requests_per_second=100_000)
    address = Address.parse(section.listen)
    with HttpServer(build_app(board, section, "offline rules", address), section, address) as server:
        yield server.url


@pytest.mark.postgresql
def test_marks_and_activity_share_a_stream_that_begins_now(served: Served) -> None:
    client = served.client("read")
    served.board.deposit("lead", subject="lead/0")
    with Listening(client) as stream:
        assert stream.response.headers["content-type"].startswith("text/event-stream")
        assert stream.ready.data == {"activity": True, "streams": ["marks", "activity"]}
        served.board.deposit("lead", subject="lead/1", payload={"company": "acme"})
        served.board.pause("sales")
        mark, crossing, pause = stream.take(3)
    assert (mark.event, mark.data["event"], mark.data["payload"]["company"]) == ("marks", "deposited", "acme")
    assert (crossing.data["event"], crossing.data["agent"], crossing.data["subject"]) == ("crossing", "sales", "lead/1")
    assert (pause.event, pause.data["author"]) == ("activity", "person:ada")


@pytest.mark.postgresql
def test_a_client_resumes_after_an_event_that_it_names(served: Served) -> None:
    client = served.client("read")
    with Listening(client) as stream:
        served.board.deposit("lead", subject="lead/1")
        served.board.pause("sales")
        mark, crossing, _ = stream.take(3)
    served.board.resume("sales")
    with Listening(client, last_id=crossing.id) as stream:
        assert [event.data["event"] for event in stream.take(2)] == ["pause", "resume"]
    with Listening(client, f"?after={mark.id}&streams=activity") as stream:
        assert [event.data["event"] for event in stream.take(3)] == ["crossing", "pause", "resume"]


def test_a_commit_reaches_a_stream_without_waiting_for_the_next_look(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_event_streams, "MAX_STREAM_READ_SECONDS", 3600)
    with Listening(served.client("read"), "?streams=marks") as stream:
        served.board.deposit("note", subject="n/1")  # wakes nobody
        assert numbers(stream.take(1), "marks") == [1]
        code = "import sys; from blackboard import Blackboard, ManualClock;"
        code += "board = Blackboard.open(sys.argv[1], author='bob', clock=ManualClock());"
        code += "board.deposit(sys.argv[2], subject='lead/1')"
        for number, kind in enumerate(("lead", "note"), start=2):  # one wakes an agent, the other nobody
            subprocess.run([sys.executable, "-c", code, served.database, kind], check=True)
            assert numbers(stream.take(1), "marks") == [number]


def test_what_is_committed_before_the_reader_listens_is_not_late(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MAX_STREAM_READ_SECONDS", "HEARTBEAT_SECONDS"):
        monkeypatch.setattr(open_event_streams, name, 3600)
    monkeypatch.setattr(board_session, "TICK", HOUR)
    listen = Blackboard.listen

    def listen_late(board: Blackboard, *arguments: Any, **options: Any) -> Any:
        if options.get("every_commit"):
            served.board.deposit("note", subject="n/1")
        return listen(board, *arguments, **options)

    monkeypatch.setattr(Blackboard, "listen", listen_late)
    with Listening(served.client("read"), "?streams=marks") as stream:
        assert numbers(stream.take(1), "marks") == [1]


def test_the_board_is_read_often_where_nobody_tells_of_writes(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> NoReturn:
        raise OSError("too many are watched")

    monkeypatch.setattr(write_listener, "FileWrites", refuse)
    with served.board.listen(lambda: None, every_commit=True) as tick:
        assert tick == 0.1
    with served.board.listen(lambda: None) as tick:
        assert tick == 10


def test_the_four_events_of_marks_are_shown_and_others_are_passed_over(served: Served) -> None:
    board, client = served.board, served.client("read")
    with Listening(client, "?streams=marks") as stream:
        note = board.deposit("note", subject="n")
        board.reinforce(note.mark_id, by=1)
        board.withdraw(note.mark_id)
        need = board.deposit(Need(subject="n", question="?"))
        board.assign(need.mark_id, "bob")
        board.deposit("note", subject="m")
        served.clock.advance(timedelta(hours=2))
        board.deposit("note", subject="m")
        events = stream.take(7)
    assert [event.data["event"] for event in events] == [
        "deposited", "reinforced", "withdrawn", "deposited", "deposited", "evaporated", "deposited",
    ]  # fmt: skip


@pytest.mark.postgresql
def test_nothing_is_missed_or_repeated_by_a_client_that_resumes(
    board_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four threads deposit, the client leaves after a few events each time, and the server is started anew."""
    monkeypatch.setattr(open_event_streams, "EVENTS_PER_STREAM_READ", 7)
    monkeypatch.setattr(open_event_streams, "WINDOW_ITEMS", 20)
    monkeypatch.setattr(open_event_streams, "MAX_STREAM_READ_SECONDS", 0.01)
    with serve(board_url) as served:
        token = served.board.create_token("reader", may=READ)
        start = served.board.stream_position()
        position = f"{start.event_id}-{start.activity_id}"

        def deposit(name: int) -> None:
            for number in range(25):
                served.board.deposit("lead", subject=f"lead/{name}/{number}")

        threads = [in_thread(lambda name=name: deposit(name)) for name in range(4)]
        found: list[Received] = []
        for _ in range(3):
            with server_of(served.board) as url:
                headers = {"Authorization": f"Bearer {token}"}
                with httpx2.Client(base_url=url, headers=headers, timeout=BOUND_SECONDS, trust_env=False) as client:
                    for _ in range(4):
                        with Listening(client, last_id=position) as stream:
                            found += stream.take(10)
                            position = found[-1].id
        join_all(*threads)
        with Listening(served.client("read"), last_id=position) as stream:
            end = served.board.stream_position()
            left = end.event_id + end.activity_id - start.event_id - start.activity_id - len(found)
            found += stream.take(left)
        assert numbers(found, "marks") == [*range(start.event_id + 1, end.event_id + 1)]
        assert numbers(found, "activity") == [*range(start.activity_id + 1, end.activity_id + 1)]


def test_a_client_whose_past_is_gone_is_told_to_begin_anew(served: Served) -> None:
    board, client = served.board, served.client("read")
    for number in range(3):
        board.deposit("note", subject=f"n/{number}")
    served.clock.advance(timedelta(days=2))
    board.deposit("note", subject="n/3")
    in_transaction(board, mark_removals.evaporate_due, 100)
    keep: dict[str, Any] = {"history": 86_400_000_000, "activations": None, "model_calls": None}
    assert in_transaction(board, retention.remove, **keep, limit=100)
    with Listening(client, "?after=0-0") as stream:
        assert stream.take(1)[0].event == "reset"  # the client reads the board anew, with all deposits up to here
        board.deposit("note", subject="n/4")
        [event] = stream.take(1)
    assert event.data["subject"] == "n/4"
    with Listening(client, "?after=999-0") as stream:  # as if an older copy had been restored
        assert stream.take(1)[0].event == "reset"
    with Listening(client, f"?after={event.id}") as stream:
        board.deposit("note", subject="n/5")
        assert stream.take(1)[0].data["subject"] == "n/5"


@pytest.mark.postgresql
def test_a_client_chooses_marks_by_kind_subject_tag_and_author(served: Served) -> None:
    board = served.board
    board.deposit("lead", subject="lead/1", payload={"company": "acme"})
    board.deposit("lead", subject="lead/2", payload={"company": "initech"})
    board.as_author("person:bob").deposit("note", subject="note/1")
    client = served.client("read")
    for query, subjects in (
        ("kind=lead", ["lead/1", "lead/2"]),
        ("kind=lead&kind=note", ["lead/1", "lead/2", "note/1"]),
        ("subject=lead/*", ["lead/1", "lead/2"]),
        ("tag=company%3Dacme", ["lead/1"]),
        ("tag=company%3Dacme&tag=company%3Dinitech&kind=lead", ["lead/1", "lead/2"]),
        ("agent=person:bob", ["note/1"]),
    ):
        with Listening(client, f"?streams=marks&after=0-0&{query}") as stream:
            assert [event.data["subject"] for event in stream.take(len(subjects))] == subjects, query


def test_activity_is_chosen_by_agent_and_subject(served: Served) -> None:
    served.board.deposit("lead", subject="lead/1")
    served.board.pause("counter")
    with Listening(served.client("read"), "?streams=activity&after=0-0&agent=sales&subject=lead/*") as stream:
        assert stream.take(1)[0].data["event"] == "crossing"


def test_a_mistake_is_answered_before_the_stream_begins(served: Served) -> None:
    client = served.client("read")
    for query, name in (
        ("streams=weather", "invalid"),
        ("streams=", "invalid"),
        ("after=yesterday", "invalid"),
        ("after=1-1&after=2-2", "invalid"),
        ("kind=leed", "unknown-name"),
        ("agent=salse", "unknown-name"),
        ("tag=colour%3Dred", "unknown-name"),
        ("tag=company", "invalid"),
    ):
        assert problem(client.get(f"/v1/events?{query}")) == name, query


def test_who_may_not_read_hears_nothing(served: Served) -> None:
    assert problem(served.client("deposit").get("/v1/events")) == "not-allowed"
    assert problem(served.client().get("/v1/events")) == "no-token"
    assert served.client("read").head("/v1/events").content == b""


def test_a_redacted_stream_has_no_word_of_a_depositor(served: Served) -> None:
    client = served.client("read-redacted")
    served.board.deposit("lead", subject="lead/secret", payload={"company": "confidential"})
    served.board.deposit(Need(subject="lead/secret", question="private?"))
    with Listening(client, "?after=0-0") as stream:
        events = stream.take(6)
    text = repr(events)
    assert not any(word in text for word in ("secret", "confidential", "private"))
    subjects = {event.data["subject"] for event in events} - {None}
    assert len(subjects) == 1
    for query in ("subject=lead/secret", "tag=company%3Dconfidential"):
        assert problem(client.get(f"/v1/events?{query}")) == "withheld"


@pytest.mark.parametrize("how", ["revoked", "expired"])
def test_a_stream_ends_with_its_token(served: Served, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_event_streams, "TOKEN_CHECK_SECONDS", 0.05)
    monkeypatch.setattr(open_event_streams, "MAX_STREAM_READ_SECONDS", 0.05)
    client, other = served.client("read"), served.client("read")
    with Listening(client) as stream, Listening(other, "?streams=marks") as staying:
        if how == "revoked":
            served.board.revoke_token("token 1")
            assert [event.data["event"] for event in stream.rest()] in ([], ["revoke_token"])
            served.board.deposit("lead", subject="lead/1")
            assert staying.take(1)[0].data["subject"] == "lead/1"
        else:
            served.clock.advance(timedelta(days=91))
            assert stream.rest() == []


def test_a_stream_gets_comments_and_the_position(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_event_streams, "HEARTBEAT_SECONDS", 0.1)
    with served.client("read").stream("GET", "/v1/events?streams=marks&kind=lead") as response:
        lines = response.iter_lines()
        assert next(lines) == "retry: 3000"
        served.board.deposit("note", subject="not chosen")
        until = list(iter(lambda: next(lines), "id: 1-2"))
    assert ": " in until


def test_there_is_a_limit_of_streams_and_a_closed_one_makes_room(board_url: str) -> None:
    with serve(board_url, max_streams=1) as served:
        client = served.client("read")
        with Listening(client):
            refused = client.get("/v1/events")
            assert (problem(refused), refused.headers["retry-after"]) == ("overloaded", "1")
        _await_room(client)


def _await_room(client: httpx2.Client) -> None:
    """Wait until a stream can be opened."""
    until = time.monotonic() + BOUND_SECONDS
    while True:
        with client.stream("GET", "/v1/events") as response:
            if response.status_code == 200:
                return
        assert time.monotonic() < until, "the stream that ended still counts"


def test_streams_end_when_the_server_stops(board_url: str) -> None:
    with serve(board_url) as served:
        token = served.board.create_token("reader", may=READ)
        headers = {"Authorization": f"Bearer {token}"}
        with httpx2.Client(headers=headers, timeout=BOUND_SECONDS, trust_env=False) as client:
            server = server_of(served.board)
            client.base_url = httpx2.URL(server.__enter__())
            with Listening(client) as stream:
                stopping = in_thread(lambda: server.__exit__(None, None, None))
                assert stream.rest() == []
            stopping.join(BOUND_SECONDS)
            assert not stopping.is_alive()


def test_a_client_that_reads_nothing_is_dropped_and_disturbs_nobody(
    board_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_limits, "MAX_CHUNK_SECONDS", 2)  # more than a busy reader needs
    monkeypatch.setattr(open_event_streams, "WINDOW_BYTES", 200_000)
    with serve(board_url, max_streams=2) as served:
        token = served.board.create_token("slow", may=READ)
        host, port = served.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=BOUND_SECONDS) as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            headers = f"Host: {host}\r\nAuthorization: Bearer {token}\r\n"
            slow.sendall(f"GET /v1/events?streams=marks HTTP/1.1\r\n{headers}\r\n".encode())
            assert b"200 OK" in slow.recv(100)
            with Listening(served.client("read"), "?streams=marks") as stream:
                text = {"text": "x" * 100_000}
                writing = in_thread(
                    lambda: [served.board.deposit("reply", subject=f"n/{number}", payload=text) for number in range(80)]
                )
                assert numbers(stream.take(80), "marks") == [*range(1, 81)]
                join_all(writing)
                another = served.client(token=token)
                _await_room(another)


def test_two_hundred_streams_cost_one_reader(board_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_event_streams, "MAX_STREAM_READ_SECONDS", 0.01)
    threads = threading.active_count()
    with Blackboard.open(board_url) as board:
        board.deposit(Need(subject="s", question="?"))
        caller = holder_of(board.find_token(board.create_token("reader", may=READ)))
        hub = EventStreams(board, WorkThreads(4), 200, lambda value: repr(value).encode(), lambda value: b"")
        reads: list[str] = []
        read = board.mark_events

        def count(**options: int) -> list[StreamEvent]:
            reads.append("marks")
            return read(**options)

        monkeypatch.setattr(board, "mark_events", count)
        choice = StreamChoice(True, False, lambda record: True, None)

        async def hear(stream: AsyncIterator[bytes]) -> bytes:
            await anext(stream)  # the event `ready`
            begun.append(True)
            return await anext(stream)

        async def run() -> list[bytes]:
            streams = [await hub.open(caller, choice) for _ in range(200)]
            tasks = [asyncio.create_task(hear(stream)) for stream in streams]
            while len(begun) < 200:
                await asyncio.sleep(0)
            await asyncio.to_thread(lambda: board.deposit(Need(subject="s", question="?")))
            heard = await asyncio.gather(*tasks)
            for stream in streams:
                await stream.aclose()
            return heard

        begun: list[bool] = []
        heard = asyncio.run(run())
        assert len({*heard}) == 1
        assert len(reads) == 1
        assert threading.active_count() < threads + 20
