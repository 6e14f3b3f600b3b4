"""Text files of settings: read whole within a limit, with every mistake named."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from blackboard.errors import ConfigurationError, Mistake

MAX_SETTINGS_BYTES = 1 << 20
"""The largest file in bytes. A path such as /dev/zero has no end."""


def read_text(path: Path, place: str | None = None) -> str:
    """Return the text of a file.

    Args:
        path: The file.
        place: How a mistake names the file; by default by its path.

    Raises:
        ConfigurationError: The file cannot be read, is too large, or is not UTF-8 text.
    """
    place = str(path) if place is None else place
    try:
        with path.open("rb") as file:
            content = file.read(MAX_SETTINGS_BYTES + 1)
        if len(content) <= MAX_SETTINGS_BYTES:
            return content.decode("utf-8-sig")
        problem = f"is larger than {MAX_SETTINGS_BYTES >> 20} MB; a settings file must be smaller"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 text: byte {error.start}"
    except ValueError:
        problem = "cannot be read: the path has a character that no path can have"
    raise ConfigurationError([Mistake(place, problem)])


def read_toml(path: Path, parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    """Return the tables of a TOML file.

    Raises:
        ConfigurationError: The file cannot be read or is not valid TOML.
    """
    text = read_text(path)
    try:
        return tomllib.loads(text, parse_float=parse_float)
    except tomllib.TOMLDecodeError as error:
        problem = f"is not valid TOML: {error}"
    except RecursionError:
        problem = "is nested too deeply"
    except ValueError as error:  # such as a number of more digits than Python reads
        problem = f"cannot be read: {str(error).partition(';')[0]}"
    raise ConfigurationError([Mistake(str(path), problem)])
