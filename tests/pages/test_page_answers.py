"""The pages as a client without scripts gets them: who may see what, their headers, their streams and their styles."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx2
import pytest

from blackboard import Need
from blackboard.server.pages.page_routes import PAGES
from tests.pages.page_streams import PageStream
from tests.support.served_board import Served, serve

SECRETS = ("Sesame", "sesame/1", "sésame")
"""Words that only depositors have written."""
READER = ("read", "operate", "answer", "sql", "deposit")


def fill(served: Served) -> None:
    """Put words on a board that a redacted token must not read."""
    board = served.board
    board.deposit("lead", subject="sesame/1", payload={"company": "Sesame & Sons <b>"})
    board.deposit("note", subject="sesame/1", payload={"text": "sésame", "topic": "Sesame"})
    board.deposit(Need(subject="sesame/1", question="Sesame?", options=["Sesame", "no"], detail="sésame"))
    board.pause("sales", reason="Sesame")


def addresses() -> list[str]:
    """Return an address for each page."""
    parameters = {"/activation": "?id=1", "/subject": "?subject=sesame/1"}
    return [page.path + parameters.get(page.path, "") for page in PAGES]


@pytest.mark.parametrize("address", [address for address in addresses() if "/activation?" not in address])
def test_each_page_is_shown_to_a_reader_with_a_policy_that_allows_no_other_place(served: Served, address: str) -> None:
    fill(served)
    response = served.client(*READER).get(address)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", response.text) == []
    assert re.findall(r"\son\w+=|style=|javascript:", response.text) == []
    assert re.findall(r"(?:src|href)=\"(?:https?:)?//", response.text) == []


def test_what_a_mark_says_is_text(served: Served) -> None:
    fill(served)
    board = served.board
    evil = "</script><script>alert(1)</script>"
    board.deposit("lead", subject=f"lead/{evil}", payload={"company": evil})
    board.deposit(Need(subject=f"lead/{evil}", question=evil, options=[evil]))
    client = served.client(*READER)
    for address in ("/", "/inbox", "/agenda", "/subject", f"/subject?subject=lead/{evil}"):
        text = client.get(address).text
        assert "<script>alert" not in text, address
        assert "alert(1)" in text, address


@pytest.mark.parametrize("address", addresses())
def test_a_redacted_token_reads_no_word_of_a_depositor_in_a_page_or_its_stream(served: Served, address: str) -> None:
    fill(served)
    client = served.client("read-redacted")
    response = client.get(address)
    shown = [response.text]
    if response.status_code == 200:
        shown.append(first_event(client, address))
    for text in shown:
        assert [word for word in SECRETS if word in text] == [], address
    assert (response.status_code == 200) == (address.split("?")[0] not in ("/sql", "/subject", "/activation"))


@pytest.mark.parametrize(
    "address", ["/?subject=sesame/1", "/?tag=company=Sesame", "/inbox?assignee=Sesame", "/agenda?held_by=x"]
)
def test_a_redacted_token_cannot_confirm_a_guess(served: Served, address: str) -> None:
    fill(served)
    client = served.client("read-redacted")
    assert client.get(address).status_code == 403
    assert client.get("/live", params={"page": address}).status_code == 403
    assert served.client("read").get(address).status_code == 200


def first_event(client: httpx2.Client, address: str) -> str:
    with PageStream(client, address) as stream:
        return str(stream.next().data)


def test_a_stream_begins_with_all_parts_and_then_sends_those_that_changed(served: Served) -> None:
    client = served.client(*READER)
    with PageStream(client, "/?kind=lead") as stream:
        first = stream.next()
        assert first.event == "all"
        assert "There are no marks." not in first.data["parts"]["marks"]
        assert first.data["items"] == []
        served.board.deposit("lead", subject="lead/1", payload={"company": "A & B"})
        change = stream.next()
    assert (change.event, change.data["gone"]) == ("changes", [])
    assert [item["subject"] for item in change.data["items"]] == ["lead/1"]
    assert "<b>1</b> live marks" in change.data["parts"]["facts"]
    assert "thresholds" not in change.data["drawn"]  # they are as they were
    assert "agenda" not in change.data["parts"]  # no part of this page


def test_a_mark_that_leaves_is_named_and_those_that_stay_are_not_sent_again(served: Served) -> None:
    client = served.client(*READER)
    kept = served.board.deposit("lead", subject="lead/1")
    gone = served.board.deposit("lead", subject="lead/2")
    with PageStream(client, "/") as stream:
        assert {item["id"] for item in stream.next().data["items"]} == {kept.mark_id, gone.mark_id}
        served.board.withdraw(gone.mark_id)
        change = stream.next()
    assert (change.data["items"], change.data["gone"]) == ([], [gone.mark_id])


def test_a_revoked_token_ends_the_stream_and_loses_the_page(served: Served) -> None:
    token = served.board.create_token("page", may=["read"])
    client = served.client(token=token)
    with PageStream(client, "/agenda") as stream:
        stream.next()
        served.board.revoke_token("page")
        stream.rest()
    assert client.get("/agenda").status_code == 401


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("/?at=yesterday", 422, "at"),
        ("/?window=long", 422, "window"),
        ("/activation?id=9", 404, "does not exist"),
        ("/activation", 422, "id"),
        ("/activations?state=asleep", 422, "state"),
        ("/deployment?old=7", 404, "version 7"),
        ("/?tag=company=Sesame&tag=size=1", 404, "there is no tag &#39;size&#39;"),
        ("/?tag=company=Sesame&tag=topic=x", 422, "no kind has all of the tags company, topic"),
    ],
)
def test_a_page_that_cannot_be_shown_says_why(served: Served, address: str, status: int, words: str) -> None:
    response = served.client(*READER).get(address)
    assert response.status_code == status
    assert words in response.text
    assert response.headers["content-type"].startswith("text/html")


def test_without_a_token_a_page_says_how_to_get_in(served: Served) -> None:
    response = served.client().get("/")
    assert response.status_code == 401
    assert "blackboard serve" in response.text


def test_a_stream_of_no_page_is_refused(served: Served) -> None:
    client = served.client(*READER)
    assert client.get("/live").status_code == 404
    assert client.get("/live", params={"page": "/nothing"}).status_code == 404
    assert client.get("/live", params={"page": "/activation?id=x"}).status_code == 422


def test_only_who_may_query_gets_the_page_of_sql(served: Served) -> None:
    client = served.client("read")
    assert client.get("/sql").status_code == 403
    assert 'href="/sql"' not in client.get("/").text
    assert 'href="/sql"' in served.client("read", "sql").get("/").text


def test_buttons_are_for_those_who_may_use_them(served: Served) -> None:
    fill(served)
    reader, operator = served.client("read"), served.client("read", "operate", "answer")
    for address in ("/agents", "/inbox", "/activations"):
        assert "data-post" not in reader.get(address).text
        assert "data-post" in operator.get(address).text


def test_styles_and_scripts_are_kept_by_browsers_until_they_change(served: Served) -> None:
    client = served.client("read")
    page = client.get("/").text
    script = re.search(r'src="(/static/\w+/live\.js)"', page)
    assert script is not None
    current = client.get(script[1])
    assert "immutable" in current.headers["cache-control"]
    assert current.headers["content-type"].startswith("text/javascript")
    old = client.get("/static/0000/live.js")
    assert (old.text, old.headers["cache-control"]) == (current.text, "no-cache")
    for name in ("frame.html", "..%2fpage_routes.py", "nothing.js"):
        assert client.get(f"/static/0000/{name}").status_code == 404


def test_a_page_of_another_time_shows_the_board_as_it_was(served: Served) -> None:
    served.board.deposit("reply", subject="lead/1", payload={"text": "early"})
    then = served.board.now()
    served.clock.advance(timedelta(minutes=90))
    served.board.deposit("reply", subject="lead/2", payload={"text": "late"})
    client = served.client(*READER)
    assert "lead/2" in client.get("/").text
    past = client.get("/", params={"at": then.isoformat()}).text
    assert "lead/1" in past
    assert "lead/2" not in past


def test_a_board_without_activity_says_that_its_pages_are_loaded_anew(served: Served) -> None:
    served.board.deploy(served.board.deployment.model_copy(update={"activity": False}))
    assert "every 5 seconds" in served.client("read").get("/agenda").text


def test_pages_work_under_the_prefix_of_a_proxy(board_url: str) -> None:
    with serve(board_url, behind_proxy=True) as served:
        text = served.client("read").get("/", headers={"X-Forwarded-Prefix": "/board"}).text
    assert 'data-root="/board"' in text
    assert 'href="/board/agenda"' in text
    assert re.search(r'src="/board/static/\w+/live.js"', text)


def test_as_many_pages_as_allowed_are_open_and_one_that_closes_makes_room(board_url: str) -> None:
    with serve(board_url, max_streams=2) as served:
        client = served.client("read")
        with PageStream(client, "/agenda") as first, PageStream(client, "/"):
            first.next()
            refused = client.get("/live", params={"page": "/agents"})
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        answers = 0
        while answers != 200:  # the server notices at its next text that a browser has left
            with client.stream("GET", "/live", params={"page": "/agents"}) as answer:
                answers = answer.status_code
            served.board.deposit("lead", subject="lead/1", payload={"company": "Acme"})
