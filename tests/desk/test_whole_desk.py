"""Over the sample leads, the desk becomes quiescent with one verdict per lead and no slot booked twice.

Each verdict is evidence for one insight. The desk needs few calls, and the order of the leads does not matter.
"""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path
from random import Random

import pytest

from blackboard.core.agents.agent_definition import Agent
from blackboard.core.built_in_marks import Decision
from blackboard.core.marks.decay import law_from
from lead_desk.desk_settings import DeskSettings
from lead_desk.language.prompt_injection import is_suspicious
from lead_desk.prompts import load_prompt
from tests.desk.fake_desk import SAMPLES, FakeDesk, sample_leads, settings

CONFIG = Path(__file__).parents[2] / "config"


@pytest.fixture
def world(tmp_path: Path) -> FakeDesk:
    (tmp_path / "calendar.ics").write_bytes(SAMPLES.joinpath("calendar.ics").read_bytes())
    world = FakeDesk(settings(tmp_path))
    for lead in sample_leads():
        world.add(lead)
    return world


def test_the_samples_are_as_messy_as_a_web_form() -> None:
    marks = sample_leads()
    assert len(marks) >= 60
    assert sum(is_suspicious(mark) for mark in marks) >= 6
    assert len({mark.subject for mark in marks}) < len(marks)


def test_every_lead_has_one_verdict_and_every_verdict_one_insight(world: FakeDesk) -> None:
    world.run()
    verdicts = [*world.of("qualified"), *world.of("rejected")]
    assert sorted(mark.lead for mark in verdicts) == sorted(mark.id for mark in world.of("lead"))
    evidence = [number for mark in world.of("insight") for number in mark.evidence]
    assert sorted(evidence) == sorted(mark.id for mark in verdicts)


def test_no_slot_is_booked_twice_and_every_qualified_lead_is_booked_or_asked_about(world: FakeDesk) -> None:
    world.run()
    slots = [mark.slot for mark in world.of("appointment")]
    assert len(slots) == len(set(slots)) > 20
    settled = {number for mark in world.of("appointment") for number in (mark.qualified, *mark.also)}
    asked = {mark.subject for mark in world.of("need")}
    assert all(mark.id in settled or mark.subject in asked for mark in world.of("qualified"))
    assert asked, "somebody wants the slot that another has"


def test_attacks_do_not_qualify_a_lead(world: FakeDesk) -> None:
    world.run()
    attacks = {mark.id for mark in world.of("lead") if is_suspicious(mark)}
    good = {mark.subject for mark in world.of("qualified") if mark.lead in attacks}
    assert good == {"carla@ruizpan.example", "pat.quinn@research.example"}


def test_verdicts_do_not_depend_on_the_order_of_the_leads(world: FakeDesk, tmp_path: Path) -> None:
    other = FakeDesk(settings(tmp_path))
    shuffled = sample_leads()
    Random(7).shuffle(shuffled)
    for lead in shuffled:
        other.add(lead)

    def verdicts(world: FakeDesk) -> list[tuple[str, str, float, str]]:
        message = {mark.id: mark.message for mark in world.of("lead")}
        marks = [*world.of("qualified"), *world.of("rejected")]
        return sorted((mark.subject, message[mark.lead], mark.score, mark.kind) for mark in marks)

    world.run()
    other.run()
    assert verdicts(world) == verdicts(other)


def test_each_agent_judges_its_marks_in_few_calls(world: FakeDesk) -> None:
    world.run()
    assert world.calls.count("sales") == 7  # 69 leads, ten in a call
    assert world.calls.count("scheduler") <= 6
    assert world.calls.count("analyst") <= 2


def test_an_answer_of_a_person_books_the_meeting(world: FakeDesk) -> None:
    world.run()
    need = next(mark for mark in world.of("need") if mark.subject == "priya.nair@medisys.example")
    before = len(world.of("appointment"))
    world.add(Decision(subject=need.subject, answer="Whatever is earliest is fine", need=need.id), author="human")
    world.run()
    assert len(world.of("appointment")) == before + 1
    assert world.of("appointment")[-1].subject == need.subject


@pytest.mark.parametrize("name", ["sales", "scheduler", "analyst", "conflicts", "insights"])
def test_a_prompt_has_at_most_90_words(name: str) -> None:
    assert len(load_prompt(name).split()) <= 90


@pytest.mark.parametrize("name", ["leads.toml", "demo.toml"])
def test_every_name_in_a_deployment_file_exists(name: str) -> None:
    file = tomllib.loads((CONFIG / name).read_text("utf-8"))
    agents: dict[str, Agent] = {}
    for path in file["deployment"]["agents"]:
        module, attribute = path.split(":")
        found = getattr(import_module(module), attribute)
        agents[found.name] = found
    known = {kind for agent in agents.values() for kind in agent.kinds} | {"need", "decision"}
    assert set(file["kinds"]) <= known
    for kind in file["kinds"].values():
        law_from(kind["decay"])
    for agent, section in file["agents"].items():
        watches = {watch.name for watch in agents[agent].spec.watches}
        assert set(section.pop("watches", {})) <= watches
        type(agents[agent].spec.settings).model_validate(section)
    DeskSettings.from_settings(file["settings"])
