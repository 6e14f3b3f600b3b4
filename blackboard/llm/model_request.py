"""Requests as canonical text, fixed before they are sent, so that a retry repeats the same request. Pure functions.

A request adds no words of its own: the system prompt is the agent's, the user message is the data as JSON, and the
schema of the answer has its own field.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_jsonable_python

from blackboard.core.records.states import CallApi
from blackboard.errors import AgentError
from blackboard.llm.answer_parser import Usage
from blackboard.llm.answer_schema import answer_schema
from blackboard.llm.prices import Prices

FRAME_TOKENS = 1_000
"""Tokens that the API may add to a prompt, for the frame of the messages and its text about the schema."""

_BYTES_PER_TOKEN = 4
"""The approximate bytes of English or JSON per token, used only to decide about a cache breakpoint."""


def request_text(
    *,
    system: str,
    data: Any,
    answer: type[BaseModel],
    model: str,
    max_tokens: int,
    cache: bool | None = None,
    prices: Prices | None = None,
) -> str:
    """Return the text of one request to the Messages API.

    Args:
        system: The agent's task, which is the same in each call.
        data: Any value that pydantic can serialize as JSON.
        answer: The pydantic model that the answer must fit.
        model: The name of the language model.
        max_tokens: The longest answer in tokens, including thinking.
        cache: Whether to end the system prompt with a cache breakpoint. If None, `prices` decide whether the prompt is
            long enough for the model to cache it. A breakpoint after a shorter prompt has no effect.
        prices: The price table, with the shortest prefix that each model caches.

    Raises:
        AgentError: The data or the answer's model cannot be written as JSON.
        UnknownName: The model has no price in `prices`.
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
    """Return an upper bound of the tokens of a text: the number of UTF-8 bytes, because a token has at least a byte.

    Typical text has about a quarter as many tokens, so use the bound for reserves and not for predictions.
    """
    return len(text.encode("utf-8"))


def highest_cost(body: str, prices: Prices, api: CallApi = "messages") -> int:
    """Return the highest cost of a planned request, in micro-dollars: each byte a token, and `max_tokens` of output.

    Raises:
        UnknownName: The model has no price.
    """
    parameters = json.loads(body)
    price = prices.of(parameters["model"])
    prompt, output = estimate_tokens(body) + FRAME_TOKENS, parameters["max_tokens"]
    if isinstance(parameters.get("system"), list):
        # With a breakpoint, the whole prompt may be a cache write, which costs more.
        return max(price.cost(Usage(prompt, output), api), price.cost(Usage(0, output, 0, prompt), api))
    return price.cost(Usage(prompt, output), api)


def is_same_answer(body: str, other: str) -> bool:
    """Return whether two planned requests ask for an answer of the same form."""
    return bool(_form(body) == _form(other))


def _form(body: str) -> Any:
    return json.loads(body)["output_config"] if body else None  # the text of an erased request is empty


def _worth_caching(system: str, minimum: int | None) -> bool:
    return minimum is not None and len(system.encode("utf-8", "replace")) >= minimum * _BYTES_PER_TOKEN


def _text(value: Any, name: str) -> str:
    # Do not sort keys: a model writes the fields of its answer in the order of the schema.
    try:
        plain = to_jsonable_python(value, by_alias=True)
        text = json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode("utf-8")
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        problem = f"the {name} of a model call cannot be written as JSON"
        raise AgentError(f"{problem}: {error}", shown=problem) from None
    return text
