"""If answers about different marks are unusable, the model is paused for the agent, and no mark loses an attempt."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from pydantic import BaseModel

from blackboard import Blackboard, ManualClock, Mark, agent, strength
from blackboard.core.agents.agent_context import Context
from blackboard.daemon import DaemonEventDetails
from blackboard.durations import parse_duration
from tests.model_calls.later_batches import BatchEndsLater
from tests.support.messages_api import MessagesApi
from tests.support.paying_board import MODEL, Judged, Lead, PayingBoard, answer, judge

ANSWERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "words": lambda body: "I am sorry, but I cannot do that.",
    "another form": lambda body: {"status": "ok"},
    "no text": lambda body: [],
    "the wrong marks": lambda body: {"verdicts": [{"id": 0, "verdict": "good"}]},
    "an echo": lambda body: body["messages"][0]["content"],
    "cut off": lambda body: {"verdicts": [{"id": 0, "verdict": "good " * 1000}]},
}


class Gateway:
    """A responder with wrong answers: to the requests that `is_wrong` selects, until it is mended."""

    def __init__(
        self,
        api: MessagesApi,
        wrong: Callable[[dict[str, Any]], Any] = ANSWERS["words"],
        is_wrong: Callable[[dict[str, Any], list[int]], bool] = lambda body, marks: True,
    ) -> None:
        self.wrong, self.is_wrong = wrong, is_wrong
        self.marks: list[list[int]] = []
        """The marks of each request."""
        api.responder = self

    def mend(self) -> None:
        self.is_wrong = lambda body, marks: False

    def __call__(self, body: dict[str, Any]) -> Any:
        marks = [lead["id"] for lead in json.loads(body["messages"][0]["content"])["leads"]]
        self.marks.append(marks)
        return self.wrong(body) if self.is_wrong(body, marks) else answer(body)


def attempts(board: Blackboard) -> set[int]:
    return {item.attempt for item in board.activations()}


@pytest.mark.postgresql
@pytest.mark.parametrize("wrong", ANSWERS.values(), ids=ANSWERS)
def test_answers_that_never_fit_kill_no_mark(
    world_of: Callable[..., PayingBoard], api: MessagesApi, wrong: Callable[[dict[str, Any]], Any]
) -> None:
    world = world_of(batch=4)
    gateway = Gateway(api, wrong)
    leads = world.deposit_leads(12)
    report = world.run_until_quiescent()
    assert world.board.activations(state="dead") == []
    assert attempts(world.board) == {0}
    assert len(gateway.marks) <= 12
    assert world.board.status().unusable_answers["judge"].keys() == {MODEL}
    assert world.board.status().paused_models == {}
    assert any(f"the answers of {MODEL} to judge are unusable" in line for line in report.lines)
    gateway.mend()
    world.board.resume()
    world.run_until_quiescent()
    assert world.judged == leads
    assert world.board.status().unusable_answers == {}


def test_one_batch_of_all_marks_is_evidence_enough_in_two_halves(
    world_of: Callable[..., PayingBoard], api: MessagesApi
) -> None:
    world = world_of(batch=10)
    gateway = Gateway(api)
    leads = world.deposit_leads(10)
    world.run_until_quiescent()
    assert world.board.activations(state="dead") == []
    assert len(gateway.marks) <= 8
    gateway.mend()
    world.board.resume()
    world.run_until_quiescent()
    assert world.judged == leads


def test_a_dead_activation_is_tried_again_when_other_answers_show_that_the_model_is_to_blame(
    world_of: Callable[..., PayingBoard], api: MessagesApi
) -> None:
    world = world_of(max_attempts=1)
    gateway = Gateway(api)
    [first] = world.deposit_leads(1)
    world.run_until_quiescent()
    assert len(world.board.activations(state="dead")) == 1  # as far as anybody can tell, its mark is to blame
    [second] = world.deposit_leads(1, name="other")
    world.run_until_quiescent()
    assert world.board.activations(state="dead") == []
    gateway.mend()
    world.board.resume()
    world.run_until_quiescent()
    assert world.judged == [first, second]


def test_each_try_during_a_pause_is_about_one_mark_and_others_come_first(
    world_of: Callable[..., PayingBoard], api: MessagesApi
) -> None:
    world = world_of(batch=3)
    gateway = Gateway(api)
    world.deposit_leads(12)
    world.run_until_quiescent()
    before = len(gateway.marks)
    for _ in range(3):
        world.board.resume()
        world.run_until_quiescent()
    tries = gateway.marks[before:]
    assert [len(marks) for marks in tries] == [1] * len(tries)
    assert len({marks[0] for marks in tries}) == len(tries) >= 3


def test_the_mark_that_makes_answers_unusable_is_found_when_others_succeed(
    world_of: Callable[..., PayingBoard], api: MessagesApi
) -> None:
    world = world_of(batch=8, max_attempts=2)
    leads = world.deposit_leads(24)
    gateway = Gateway(api, is_wrong=lambda body, marks: leads[5] in marks)
    world.run_until_quiescent()
    assert world.judged == [lead for lead in leads if lead != leads[5]]
    [dead] = world.board.activations(state="dead")
    assert dead.marks_absorbed == 1
    assert len(gateway.marks) < 15
    assert world.board.status().unusable_answers == {}


def test_two_bad_batches_are_split_after_a_try_succeeded(
    world_of: Callable[..., PayingBoard], api: MessagesApi
) -> None:
    world = world_of(batch=2, max_attempts=1)
    leads = world.deposit_leads(8)
    bad = {leads[0], leads[2]}
    Gateway(api, is_wrong=lambda body, marks: not bad.isdisjoint(marks))
    world.run_until_quiescent()
    for name in ("second", "third", "fourth"):
        world.board.resume()
        world.deposit_leads(1, name=name)
        world.run_until_quiescent()
    assert set(world.judged) >= set(leads) - bad
    assert {item.marks_absorbed for item in world.board.activations(state="dead")} == {1}


def test_an_agent_whose_schema_is_wrong_stops_no_other_agent_of_its_model(
    world_of: Callable[..., PayingBoard], api: MessagesApi
) -> None:
    class Impossible(BaseModel):
        must: int

    @agent(watches=strength(Lead) >= 0.1, writes=[Judged])
    def mistaken(leads: Sequence[Lead], context: Context) -> list[Mark]:
        context.ask("Judge each lead.", {"leads": [{"id": lead.id} for lead in leads]}, Impossible)
        return []

    world = world_of(agents=(judge, mistaken), batch=1)
    leads = world.deposit_leads(6)
    world.run_until_quiescent()
    assert world.judged == leads
    assert world.board.activations(state="dead") == []
    assert world.board.status().unusable_answers.keys() == {"mistaken"}
    [first] = world.board.explain("mistaken", "lead/1").deferred
    assert "to mistaken are unusable" in (first.error or "")


def test_the_pause_of_an_agent_grows_while_its_answers_stay_unusable(
    world_of: Callable[..., PayingBoard], api: MessagesApi, clock: ManualClock
) -> None:
    world = world_of(batch=1)
    gateway = Gateway(api)
    leads = world.deposit_leads(6)
    daemon = world.daemon()

    def record(event: str, details: DaemonEventDetails) -> None:
        if len(gateway.marks) >= 8:
            gateway.mend()
        if len(world.judged) == len(leads):
            daemon.stop()

    daemon.on_event.append(record)
    started = clock.now()
    daemon.run()
    assert world.judged == leads
    assert clock.now() - started > parse_duration("5m")
    assert max(attempts(world.board)) == 1


def test_unusable_answers_of_the_batch_api_pause_the_model_too(
    world_of: Callable[..., PayingBoard], api: MessagesApi
) -> None:
    world = world_of(batch=2, use_batch_api=True)
    gateway = Gateway(api)
    leads = world.deposit_leads(8)
    client = BatchEndsLater(api)
    world.run_until_quiescent(client)
    assert world.board.activations(state="dead") == []
    assert world.board.status().unusable_answers.keys() == {"judge"}
    before = len(gateway.marks)
    assert before <= 6
    gateway.mend()
    world.board.resume()
    world.run_until_quiescent(client)
    client.close()
    assert world.judged == leads
