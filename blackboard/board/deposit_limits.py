"""Limits of what a deposit may contain: those of the kind and of the author, whichever is smaller."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from blackboard.deployment import Deployment, DepositLimits
from blackboard.errors import InvalidMark
from blackboard.marks import printable

_NONE = DepositLimits()


def check_size(deployment: Deployment, kind: str, author: str, text: str) -> None:
    """Check the text of a payload against the limits of its kind and of its author.

    Raises:
        InvalidMark: The payload is too large, or one of its texts is too long; the message names the limit.
    """
    spec, own = deployment.kinds[kind], deployment.limits.get(author, _NONE)
    for name, owner, limits in ((kind, "kind", spec), (author, "author", own)):
        if limits.max_payload is not None and (size := _size(text, limits.max_payload)) > limits.max_payload:
            raise InvalidMark(
                f"the payload has {size} bytes; at most {limits.max_payload} are allowed"
                f" (max_payload of {owner} {name!r})"
            )
        # The JSON of a text is never shorter than the text.
        if limits.max_text is not None and len(text) > limits.max_text:
            for place, length in _lengths(json.loads(text)):
                if length > limits.max_text:
                    raise InvalidMark(
                        f"{printable(place)}: the text has {length} characters; at most {limits.max_text} are allowed"
                        f" (max_text of {owner} {name!r})"
                    )


def _size(text: str, limit: int) -> int:
    """Return the size of a text in bytes, or what it has at least if that shows that it is within the limit."""
    return len(text) if len(text) * 4 <= limit else len(text.encode())


def _lengths(value: Any) -> Iterator[tuple[str, int]]:
    """Yield the place and the length of each text in a JSON value. The names in an object are texts too."""
    waiting = [("", value)]
    while waiting:
        place, item = waiting.pop()
        if isinstance(item, str):
            yield place, len(item)
        elif isinstance(item, list):
            waiting += [(f"{place}.{index}", part) for index, part in enumerate(item)]
        elif isinstance(item, dict):
            for name, part in item.items():
                inner = f"{place}.{name[:64]}".removeprefix(".")
                yield inner, len(name)
                waiting.append((inner, part))
