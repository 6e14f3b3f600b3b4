"""The verdict of an examination."""

from __future__ import annotations

from blackboard.core.records.finding import Finding


def judge(name: str, fine: bool, detail: str, advice: str) -> Finding:
    """Return a finding that is fine, or wrong with advice."""
    return Finding(name, "ok", detail) if fine else Finding(name, "wrong", detail, advice)
