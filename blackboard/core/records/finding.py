"""One result of a diagnosis, as `doctor` shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FindingState = Literal["ok", "note", "wrong"]


@dataclass(frozen=True)
class Finding:
    """The result of one check: `note` is worth knowing, `wrong` needs an action."""

    name: str
    state: FindingState
    detail: str
    advice: str = ""


def finding_of(name: str, detail: str, advice: str, *, is_fine: bool) -> Finding:
    """Return a finding that is fine, or wrong with advice."""
    return Finding(name, "ok", detail) if is_fine else Finding(name, "wrong", detail, advice)
