"""Texts of the API in a form that can be stored."""

from __future__ import annotations


def storable_text(text: str) -> str:
    """Return the text with lone surrogates replaced. JSON can escape them, but UTF-8 cannot encode them."""
    return text.encode("utf-8", "replace").decode("utf-8")
