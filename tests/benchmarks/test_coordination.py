"""The coordination of the desk needs exactly these calls and tokens, so that a more expensive change is noticed.

`make bench-coordination` prints the figures. A change here must also change docs/economy.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.coordination import measured_systems, report
from benchmarks.coordination.call_formulas import FORMS, work_of
from benchmarks.coordination.chat import Chat, Turn
from benchmarks.coordination.desk import run_desk, scripted_answer, trickle
from benchmarks.coordination.leads import MAX_LEADS, Enquiry, enquiries
from benchmarks.coordination.live_run import live
from benchmarks.coordination.outcome import Cost, Outcome, Row, WrongOutcome, check
from benchmarks.coordination.rivals.team_input import PROMPTS, ROUTER, office_of
from benchmarks.coordination.single_agent import scripted_blocks
from benchmarks.coordination.team_model import UnknownSpeaker, next_message
from tests.support.messages_api import MessagesApi

ROOT = Path(__file__).parents[2]
SIZES = (1, 10, 50)
OURS, BEST = "marks, ten per call", "pipeline, stage by stage, ten per call"

# Calls, input tokens, output tokens.
EXPECTED: Mapping[str, tuple[tuple[int, int, int], ...]] = {
    "marks, one per call": ((3, 1217, 180), (17, 7919, 1311), (81, 38324, 7086)),
    "marks, ten per call": ((3, 1217, 180), (4, 2717, 1159), (10, 10328, 6256)),
    "pipeline, one per call": ((3, 1217, 180), (17, 7919, 1311), (81, 38324, 7086)),
    "pipeline, ten leads a task": ((3, 1217, 180), (4, 2717, 1159), (16, 12340, 6326)),
    "pipeline, stage by stage, ten per call": ((3, 1217, 180), (4, 2717, 1159), (10, 10450, 6256)),
    "floor: one call per stage": ((3, 1217, 180), (4, 2717, 1159), (4, 8007, 6186)),
    "single agent with a tool": ((3, 1174, 134), (18, 7318, 991), (86, 35110, 5483)),
    "single agent with a tool, ten leads a task": ((3, 1292, 151), (4, 4393, 1032), (16, 20208, 5691)),
    "single agent with a tool, one thread": ((3, 1393, 134), (18, 23784, 991), (86, 437183, 5483)),
    "marks, ten per call, faded": ((8, 7912, 4015),),
}


def cost(system: str, leads: int) -> Cost:
    return Cost(*EXPECTED[system][SIZES.index(leads)])


def kept() -> list[Row]:
    """Return the stored figures of the last measurement, including frameworks."""
    data = json.loads((ROOT / "benchmarks" / "coordination" / "figures.json").read_text("utf-8"))
    return [Row.of(row) for row in data["rows"]]


def test_calls_and_tokens_equal_the_stored_figures() -> None:
    result: dict[str, tuple[tuple[int, int, int], ...]] = {}
    for row in measured_systems.own(SIZES):
        one = (row.cost.calls, row.cost.input, row.cost.output)
        result[row.system] = (*result.get(row.system, ()), one)
    assert result == EXPECTED


def test_fifty_simultaneous_leads_need_at_most_twelve_calls() -> None:
    assert cost(OURS, 50).calls <= 12


def test_the_desk_uses_hardly_more_input_than_the_best_pipeline() -> None:
    assert cost(OURS, 50).input <= 1.15 * cost(BEST, 50).input


def test_trickling_leads_need_at_most_half_the_calls_for_a_median_wait_of_less_than_a_minute() -> None:
    ten = run_desk(enquiries(50), {"sales": {"batch_window": "60s"}}, trickle(50, timedelta(seconds=20)))
    assert ten.cost == Cost(32, 18452, 6261)
    assert ten.cost.calls <= cost("marks, one per call", 50).calls / 2
    assert ten.median_wait == pytest.approx(45.4, abs=0.05)


@pytest.mark.parametrize("system", [system for system in FORMS if system in EXPECTED])
def test_the_formulas_equal_the_measured_calls(system: str) -> None:
    for leads in SIZES:
        assert FORMS[system].calls(work_of(enquiries(leads))) == cost(system, leads).calls


def test_six_of_ten_leads_qualify_and_one_clashes() -> None:
    work = work_of(enquiries(MAX_LEADS))
    assert (work.q, work.c) == (MAX_LEADS * 0.6, MAX_LEADS * 0.1)
    wishes = [lead.wish for lead in enquiries(MAX_LEADS) if lead.wish]
    assert len(wishes) == len(set(wishes))


def test_arrivals_are_ordered_and_repeatable() -> None:
    times = trickle(50, timedelta(seconds=20)).at
    assert all(before < after for before, after in pairwise(times))
    assert times == trickle(50, timedelta(seconds=20)).at


def right(leads: list[Enquiry]) -> Outcome:
    office = office_of(leads)
    for lead in leads:
        office.current = lead.number
        if lead.qualifies and "taken" in office.book(lead.wish or ""):
            office.book("2026-01-13T10:30")
    slots = {lead.number: office.slots[lead.number] for lead in leads if lead.qualifies}
    return Outcome({lead.number: lead.qualifies for lead in leads}, slots, [[lead.number for lead in leads]])


def test_a_right_outcome_is_accepted() -> None:
    leads = enquiries(7)
    assert check(right(leads), leads).qualified[0]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda o: o.qualified.pop(1), "leads judged"),
        (lambda o: o.qualified.update({1: True}), "lead 1: qualified"),
        (lambda o: o.slots.pop(0), "no appointment"),
        (lambda o: o.slots.update({0: "2026-01-07T10:00"}), "lead 0: slot"),
        (lambda o: o.slots.update({4: o.slots[0]}), "slots booked twice"),
        (lambda o: o.insights.append([0]), "outcomes in insights"),
    ],
)
def test_a_wrong_outcome_is_refused(spoil: Callable[[Outcome], object], why: str) -> None:
    leads = enquiries(7)
    outcome = right(leads)
    spoil(outcome)
    with pytest.raises(WrongOutcome, match=why):
        check(outcome, leads)


def test_the_script_refuses_an_unknown_conversation() -> None:
    with pytest.raises(UnknownSpeaker, match="no speaker"):
        next_message(Chat("You sing.", [Turn("user", "Sing.")], {}))


def test_a_router_hands_each_stage_to_its_specialist_and_stops() -> None:
    office, lead = office_of(enquiries(1)), enquiries(1)[0]
    tools: dict[str, dict[str, object]] = {f"transfer_to_{name}": {} for name in PROMPTS}
    turns = [Turn("user", office.task(lead.data))]
    route = []
    while (reply := next_message(Chat(ROUTER, turns, tools))).calls:
        name = reply.calls[0].name.removeprefix("transfer_to_")
        route.append(name)
        answer = next_message(Chat(PROMPTS[name], turns, {}))
        if answer.calls:
            turns.append(Turn("tool", office.book(str(answer.calls[0].arguments["slot"]))))
            answer = next_message(Chat(PROMPTS[name], turns, {}))
        turns.append(Turn("assistant", answer.text))
    assert route == ["sales", "scheduler"]
    assert office.slots == {-1: lead.wish}
    assert reply.text == "done"


def test_a_live_run_reads_its_figures_from_the_usage_fields() -> None:
    with MessagesApi(scripted_answer) as api:
        result = list(live([1], {"ANTHROPIC_API_KEY": "key", "ANTHROPIC_BASE_URL": api.url}))
        assert sum(row.cost.input for row in result) == api.usage.prompt_tokens
    assert [row.cost for row in result] == [Cost(3, 1217, 180)] * 3
    assert result[0].note == "1 of 1 verdicts match the script"


def test_the_local_server_answers_as_a_team_in_the_messages_api() -> None:
    content = scripted_blocks(
        {"system": ROUTER, "messages": [{"role": "user", "content": '{"outcomes": []}\n{"patterns": []}'}]}
    )
    assert content == [{"type": "text", "text": "done"}]


def test_the_page_shows_the_current_figures() -> None:
    found = {(row.system, row.leads): row.cost for row in kept()}
    for system, costs in EXPECTED.items():
        for leads, one in zip(SIZES if len(costs) > 1 else SIZES[-1:], costs, strict=True):
            assert found[system, leads] == Cost(*one)
    page = (ROOT / "docs" / "economy.md").read_text("utf-8")
    assert report.fill_page(page, kept()) == page


def test_the_formulas_equal_the_measured_calls_of_frameworks() -> None:
    result = [row for row in kept() if row.system in FORMS]
    assert {row.system for row in result} == set(FORMS)
    for row in result:
        assert row.cost.calls == FORMS[row.system].calls(work_of(enquiries(row.leads))), row
