"""Trouble of the account, the model or a gateway costs no mark an attempt, and ends by itself or with `resume`."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from blackboard import ManualClock, Mark, agent, strength
from blackboard.clock import parse_instant
from blackboard.core.agents.agent_context import Context
from blackboard.daemon import DaemonEventDetails
from blackboard.durations import SECOND
from blackboard.llm.answer_parser import Reply
from blackboard.llm.anthropic_client import AnthropicClient
from blackboard.llm.call_failures import OutcomeUnknown
from blackboard.llm.model_settings import ModelSettings
from tests.model_calls.later_batches import BatchEndsLater
from tests.support.bounds import BOUND_SECONDS
from tests.support.fake_api_faults import Status
from tests.support.messages_api import MessagesApi
from tests.support.paying_board import KEY, MODEL, Judged, Lead, PayingBoard, answer, judge
from tests.support.request_checks import Refused

OTHER_MODEL = "claude-sonnet-4-5"
TROUBLE = {
    "key": Status(401, message="invalid x-api-key"),
    "permission": Status(403, message="Your key has no permission for this model."),
    "credit": Status(402, message="Your card was declined."),
    "spend limit": Status(429, code="enforced_spend_limit_reached"),
    "limit": Status(400, message="You have reached your specified API usage limits. You will regain access tomorrow."),
    "disabled": Status(400, message="This organization has been disabled."),
    "gateway's form": Status(422, body='{"detail": "no such deployment"}'),
    "missing model": Status(404, message=f"model: {MODEL}"),
    "wrong path": Status(404, body="404 page not found"),
    "firewall": Status(403, body="<html>Forbidden</html>"),
    "redirect": Status(302, {"location": "http://127.0.0.1:9/login"}, body=""),
    "login page": Status(200, body="<!doctype html>\n<title>Please log in</title>"),
    "other JSON": Status(200, body='{"status": "ok"}'),
}


class Trouble:
    """A responder that refuses every request while `status` is set, and those about the marks of `bad`.

    With `models`, `status` concerns only these.
    """

    def __init__(
        self, api: MessagesApi, status: Status | None = None, bad: tuple[int, ...] = (), models: tuple[str, ...] = ()
    ) -> None:
        self.status, self.bad, self.models = status, bad, models
        self.marks: list[list[int]] = []
        """The marks of each request."""
        api.responder = self

    def __call__(self, body: dict[str, Any]) -> Any:
        leads = [lead["id"] for lead in json.loads(body["messages"][0]["content"])["leads"]]
        self.marks.append(leads)
        if self.status is not None and (not self.models or body["model"] in self.models):
            raise Refused(self.status)
        if not set(leads).isdisjoint(self.bad):
            raise Refused(Status(400, message="messages.0: a character cannot be read"))
        return answer(body)


@pytest.mark.postgresql
@pytest.mark.parametrize("status", TROUBLE.values(), ids=TROUBLE)
def test_trouble_kills_no_mark_and_ends_with_resume(
    world_of: Callable[..., PayingBoard], api: MessagesApi, clock: ManualClock, status: Status
) -> None:
    world = world_of(batch=4)
    trouble = Trouble(api, status)
    leads = world.deposit_leads(12)
    report = world.run_until_quiescent()
    assert world.board.activations(state="dead") == []
    assert len(trouble.marks) <= 4
    assert world.board.status().paused_models.keys() == {MODEL}
    assert any(MODEL in line for line in report.lines)
    trouble.status = None
    world.board.resume()
    world.run_until_quiescent()
    assert world.judged == leads
    assert world.board.status().paused_models == {}


def test_a_refused_key_stops_only_the_agents_that_need_its_model(
    world_of: Callable[..., PayingBoard], api: MessagesApi
) -> None:
    @agent(watches=strength(Lead) >= 0.1, writes=[Judged])
    def clerk(leads: Sequence[Lead], context: Context) -> list[Mark]:
        return [Judged(subject=lead.subject, lead=lead.id, verdict="noted") for lead in leads]

    @agent(watches=strength(Lead) >= 0.1, writes=[Judged], model=OTHER_MODEL)
    def expert(leads: Sequence[Lead], context: Context) -> Any:
        return judge.function(leads, context)

    world = world_of(agents=(judge, clerk, expert))
    trouble = Trouble(api, TROUBLE["permission"], models=(MODEL,))
    leads = world.deposit_leads(3)
    world.run_until_quiescent()
    assert world.board.status().paused_because is None
    assert world.judged == sorted(2 * leads)
    trouble.status = None
    world.run_until_quiescent()  # a start tries paused models
    assert world.judged == sorted(3 * leads)


@pytest.mark.parametrize("resumes", [True, False])
def test_a_new_key_is_taken_up_without_a_restart(
    world_of: Callable[..., PayingBoard], api: MessagesApi, resumes: bool
) -> None:
    world = world_of()
    api.key = "new"
    keys = [None if resumes else "old"]
    leads = world.deposit_leads(2)
    client = AnthropicClient(lambda: keys[-1], world.url)
    daemon = world.daemon(client)

    def record(event: str, details: DaemonEventDetails) -> None:
        if event == "deferred" and keys[-1] != "new":
            assert world.board.status().workers[0].model == f"{daemon.worker.describe_model()}"
            keys.append("new")
            if resumes:
                world.board.resume()
        if len(world.judged) == len(leads):
            daemon.stop()

    daemon.on_event.append(record)
    daemon.run()
    client.close()
    assert world.judged == leads


def test_a_paused_model_is_tried_again_by_itself_and_ever_more_rarely(
    world_of: Callable[..., PayingBoard], api: MessagesApi
) -> None:
    world = world_of(batch=4)
    trouble = Trouble(api, TROUBLE["limit"])
    leads = world.deposit_leads(12)
    client = AnthropicClient(KEY, world.url)
    daemon = world.daemon(client)

    def record(event: str, details: DaemonEventDetails) -> None:
        if len(trouble.marks) >= 8:
            trouble.status = None
        if len(world.judged) == len(leads):
            daemon.stop()

    daemon.on_event.append(record)
    daemon.run()
    client.close()
    assert world.judged == leads
    assert world.board.activations(state="dead") == []
    sent = [parse_instant(call["sent_at"]) for call in world.calls()][:8]
    waits = [(after - before) / SECOND for before, after in pairwise(sent[2:])]
    assert waits == sorted(waits)
    assert waits[-1] > 100


def test_each_try_is_about_a_single_mark_that_was_not_refused_so_far(
    world_of: Callable[..., PayingBoard], api: MessagesApi
) -> None:
    world = world_of(batch=4)
    trouble = Trouble(api, TROUBLE["limit"])
    world.deposit_leads(12)
    world.run_until_quiescent()
    for _ in range(3):
        world.board.resume()
        world.run_until_quiescent()
    first, *tries = trouble.marks
    assert len(first) == 4
    assert [len(marks) for marks in tries] == [1] * len(tries)
    others = [marks[0] for marks in tries[1:]]
    assert len(set(others)) == len(others) >= 3


def test_a_mark_that_the_api_refuses_is_found_when_others_succeed(
    world_of: Callable[..., PayingBoard], api: MessagesApi
) -> None:
    world = world_of(batch=8, max_attempts=2)
    leads = world.deposit_leads(24)
    trouble = Trouble(api, bad=(leads[5],))
    world.run_until_quiescent()
    assert world.judged == [lead for lead in leads if lead != leads[5]]
    assert len(trouble.marks) < 20
    assert world.board.status().paused_models == {}
    for name in ("second", "third"):  # nothing is left that shows whether the mark or the model is to blame
        world.deposit_leads(1, name=name)
        world.run_until_quiescent()
    [dead] = world.board.activations(state="dead")
    assert dead.marks_absorbed == 1
    assert "cannot be read" in (dead.error or "")


def test_a_refused_mark_does_not_delay_others(world: PayingBoard, api: MessagesApi, clock: ManualClock) -> None:
    [bad] = world.deposit_leads(1)
    Trouble(api, bad=(bad,))
    world.run_until_quiescent()
    [held] = world.board.activations(state="held")
    assert "cannot be read" in (held.error or "")
    before = clock.now()
    [good] = world.deposit_leads(1, name="other")
    world.run_until_quiescent()
    assert world.judged == [good]
    assert parse_instant(world.calls()[-1]["sent_at"]) - before < 60 * SECOND


def test_two_bad_batches_in_a_row_pause_the_model_until_a_single_mark_succeeds(
    world_of: Callable[..., PayingBoard], api: MessagesApi
) -> None:
    world = world_of(batch=2)
    leads = world.deposit_leads(8)
    Trouble(api, bad=(leads[0], leads[2]))
    world.run_until_quiescent()
    world.board.resume()
    world.run_until_quiescent()
    assert set(world.judged) >= set(leads) - {leads[0], leads[2]}


def test_a_server_that_wants_a_retry_at_once_is_asked_ever_more_rarely(world: PayingBoard, api: MessagesApi) -> None:
    leads = world.deposit_leads()
    api.queue(*(Status(503, {"retry-after": "0"}) for _ in range(5)))
    world.run_until_quiescent()
    assert world.judged == leads
    sent = [parse_instant(call["sent_at"]) for call in world.calls()]
    assert sent[-1] - sent[0] > 200 * SECOND


def test_a_model_that_never_answers_costs_a_run_no_attempt(
    world_of: Callable[..., PayingBoard], api: MessagesApi, clock: ManualClock
) -> None:
    world = world_of(timeout="1s", max_attempts=1)
    leads = world.deposit_leads(2)
    timed_out = threading.Event()

    class Hanging(BatchEndsLater):
        def send(self, body: str) -> Reply:
            if not timed_out.is_set():
                clock.advance(timedelta(seconds=2))
                world.board.session.notify()
                assert timed_out.wait(BOUND_SECONDS)
                raise OutcomeUnknown("no answer arrived")
            return super().send(body)

    client = Hanging(api)
    daemon = world.daemon(client, model=ModelSettings(model=MODEL, timeout="1s"))

    def record(event: str, details: DaemonEventDetails) -> None:
        if "while it waited for the model" in str(details):
            timed_out.set()

    daemon.on_event.append(record)
    daemon.run(until_quiescent=True)
    client.close()
    assert timed_out.is_set()
    assert world.board.activations(state="dead") == []
    assert world.judged == leads


@pytest.mark.parametrize("status", [TROUBLE["limit"], TROUBLE["missing model"]], ids=["limit", "missing model"])
def test_a_pause_of_a_model_that_is_not_used_any_more_ends_and_counts_against_no_mark(
    world_of: Callable[..., PayingBoard], api: MessagesApi, status: Status
) -> None:
    world = world_of(batch=4, max_attempts=1)
    Trouble(api, status, models=(MODEL,))
    leads = world.deposit_leads(8)
    world.run_until_quiescent()
    assert world.board.status().paused_models.keys() == {MODEL}
    world.run_until_quiescent(model=ModelSettings(model=OTHER_MODEL))
    assert world.judged == leads
    assert world.board.status().paused_models == {}
    assert {item.state for item in world.board.activations()} == {"done"}
