"""Cursors: the text that names a position in a list, for the next page of an answer."""

from __future__ import annotations

import base64
import json


def encode_cursor(position: object) -> str:
    """Return the text that names the page of a list after a position, such as `MarkPosition` or the id of an item."""
    text = json.dumps(position, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(value: object) -> object:
    """Return the position that a cursor names. A value of another type is returned unchanged, for its field to check.

    Raises:
        ValueError: The text is not a cursor.
    """
    if not isinstance(value, str):
        return value
    try:
        return json.loads(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
    except (ValueError, RecursionError):
        raise ValueError("this is not a cursor from an earlier answer") from None
