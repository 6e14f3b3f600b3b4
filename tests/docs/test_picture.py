"""The picture in the README shows the current behaviour of a board."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def fading() -> Any:
    spec = importlib.util.spec_from_file_location("fading", DOCS / "fading.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fading"] = module  # its dataclass resolves its own annotations there
    spec.loader.exec_module(module)
    return module


def test_the_picture_shows_each_wake_at_its_instant_on_a_board(fading: Any, tmp_path: Path) -> None:
    measured = fading.measure(tmp_path)
    picture = (DOCS / "fading.svg").read_text("utf-8")
    assert [(name, subject) for _, name, subject in measured.wakes] == [
        ("watchman", "kitchen"),
        ("caretaker", "kitchen"),
        ("caretaker", "cellar"),
    ]
    for minute, name, _ in measured.wakes:
        assert f"{name} wakes, {minute:.1f} min" in picture
