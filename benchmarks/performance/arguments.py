"""What may stand on the command line: whole numbers and lists of them. Anything else is refused before measuring."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["at_least_one", "check_writable", "names", "sizes"]


def at_least_one(text: str) -> int:
    """A whole number from 1 up, such as 1000000 or 1_000_000.

    Raises:
        argparse.ArgumentTypeError: it is something else.
    """
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 up, such as 1000 or 1_000_000")
    return number


def sizes(text: str) -> list[int]:
    """Whole numbers with commas between them, each once, the smallest first."""
    return sorted({at_least_one(part) for part in text.split(",")})


def names(text: str) -> list[str]:
    """Names with commas between them."""
    return [part.strip() for part in text.split(",")]


def check_writable(path: Path) -> None:
    """Make the folder of a file that is written later, and see that the file can be.

    Raises:
        OSError: it cannot.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    path.open("a").close()
    if new:
        path.unlink()
