"""Which provider and which model a deployment asks. The key is no setting: it comes from the environment or a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from blackboard.durations import Duration, Microseconds
from blackboard.errors import ConfigurationError, Mistake

__all__ = ["KEY", "KEY_FILE", "ModelSettings", "api_key"]

KEY = "ANTHROPIC_API_KEY"
KEY_FILE = "ANTHROPIC_API_KEY_FILE"


class ModelSettings(BaseModel):
    """The `[model]` section of a deployment file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: Literal["auto", "anthropic", "offline"] = "auto"
    """`auto` is `anthropic` where there is a key, and `offline` where there is none."""
    model: str = Field(default="claude-haiku-5-5", min_length=1)
    """For agents that name none."""
    base_url: str | None = None
    """Another address of the API, such as a gateway's; ANTHROPIC_BASE_URL or the provider's own by default."""
    prices: Path | None = None
    """A price table of your own instead of the packaged one; a relative path starts where the command was started."""
    max_tokens: int = Field(default=8192, ge=1, le=128_000)
    """The longest answer, thinking included, for agents that set none."""
    timeout: Duration = Microseconds(300_000_000)
    """How long the API may be silent during a call."""

    @field_validator("base_url")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("https://", "http://")):
            raise ValueError("an address starts with https:// or http://")
        return value


def api_key(environ: Mapping[str, str]) -> str | None:
    """The key in ANTHROPIC_API_KEY, or else in the file that ANTHROPIC_API_KEY_FILE names; None where neither is set.

    Raises:
        ConfigurationError: the file cannot be read, or what is there cannot be a key. The message never shows it.
    """
    if key := environ.get(KEY, "").strip():
        return _checked(key, KEY)
    if not (path := environ.get(KEY_FILE, "").strip()):
        return None
    try:
        key = Path(path).expanduser().read_text("utf-8").strip()
    except UnicodeDecodeError:
        raise ConfigurationError([Mistake(KEY_FILE, f"{path} is not a text file")]) from None
    except OSError as error:
        raise ConfigurationError([Mistake(KEY_FILE, f"{path} cannot be read: {error.strerror}")]) from None
    return _checked(key, f"{KEY_FILE} ({path})")


def _checked(key: str, place: str) -> str:
    # Anything else would fail as an HTTP header, deep down and with the key in the message.
    if not key or not all("!" <= character <= "~" for character in key):
        raise ConfigurationError([Mistake(place, "it is empty or holds characters that a key cannot have")])
    return key
