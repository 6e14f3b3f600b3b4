"""The provider and the model of a deployment. The API key is not a setting: it comes from the environment or a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from blackboard.durations import Duration, Microseconds
from blackboard.errors import ConfigurationError, Mistake
from blackboard.text_files import read_text

KEY = "ANTHROPIC_API_KEY"
KEY_FILE = "ANTHROPIC_API_KEY_FILE"


class ModelSettings(BaseModel):
    """The `[model]` section of a deployment file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: Literal["auto", "anthropic", "offline"] = "auto"
    """`auto` is `anthropic` if there is a key, and otherwise `offline`."""
    model: str = Field(default="claude-haiku-5-5", min_length=1)
    """The model of agents that do not set their own."""
    base_url: str | None = None
    """Another address of the API, such as a gateway; by default, ANTHROPIC_BASE_URL or the provider's address."""
    prices: Path | None = None
    """A price table that replaces the packaged table; a relative path is resolved from the current folder."""
    max_tokens: int = Field(default=8192, ge=1, le=128_000)
    """The longest answer in tokens, including thinking, of agents that do not set their own limit."""
    timeout: Duration = Microseconds(300_000_000)
    """The longest time of a call."""

    @field_validator("base_url")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("https://", "http://")):
            raise ValueError("an address starts with https:// or http://")
        return value


def api_key(environ: Mapping[str, str]) -> str | None:
    """Return the key in ANTHROPIC_API_KEY, or in the file that ANTHROPIC_API_KEY_FILE names; None if neither is set.

    Raises:
        ConfigurationError: The file cannot be read, or its content is not a key. The message never shows the content.
    """
    if key := environ.get(KEY, "").strip():
        return _check_key(key, KEY)
    if not (path := environ.get(KEY_FILE, "").strip()):
        return None
    place = f"{KEY_FILE} ({path})"
    return _check_key(read_text(Path(os.path.expanduser(path)), place).strip(), place)


def _check_key(key: str, place: str) -> str:
    # Other characters would fail in an HTTP header, with the key in the message.
    if not key or not all("!" <= character <= "~" for character in key):
        raise ConfigurationError([Mistake(place, "it is empty or contains characters that a key cannot have")])
    return key
