"""Draw the diagram of the activation states in `docs/design.md`; `make diagram` runs this.

The test `tests/core/test_states.py` compares it with the states.
"""

from __future__ import annotations

import re
from pathlib import Path

from blackboard.core.records.states import INITIAL, TRANSITIONS, ActivationState

PAGE = Path(__file__).resolve().parents[1] / "docs" / "design.md"
BLOCK = re.compile(r"(?<=<!-- activation states: begin -->\n).*?(?=<!-- activation states: end -->)", re.DOTALL)


def activation_diagram() -> str:
    """Return the states of an activation and their transitions as a Mermaid state diagram."""
    transitions = TRANSITIONS[ActivationState]
    arrows = [f"[*] --> {state}" for state in INITIAL[ActivationState]]
    arrows += [f"{old} --> {new}" for old, followers in transitions.items() for new in followers]
    arrows += [f"{state} --> [*]" for state in ActivationState if state not in transitions]
    return "\n".join(["stateDiagram-v2", *(f"    {arrow}" for arrow in arrows)])


def updated(page: str) -> str:
    """Return the page with the current diagram."""
    return BLOCK.sub(f"```mermaid\n{activation_diagram()}\n```\n", page)


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text("utf-8")), "utf-8")
