"""Writes the diagram of the activation states into design.md."""

from __future__ import annotations

import re
from pathlib import Path

from blackboard.core.states import activation_diagram

PAGE = Path(__file__).with_name("design.md")
BLOCK = re.compile(r"(?<=<!-- activation states: begin -->\n).*?(?=<!-- activation states: end -->)", re.DOTALL)


def updated(page: str) -> str:
    """Return the page with the current diagram."""
    return BLOCK.sub(f"```mermaid\n{activation_diagram()}\n```\n", page)


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text("utf-8")), "utf-8")
