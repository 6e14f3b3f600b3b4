"""A message in the formats that receivers take. No text of a depositor can break the format or mention a person."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from blackboard.board.result_types.message_results import OutboxMessage
from blackboard.clock import from_datetime, iso
from blackboard.core.specs.sink_spec import Topic

URGENT = frozenset({Topic.OVERDUE, Topic.DEAD, Topic.BOARD_PAUSED, Topic.AGENT_UNSERVED})
"""The topics that a phone shows with more emphasis."""


def text_of(message: OutboxMessage) -> str:
    """Return the text after the title, for people."""
    return "\n\n".join(part for part in (message.text, message.remedy) if part)


def plain(message: OutboxMessage, target: str) -> tuple[dict[str, Any], str]:
    """Return the payload that Standard Webhooks recommends: the type, the time and the data."""
    said = {"title": message.title, "text": message.text, "remedy": message.remedy or None}
    return {
        "type": message.topic,
        "timestamp": iso(from_datetime(message.created_at)),
        "data": {**said, **message.data},
    }, target


def slack(message: OutboxMessage, target: str) -> tuple[dict[str, Any], str]:
    """Return the payload of an incoming webhook of Slack."""
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _plain_text(message.title[:150])}]
    if message.text:
        blocks.append({"type": "section", "text": _plain_text(message.text[:3000])})
    if message.remedy:
        blocks.append({"type": "context", "elements": [_plain_text(message.remedy[:1000])]})
    return {"text": _escaped(message.title), "blocks": blocks}, target


def ntfy(message: OutboxMessage, target: str) -> tuple[dict[str, Any], str]:
    """Return the message as ntfy publishes it: in JSON, to the root of the server, with the topic of the address."""
    payload = {
        "topic": target.strip("/"),
        "title": message.title,
        "message": (text_of(message) or message.title)[:3500],
        "priority": 4 if message.topic in URGENT else 3,
    }
    return payload, "/"


FORMS: dict[str, Callable[[OutboxMessage, str], tuple[dict[str, Any], str]]] = {
    "plain": plain,
    "slack": slack,
    "ntfy": ntfy,
}
"""The functions that return the payload of a message and its path on the server, by the name of the format."""


def as_json(message: OutboxMessage) -> bytes:
    """Return a message for a command, as one line: the payload of a webhook, and the ids of the message."""
    payload, _ = plain(message, "")
    return json.dumps({"id": message.message_id, "sink": message.sink, **payload}, ensure_ascii=False).encode() + b"\n"


def _plain_text(text: str) -> dict[str, Any]:
    # Plain text has no mentions and no links; Slack shows it as it is.
    return {"type": "plain_text", "text": text, "emoji": False}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
