"""The number of examples that Hypothesis tries: `make test` repeats a few, and `make thorough` tries many new ones."""

from __future__ import annotations

from typing import Any

from hypothesis import settings

__all__ = ["examples"]


def examples(share: float, **more: Any) -> settings:
    """Return settings with a share of the profile's examples, for tests that need long for one."""
    return settings(max_examples=round(share * settings().max_examples), **more)
