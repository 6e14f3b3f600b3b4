"""Costs are whole micro-dollars, rounded up, from a dated table and never from a guess."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackboard.errors import ConfigurationError, UnknownName
from blackboard.llm.answer_parser import Usage
from blackboard.llm.model_settings import ModelSettings
from blackboard.llm.prices import load_prices

PRICES = load_prices()
COUNTS = st.integers(0, 10_000_000)


def test_a_million_tokens_cost_what_the_table_says() -> None:
    price = PRICES.of("claude-haiku-4-5")
    assert price.cost(Usage(input=1_000_000)) == 1_000_000
    assert price.cost(Usage(output=1_000_000)) == 5_000_000
    assert price.cost(Usage(cache_creation=1_000_000)) == 1_250_000
    assert price.cost(Usage(cache_read=1_000_000)) == 100_000
    assert price.cost(Usage(1_000_000, 1_000_000), "batch") == 3_000_000
    assert price.cost(Usage(cache_read=1_000_000), "batch") == 50_000


def test_a_fraction_of_a_micro_dollar_is_rounded_up() -> None:
    assert PRICES.of("claude-haiku-5-5").cost(Usage(output=1)) == 1
    assert PRICES.of("claude-haiku-5-5").cost(Usage()) == 0


def test_a_long_prompt_uses_the_higher_rates_for_the_whole_call() -> None:
    price = PRICES.of("claude-haiku-5-5")
    assert price.cost(Usage(input=100_000, output=1000)) == 10_000 + 500
    assert price.cost(Usage(input=100_001, output=1000)) == 50_001 + 2_500
    assert price.cost(Usage(input=1, cache_read=100_000)) == 5_001


@given(st.sampled_from(PRICES.names), COUNTS, COUNTS, COUNTS, COUNTS)
def test_the_batch_api_never_costs_more_and_more_tokens_never_cost_less(
    model: str, given_in: int, out: int, read: int, written: int
) -> None:
    price, usage = PRICES.of(model), Usage(given_in, out, read, written)
    cost = price.cost(usage)
    assert type(cost) is int
    assert price.cost(usage, "batch") <= cost <= price.cost(Usage(given_in + 1, out + 1, read + 1, written + 1))


def test_a_dated_name_has_the_price_of_its_model() -> None:
    assert PRICES.of("claude-haiku-4-5-20251001") is PRICES.of("claude-haiku-4-5")


def test_a_model_without_a_price_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownName, match="did you mean 'claude-opus-5-5'"):
        PRICES.of("claude-opus-5-6")


def test_the_default_model_has_a_price_and_the_sdk_knows_every_priced_model() -> None:
    from anthropic.types import Model

    known = set(get_args(get_args(Model)[0]))
    assert ModelSettings().model in PRICES.names
    assert set(PRICES.names) <= known


def test_a_table_with_mistakes_is_refused_with_all_of_them(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text('as_of = 2026-01-01\n[models.m]\ninput = -1\noutput = "dear"\n')
    with pytest.raises(ConfigurationError) as raised:
        load_prices(path)
    assert {mistake.place.rpartition(".")[2] for mistake in raised.value.mistakes} >= {"input", "output", "cache_read"}


@pytest.mark.parametrize("content", [b"not = [toml", b"\xff"])
def test_a_file_that_is_not_a_price_table_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "prices.toml"
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_prices(path)
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"is not (valid TOML|UTF-8 text)"):
        load_prices(path)
