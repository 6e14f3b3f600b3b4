"""One call as canonical text, before it is sent: the text is frozen, so that a retry is the same request. Pure.

It adds no words of its own: the system prompt is the agent's, the user message is the data as JSON, and the answer's
schema goes where the API takes it.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_jsonable_python

from blackboard.errors import AgentError
from blackboard.llm.answer_schema import answer_schema
from blackboard.llm.prices import Api, Prices
from blackboard.llm.reply import Usage

__all__ = ["estimate_tokens", "highest_cost", "plan"]

FRAME = 1_000
"""Tokens that the API may add to a prompt for itself: the frame of the messages and its words about the schema."""

_USUAL_BYTES = 4
"""Bytes of English or JSON in a token, roughly; only the choice to set a cache breakpoint rests on it."""


def plan(
    *,
    system: str,
    data: Any,
    answer: type[BaseModel],
    model: str,
    max_tokens: int,
    cache: bool | None = None,
    prices: Prices | None = None,
) -> str:
    """The text of one request to the Messages API.

    Args:
        system: the agent's task; the part that does not change from call to call.
        data: anything that pydantic can turn into JSON.
        answer: what the answer must fit.
        model: the model's name.
        max_tokens: the most that the answer may have, thinking included.
        cache: whether to end the system prompt with a cache breakpoint. None sets one where the prompt is long enough
            for the model to cache, by `prices`; without prices, none. A breakpoint after a shorter prompt does nothing.
        prices: the table that knows how long is long enough.

    Raises:
        AgentError: the data or the answer's model cannot be put as JSON.
        UnknownName: the model has no price in `prices`.
    """
    if cache is None:
        cache = prices is not None and _worth_caching(system, prices.of(model).min_cacheable_tokens)
    body: dict[str, Any] = {"model": model, "max_tokens": max_tokens}
    if system.strip():
        block = {"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}
        body["system"] = [block] if cache else system
    body["messages"] = [{"role": "user", "content": _text(data, "data")}]
    body["output_config"] = {"format": {"type": "json_schema", "schema": answer_schema(answer)}}
    return _text(body, "request")


def estimate_tokens(text: str) -> int:
    """A number of tokens that the text cannot exceed: its bytes in UTF-8, of which no token has less than one.

    Usual text has about a quarter of that, so this is for reserving, not for predicting.
    """
    return len(text.encode("utf-8"))


def highest_cost(body: str, prices: Prices, api: Api = "messages") -> int:
    """What the planned request can cost at most, in micro-dollars: every byte a token, `max_tokens` used up.

    Raises:
        UnknownName: its model has no price.
    """
    parameters = json.loads(body)
    price = prices.of(parameters["model"])
    prompt, output = estimate_tokens(body) + FRAME, parameters["max_tokens"]
    if isinstance(parameters.get("system"), list):
        # Where a breakpoint stands, all of the prompt may turn out to be a cache write, which is dearer.
        return max(price.cost(Usage(prompt, output), api), price.cost(Usage(0, output, 0, prompt), api))
    return price.cost(Usage(prompt, output), api)


def _worth_caching(system: str, minimum: int | None) -> bool:
    return minimum is not None and len(system.encode("utf-8", "replace")) >= minimum * _USUAL_BYTES


def _text(value: Any, what: str) -> str:
    # The order of keys is kept, not sorted: a model writes the fields of its answer in the order of the schema.
    try:
        plain = to_jsonable_python(value, by_alias=True)
        text = json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode("utf-8")
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        raise AgentError(f"the {what} of a model call cannot be put as JSON: {error}") from None
    return text
