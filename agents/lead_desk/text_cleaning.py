"""Cleaning of untrusted text: length, line breaks, and look-alike characters."""

from __future__ import annotations

import unicodedata

__all__ = ["clip", "normalize"]


def clip(text: str, limit: int) -> str:
    """Return the text on one line of at most `limit` characters, without NUL and invalid characters."""
    line = " ".join(text.replace("\x00", " ").split()).encode("utf-8", "ignore").decode()
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def normalize(text: str) -> str:
    """Return the text with look-alike forms unified and invisible characters removed."""
    folded = unicodedata.normalize("NFKC", text)
    return "".join(letter for letter in folded if unicodedata.category(letter) != "Cf")
