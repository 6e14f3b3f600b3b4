"""A request is one fixed text with only the agent's words, and its cost has a known upper bound."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Literal

import anthropic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, RootModel

from blackboard.core.records.states import CallApi
from blackboard.errors import AgentError, UnknownName
from blackboard.llm.answer_schema import answer_schema
from blackboard.llm.anthropic_client import AnthropicClient
from blackboard.llm.model_request import estimate_tokens, highest_cost, request_text
from blackboard.llm.prices import load_prices
from tests.llm.conftest import Verdict
from tests.support.messages_api import MessagesApi
from tests.support.tokenizer import count_tokens, input_tokens

PRICES = load_prices()


def planned(**changes: Any) -> str:
    given = {"system": "Judge.", "data": [1], "answer": Verdict, "model": "claude-haiku-4-5", "max_tokens": 100}
    return request_text(**{**given, **changes})


class Line(BaseModel):
    what: str = Field(max_length=40, description="in a few words")
    when: datetime | None = None


class Invoice(BaseModel):
    lines: list[Line] = Field(min_length=1, max_length=9)
    state: Literal["open", "paid"] = "open"


def test_the_same_call_gives_the_same_request() -> None:
    assert planned() == planned()
    assert json.loads(planned()) == {
        "model": "claude-haiku-4-5",
        "max_tokens": 100,
        "system": "Judge.",
        "messages": [{"role": "user", "content": "[1]"}],
        "output_config": {"format": {"type": "json_schema", "schema": answer_schema(Verdict)}},
    }


def test_a_request_adds_no_words() -> None:
    body = json.loads(planned(data={"lead": "Ada"}))
    theirs = count_tokens("Judge.") + count_tokens('{"lead":"Ada"}') + count_tokens(json.dumps(answer_schema(Verdict)))
    assert input_tokens(body) == theirs


def test_data_may_contain_every_value_that_pydantic_can_serialize() -> None:
    at = datetime(2026, 1, 5, tzinfo=UTC)
    body = json.loads(planned(data={"marks": [Line(what="Zoë")], "now": at}))
    assert json.loads(body["messages"][0]["content"]) == {
        "marks": [{"what": "Zoë", "when": None}],
        "now": "2026-01-05T00:00:00Z",
    }
    assert "Zoë" in planned(data="Zoë")  # two bytes of UTF-8, not an escape of six


@pytest.mark.parametrize("data", [object(), float("nan"), "\ud800", {"a": {1, object()}}])
def test_data_that_json_cannot_represent_is_an_agent_error(data: object) -> None:
    with pytest.raises(AgentError, match="cannot be written as JSON"):
        planned(data=data)


class TestCacheBreakpoint:
    LONG = "A rule of the house. " * 1000  # 21 kB, about 5,000 tokens

    def system(self, **changes: Any) -> Any:
        return json.loads(planned(**{"system": self.LONG, "prices": PRICES, **changes}))["system"]

    def test_is_set_after_a_long_enough_system_prompt(self) -> None:
        assert self.system() == [{"type": "text", "text": self.LONG, "cache_control": {"type": "ephemeral"}}]
        assert self.system(system="short") == "short"
        short_for_haiku = "A rule of the house. " * 500
        assert self.system(system=short_for_haiku) == short_for_haiku
        assert isinstance(self.system(system=short_for_haiku, model="claude-sonnet-4-6"), list)

    def test_is_omitted_if_the_minimum_length_is_unknown(self) -> None:
        assert self.system(prices=None) == self.LONG
        assert self.system(model="claude-opus-5-5") == self.LONG

    def test_can_be_requested_and_forbidden(self) -> None:
        assert isinstance(self.system(system="short", cache=True), list)
        assert self.system(cache=False) == self.LONG

    def test_makes_the_second_call_read_the_prefix_of_the_first(
        self, client: AnthropicClient, api: MessagesApi
    ) -> None:
        api.cache_minimum = 4096
        first, second = (client.send(planned(system=self.LONG, data=n, prices=PRICES)).usage for n in (1, 2))
        assert first is not None
        assert second is not None
        assert first.cache_creation == second.cache_read > 4096
        assert first.cache_read == second.cache_creation == 0


class TestSchema:
    def test_limits_that_the_api_lacks_are_in_the_description(self) -> None:
        assert answer_schema(Invoice) == {
            "$defs": {
                "Line": {
                    "type": "object",
                    "properties": {
                        "what": {"type": "string", "description": "in a few words (maxLength: 40)"},
                        "when": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
                    },
                    "required": ["what"],
                    "additionalProperties": False,
                }
            },
            "type": "object",
            "properties": {
                "lines": {
                    "type": "array",
                    "items": {"$ref": "#/$defs/Line"},
                    "minItems": 1,
                    "description": "(maxItems: 9)",
                },
                "state": {"enum": ["open", "paid"]},
            },
            "required": ["lines"],
            "additionalProperties": False,
        }

    @pytest.mark.parametrize("answer", [Verdict, Invoice])
    def test_the_schema_differs_from_the_sdks_schema_only_in_descriptions(self, answer: type[BaseModel]) -> None:
        def bare(node: Any) -> Any:
            if isinstance(node, dict):
                # A property may be named `title`; the value of a keyword is text.
                return {
                    key: bare(value)
                    for key, value in node.items()
                    if not (key in ("title", "description") and isinstance(value, str))
                    and not (key == "required" and not value)
                }
            return [bare(item) for item in node] if isinstance(node, list) else node

        assert bare(answer_schema(answer)) == bare(anthropic.transform_schema(answer))

    @pytest.mark.parametrize("sort", [Any, dict[str, int], list, tuple[int, str], object])
    def test_a_field_that_the_api_cannot_express_is_named(self, sort: Any) -> None:
        model = type("Answer", (BaseModel,), {"__annotations__": {"part": sort}})
        with pytest.raises(AgentError, match=r"Answer\.part"):
            planned(answer=model)

    def test_a_list_may_be_the_whole_answer(self) -> None:
        assert answer_schema(RootModel[list[int]])["items"] == {"type": "integer"}


class TestHighestCost:
    @given(st.text(), st.integers(1, 4000), st.booleans(), st.sampled_from(["messages", "batch"]))
    def test_is_never_below_the_paid_cost(self, system: str, output: int, cache: bool, api: CallApi) -> None:
        try:
            body = planned(system=system, max_tokens=output, cache=cache)
        except AgentError:
            return  # not UTF-8
        usage = MessagesApi(cache_minimum=1).usage_of(json.loads(body), output)
        assert PRICES.of("claude-haiku-4-5").cost(usage, api) <= highest_cost(body, PRICES, api)

    def test_of_the_batch_api_is_half(self) -> None:
        body = planned(max_tokens=4000)
        assert highest_cost(body, PRICES, "batch") * 2 - highest_cost(body, PRICES) in (0, 1)

    def test_counts_every_byte_as_a_token(self) -> None:
        assert estimate_tokens("Zoë") == 4

    def test_of_a_model_without_a_price_is_not_guessed(self) -> None:
        with pytest.raises(UnknownName, match="did you mean 'claude-haiku-4-5'"):
            highest_cost(planned(model="claude-haiku-4-6"), PRICES)
