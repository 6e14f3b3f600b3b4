"""Web sessions: the link on a terminal, the cookie that it sets, and the requests that the cookie does not allow."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from blackboard import Blackboard
from blackboard.server.access.sign_in_tickets import SignInTickets
from tests.server.http_steps import LEAD, filled, problem
from tests.support.bounds import BOUND_SECONDS
from tests.support.served_board import Served, serve
from tests.support.server_process import certificate_for
from tests.support.threads import join_all

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(https?://\S+)/sign-in\?ticket=([\w-]{43})")
OWN = {"Sec-Fetch-Site": "same-origin"}


def signed_in(served: Served, **headers: str) -> httpx2.Client:
    """Return a client that has opened a link. It keeps its cookies as a browser does."""
    client = served.client()
    answer = client.get("/sign-in", params={"ticket": served.tickets.issue()}, headers=headers)
    assert answer.status_code == 200, answer.text
    return client


def test_a_link_signs_in_as_the_person_who_runs_the_server(served: Served) -> None:
    browser, ticket = served.client(), served.tickets.issue()
    answer = browser.get("/sign-in", params={"ticket": ticket})
    cookie = answer.headers["set-cookie"]
    assert re.match(rf"blackboard-{served.board.board_id}=blackboard_[\w-]{{43}}; ", cookie)
    parts = {part.lower() for part in cookie.split("; ")[1:]}
    assert {"httponly", "samesite=strict", "path=/", "max-age=43200"} <= parts
    assert "secure" not in parts
    assert (answer.headers["referrer-policy"], answer.headers["cache-control"]) == ("no-referrer", "no-store")
    assert '<meta http-equiv="refresh" content="0; url=/">' in answer.text
    assert "location" not in answer.headers
    assert ticket not in answer.text
    assert "<h1>Board" in browser.get("/").text
    (token,) = served.board.tokens()
    assert (token.name[:8], token.author, token.scopes) == (
        "browser-", "person:ada", ("read", "deposit", "answer", "operate", "sql")
    )  # fmt: skip
    assert browser.post("/v1/marks", json=LEAD, headers=OWN).status_code == 200
    (mark,) = browser.get("/v1/marks").json()
    assert mark["author"] == "person:ada"


def test_a_link_signs_in_only_once(served: Served) -> None:
    ticket = served.tickets.issue()
    served.client().get("/sign-in", params={"ticket": ticket})
    again = served.client().get("/sign-in", params={"ticket": ticket})
    assert (again.status_code, "set-cookie" in again.headers) == (403, False)
    assert "opened before" in again.text


@pytest.mark.parametrize("ticket", ["", "x" * 43, "sésame"])
def test_an_unknown_ticket_signs_nobody_in(served: Served, ticket: str) -> None:
    served.tickets.issue()
    answer = served.client().get("/sign-in", params={"ticket": ticket})
    assert (answer.status_code, served.board.tokens()) == (403, [])
    assert served.client().get("/sign-in").status_code == 403


def test_a_link_expires_and_another_is_shown_to_who_had_it(served: Served) -> None:
    shown: list[str] = []
    served.tickets.show(shown.append)
    browser = served.client()
    served.clock.advance(timedelta(minutes=10))
    assert browser.get("/sign-in", params={"ticket": shown[0]}).status_code == 403
    assert len(shown) == 2
    assert browser.get("/sign-in", params={"ticket": shown[0]}).status_code == 403
    assert browser.get("/sign-in", params={"ticket": "unknown"}).status_code == 403
    assert len(shown) == 2, "one valid link is enough"
    assert browser.get("/sign-in", params={"ticket": shown[1]}).status_code == 200
    assert len(shown) == 2, "nobody has asked for another"
    assert browser.get("/sign-in", params={"ticket": shown[1]}).status_code == 403
    assert len(shown) == 3


def test_only_a_person_who_opens_the_link_uses_it(served: Served) -> None:
    browser, ticket = served.client(), {"ticket": served.tickets.issue()}
    assert browser.head("/sign-in", params=ticket).status_code == 503
    prefetched = browser.get("/sign-in", params=ticket, headers={"Sec-Purpose": "prefetch;prerender"})
    assert (prefetched.status_code, served.board.tokens()) == (503, [])
    assert browser.get("/sign-in", params=ticket).status_code == 200


def test_one_thread_of_many_redeems_a_ticket(served: Served) -> None:
    tickets = SignInTickets(served.clock)
    ticket, won = tickets.issue(), []
    threads = [threading.Thread(target=lambda: won.append(tickets.redeem(ticket))) for _ in range(8)]
    for thread in threads:
        thread.start()
    join_all(*threads)
    assert sorted(won) == [False] * 7 + [True]


@pytest.mark.parametrize(
    ("headers", "reads", "writes"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True, True),
        ({"Sec-Fetch-Site": "none"}, True, False),
        ({"Sec-Fetch-Site": "same-site"}, False, False),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "iframe"}, False, False),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "document"}, True, False),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}, False, False),
        ({"Sec-Fetch-Site": "cross-site"}, False, False),
        ({"Origin": "own"}, True, True),
        ({}, True, False),
    ],
)
def test_the_cookie_counts_only_in_requests_of_own_pages(
    served: Served, headers: dict[str, str], reads: bool, writes: bool
) -> None:
    browser = signed_in(served)
    if "Origin" in headers:
        headers = {"Origin": served.url}
    read = browser.get("/v1/marks", headers=headers)
    written = browser.post("/v1/marks", json=LEAD, headers=headers)
    for answer, is_allowed in ((read, reads), (written, writes)):
        if is_allowed:
            assert answer.status_code == 200, answer.text
        else:
            assert (answer.status_code, problem(answer)) == (403, "cross-site")
    assert len(served.board.marks()) == int(writes)
    for path in ("/metrics", "/", "/agenda"):
        assert browser.get(path, headers=headers).status_code == (200 if reads else 403)


def test_every_operation_refuses_the_cookie_from_other_sites(served: Served) -> None:
    browser = signed_in(served)
    document = browser.get("/v1/openapi.json").json()
    for path, methods in document["paths"].items():
        address = filled(path)
        for method, operation in methods.items():
            media = next(iter(operation.get("requestBody", {}).get("content", {})), None)
            headers = {"Sec-Fetch-Site": "cross-site", **({} if media is None else {"Content-Type": media})}
            answer = browser.request(method.upper(), address, content=None if media is None else b"{}", headers=headers)
            assert problem(answer) == "cross-site", (method, path)


def test_a_token_in_the_header_needs_no_page(served: Served) -> None:
    client = served.client("deposit")
    assert client.post("/v1/marks", json=LEAD, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200
    browser = signed_in(served)
    refused = browser.get("/v1/marks", headers={"Authorization": "Bearer wrong"})
    assert problem(refused) == "invalid-token", "the header goes before the cookie"
    proxy_headers = {"Authorization": "Basic YWRhOnNlY3JldA=="}
    assert browser.get("/v1/marks", headers=proxy_headers).status_code == 200
    assert problem(served.client().get("/v1/marks", headers=proxy_headers)) == "no-token"


def test_a_session_ends_at_once_when_it_is_revoked_and_after_twelve_hours(served: Served) -> None:
    revoked = signed_in(served)
    served.board.revoke_token(served.board.tokens()[0].name)
    served.clock.advance(timedelta(seconds=1))
    expiring = signed_in(served)
    assert problem(revoked.get("/v1/marks")) == "invalid-token"
    assert expiring.get("/v1/marks").status_code == 200
    served.clock.advance(timedelta(hours=12))
    assert problem(expiring.get("/v1/marks")) == "invalid-token"
    assert [token.state for token in served.board.tokens()] == ["revoked", "expired"]


def test_a_person_signs_out(served: Served) -> None:
    browser = signed_in(served)
    asked = browser.get("/sign-out")
    assert '<form method="post" action="/sign-out">' in asked.text
    assert "form-action 'self'" in asked.headers["content-security-policy"]
    assert asked.headers["referrer-policy"] == "same-origin", "otherwise a browser sends Origin: null"
    for headers in ({}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "none"}):
        assert problem(browser.post("/sign-out", headers=headers)) == "cross-site"
    stolen = dict(browser.cookies)
    assert browser.post("/sign-out", headers={"Origin": served.url}).status_code == 200
    assert not browser.cookies
    assert problem(browser.get("/v1/marks")) == "no-token"
    assert problem(served.client().get("/v1/marks", headers={"Cookie": "; ".join(map("=".join, stolen.items()))})) == (
        "invalid-token"
    )
    assert served.board.tokens()[0].state == "revoked"
    assert browser.post("/sign-out", headers=OWN).status_code == 200, "twice is no mistake"


def test_the_cookie_names_the_board(tmp_path: Path) -> None:
    """Browsers send a cookie to each port of a host, so two boards of one machine must not mix up theirs."""
    with serve(tmp_path / "one.db") as one, serve(tmp_path / "two.db") as two:
        browser = signed_in(one)
        (name,) = browser.cookies
        answer = two.client().get("/v1/marks", headers={"Cookie": f"{name}={browser.cookies[name]}"})
        assert problem(answer) == "no-token"


def test_behind_a_proxy_the_cookie_is_secure_and_the_origin_is_the_one_outside(board_url: str) -> None:
    with serve(board_url, behind_proxy=True, hosts=("board.example.org",)) as served:
        outside = {
            "X-Forwarded-Host": "board.example.org", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/boards/one"
        }  # fmt: skip
        answer = served.client().get("/sign-in", params={"ticket": served.tickets.issue()}, headers=outside)
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(f"__Host-blackboard-{served.board.board_id}=")
        assert {"secure", "path=/"} <= {part.lower() for part in cookie.split("; ")}
        assert 'content="0; url=/boards/one/">' in answer.text
        client = served.client()
        sent = {**outside, "Cookie": cookie.partition(";")[0]}
        assert 'href="/boards/one/sign-out"' in client.get("/", headers=sent).text
        for origin, is_own in (
            ("https://board.example.org", True),
            ("http://board.example.org", False),
            (served.url, False),
        ):
            answer = client.post("/v1/marks", json=LEAD, headers={**sent, "Origin": origin})
            assert (answer.status_code == 200) is is_own, origin
        strange = client.get("/v1/marks", headers={**sent, "X-Forwarded-Host": "evil.example"})
        assert problem(strange) == "wrong-host"
        plain = {**outside, "X-Forwarded-Proto": "http"}
        answer = client.get("/sign-in", params={"ticket": served.tickets.issue()}, headers=plain)
        assert "secure" not in answer.headers["set-cookie"].lower()


def test_what_a_client_says_of_a_proxy_counts_only_behind_one(served: Served) -> None:
    browser = signed_in(served, **{"X-Forwarded-Proto": "https"})
    assert [name.startswith("__Host-") for name in browser.cookies] == [False]
    headers = {"X-Forwarded-Host": "evil.example", "Origin": "http://evil.example"}
    assert problem(browser.post("/v1/marks", json=LEAD, headers=headers)) == "wrong-origin"


def test_pages_of_named_origins_use_tokens_and_never_the_cookie(board_url: str) -> None:
    page = {"Origin": "https://page.example"}
    with serve(board_url, origins=("https://page.example/",)) as served:
        asked = {
            **page, "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, content-type, idempotency-key",
        }  # fmt: skip
        allowed = served.client().options("/v1/marks", headers=asked)
        assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, page["Origin"])
        assert {"GET", "POST", "DELETE"} == set(allowed.headers["access-control-allow-methods"].split(", "))
        client = served.client("read", "deposit")
        answer = client.post("/v1/marks", json=LEAD, headers=page)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, page["Origin"])
        exposed = set(answer.headers["access-control-expose-headers"].split(", "))
        assert {"Link", "ETag", "Retry-After", "Idempotency-Replayed"} <= exposed
        for response in (allowed, answer):
            assert "access-control-allow-credentials" not in response.headers
        browser = signed_in(served)
        for headers in (page, {**page, "Sec-Fetch-Site": "cross-site"}):
            assert problem(browser.get("/v1/marks", headers=headers)) == "cross-site"
            assert problem(browser.post("/v1/marks", json=LEAD, headers=headers)) == "cross-site"
        other = {**asked, "Origin": "https://evil.example"}
        assert problem(served.client().options("/v1/marks", headers=other)) == "wrong-origin"
        assert "access-control-allow-origin" not in client.get("/v1/marks").headers


def test_without_named_origins_no_page_elsewhere_reads_an_answer(served: Served) -> None:
    client = served.client("read")
    answer = client.get("/v1/marks", headers={"Origin": served.url})
    assert not [name for name in answer.headers if name.startswith("access-control")]


class Terminal:
    """The terminal of a child process, as a person reads it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self.text = descriptor, ""

    def read_until(self, pattern: re.Pattern[str], number: int = 1) -> re.Match[str]:
        """Return the last match, once there are `number` matches. The time limit of the test bounds the wait."""
        while len(found := [*pattern.finditer(self.text)]) < number:
            self.text += os.read(self._descriptor, 65536).decode().replace("\r\n", "\n")
        return found[-1]


