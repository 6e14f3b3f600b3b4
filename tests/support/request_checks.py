"""Checks of requests: the fake Messages API rejects the same mistakes as the real API, by a part of its rules."""

from __future__ import annotations

import json
from typing import Any

from tests.support.fake_api_faults import Status

__all__ = ["Refused", "parameters"]

_PARAMETERS = {
    *("model", "max_tokens", "messages", "system", "output_config", "tools", "tool_choice", "thinking", "metadata"),
    *("stop_sequences", "temperature", "top_p", "top_k", "stream", "service_tier", "cache_control"),
}


class Refused(Exception):
    """A request that must be answered with an error status."""

    def __init__(self, status: Status) -> None:
        self.status = status


def parameters(text: bytes) -> dict[str, Any]:
    """Return the body of a message request after checking it as the real API does."""
    try:
        body = json.loads(text)
    except ValueError:
        raise Refused(Status(400, message="the body is not JSON")) from None
    if unknown := sorted(body.keys() - _PARAMETERS):
        raise Refused(Status(400, message=f"{unknown[0]}: Extra inputs are not permitted"))
    for name in ("model", "max_tokens", "messages"):
        if not body.get(name):
            raise Refused(Status(400, message=f"{name}: Field required"))
    if (form := (body.get("output_config") or {}).get("format")) is not None:
        _check_schema(form["schema"])
    return dict(body)


def _check_schema(node: Any) -> None:
    if not isinstance(node, dict):
        return
    if node.get("type") == "object" and node.get("additionalProperties") is not False:
        raise Refused(Status(400, message="For 'object' type, 'additionalProperties' must be explicitly set to false"))
    for word in ("minimum", "maximum", "minLength", "maxLength", "maxItems", "pattern", "multipleOf"):
        if word in node:
            raise Refused(Status(400, message=f"For '{node.get('type')}' type, property '{word}' is not supported"))
    for group in (node.get("properties", {}), node.get("$defs", {})):
        for part in group.values():
            _check_schema(part)
    for part in [node.get("items"), *node.get("anyOf", []), *node.get("allOf", [])]:
        _check_schema(part)
