"""Normalization of untrusted text: its length, line breaks and look-alike characters.

The sender of a form chooses its text. So no rule reads more than `MAX_CHARACTERS` characters of it, and each repetition
in a pattern has a bound. This limits the time that a rule takes.
"""

from __future__ import annotations

import unicodedata

__all__ = ["MAX_CHARACTERS", "clip_text", "normalize_text"]

MAX_CHARACTERS = 2000
"""The largest number of characters of a text that the rules read. The models are sent less of each text."""
_MAX_RAW_CHARACTERS = 20_000
"""The largest number of raw characters that are read. Repeated white space counts here, but not in `MAX_CHARACTERS`."""


def clip_text(text: str, limit: int) -> str:
    """Return the text on one line of at most `limit` characters, without NUL and invalid characters."""
    line = " ".join(text[:_MAX_RAW_CHARACTERS].replace("\x00", " ").split()).encode("utf-8", "ignore").decode()
    return line if len(line) <= limit and len(text) <= _MAX_RAW_CHARACTERS else line[: limit - 1].rstrip() + "…"


def normalize_text(text: str) -> str:
    """Return the beginning of a text with look-alike forms unified and invisible characters removed.

    It covers at least the text that `clip_text` keeps for a model. Between words is one space or line break.
    """
    lines = (" ".join(line.split()) for line in text[:_MAX_RAW_CHARACTERS].splitlines())
    start = "\n".join(line for line in lines if line)[:MAX_CHARACTERS]
    visible = (letter for letter in unicodedata.normalize("NFKC", start) if unicodedata.category(letter) != "Cf")
    return "\n".join(" ".join(line.split()) for line in "".join(visible).split("\n"))
