"""An old request is sent again only while its outcome is open. After any other end it is built anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from blackboard import ManualClock, Mark, agent, strength
from blackboard.core.agents.agent_context import Context
from blackboard.core.agents.agent_definition import Agent
from tests.support.fake_api_faults import Cut, Fault, Says, Status
from tests.support.messages_api import MessagesApi
from tests.support.paying_board import KEY, Judged, Lead, PayingBoard


class Short(BaseModel):
    verdict: str


class Long(BaseModel):
    verdict: str
    reason: str


def judge_with(form: type[BaseModel], task: str, *, fails: bool = False) -> Agent:
    """Return an agent that asks for an answer of a form; `fails` makes it stumble over the answer."""

    @agent(name="judge", watches=strength(Lead) >= 0.1, writes=[Judged], max_tokens=400, max_attempts=1)
    def judge(leads: Sequence[Lead], context: Context) -> list[Mark]:
        answer = context.ask(task, {"leads": [lead.id for lead in leads]}, form)
        if fails:
            raise ValueError("it stumbles over its answer")
        return [Judged(subject=lead.subject, lead=lead.id, verdict=answer.verdict) for lead in leads]  # type: ignore[attr-defined]

    return judge


def answer(body: dict[str, Any]) -> dict[str, str]:
    wanted = body["output_config"]["format"]["schema"]["properties"]
    return {name: f"{name} for {body['system']}" for name in wanted}


@pytest.fixture
def api() -> Any:
    with MessagesApi(answer, key=KEY) as api:
        yield api


@pytest.fixture
def desk(tmp_path: Path, board_url: str, clock: ManualClock, api: MessagesApi) -> Any:
    made: list[PayingBoard] = []

    def make(judge: Agent) -> PayingBoard:
        made.append(PayingBoard(board_url, clock, api.url, agents=[judge]))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.mark.parametrize(
    "fault", [Says("no JSON"), Says('{"score": 7}'), Status(413)], ids=["junk", "misfit", "too large"]
)
def test_a_retry_after_a_change_of_code_sends_the_new_request(
    desk: Callable[[Agent], PayingBoard], api: MessagesApi, fault: Fault
) -> None:
    old = desk(judge_with(Short, "old task"))
    [lead] = old.deposit_leads()
    api.queue(fault)
    old.run_until_quiescent()
    [dead] = old.board.activations(state="dead")
    new = desk(judge_with(Long, "new task"))
    new.board.retry(dead.id)
    new.run_until_quiescent()
    assert new.judged == [lead]
    assert b"old task" in api.bodies[0]
    assert b"new task" in api.bodies[1]
    assert len(api.bodies) == 2


def test_an_overloaded_request_is_built_anew(desk: Callable[[Agent], PayingBoard], api: MessagesApi) -> None:
    old = desk(judge_with(Short, "old task"))
    [lead] = old.deposit_leads()
    api.queue(Status(529, {"retry-after": "120"}))
    daemon = old.daemon()
    daemon.on_event.append(lambda event, details: daemon.stop() if event == "deferred" else None)
    daemon.run()
    new = desk(judge_with(Short, "new task"))
    new.run_until_quiescent()
    assert new.judged == [lead]
    assert b"new task" in api.bodies[1]


@pytest.mark.parametrize(("form", "paid"), [(Short, 1), (Long, 2)], ids=["same schema", "other schema"])
def test_a_stored_answer_is_used_only_for_the_schema_that_it_was_made_for(
    desk: Callable[[Agent], PayingBoard], api: MessagesApi, form: type[BaseModel], paid: int
) -> None:
    old = desk(judge_with(Short, "old task", fails=True))
    [lead] = old.deposit_leads()
    old.run_until_quiescent()
    assert old.states() == ["answered"]
    new = desk(judge_with(form, "new task"))
    new.board.retry(new.board.activations(state="dead")[0].id)
    new.run_until_quiescent()
    assert new.judged == [lead]
    assert api.paid == paid


@pytest.mark.parametrize(("form", "task"), [(Short, b"old task"), (Long, b"new task")], ids=["same", "other"])
def test_a_call_with_an_unknown_outcome_is_repeated_byte_for_byte_if_its_answer_would_fit(
    desk: Callable[[Agent], PayingBoard], api: MessagesApi, form: type[BaseModel], task: bytes
) -> None:
    old = desk(judge_with(Short, "old task"))
    [lead] = old.deposit_leads()
    api.queue(Cut(0))
    daemon = old.daemon()
    daemon.on_event.append(lambda event, details: daemon.stop() if event == "deferred" else None)
    daemon.run()
    assert old.states() == ["unknown"]
    new = desk(judge_with(form, "new task"))
    new.run_until_quiescent()
    assert new.judged == [lead]
    assert task in api.bodies[1]
    assert (api.bodies[0] == api.bodies[1]) == (form is Short)
