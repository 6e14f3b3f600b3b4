"""A small deterministic tokenizer, the same for every compared system. It is not the tokenizer of a provider.

A word counts one token per six letters, a number one token per three digits, both rounded up, and every other
character except spaces one token. For English and JSON, the counts are close to common tokenizers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["count_tokens", "input_tokens", "prefix_tokens"]

_TOKEN = re.compile(r"[^\W\d_]{1,6}|\d{1,3}|[^\w\s]|_")


def count_tokens(text: str) -> int:
    """Return the number of tokens in a text."""
    return sum(1 for _ in _TOKEN.finditer(text))


def input_tokens(body: Mapping[str, Any]) -> int:
    """Return the input tokens of a request to the Messages API: system, messages, tools and the answer's schema."""
    schema = ((body.get("output_config") or {}).get("format") or {}).get("schema")
    messages = sum(_content(message["content"]) for message in body.get("messages", ()))
    return prefix_tokens(body) + messages + (_json(schema) if schema else 0)


def prefix_tokens(body: Mapping[str, Any]) -> int:
    """Return the tokens before the messages: tools and system."""
    return (_json(body["tools"]) if body.get("tools") else 0) + _content(body.get("system") or "")


def _content(content: Any) -> int:
    if isinstance(content, str):
        return count_tokens(content)
    return sum(_block(block) for block in content)


def _block(block: Mapping[str, Any]) -> int:
    match block["type"]:
        case "text":
            return count_tokens(block["text"])
        case "tool_result":
            return _content(block.get("content") or "")
        case _:
            return _json({key: value for key, value in block.items() if key not in ("type", "id", "cache_control")})


def _json(value: Any) -> int:
    return count_tokens(json.dumps(value, ensure_ascii=False))
