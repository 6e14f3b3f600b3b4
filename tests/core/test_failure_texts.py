"""One function writes the text of a failure; others read its class, and the part of it that may quote marks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackboard import errors
from blackboard.clock import iso
from blackboard.core.failure_texts import (
    budget_text,
    error_text,
    is_error_text,
    may_quote,
    with_quotation,
    without_quotation,
)

SECRET = "likes: marzipan"
ERRORS = [errors.WorkError, errors.UnreadableMark, errors.UsageError, errors.AgentError, errors.Conflict]
AMOUNTS = st.one_of(
    st.integers(min_value=0, max_value=10**12).map(str), st.floats(1e-9, 1e12).map(lambda amount: f"{amount:.12g}")
)


@pytest.mark.parametrize("error_class", ERRORS)
def test_the_text_of_an_error_names_exactly_its_class(error_class: type[Exception]) -> None:
    text = error_text(error_class(SECRET))
    assert [other for other in ERRORS if is_error_text(text, other)] == [error_class]


@pytest.mark.parametrize("statement", ["ValueError", "the provider refuses calls to m", "given up after 2h"])
def test_the_quotation_in_a_text_of_a_failure_is_recognized_and_can_be_left_out(statement: str) -> None:
    text = with_quotation(statement, SECRET)
    assert may_quote(text)
    assert without_quotation(text) == statement


@given(AMOUNTS, AMOUNTS, st.none() | AMOUNTS, st.none() | st.integers(0, 4 * 10**15))
@pytest.mark.parametrize("section", ["budget", "agents.the-judge_2.budget"])
@pytest.mark.parametrize("setting", ["usd_per_day", "calls_per_hour", "usd_per_activation"])
def test_the_figures_of_a_budget_quote_nobody(
    section: str, setting: str, limit: str, used: str, needed: str | None, until: int | None
) -> None:
    text = budget_text(f"{section}.{setting}", limit, used, needed, iso(until))
    assert not may_quote(text)
    assert without_quotation(text) == text


def test_a_text_that_only_begins_like_that_of_a_budget_may_quote() -> None:
    text = f"{budget_text('budget.usd_per_day', '1', '2')} {SECRET}"
    assert may_quote(text)
    assert "marzipan" not in without_quotation(text)


@pytest.mark.parametrize("text", [None, "", "its subject is in cooldown", "it ran past its timeout of 5 s"])
def test_a_text_without_a_quotation_quotes_nobody(text: str | None) -> None:
    assert not may_quote(text)
    assert without_quotation(text or "") == (text or "")
