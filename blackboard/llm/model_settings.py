"""The provider and the model of a deployment. The API key is not a setting: it comes from the environment or a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from blackboard.durations import MINUTE, Duration, Microseconds
from blackboard.errors import ConfigurationError, Mistake
from blackboard.system.files.settings_files import read_text

KEY = "ANTHROPIC_API_KEY"
KEY_FILE = "ANTHROPIC_API_KEY_FILE"
BASE_URL = "ANTHROPIC_BASE_URL"

KeySource = Callable[[], str | None]
"""Returns the present key, None if there is none; raises `ConfigurationError` if it cannot be used."""


class ModelSettings(BaseModel):
    """The `[model]` section of a deployment file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: Literal["anthropic", "offline"] = "anthropic"
    """Who answers the agents: the API, or their offline rules. Without a key, calls of the API are held."""
    model: str = Field(default="claude-haiku-5-5", min_length=1)
    """The model of agents that do not set their own."""
    base_url: str | None = None
    """Another address of the API, such as a gateway; by default, ANTHROPIC_BASE_URL or the provider's address."""
    prices: Path | None = None
    """A price table that replaces the packaged table; a relative path is resolved from the current folder."""
    max_tokens: int = Field(default=8192, ge=1, le=128_000)
    """The longest answer in tokens, including thinking, of agents that do not set their own limit."""
    timeout: Duration = Microseconds(5 * MINUTE)
    """The longest time of a call."""

    @field_validator("base_url")
    @classmethod
    def _check_url(cls, value: str | None) -> str | None:
        if value is not None and (problem := _problem_of(value)) is not None:
            raise ValueError(problem)
        return value


def address_of(settings: ModelSettings, environ: Mapping[str, str]) -> str | None:
    """Return the address of the API that the settings or the environment name; None for the provider's own.

    Raises:
        ConfigurationError: The environment names something that is not an address.
    """
    if settings.base_url is not None:
        return settings.base_url
    address = environ.get(BASE_URL, "").strip() or None
    if address is not None and (problem := _problem_of(address)) is not None:
        raise ConfigurationError([Mistake(BASE_URL, problem)])
    return address


def without_password(address: str) -> str:
    """Return an address without the user and password that it may contain."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def sends_key_in_clear(settings: ModelSettings, environ: Mapping[str, str]) -> str | None:
    """Return the address if the key and all payloads would cross a network unencrypted; None otherwise.

    Raises:
        ConfigurationError: The environment names something that is not an address.
    """
    address = address_of(settings, environ)
    if settings.provider == "offline" or address is None or not address.lower().startswith("http://"):
        return None
    return None if _is_loopback(urlsplit(address).hostname or "") else without_password(address)


def _problem_of(address: str) -> str | None:
    """Return why an address cannot be the address of an API; None if it can."""
    if not address.lower().startswith(("https://", "http://")):
        return "an address starts with https:// or http://"
    if any(character in "?#" or character.isspace() or not character.isprintable() for character in address):
        return "an address has no question mark, no # and no space: the path of the API is added to it"
    try:
        parts = urlsplit(address)
        is_complete = bool(parts.hostname) and parts.port != 0  # reading `port` also checks the port
    except ValueError:
        is_complete = False
    return None if is_complete else "an address is https:// or http://, a host, and perhaps a port and a path"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


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
