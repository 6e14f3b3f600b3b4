"""Every outcome is evidence for exactly one insight, for any answer of a model."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lead_desk.analyst import BASELINE, analyst, divide_evidence
from lead_desk.desk_marks import Insight, Qualified, Rejected
from lead_desk.model_answers import Pattern, Patterns
from tests.desk.fake_desk import Context, stored, woken


def outcomes(good: int, bad: int) -> list[Any]:
    deposited: list[Any] = [
        stored(Qualified(subject=f"q{n}", lead=n, score=0.8, reason="asks for a quote", source="ads"))
        for n in range(good)
    ]
    return deposited + [stored(Rejected(subject=f"r{n}", lead=n, score=0.1, reason="spam")) for n in range(bad)]


def test_outcomes_are_judged_in_one_call_and_named_by_insights() -> None:
    marks, context = outcomes(4, 5), Context("outcomes", {})
    deposited = woken(analyst, marks, context)
    assert len(context.asked) == 1
    assert sorted(number for mark in deposited for number in mark.evidence) == sorted(mark.id for mark in marks)
    assert {mark.pattern for mark in deposited} == {
        "4 of 9 qualified and came from: ads",
        "5 of 9 were rejected for: spam",
    }


def test_outcomes_without_a_pattern_are_in_the_baseline() -> None:
    marks = outcomes(1, 0)
    (deposited,) = woken(analyst, marks, Context("outcomes", {}))
    assert (deposited.pattern, deposited.evidence) == (BASELINE, [marks[0].id])


def test_an_outcome_named_by_two_patterns_belongs_to_the_first() -> None:
    found = divide_evidence(
        [1, 2, 3], [Pattern(pattern="a", ids=[1, 2, 2], weight=0.9), Pattern(pattern="b", ids=[2, 3], weight=0.5)]
    )
    assert [(pattern, evidence) for pattern, _, evidence in found] == [("a", [1, 2]), ("b", [3])]


def test_a_pattern_without_its_own_evidence_is_dropped() -> None:
    patterns = [Pattern(pattern="a", ids=[1], weight=0.9), Pattern(pattern="b", ids=[1, 99], weight=1.0)]
    found = divide_evidence([1], patterns)
    assert [pattern for pattern, _, _ in found] == ["a"]


def test_without_outcomes_there_is_no_call() -> None:
    context = Context("outcomes", {})
    assert woken(analyst, [], context) == []
    assert context.asked == []


def test_an_insight_of_weight_0_is_still_on_the_board() -> None:
    marks = outcomes(2, 0)

    def answer(system: str, data: Any, schema: type) -> Patterns:
        return Patterns(patterns=[Pattern(pattern="", ids=[mark.id for mark in marks], weight=0.0)])

    (deposited,) = woken(analyst, marks, Context("outcomes", {}, answer=answer))
    assert deposited.intensity > Insight.defaults.floor


@given(
    st.lists(st.integers(0, 30), unique=True),
    st.lists(st.tuples(st.text(max_size=5), st.lists(st.integers(-5, 35)), st.floats(0, 1))),
)
def test_every_answer_gives_a_partition(given_ids: list[int], answers: list[tuple[str, list[int], float]]) -> None:
    found = divide_evidence(given_ids, [Pattern(pattern=text, ids=ids, weight=weight) for text, ids, weight in answers])
    assert sorted(number for _, _, evidence in found for number in evidence) == sorted(given_ids)
    assert all(evidence for _, _, evidence in found)
