"""What the pages say of a board on which agents have worked, asked a model, and failed."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel

from blackboard import Context, Daemon, Mark, agent, strength
from blackboard.core.specs.sink_spec import SinkSpec
from blackboard.server.pages import deployment_file_check
from blackboard.server.pages.health_page import MAX_MESSAGES
from blackboard.testing import ScriptedAnswer, ScriptedModel
from tests.pages.browsers import READER, opened
from tests.support.served_board import Lead, Reply, Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser


class Question(Mark, kind="question"):
    text: str = ""


MODULE = """
from blackboard import Mark, agent, strength

class Lead(Mark, kind="lead"):
    company: str = ""

@agent(watches=strength(Lead) >= 0.7, writes=[], name="asker")
def asker(leads, context):
    return None
"""


class Verdict(BaseModel):
    text: str


@agent(watches=strength(Lead) >= 0.5, writes=[Reply], name="asker", batch=1)
def asker(leads: list[Lead], context: Context) -> list[Reply]:
    answer = context.ask("Judge the lead.", [lead.company for lead in leads], Verdict)
    return [Reply(subject=lead.subject, text=answer.text) for lead in leads]


@agent(watches=strength(Question) >= 0.5, writes=[], name="breaker", batch=1, max_attempts=1)
def breaker(questions: list[Question], context: Context) -> None:
    raise ValueError(f"no answer to {questions[0].text}")


@pytest.fixture
def worked(served: Served) -> Served:
    """Return a board on which one agent has asked a model, and another has failed twice."""
    board, clock = served.board, served.clock
    board.deploy(asker, breaker, kinds=[Question])
    board.withdraw(board.deposit("note", subject="lead/1", payload={"text": "a slip", "topic": "x"}).mark_id)
    board.deposit("lead", subject="lead/1", payload={"company": "Nordlicht"})
    board.deposit("question", subject="q/1", payload={"text": "why"})
    board.deposit("question", subject="q/2", payload={"text": "how"})
    clock.advance(timedelta(seconds=30))
    model = ScriptedModel(ScriptedAnswer(Verdict(text="splendid"), input_tokens=1200, output_tokens=34), clock=clock)
    Daemon(board, [asker, breaker], client=model).run(until_quiescent=True)
    return served


def activation_of(served: Served, name: str) -> int:
    return served.board.activations(agent=name)[0].id


def test_an_activation_shows_its_marks_its_folded_calls_its_cost_and_its_error(
    worked: Served, browser: Browser
) -> None:
    with opened(browser, worked, f"/activation?id={activation_of(worked, 'asker')}") as page:
        text = page.locator("main").inner_text()
        assert "1,200 tokens in" in text
        assert "34 out" in text
        assert "splendid" not in text, "what was answered is folded"
        for name, words in (("Request", "Judge the lead."), ("Answer", "splendid")):
            part = page.locator("details").filter(has=page.get_by_text(name, exact=True))
            part.locator("summary").click()
            part.get_by_text(words).wait_for()
    with opened(browser, worked, f"/activation?id={activation_of(worked, 'breaker')}") as page:
        error = page.locator("pre.error").text_content() or ""
        assert "Traceback" in error
        assert "ValueError: no answer to" in error


def test_the_activations_have_their_attempts_marks_tokens_and_cost(worked: Served) -> None:
    text = worked.client(*READER).get("/activations?agent=asker").text
    row = re.sub(
        r"\s+", " ", re.sub(r"<[^>]+>", " ", text.split(f'<tr id="activation-{activation_of(worked, "asker")}"')[1])
    )
    assert "1,234 $0.00" in row.split("</tr>")[0]


def test_everything_that_fits_the_filter_is_retried_or_discarded(worked: Served, browser: Browser) -> None:
    assert [item.state for item in worked.board.activations(agent="breaker")] == ["dead", "dead"]
    with opened(browser, worked, "/activations?agent=asker&state=dead") as page:
        page.get_by_role("button", name="Discard all").click()
        page.get_by_role("dialog").get_by_text("Give up all stuck activations of asker that are dead?").wait_for()
        page.get_by_role("button", name="Yes").click()
        page.get_by_role("status").filter(has_text="0 activations were given up").wait_for()
    assert len(worked.board.activations(state="dead")) == 2
    with opened(browser, worked, "/activations?agent=breaker&state=dead") as page:
        page.get_by_role("button", name="Retry all").click()
        page.get_by_role("button", name="Yes").click()
        page.get_by_role("status").filter(has_text="2 activations are tried again").wait_for()
        page.get_by_text("There are no such activations").wait_for()
    assert worked.board.activations(state="dead") == []


def test_a_subject_shows_each_event_with_its_author_its_provenance_and_why_agents_wake(
    worked: Served, browser: Browser
) -> None:
    with opened(browser, worked, "/subject?subject=lead/1") as page:
        rows = [
            [cell.strip() for cell in row.inner_text().split("\t")]
            for row in page.locator("[data-live=events] tbody tr").all()
        ]
        assert [(row[2], row[4], row[6]) for row in rows] == [
            ("deposited", "reply", "asker"),
            ("deposited", "lead", "person:ada"),
            ("withdrawn", "note", "person:ada"),
            ("deposited", "note", "person:ada"),
        ]
        graph = page.locator("[data-live=graph] svg")
        labels = graph.locator("text.label").all_text_contents()
        assert [label.split()[0] for label in labels] == ["lead", "asker", "reply"]
        assert graph.locator("path").count() == 2
        page.locator("#explain-asker").get_by_text("Last:").wait_for()
        graph.get_by_role("link").nth(1).click()
        page.wait_for_url("**/activation?id=*")


def test_the_events_and_the_graph_of_a_subject_have_pages(worked: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    from blackboard.server.pages import subject_page

    monkeypatch.setattr(subject_page, "MAX_EVENTS_OF_A_SUBJECT", 2)
    client = worked.client(*READER)
    first = client.get("/subject?subject=lead/1").text
    assert first.count('<tr id="event-') == 2
    older = first.split("events_before=")[1].split('"')[0]
    second = client.get(f"/subject?subject=lead/1&events_before={older}").text
    assert second.count('<tr id="event-') == 2
    assert "withdrawn" in second
    assert "withdrawn" not in first


def test_many_alike_marks_of_an_activation_are_one_box(served: Served) -> None:
    board = served.board

    @agent(watches=strength(Question) >= 0.5, writes=[Reply], name="reader", batch=50)
    def reader(questions: list[Question], context: Context) -> list[Reply]:
        return [Reply(subject="all", text=question.text) for question in questions]

    board.deploy(reader, kinds=[Question])
    for number in range(20):
        board.deposit("question", subject=f"q/{number}", payload={"text": str(number)})
    Daemon(board, [reader]).run(until_quiescent=True)
    text = served.client(*READER).get("/subject?subject=all").text
    assert "20 × question" in text
    assert "of 20 subjects" in text
    assert text.count('class="node') == 3


def test_the_agents_have_the_throughput_and_the_waits_of_a_day(worked: Served) -> None:
    text = worked.client(*READER).get("/agents?agent=breaker").text
    assert "2 ended" in text
    assert "<b>2 dead</b>" in text
    assert "2 ended 0 to 1 h ago, 2 of them dead" in text
    assert "30 s from crossing to claim" in text
    worked.clock.advance(timedelta(hours=25))
    assert "0 ended" in worked.client(*READER).get("/agents?agent=breaker").text


def test_the_costs_show_how_each_saving_is_computed(worked: Served) -> None:
    text = worked.client(*READER).get("/costs").text
    assert "for 1 call in 30 days" in text
    assert "(1 mark − 1 call) × " in text
    for name in ("Batching", "Caching", "Batch API", "Faded unseen"):
        assert f"<h3>{name}: $" in text


def test_the_newest_undelivered_messages_are_shown_however_many_were_made_since(served: Served) -> None:
    board = served.board
    sink = SinkSpec(on=("mark:note",))
    board.deploy(board.deployment.model_copy(update={"sinks": {"phone": sink}}))
    for number in range(MAX_MESSAGES + 2):
        board.deposit("note", subject=f"n/{number}", payload={"text": "a", "topic": "x"})
    first, *later = sorted(message.id for message in board.outbox(limit=2 * MAX_MESSAGES))
    assert len(later) > MAX_MESSAGES
    for message in later:
        board.discard_message(message)
    text = served.client(*READER).get("/health").text
    assert f'id="message-{first}"' in text
    assert text.count('id="message-') == 1


def test_the_findings_of_doctor_have_their_remedies(worked: Served) -> None:
    text = worked.client(*READER).get("/health").text
    assert "&#39;blackboard run&#39; starts a daemon" in text
    assert "Activation" in text.split("Work that waits for a decision")[1]


def test_the_page_of_the_deployment_compares_two_versions(worked: Served) -> None:
    board = worked.board
    before = board.deployment.version
    board.deploy(board.deployment.model_copy(update={"activity": False}))
    text = worked.client(*READER).get(f"/deployment?old={before}&new={before + 1}").text
    assert "<ins>+ " in text
    assert "&#34;activity&#34;: false" in text
    assert "There is only one version" not in text


@pytest.mark.processes  # the server starts a process
def test_the_file_of_the_server_is_checked_in_a_child_process(
    worked: Served, browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "mine.py").write_text(MODULE)
    file = folder / "blackboard.toml"
    file.write_text('[deployment]\nagents = ["mine:asker"]\n[agents.nobody]\nbatch = 3\n')
    original = deployment_file_check.check_file
    monkeypatch.setattr(deployment_file_check, "check_file", lambda _, database: original(file, database))
    with opened(browser, worked, "/deployment") as page:
        ask = page.get_by_role("button", name="What would the deployment file change")
        ask.click()
        page.locator("#checked").get_by_text("The file has mistakes").wait_for()
        file.write_text('[deployment]\nagents = ["mine:asker"]\n')
        ask.click()
        page.locator("#checked").get_by_text("would change").wait_for()
        assert "breaker" in page.locator("#checked").inner_text()
    assert worked.client("read").post("/deployment/check").status_code == 403
