"""Patterns of LIKE, as the statements have them: a backslash escapes."""

from __future__ import annotations


def containing_pattern(text: str) -> str:
    """Return the pattern of the texts that contain a text."""
    for sign in ("\\", "%", "_"):
        text = text.replace(sign, "\\" + sign)
    return f"%{text}%"
