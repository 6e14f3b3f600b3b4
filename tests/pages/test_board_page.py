"""The page of the board: what is predicted on it, and its filters."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from blackboard import Blackboard, strength
from blackboard.board import page_readings
from blackboard.core.specs.agent_spec import AgentSettings, AgentSpec
from blackboard.core.specs.watch_spec import WatchSpec
from blackboard.server.pages.board_page import forecast
from blackboard.server.pages.chart_data import threshold_lines
from blackboard.server.pages.page_definition import LiveCounts
from tests.pages.browsers import READER, opened
from tests.pages.page_streams import PageStream
from tests.support.served_board import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def watch(served: Served, name: str, when: object, only_if: object = None) -> None:
    """Add a remote agent with one watch."""
    deployment = served.board.deployment
    watches = (WatchSpec(name="only", when=str(when), only_if=None if only_if is None else str(only_if)),)
    settings = AgentSettings.model_validate({"batch_window": "20m", "batch": 9})
    spec = AgentSpec(name=name, watches=watches, remote=True, settings=settings)
    served.board.deploy(deployment.model_copy(update={"agents": {**deployment.agents, name: spec}}))


def test_what_happens_by_time_alone_is_predicted_soonest_first(served: Served) -> None:
    watch(served, "reminder", strength("reply") < 0.3)
    watch(served, "guarded", strength("note") >= 0.1, only_if=strength("reply") < 0.2)
    reply = served.board.deposit("reply", subject="lead/1")
    note = served.board.deposit("note", subject="lead/1", payload={"text": "a", "topic": "b"})
    events = [(item.event, item.agent, item.mark_id) for item in forecast(served.board)[0]]
    assert events == [
        ("batch window ends", "guarded", note.mark_id),
        ("crosses", "reminder", reply.mark_id),
    ]
    served.clock.advance(timedelta(minutes=21))
    assert served.board.as_author("elsewhere").claim("guarded") is None  # the guard is closed while the reply is there
    found = {item.agent: item for item in forecast(served.board)[0]}
    assert found["guarded"].event == "guard opens"
    assert found["guarded"].at > found["reminder"].at
    assert [item.agent for item in forecast(served.board, "reminder")[0]] == ["reminder"]


def test_a_threshold_of_one_mark_is_a_line_and_one_of_many_is_a_text(served: Served) -> None:
    watch(served, "reminder", strength("reply") < 0.3, only_if=strength("reply", subject="lead/*") >= 0.1)
    found = {item.text: item.is_line for item in threshold_lines(served.board.deployment)}
    assert found["≥ 0.5 wakes sales"]
    assert found["below 0.3 wakes reminder"]
    assert found['strength("reply", subject="lead/*") >= 0.1 guards reminder']
    assert not found["count ≥ 3 on the board wakes counter"]
    assert {item.agent for item in threshold_lines(served.board.deployment, "reminder")} == {"reminder"}


def test_the_filter_of_an_agent_shows_its_kinds_only(served: Served) -> None:
    served.board.deposit("lead", subject="lead/1", payload={"company": "Nordlicht"})
    served.board.deposit("note", subject="lead/1", payload={"text": "a", "topic": "b"})
    with PageStream(served.client(*READER), "/?agent=listener") as stream:
        shown = stream.next().data
    assert [item["kind"] for item in shown["items"]] == ["note"]
    assert {item["agent"] for item in shown["drawn"]["thresholds"]} == {"listener"}
    assert served.client(*READER).get("/?agent=nobody").status_code == 404


def test_rows_follow_the_marks_that_are_drawn(served: Served, browser: Browser) -> None:
    first = served.board.deposit("reply", subject="lead/1", intensity=0.5)
    with opened(browser, served, "/?kind=reply") as page:
        rows = page.locator("#mark-rows tr")
        rows.get_by_role("link").first.focus()
        served.board.deposit("reply", subject="lead/2", intensity=0.9)
        page.get_by_role("link", name="lead/2").wait_for()
        assert page.evaluate("document.activeElement.textContent") == "lead/1"  # it has only moved
        assert rows.get_by_role("link").all_text_contents() == ["lead/2", "lead/1"]
        served.board.withdraw(first.mark_id)
        page.get_by_role("link", name="lead/1").wait_for(state="detached")


def test_a_predicted_event_is_explained_where_it_is_drawn(served: Served, browser: Browser) -> None:
    watch(served, "reminder", strength("reply") < 0.3)
    served.board.deposit("reply", subject="lead/1")
    with opened(browser, served, "/?kind=reply&window=6h") as page:
        box = page.locator("#lanes").bounding_box()
        assert box is not None
        page.locator("#lanes").scroll_into_view_if_needed()
        left = 150
        x = left + (0.6 + 42 / 360) * (box["width"] - left)
        page.mouse.move(box["x"] + x, box["y"] + 24)
        page.locator(".tip").get_by_text("reminder, only").wait_for()
        assert "crosses in 4" in (page.locator(".tip").text_content() or "")


def test_the_marks_of_a_large_board_are_counted_less_often(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = 0.0
    counts = LiveCounts(served.board)

    def count(board: Blackboard) -> dict[str, int]:
        served.clock.advance(timedelta(seconds=seconds))
        return {"counted": len(counted.append(None) or counted)}  # type: ignore[func-returns-value]

    counted: list[None] = []
    monkeypatch.setattr(page_readings, "live_counts", count)
    assert [counts.now()["counted"] for _ in range(3)] == [1, 2, 3]
    seconds = 0.4
    assert [counts.now()["counted"] for _ in range(3)] == [4, 4, 4]
    served.clock.advance(timedelta(seconds=8))
    assert counts.now()["counted"] == 5
