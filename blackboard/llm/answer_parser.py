"""Answers of a model: the raw text, its metadata, and its parsing into a pydantic model as untrusted input.

A reply can contain any text, because it is recorded before it is parsed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ValidationError

from blackboard.core.validation_problems import problem_text
from blackboard.llm.call_failures import Unusable
from blackboard.llm.storable_texts import storable_text
from blackboard.system.error_descriptions import class_name

A = TypeVar("A", bound=BaseModel)

_VALUE = re.compile(r"""\{\s*["}]|\[\s*(?:[\[\]{"\d-]|true\b|false\b|null\b)""")
"""The beginning of an object or array in JSON, unlike that of most brackets in a sentence."""


@dataclass(frozen=True)
class Usage:
    """Tokens by type. `input` excludes tokens read from or written to the cache; `output` includes thinking."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_creation: int = 0

    @property
    def prompt(self) -> int:
        """The tokens of the prompt, including cached tokens."""
        return self.input + self.cache_read + self.cache_creation


@dataclass(frozen=True)
class Reply:
    """An answer as it arrived. The cost is unknown if `usage` is None."""

    raw: str
    request_id: str | None = None
    usage: Usage | None = None
    stop_reason: str | None = None
    model: str | None = None
    is_message: bool = False
    """Whether the text has the form of the API's answers, independent of the model's words."""

    @classmethod
    def of(cls, raw: str, request_id: str | None = None) -> Self:
        """Return the reply with this raw text, which may be any text."""
        message = _decode(raw)
        if not isinstance(message, dict):
            return cls(raw, request_id)
        return cls(
            raw,
            request_id,
            _usage(message.get("usage")),
            _word(message.get("stop_reason")),
            _word(message.get("model")),
            _is_message(message),
        )


def parse_answer(raw: str, answer: type[A]) -> A:
    """Parse the raw text of a reply into `answer`.

    Raises:
        Unusable: The answer is a refusal, is truncated, is not JSON, or has a field that does not fit.
    """
    message = _decode(raw)
    if not _is_message(message):
        raise Unusable("no_message", f"the reply is not a message of the Messages API: {_excerpt(raw)}")
    _check_end(message)
    texts = [
        block.get("text") for block in message["content"] if isinstance(block, dict) and block.get("type") == "text"
    ]
    text = "".join(part for part in texts if isinstance(part, str))
    if not text.strip():
        raise Unusable("junk", "the reply contains no text")
    text = storable_text(text)
    try:
        return answer.model_validate_json(_json_in(text))
    except ValidationError as error:
        raise _misfit(error, answer, text) from None


def _is_message(message: Any) -> bool:
    return isinstance(message, dict) and isinstance(message.get("content"), list)


def _json_in(text: str) -> str:
    """Return the JSON in a text: its only object or, without objects, its only array.

    Models behind gateways that drop the schema write words or a fence around it, and the words may contain brackets.
    The search ends at a broken value, because a part of it must not be taken for the answer.
    """
    if text.lstrip().startswith('"'):  # a JSON string, which may contain brackets
        return text
    decoder, at = json.JSONDecoder(), 0
    values_by_bracket: dict[str, list[str]] = {"{": [], "[": []}
    while (start := _VALUE.search(text, at)) is not None:
        try:
            _, at = decoder.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            return text[start.start() :] if not values_by_bracket["{"] else text
        values_by_bracket[text[start.start()]].append(text[start.start() : at])
    values = values_by_bracket["{"] or values_by_bracket["["]
    return values[0] if len(values) == 1 else text


def _check_end(message: Mapping[str, Any]) -> None:
    match message.get("stop_reason"):
        case "refusal":
            details = message.get("stop_details")
            parts = [details.get(key) for key in ("category", "explanation")] if isinstance(details, dict) else []
            reason = ": ".join(storable_text(part)[:300] for part in parts if isinstance(part, str))
            raise Unusable("refusal", f"the model refused{f' ({reason})' if reason else ''}")
        case "max_tokens":
            raise Unusable(
                "max_tokens", "the answer was cut off at max_tokens; raise max_tokens, or give the agent fewer marks"
            )
        case "model_context_window_exceeded":
            raise Unusable(
                "context_window", "the prompt and answer exceed the model's context; give the agent fewer marks"
            )


def _misfit(error: ValidationError, answer: type[BaseModel], text: str) -> Unusable:
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    if problems[0]["type"] == "json_invalid":
        return Unusable("junk", f"the answer is not JSON ({problems[0]['msg']}): {_excerpt(text)}")
    shown = "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'the answer'}: {problem_text(problem)}" for problem in problems[:3]
    )
    more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
    return Unusable(
        "mismatch",
        storable_text(f"the answer does not fit {answer.__name__}: {shown[:600]}{more}"),
        shown=f"the answer does not fit {class_name(answer)}",
    )


def _decode(raw: str) -> Any:
    try:
        return json.loads(raw.removeprefix("\ufeff"))  # some gateways begin with a byte order mark
    except (ValueError, RecursionError):  # not JSON, a number with thousands of digits, or nested too deeply
        return None


def _usage(value: object) -> Usage | None:
    if not isinstance(value, dict):
        return None
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    counts = [0 if value.get(name) is None else value[name] for name in names]
    # An integer column cannot store larger counts, and real counts are smaller.
    if value.get("output_tokens") is None or not all(type(count) is int and 0 <= count < 1 << 40 for count in counts):
        return None
    return Usage(*counts)


def _word(value: object) -> str | None:
    return storable_text(value)[:200] if isinstance(value, str) else None


def _excerpt(text: str) -> str:
    return repr(storable_text(text[:120]) + ("..." if len(text) > 120 else ""))
