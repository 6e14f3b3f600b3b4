"""What came back: the raw text, what it says of itself, and its reading into a pydantic model. It trusts none of it.

A reply is made from whatever text arrived, so that it can be journalled before anyone tries to understand it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ValidationError

from blackboard.llm.failures import Unusable, storable

__all__ = ["Reply", "Usage", "parse"]

A = TypeVar("A", bound=BaseModel)


@dataclass(frozen=True)
class Usage:
    """Tokens by sort. `input` excludes what the cache served or took in; `output` includes thinking."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_creation: int = 0

    @property
    def prompt(self) -> int:
        """Every token that went in, from wherever it was read."""
        return self.input + self.cache_read + self.cache_creation


@dataclass(frozen=True)
class Reply:
    """An answer as it arrived. `usage` is None where it does not say: what it cost is then not known."""

    raw: str
    request_id: str | None = None
    usage: Usage | None = None
    stop_reason: str | None = None
    model: str | None = None

    @classmethod
    def of(cls, raw: str, request_id: str | None = None) -> Self:
        """The reply with that raw text, whatever it is."""
        message = _decoded(raw)
        if not isinstance(message, dict):
            return cls(raw, request_id)
        return cls(
            raw,
            request_id,
            _usage(message.get("usage")),
            _word(message.get("stop_reason")),
            _word(message.get("model")),
        )


def parse(raw: str, answer: type[A]) -> A:
    """The raw text of a reply as `answer`.

    Raises:
        Unusable: a refusal, an answer that was cut off, text that is not JSON, or a field that does not fit.
    """
    message = _decoded(raw)
    if not isinstance(message, dict) or not isinstance(message.get("content"), list):
        raise Unusable("junk", f"the reply is not a message of the Messages API: {_excerpt(raw)}")
    _check_end(message)
    texts = [
        block.get("text") for block in message["content"] if isinstance(block, dict) and block.get("type") == "text"
    ]
    text = "".join(part for part in texts if isinstance(part, str))
    if not text.strip():
        raise Unusable("junk", "the reply holds no text")
    try:
        return answer.model_validate_json(storable(text))
    except ValidationError as error:
        raise _misfit(error, answer, text) from None


def _check_end(message: Mapping[str, Any]) -> None:
    match message.get("stop_reason"):
        case "refusal":
            details = message.get("stop_details")
            said = [details.get(key) for key in ("category", "explanation")] if isinstance(details, dict) else []
            why = ": ".join(storable(part)[:300] for part in said if isinstance(part, str))
            raise Unusable("refusal", f"the model refused{f' ({why})' if why else ''}")
        case "max_tokens":
            raise Unusable(
                "max_tokens", "the answer was cut off at max_tokens; raise it, or give the agent fewer marks"
            )
        case "model_context_window_exceeded":
            raise Unusable("context_window", "the prompt and answer exceed the model's context; give it fewer marks")


def _misfit(error: ValidationError, answer: type[BaseModel], text: str) -> Unusable:
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    if problems[0]["type"] == "json_invalid":
        return Unusable("junk", f"the answer is not JSON ({problems[0]['msg']}): {_excerpt(text)}")
    shown = "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'the answer'}: {problem['msg']}" for problem in problems[:3]
    )
    more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
    return Unusable("mismatch", storable(f"the answer does not fit {answer.__name__}: {shown[:600]}{more}"))


def _decoded(raw: str) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):  # not JSON, a number of thousands of digits, or nested without end
        return None


def _usage(value: object) -> Usage | None:
    if not isinstance(value, dict):
        return None
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    counts = [0 if value.get(name) is None else value[name] for name in names]
    # Above any real count lies what an integer column cannot hold.
    if value.get("output_tokens") is None or not all(type(count) is int and 0 <= count < 1 << 40 for count in counts):
        return None
    return Usage(*counts)


def _word(value: object) -> str | None:
    return storable(value)[:200] if isinstance(value, str) else None


def _excerpt(text: str) -> str:
    return repr(storable(text[:120]) + ("..." if len(text) > 120 else ""))
