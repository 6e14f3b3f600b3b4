"""Each conflict becomes one decision or one need, and the desk never loops over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackboard.core.built_in_marks import Decision, Need
from blackboard.errors import ModelError
from lead_desk.coordinator import coordinator
from lead_desk.desk_marks import BookingConflict, Insight, Qualified, Task
from lead_desk.model_answers import Pick, Picks, PlannedStep, Ruling, Rulings, Steps
from tests.desk.fake_desk import Context, FakeDesk, settings, stored, woken

FREE = ["2026-03-03T14:30", "2026-03-03T15:30"]


def conflict(
    subject: str = "a", score: float = 0.6, again: bool = False, free: list[str] | None = None
) -> BookingConflict:
    mark = BookingConflict(
        subject=subject,
        intensity=score,
        qualified=1,
        lead=1,
        reason="not free: 2026-03-03T15:00",
        wanted=["2026-03-03T15:00"],
        free=FREE if free is None else free,
        again=again,
    )
    found: BookingConflict = stored(mark, author="scheduler")
    return found


def ruled(*rulings: tuple[int, str | None]) -> Any:
    return lambda system, data, answer: Rulings(rulings=[Ruling(id=n, slot=slot, note="") for n, slot in rulings])


def test_a_conflict_is_resolved_with_the_nearest_free_slot() -> None:
    (deposited,) = woken(coordinator, [conflict()], Context("conflict", {}))
    assert isinstance(deposited, Decision)
    assert deposited.answer in {f"Offer {slot}" for slot in FREE}


def test_a_conflict_over_a_valuable_lead_goes_to_a_person() -> None:
    (deposited,) = woken(coordinator, [conflict(score=0.9)], Context("conflict", {}))
    assert isinstance(deposited, Need)
    assert deposited.options == FREE


def test_a_conflict_after_a_decision_goes_to_a_person_without_a_call() -> None:
    context = Context("conflict", {})
    (deposited,) = woken(coordinator, [conflict(again=True)], context)
    assert isinstance(deposited, Need)
    assert context.asked == []


def test_a_conflict_with_nothing_free_goes_to_a_person_without_a_call() -> None:
    context = Context("conflict", {})
    (deposited,) = woken(coordinator, [conflict(free=[])], context)
    assert isinstance(deposited, Need)
    assert context.asked == []


def test_two_conflicts_of_one_person_are_one_ruling() -> None:
    deposited = woken(coordinator, [conflict("a"), conflict("a", 0.7), conflict("b")], Context("conflict", {}))
    assert [mark.subject for mark in deposited] == ["a", "b"]


def test_no_slot_is_offered_to_two_people() -> None:
    deposited = woken(coordinator, [conflict(who) for who in "abc"], Context("conflict", {}))
    assert sorted(type(mark).__name__ for mark in deposited) == ["Decision", "Decision", "Need"]
    assert len({mark.answer for mark in deposited if isinstance(mark, Decision)}) == 2


def test_a_slot_that_was_not_free_becomes_a_need_instead_of_a_decision() -> None:
    mark = conflict()
    (deposited,) = woken(
        coordinator, [mark], Context("conflict", {}, answer=ruled((mark.id, "2026-03-03T15:00"), (9**9, FREE[0])))
    )
    assert isinstance(deposited, Need)


def test_a_conflict_without_a_ruling_fails_the_activation() -> None:
    with pytest.raises(ModelError):
        woken(coordinator, [conflict()], Context("conflict", {}, answer=ruled()))


def test_a_strong_insight_becomes_a_task_or_a_need_or_nothing() -> None:
    marks = [stored(Insight(subject="desk", pattern=p, evidence=[1])) for p in "abc"]

    def answer(system: str, data: Any, schema: type) -> Steps:
        tasks = [("Answer ads first", False), ("Block the form?", True), (" ", False)]
        return Steps(steps=[PlannedStep(id=m.id, task=t, ask=ask) for m, (t, ask) in zip(marks, tasks, strict=True)])

    deposited = woken(coordinator, marks, Context("insight", {}, answer=answer))
    assert [type(mark) for mark in deposited] == [Task, Need]
    assert {mark.subject for mark in deposited} == {"desk"}


@given(st.lists(st.one_of(st.none(), st.sampled_from([*FREE, "2026-03-03T15:00", "junk"])), min_size=1, max_size=60))
def test_a_request_leads_to_at_most_one_decision_before_a_person_is_asked(
    script: list[str | None],
) -> None:
    """Test any script of answers, repeated for all calls: picks, rulings and steps."""
    turn = iter(range(10**6))

    def answer(system: str, data: Any, schema: type) -> Any:
        def next_slot() -> str | None:
            return script[next(turn) % len(script)]

        if schema is Picks:
            return Picks(picks=[Pick(id=row["id"], slot=next_slot(), clash="") for row in data["asks"]])
        if schema is Rulings:
            return Rulings(rulings=[Ruling(id=row["id"], slot=next_slot(), note="no") for row in data["conflicts"]])
        if schema is Steps:
            return Steps(steps=[PlannedStep(id=row["id"], task="x", ask=False) for row in data["insights"]])
        return schema(patterns=[])

    world = FakeDesk(settings(Path("/nowhere")), answer)
    people = ["a", "b", "c", "a"]
    for who in people:
        times = ["2026-03-03T15:00"]
        world.add(Qualified(subject=who, intensity=0.8, lead=1, score=0.8, reason="r", times=times), author="sales")
    world.run()
    assert all(
        len([mark for mark in world.of("decision") if mark.subject == who]) <= people.count(who) for who in people
    )
    settled = {n for mark in world.of("appointment") for n in (mark.qualified, *mark.also)}
    for mark in world.of("qualified"):
        waiting = any(need.subject == mark.subject for need in world.of("need"))
        assert (mark.id in settled) or waiting, "nothing is dropped silently"
