"""The picture in the README shows the current behaviour of a board."""

from __future__ import annotations

from pathlib import Path

from tools import fading_picture


def test_the_picture_shows_each_wake_at_its_instant_on_a_board(tmp_path: Path) -> None:
    measured = fading_picture.measure(tmp_path)
    picture = fading_picture.PICTURE.read_text("utf-8")
    assert [(name, subject) for _, name, subject in measured.wakes] == [
        ("watchman", "kitchen"),
        ("caretaker", "kitchen"),
        ("caretaker", "cellar"),
    ]
    for minute, name, _ in measured.wakes:
        assert f"{name} wakes, {minute:.1f} min" in picture
