"""The form of error messages: single quotes around names and values, no capital and no full stop."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def message(node: ast.expr) -> str | None:
    """Return the text of a message, with braces in place of values; None if it is not written where it is raised."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None


def messages() -> Iterator[tuple[str, str]]:
    """Yield the place and the text of each message that is raised."""
    for path in sorted(path for package in ("blackboard", "agents") for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                for text in filter(None, map(message, node.exc.args)):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", text


def test_a_message_has_no_backtick_no_capital_and_no_full_stop() -> None:
    wrong = [
        f"{place}: {text}"
        for place, text in messages()
        if "`" in text or text.endswith(".") or re.match(r"[A-Z][a-z]*\b(?!\.)", text)
    ]
    assert wrong == []