@contextmanager
def on_terminal(
    folder: Path, url: str, *words: str, **variables: str
) -> Iterator[tuple[subprocess.Popen[bytes], Terminal]]:
    """Run a command whose stderr is a terminal."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "blackboard", "--database", url, "--author", "person:bo", *words],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "60", **variables},
        stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    try:
        yield child, Terminal(ours)
    finally:
        child.kill()
        child.wait(BOUND_SECONDS)
        os.close(ours)


@pytest.mark.processes
@pytest.mark.parametrize("command", [["serve", "--listen"], ["run", "--serve"]])
def test_on_a_terminal_a_link_signs_a_browser_in(tmp_path: Path, board_url: str, command: list[str]) -> None:
    with on_terminal(tmp_path, board_url, *command, "127.0.0.1:0") as (child, terminal):
        found = terminal.read_until(LINK)
        url, ticket = found.groups()
        with httpx2.Client(base_url=url, timeout=BOUND_SECONDS, trust_env=False) as browser:
            assert browser.get(found[0]).status_code == 200
            assert browser.get("/v1/status").status_code == 200
            assert browser.post("/v1/pause", headers={**OWN, "Origin": url}).status_code == 200
            assert problem(browser.post("/v1/resume", headers={"Sec-Fetch-Site": "cross-site"})) == "cross-site"
            assert browser.get(found[0]).status_code == 403
            second = terminal.read_until(LINK, 2)
            assert second[2] != ticket
            if curl := shutil.which("curl"):
                jar = ["-s", "-b", "jar", "-c", "jar"]
                for path, expected in ((second[0], "<title>Signed in"), (f"{url}/v1/status", '"paused":true')):
                    done = subprocess.run([curl, *jar, path], cwd=tmp_path, capture_output=True, text=True, check=True)
                    assert expected in done.stdout
            with Blackboard.open(board_url) as board:
                assert {token.author for token in board.tokens()} == {"person:bo"}
                board.revoke_token(board.tokens()[0].name)
            assert problem(browser.get("/v1/status")) == "invalid-token"
        child.send_signal(signal.SIGTERM)
        terminal.read_until(re.compile("no longer serving"))
        assert child.wait(BOUND_SECONDS) == 0
    assert terminal.text.count(ticket) == 1, "only the link itself shows the ticket"


@pytest.mark.processes
def test_without_a_terminal_no_link_is_written_and_open_needs_none(tmp_path: Path, board_url: str) -> None:
    note, browser = tmp_path / "opened", tmp_path / "browser"
    os.mkfifo(note)
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {note}\n')
    browser.chmod(0o700)
    words = ["--database", board_url, "serve", "--listen", "127.0.0.1:0", "--open"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "BROWSER": f"{browser} %s"}
    with subprocess.Popen(
        [sys.executable, "-m", "blackboard", *words], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stderr is not None
            lines = [child.stderr.readline()]
            while '"serving"' not in lines[-1]:
                lines.append(child.stderr.readline())
            link = LINK.fullmatch(note.read_text())
            assert link is not None
            assert httpx2.get(link[0], timeout=BOUND_SECONDS, trust_env=False).status_code == 200
        finally:
            child.terminate()
        lines += child.stderr.readlines()
    assert (child.returncode, [line for line in lines if "sign-in" in line]) == (0, [])


@pytest.mark.processes
@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_with_tls_on_every_address_the_link_names_this_machine(tmp_path: Path, board_url: str) -> None:
    certificate, key = certificate_for(tmp_path, "DNS:localhost")
    words = ["--listen", "0.0.0.0:0", "--tls-certificate", str(certificate), "--tls-key", str(key)]
    with on_terminal(tmp_path, board_url, "serve", *words) as (_, terminal):
        found = terminal.read_until(LINK)
        assert found[1].startswith("https://localhost:")
        trust = ssl.create_default_context(cafile=str(certificate))
        with httpx2.Client(base_url=found[1], verify=trust, timeout=BOUND_SECONDS, trust_env=False) as browser:
            cookie = browser.get(found[0]).headers["set-cookie"]
            assert cookie.startswith("__Host-blackboard-")
            assert "secure" in {part.lower() for part in cookie.split("; ")}
            assert browser.get("/v1/status").status_code == 200
            assert problem(browser.post("/v1/pause", headers={"Origin": found[1].replace("https", "http")})) == (
                "wrong-origin"
            )
            assert browser.post("/v1/pause", headers={"Origin": found[1]}).status_code == 200


@pytest.mark.processes
def test_open_says_what_it_needs(tmp_path: Path, board_url: str) -> None:
    words = ["serve", "--uds", str(tmp_path / "http.sock"), "--open"]
    with on_terminal(tmp_path, board_url, *words) as (child, terminal):
        terminal.read_until(re.compile(r"\[server\]\s+hosts"))
        assert child.wait(BOUND_SECONDS) == 2
    assert "ticket" not in terminal.text
