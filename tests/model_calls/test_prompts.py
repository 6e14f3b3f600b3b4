"""A call contains little except the task, the schema and the marks, and a long task is paid for once while cached."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from blackboard import Mark, agent, strength
from blackboard.llm.answer_parser import Usage
from blackboard.llm.model_request import request_text
from blackboard.llm.prices import load_prices
from lead_desk import offline_rules
from tests.desk.fake_desk import FakeDesk, sample_leads, settings
from tests.support.messages_api import MessagesApi
from tests.support.paying_board import Judged, Lead, PayingBoard, Verdicts
from tests.support.tokenizer import count_tokens, input_tokens

OWN_WORDS = 150
"""The tokens of a call besides task, schema and marks."""
RULES = {
    "Verdicts": offline_rules.judge_leads,
    "Picks": offline_rules.pick_slots,
    "Patterns": offline_rules.find_patterns,
    "Rulings": offline_rules.decide_conflicts,
    "Steps": offline_rules.plan_tasks,
}


def test_the_desks_prompts_have_at_most_150_tokens_per_call(tmp_path: Path) -> None:
    (tmp_path / "calendar.ics").write_bytes(files("lead_desk").joinpath("samples", "calendar.ics").read_bytes())
    result: dict[str, int] = {}

    def answer(system: str, data: Any, form: type) -> Any:
        body = json.loads(request_text(system=system, data=data, answer=form, model="m", max_tokens=100))
        schema = body["output_config"]["format"]["schema"]
        rows = [value for value in data.values() if isinstance(value, list)]
        marks = sum(count_tokens(json.dumps(value, ensure_ascii=False)) for value in rows)
        own = input_tokens(body) - count_tokens(system) - count_tokens(json.dumps(schema)) - marks
        result[form.__name__] = max(own, result.get(form.__name__, 0))
        return RULES[form.__name__](data)

    desk = FakeDesk(settings(tmp_path), answer)
    for lead in sample_leads():
        desk.add(lead)
    desk.run()
    assert result.keys() == RULES.keys()
    assert max(result.values()) <= OWN_WORDS, result


TASK = "Judge each lead. " + "A lead is good if it names a number of seats, a month and a budget. " * 90


@agent(watches=strength(Lead) >= 0.1, writes=[Judged], max_tokens=400, batch=1, name="judge", model="claude-sonnet-4-6")
def thorough(marks: list[Any], context: Any) -> list[Mark]:
    """A judge with a long task."""
    data = {"leads": [{"id": lead.id, "message": lead.message} for lead in marks]}
    found = context.ask(TASK, data, Verdicts).verdicts
    return [Judged(subject=marks[0].subject, lead=item.id, verdict=item.verdict) for item in found]


def test_a_long_task_is_written_to_the_cache_once_and_read_from_it_after(
    world_of: Callable[..., PayingBoard], api: MessagesApi
) -> None:
    world = world_of(agents=[thorough])
    world.deposit_leads(3)
    world.run_until_quiescent()
    first, *others = world.calls()
    assert (first["cache_read_tokens"], first["cache_write_tokens"] > 1024) == (0, True)
    assert all(call["cache_read_tokens"] == first["cache_write_tokens"] for call in others)
    assert all(call["cache_write_tokens"] == 0 for call in others)
    price = load_prices().of("claude-sonnet-4-6")
    usage = [
        Usage(call["input_tokens"], call["output_tokens"], call["cache_read_tokens"], call["cache_write_tokens"])
        for call in world.calls()
    ]
    assert [call["cost_usd"] for call in world.calls()] == [price.cost(item) / 1e6 for item in usage]
    [row] = world.board.costs()
    assert row.share_from_cache is not None
    assert row.share_from_cache > 0.5
    body = json.loads(api.bodies[0])
    assert body["system"][-1]["cache_control"] == {"type": "ephemeral"}  # the breakpoint is after the constant part


def test_a_short_task_is_not_marked_for_the_cache(world: PayingBoard, api: MessagesApi) -> None:
    world.deposit_leads()
    world.run_until_quiescent()
    assert json.loads(api.bodies[0])["system"] == "Judge each lead."
