"""Conditions: expressions without a truth value, whose texts read back unchanged; errors give the place."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import combinations
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from blackboard.core.conditions.condition_parser import parse_condition
from blackboard.core.conditions.condition_types import Comparison, Condition, Not, joined_condition
from blackboard.core.conditions.fewest_marks import fewest_marks, smallest_batch
from blackboard.core.conditions.measures import Measure, count, strength, strongest, total
from blackboard.core.conditions.threshold_search import NEVER_FALLS_AFTER
from blackboard.core.marks.decay import Decay
from blackboard.core.marks.fading_marks import FadingMark, FadingState
from blackboard.core.marks.mark_model import Mark
from blackboard.core.specs.watch_spec import check_watch
from blackboard.errors import InvalidCondition
from tests.core.strategies import ages, comparisons, conditions, instants, intensities, laws, measures


class Smoke(Mark, kind="smoke"):
    pass


class Fire(Mark, kind="fire"):
    pass


HOT = strength(Smoke) >= 0.7
BURNS = count(Fire) >= 1


NAMES = {"strength": strength, "total": total, "strongest": strongest, "count": count}


@given(conditions, st.data())
def test_the_fewest_marks_are_the_first_choice_that_suffices(condition: Condition, data: st.DataObject) -> None:
    assume("~" not in str(condition))
    sides = [*condition.comparisons()]
    marks = data.draw(st.lists(st.frozensets(st.sampled_from(sides), min_size=1), min_size=1, max_size=6))
    met = data.draw(st.sets(st.sampled_from(sides)))

    def suffices(choice: tuple[frozenset[Comparison], ...]) -> bool:
        return condition.is_met_if(lambda one: one in met and any(one in mark for mark in choice))

    choices = (choice for size in range(1, len(marks)) for choice in combinations(marks, size))
    assert fewest_marks(condition, marks, met.__contains__) == next(filter(suffices, choices), tuple(marks))


def test_a_condition_with_many_sides_is_checked_at_once() -> None:
    condition = parse_condition(" & ".join(f"strength(k{number}) >= 1" for number in range(60)))
    assert smallest_batch(condition) == 60


def pairs(number: int, *, overlap: bool) -> Condition:
    """Return `(a | b) & (c | d) & ...`, or `(a | b) & (b | c) & ...` if the pairs overlap."""
    step = 1 if overlap else 2
    sides = [(f"k{step * place}", f"k{step * place + 1}") for place in range(number)]
    return parse_condition(" & ".join(f"(strength({a}) >= 1 | strength({b}) >= 1)" for a, b in sides))


def test_a_condition_of_many_alternatives_is_checked_at_once() -> None:
    """Each pair doubles the number of combinations, so 60 pairs could never be checked one combination at a time."""
    assert smallest_batch(pairs(60, overlap=False)) == 60
    for overlap, fewest in ((False, 60), (True, 30)):
        condition = pairs(60, overlap=overlap)
        marks = [frozenset([comparison]) for comparison in dict.fromkeys(condition.comparisons())]
        assert len(fewest_marks(condition, marks, lambda one: True)) == fewest


def test_alternatives_that_share_kinds_in_too_many_ways_are_refused_with_a_remedy() -> None:
    assert smallest_batch(pairs(6, overlap=True)) == 6
    with pytest.raises(InvalidCondition, match=r"more than 1,000 ways.*declare several watches"):
        smallest_batch(pairs(60, overlap=True))


@given(conditions)
def test_a_condition_reads_back_from_its_text(condition: Condition) -> None:
    again = parse_condition(str(condition))
    assert again == condition
    assert str(again) == str(condition)


@given(conditions)
def test_the_text_of_a_condition_is_a_python_expression_for_it(condition: Condition) -> None:
    assert eval(str(condition), {"__builtins__": {}}, NAMES) == condition


marks = st.lists(st.tuples(laws, intensities, st.floats(0.1, 10), ages), min_size=1, max_size=5)


@given(marks, st.sampled_from([1.0, 0.999, 0.5, 1e-3, 1e-9]), instants)
def test_a_total_falls_at_the_first_instant_at_which_it_is_below(
    drawn: list[tuple[Decay, float, float, int]], part: float, now: int
) -> None:
    fading = [
        FadingMark("smoke", "kitchen", weight, FadingState(intensity, now - age, law), None)
        for law, intensity, weight, age in drawn
    ]

    def value(at: int) -> float:
        return total(Smoke).value([mark.strength(at) for mark in fading])

    threshold = value(now) * part
    assume(threshold > 0)
    fall = total(Smoke).first_below(fading, threshold, now)
    if fall is None:
        assert value(now + NEVER_FALLS_AFTER) >= threshold
    else:
        assert now < fall
        assert value(fall) < threshold <= value(fall - 1)


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (strength(Smoke) >= 0.7, 'strength("smoke") >= 0.7'),
        (total(Smoke, Fire, over="board") >= 20, 'total("smoke", "fire", over="board") >= 20'),
        (strongest("smoke") < 1 / 3, f'strongest("smoke") < {1 / 3!r}'),
        (count(Smoke, subject="o'clock*") >= 3, 'count("smoke", subject="o\'clock*") >= 3'),
        (count(Smoke, subject='a"b\\') >= 3, 'count("smoke", subject="a\\"b\\\\") >= 3'),
        (strength(Smoke, where={"b": "x", "a": 1.0}) >= 1, 'strength("smoke", where={"a": 1, "b": "x"}) >= 1'),
        (
            total(Smoke, over="board", where={"a": [True, "é", -0.5, "é"]}, within="10m") >= 1,
            'total("smoke", over="board", where={"a": ["é", -0.5, True]}, within="10m") >= 1',
        ),
        (HOT & BURNS & HOT, '(strength("smoke") >= 0.7) & (count("fire") >= 1) & (strength("smoke") >= 0.7)'),
        (HOT & (BURNS | HOT), '(strength("smoke") >= 0.7) & ((count("fire") >= 1) | (strength("smoke") >= 0.7))'),
        (~(HOT | BURNS), '~((strength("smoke") >= 0.7) | (count("fire") >= 1))'),
        (HOT & ~BURNS, '(strength("smoke") >= 0.7) & ~(count("fire") >= 1)'),
    ],
)
def test_the_text_of_a_condition_is_canonical(condition: Condition, text: str) -> None:
    assert str(condition) == text
    assert parse_condition(text) == condition


@pytest.mark.parametrize(
    "text",
    [
        "strength(smoke)>=.7",
        "strength( smoke )\n  >= 0.7",
        "(((strength(smoke) >= 7e-1)))",
        'strength("smoke") >= 0.7',
        "strength('smoke') >= 0.7",
    ],
)
def test_spaces_parentheses_and_the_form_of_a_number_do_not_matter(text: str) -> None:
    assert parse_condition(text) == HOT


def test_and_binds_closer_than_or() -> None:
    assert parse_condition("count(a) >= 1 | count(b) >= 1 & count(c) >= 1") == (count("a") >= 1) | (
        (count("b") >= 1) & (count("c") >= 1)
    )


def test_a_subject_may_have_either_quotes_or_none() -> None:
    assert parse_condition("count(smoke, subject=\"a''b\") >= 1") == (count("smoke", subject="a''b") >= 1)
    assert parse_condition("count(smoke, subject='a\\'b') >= 1") == (count("smoke", subject="a'b") >= 1)
    assert parse_condition('count(smoke, subject="\\u00e9\\n") >= 1') == (count("smoke", subject="é\n") >= 1)
    assert parse_condition("count(smoke, subject=kitchen) >= 1") == (count("smoke", subject="kitchen") >= 1)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("{'a': true}", True),
        ("{'a': [True]}", True),
        ("{'a': 1}", False),
        ("{'a': 'true'}", False),
    ],
)
def test_tags_are_compared_by_value_and_type(text: str, same: bool) -> None:
    other = count(Smoke, where={"a": True}) >= 1
    assert (parse_condition(f"count(smoke, where={text}) >= 1") == other) is same
    assert len({parse_condition(f"count(smoke, where={text}) >= 1"), other}) == (1 if same else 2)


def test_a_tag_without_a_value_is_refused() -> None:
    for value in (None, [], [None]):
        with pytest.raises(InvalidCondition, match="'a' needs a value; marks without the tag cannot be selected"):
            count(Smoke, where={"a": value})  # type: ignore[dict-item]


def test_a_kind_named_twice_counts_once() -> None:
    assert count(Smoke, "smoke", Fire).kinds == ("smoke", "fire")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "character 1: expected strongest, strength, total, count, every, daily_at, cron, found the end"),
        ("strenth(smoke) >= 1", "there is no measure or schedule 'strenth'; did you mean 'strength'"),
        ("strength(smoke >= 1", "character 16: expected ',' or '\\)', found '>='"),
        ("strength(smoke) > 1", "character 17: write >= \\(at or above\\) or < \\(below\\)"),
        ("strength(smoke) <= 1", "write >= \\(at or above\\) or < \\(below\\)"),
        ("strength(smoke) = 1", "expected '>=' or '<', found '='"),
        ("strength(smoke) >= high", "expected a number, found 'high'"),
        ("count(smoke, where=high) >= 1", "expected '{', found 'high'"),
        ("count(smoke, where={a: 1}) >= 1", "expected a text in quotes for the name of a tag, found 'a'"),
        ("count(smoke, where={'a': high}) >= 1", "expected a text in quotes, a number, True or False, found 'high'"),
        ("count(smoke, where={'a': 1, 'a': 2}) >= 1", "the tag 'a' is named twice"),
        ("count(smoke, where={'a': 1e999}) >= 1", "a tag is compared with a finite number"),
        ("count(smoke, where={'a': []}) >= 1", "found '\\]'"),
        ("strength(smoke) >= -1", "a threshold is above 0, found '-1'"),
        ("strength(smoke) >= 0", "a threshold is a number above 0"),
        ("strength(smoke) >= 1e999", "a threshold is a number above 0"),
        ("strength(smoke) >= 1 and count(fire) >= 1", "expected '&', '\\|' or the end, found 'and'"),
        ("strength(smoke) >= 1 &", "found the end"),
        ("(strength(smoke) >= 1", "expected '\\)', found the end"),
        ("strength(smoke, fire) >= 1", "strength measures one mark of one kind"),
        ("strength(smoke, over=board) >= 1", "strength measures one mark of one kind"),
        ("strength() >= 1", "expected a kind"),
        ("count(over=board) >= 1", "needs a kind"),
        ("count(smoke, over=moon) >= 1", 'over is "subject" or "board", not \'moon\''),
        (
            "count(smoke, colour=grey) >= 1",
            'only over="board", by="...", subject="...", where={...} and within="..." can be set',
        ),
        ("count(smoke, over=board, over=board) >= 1", "each once"),
        ("count(smoke, subject='x) >= 1", "has no meaning here"),
        ('count(smoke, subject="\\d") >= 1', "is not an escape"),
        ('count(smoke, subject="\\ud800") >= 1', "is not an escape"),
        ("max(smoke) >= 1", "there is no measure or schedule 'max'"),
        ("count(größe) >= 1", "'ö' has no meaning here"),
        ("~" * 200 + "count(smoke) >= 1", "nested more than 50 levels deep"),
        ("(" * 200 + "count(smoke) >= 1", "nested more than 50 levels deep"),
        ("count(smoke) >= 1 & " * 2000, "at most 10000 characters, not "),
    ],
)
def test_bad_text_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(InvalidCondition, match=message):
        parse_condition(text)


@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(
            st.sampled_from(
                [*"(),=&|~<' \\\"", ">=", "strength", "strongest", "smoke", "over", "board", "0.7"],
            ),
            max_size=20,
        ).map("".join),
    )
)
@example('strength("smoke") >= 0.7')
def test_every_text_is_a_condition_or_is_refused(text: str) -> None:
    try:
        condition = parse_condition(text)
    except InvalidCondition:
        return
    assert parse_condition(str(condition)) == condition


@given(conditions, st.data())
def test_a_condition_with_a_wrong_character_is_another_condition_or_is_refused(
    condition: Condition, data: st.DataObject
) -> None:
    text = str(condition)
    at = data.draw(st.integers(0, len(text)))
    changed = text[:at] + data.draw(st.characters()) + text[at + 1 :]
    with suppress(InvalidCondition):
        assert parse_condition(str(parse_condition(changed))) == parse_condition(changed)


def test_a_value_that_is_not_text_is_refused() -> None:
    with pytest.raises(InvalidCondition, match="a condition is a text"):
        parse_condition(7)  # type: ignore[arg-type]


@given(conditions)
def test_a_condition_has_no_truth_value(condition: Condition) -> None:
    with pytest.raises(InvalidCondition, match="no truth value"):
        bool(condition)


def test_and_or_not_and_chained_comparisons_raise() -> None:
    with pytest.raises(InvalidCondition, match="no truth value"):
        HOT and BURNS  # noqa: B018
    with pytest.raises(InvalidCondition, match="no truth value"):
        HOT or BURNS  # noqa: B018
    with pytest.raises(InvalidCondition, match="no truth value"):
        not HOT  # noqa: B018
    with pytest.raises(InvalidCondition, match="no truth value"):
        0.3 <= strength(Smoke) < 0.7  # noqa: B015


@given(measures)
def test_a_measure_is_compared_only_with_at_least_and_below(measure: Measure) -> None:
    with pytest.raises(InvalidCondition, match=">="):
        measure > 1  # noqa: B015
    with pytest.raises(InvalidCondition, match="<"):
        measure <= 1  # noqa: B015
    assert (measure >= 1) == (measure >= 1)
    assert (measure < 1) == (measure < 1)


@pytest.mark.parametrize("threshold", [0, -1, float("nan"), float("inf"), 1.1e12, 10**400, True, "1", None])
def test_an_invalid_threshold_is_refused(threshold: Any) -> None:
    with pytest.raises(InvalidCondition, match="a threshold is a number above 0"):
        strength(Smoke) >= threshold  # noqa: B015


@pytest.mark.parametrize("wrong", ["", "two words", "größe", Mark, 5, None])
def test_a_value_that_is_not_a_kind_cannot_be_measured(wrong: Any) -> None:
    with pytest.raises(InvalidCondition, match="is not a kind"):
        strength(wrong)


def test_an_invalid_measure_is_refused() -> None:
    with pytest.raises(InvalidCondition, match="needs a kind"):
        total()
    with pytest.raises(InvalidCondition, match="over is"):
        total(Smoke, over="moon")  # type: ignore[arg-type]
    with pytest.raises(InvalidCondition, match="subject is a pattern"):
        strength(Smoke, subject=5)  # type: ignore[arg-type]


@pytest.mark.parametrize("other", [True, 0.7, "count(fire) >= 1", None])
def test_a_condition_combines_only_with_conditions(other: Any) -> None:
    combinations: list[Callable[[], Any]] = [lambda: HOT & other, lambda: HOT | other]
    for combine in combinations:
        with pytest.raises(InvalidCondition, match="combines two conditions"):
            combine()


@pytest.mark.parametrize(
    ("condition", "falling", "over_board", "per_mark"),
    [
        (HOT, False, False, True),
        (strength(Smoke) < 0.3, True, False, True),
        (total(Smoke) < 0.3, True, False, False),
        (count(Smoke, over="board") >= 3, False, True, False),
        (HOT & BURNS, False, False, False),
        ((total(Smoke) < 1) | (count(Fire) < 1), True, False, False),
    ],
)
def test_a_condition_that_can_wake_an_agent_is_accepted(
    condition: Condition, falling: bool, over_board: bool, per_mark: bool
) -> None:
    assert check_watch(condition) is condition
    assert (condition.is_falling, condition.is_over_board, condition.is_per_mark) == (falling, over_board, per_mark)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (~HOT, "a watch cannot be negated"),
        (HOT & ~BURNS, "a watch cannot be negated"),
        (HOT & (strength(Smoke) < 0.9), "rises .* or falls .*, not both"),
        (HOT & (count(Fire, over="board") >= 1), "a watch over the board can have only one comparison"),
        (True, "an agent watches a condition"),
        ("strength(smoke) >= 1", "an agent watches a condition"),
    ],
)
def test_a_condition_that_cannot_wake_an_agent_is_refused(condition: Any, message: str) -> None:
    with pytest.raises(InvalidCondition, match=message):
        check_watch(condition)


@given(conditions, st.dictionaries(measures, st.floats(0, 1e12)))
def test_a_condition_is_met_as_its_parts_are_met(condition: Condition, values: dict[Measure, float]) -> None:
    def value(measure: Measure) -> float:
        return values.get(measure, 0.0)

    assert Not(condition).is_met(value) is not condition.is_met(value)
    assert joined_condition(condition, None) is joined_condition(None, condition) is condition
    assert joined_condition(None, None) is None
    joined = joined_condition(condition, HOT)
    assert joined is not None
    assert joined.is_met(value) == (condition.is_met(value) and HOT.is_met(value))
    assert (condition | HOT).is_met(value) == (condition.is_met(value) or HOT.is_met(value))


@given(comparisons)
def test_a_threshold_is_met_when_it_is_reached(comparison: Comparison) -> None:
    met = comparison.is_met(lambda _: comparison.threshold)
    assert met == (comparison.operator == ">=")


@given(conditions)
def test_a_condition_names_every_kind_once(condition: Condition) -> None:
    named = [kind for comparison in condition.comparisons() for kind in comparison.measure.kinds]
    assert sorted(condition.kinds) == sorted(set(named))


def test_a_pattern_narrows_to_subjects() -> None:
    vip = strength(Smoke, subject="lead/vip-*")
    assert vip.covers("lead/vip-1")
    assert not vip.covers("lead/1")
    assert not vip.covers("LEAD/VIP-1")
    assert strength(Smoke).covers("anything")
