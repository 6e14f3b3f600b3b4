"""The system prompts of the agents, one file each."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

__all__ = ["load_prompt"]


@cache
def load_prompt(name: str) -> str:
    """Return the system prompt in `NAME.md`."""
    return files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8").strip()
