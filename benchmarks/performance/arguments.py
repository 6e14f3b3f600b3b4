"""The types of command line arguments: whole numbers and lists. Invalid arguments are rejected before measuring."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["at_least_one", "check_writable", "names", "sizes"]


def at_least_one(text: str) -> int:
    """Return a whole number of at least 1, such as 1000000 or 1_000_000.

    Raises:
        argparse.ArgumentTypeError: The text is not such a number.
    """
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1, such as 1000 or 1_000_000")
    return number


def sizes(text: str) -> list[int]:
    """Return whole numbers separated by commas, sorted and without duplicates."""
    return sorted({at_least_one(part) for part in text.split(",")})


def names(text: str) -> list[str]:
    """Return names separated by commas."""
    return [part.strip() for part in text.split(",")]


def check_writable(path: Path) -> None:
    """Create the folder of a file and check that the file can be written.

    Raises:
        OSError: The file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    path.open("a").close()
    if new:
        path.unlink()
