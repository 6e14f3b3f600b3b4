"""Conversations with a model, independent of their protocol."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Call", "Chat", "Reply", "Turn", "from_completions", "from_messages"]


@dataclass(frozen=True)
class Call:
    """A tool call that a model requests."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Turn:
    """A message of a conversation; its text includes the arguments of tool calls."""

    role: str
    """`user`, `assistant` or `tool`."""
    text: str


@dataclass(frozen=True)
class Chat:
    """A request to a model."""

    system: str
    turns: list[Turn]
    tools: Mapping[str, Mapping[str, Any]]
    """The schema of the arguments, by the name of the tool."""


@dataclass(frozen=True)
class Reply:
    """The answer of a model."""

    text: str = ""
    calls: list[Call] = field(default_factory=list)


def from_messages(body: Mapping[str, Any]) -> Chat:
    """Return the conversation in a request of the Messages API."""
    turns = []
    for message in body["messages"]:
        blocks = message["content"]
        if isinstance(blocks, str):
            blocks = [{"type": "text", "text": blocks}]
        for block in blocks:
            role = "tool" if block["type"] == "tool_result" else message["role"]
            turns.append(Turn(role, _block(block)))
    tools = {tool["name"]: tool["input_schema"] for tool in body.get("tools") or ()}
    return Chat(_text(body.get("system") or ""), turns, tools)


def from_completions(body: Mapping[str, Any]) -> Chat:
    """Return the conversation in a request of the chat-completions API."""
    system, turns = [], []
    for message in body["messages"]:
        text = _text(message.get("content") or "")
        if message["role"] in ("system", "developer"):
            system.append(text)
            continue
        calls = [_arguments(call["function"]["arguments"]) for call in message.get("tool_calls") or ()]
        turns.append(Turn(message["role"], "\n".join([text, *calls])))
    tools = {tool["function"]["name"]: tool["function"].get("parameters") or {} for tool in body.get("tools") or ()}
    return Chat("\n".join(system), turns, tools)


def _block(block: Mapping[str, Any]) -> str:
    match block["type"]:
        case "text":
            return str(block["text"])
        case "tool_result":
            return _text(block.get("content") or "")
        case "tool_use":
            return _arguments(block["input"])
    return ""


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(str(block.get("text", "")) for block in content)


def _arguments(arguments: Any) -> str:
    values = json.loads(arguments or "{}") if isinstance(arguments, str) else arguments
    return "\n".join(str(value) for value in values.values())
