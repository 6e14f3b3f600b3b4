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
