"""A web session in a real browser: signing in, working, signing out, and what pages of other servers cannot do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.pages.browsers import new_tab
from tests.support.served_board import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LIVE = "#connection[data-state=live]"
ATTACK = """<!doctype html><title>elsewhere</title><a id="link" href="URL/agenda">the board</a><script>
async function attack() {
  const seen = {};
  const all = {mode: "no-cors", credentials: "include"};
  for (const [path, type] of [["/v1/pause", "text/plain"], ["/sign-out", "application/x-www-form-urlencoded"]])
    await fetch("URL" + path, {...all, method: "POST", headers: {"Content-Type": type}, body: "{}"}).catch(() => {});
  for (const path of ["/v1/marks", "/", "/live?page=/"]) {
    await fetch("URL" + path, all).catch(() => {});
    seen[path] = await fetch("URL" + path, {credentials: "include"}).then(a => a.status, () => "hidden");
  }
  await new Promise(done => { const image = new Image(); image.onerror = done; image.src = "URL/v1/status"; });
  await new Promise(done => {
    const frame = document.createElement("iframe");
    frame.onload = done; frame.src = "URL/inbox"; document.body.append(frame);
  });
  return JSON.stringify(seen);
}
</script>"""


@contextmanager
def signed_in(browser: Browser, served: Served) -> Iterator[Page]:
    """Open a link, and yield the page that it leads to."""
    tab = new_tab(browser)
    page = tab.new_page()
    try:
        page.goto(f"{served.url}/sign-in?ticket={served.tickets.issue()}")
        page.wait_for_url(f"{served.url}/")
        page.wait_for_selector(LIVE)
        yield page
    finally:
        tab.close()


def test_a_person_signs_in_works_and_signs_out(browser: Browser, served: Served) -> None:
    with signed_in(browser, served) as page:
        assert page.evaluate("document.cookie") == "", "no script reads the cookie"
        ask = "fetch('/v1/pause', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{}'})"
        assert page.evaluate(f"{ask}.then(answer => answer.status)") == 200
        page.get_by_role("button", name="Resume").click()
        page.wait_for_selector("text=The board was resumed.")
        assert not served.board.status().paused
        page.get_by_role("link", name="person:ada").click()
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_selector("h1:has-text('Signed out')")
        answer = page.goto(served.url)
        assert answer is not None
        assert answer.status == 401
    assert [token.state for token in served.board.tokens()] == ["revoked"]


@pytest.mark.parametrize("elsewhere", ["http://127.0.0.1:1", "http://localhost:1", "https://evil.example"])
def test_pages_elsewhere_neither_change_nor_read_the_board(browser: Browser, served: Served, elsewhere: str) -> None:
    """The first is on another port of the host, so that the browser sends the cookie with its requests."""
    with signed_in(browser, served) as page:
        body = ATTACK.replace("URL", served.url)
        page.context.route(f"{elsewhere}/*", lambda route: route.fulfill(body=body, content_type="text/html"))
        statuses: list[int] = []
        page.on("response", lambda answer: statuses.append(answer.status) if served.url in answer.url else None)
        page.goto(f"{elsewhere}/page")
        seen = json.loads(page.evaluate("attack()"))
        assert set(seen.values()) == {"hidden"}
        assert not {status for status in statuses if status < 400}, statuses
        assert not served.board.status().paused
        assert [token.state for token in served.board.tokens()] == ["valid"]
        with page.expect_navigation() as navigation:
            page.click("#link")
        assert navigation.value.status == (200 if elsewhere == "http://127.0.0.1:1" else 401)


def test_a_person_signs_in_with_a_token_and_comes_to_the_page_that_was_asked_for(
    browser: Browser, served: Served
) -> None:
    token = served.board.create_token("mine", may=["read", "operate"], author="person:bo")
    tab = new_tab(browser)
    page = tab.new_page()
    page.goto(f"{served.url}/activations?state=dead")
    page.get_by_label("Token").fill("bb_unknown")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector("h1:has-text('Not signed in')")
    page.goto(f"{served.url}/activations?state=dead")
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{served.url}/activations?state=dead")
    page.wait_for_selector(LIVE)
    assert page.evaluate("document.cookie") == "", "no script reads the cookie"
    page.get_by_role("link", name="person:bo").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_selector("h1:has-text('Signed out')")
    answer = page.goto(served.url)
    assert answer is not None
    assert answer.status == 401
    assert [(found.name, found.state) for found in served.board.tokens()] == [("mine", "valid")]
    tab.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
    ],
)
def test_only_a_page_of_the_server_signs_in_with_a_token(served: Served, headers: dict[str, str], status: int) -> None:
    token = served.board.create_token("mine", may=["read"])
    answer = served.client().post("/sign-in", data={"token": token}, headers=headers)
    assert answer.status_code == status
    assert ("set-cookie" in answer.headers) == (status == 303)


@pytest.mark.parametrize(
    "to", ["//evil.example/", "/\\evil.example", "https://evil.example", "javascript:1", "/a b", ""]
)
def test_signing_in_leads_to_no_other_place(served: Served, to: str) -> None:
    token = served.board.create_token("mine", may=["read"])
    own = {"Sec-Fetch-Site": "same-origin"}
    answer = served.client().post("/sign-in", data={"token": token, "to": to}, headers=own)
    assert answer.headers["location"] == "/"


def test_a_token_that_has_ended_does_not_sign_in(served: Served) -> None:
    token = served.board.create_token("mine", may=["read"])
    own = {"Sec-Fetch-Site": "same-origin"}
    served.board.revoke_token("mine")
    assert served.client().post("/sign-in", data={"token": token}, headers=own).status_code == 403
    assert served.client().post("/sign-in", data={"token": "x" * 9000}, headers=own).status_code == 413
