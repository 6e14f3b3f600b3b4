"""The items of `[[sinks]]`: receivers of messages outside the board, with their topics and addresses.

Addresses and passwords that must stay secret are not in the file. A setting that ends in `_env` names the environment
variable with the secret. Alternatively, a variable of this name with `_FILE` appended names a file with the secret.
"""

from __future__ import annotations

import os
import re
import string
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from blackboard.core.specs.sink_spec import SinkSpec
from blackboard.durations import SECOND, Duration, Microseconds, format_duration, parse_duration
from blackboard.errors import ConfigurationError, WorkError
from blackboard.settings.sections import Section
from blackboard.system.files.settings_files import read_text
from blackboard.system.outbound_addresses import parse_networks

if TYPE_CHECKING:
    from blackboard.system.webhook_requests import Endpoint

MAX_ATTEMPT = parse_duration("60s")
"""The longest time limit of an attempt: less than the lease of a message."""
NAME_CHARACTERS = frozenset(string.ascii_letters + string.digits + "-_")


def _variable(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", name) or name.startswith("whsec_"):
        raise ValueError("write the name of an environment variable that has the secret, not the secret itself")
    return name


SecretVariable = Annotated[str, AfterValidator(_variable)]
"""The name of an environment variable with a secret."""


def _plain_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", name):
        raise ValueError("write the name of an environment variable, not a value")
    return name


VariableName = Annotated[str, AfterValidator(_plain_name)]
"""The name of an environment variable."""


def _networks(value: Any) -> Any:
    is_list = isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    return parse_networks(value) if is_list else value


Networks = Annotated[
    tuple[IPv4Network | IPv6Network, ...],
    BeforeValidator(_networks),
    WithJsonSchema({"type": "array", "items": {"type": "string"}}),
]
"""Networks, such as `127.0.0.1` and `10.0.0.0/8`."""


class ReceiverSection(Section):
    """The settings that webhooks and mails share."""

    private_networks: Networks = ()
    """The private networks where the receiver may be."""

    def secrets(self) -> list[str]:
        """Return the names of the variables that this receiver needs."""
        return [value for name, value in self if name.endswith("_env") and value is not None]

    def secret(self, name: str, environ: Mapping[str, str]) -> str | None:
        """Check the secret that `secret_of` finds, and return it; None if there is none.

        Raises:
            ConfigurationError: The file cannot be read. The message does not quote it.
            ValueError: The value is not a secret of this kind. The message does not quote it.
        """
        value = secret_of(name, environ)
        if value is not None:
            try:
                self.check_secret(name, value)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        return value

    def required_secret(self, name: str, environ: Mapping[str, str]) -> str:
        """Return the secret in a variable, as `secret` does.

        Raises:
            WorkError: The variable is not set.
        """
        value = self.secret(name, environ)
        if value is None:
            raise WorkError(f"the environment variable {name} is not set")
        return value

    def check_secret(self, name: str, value: str) -> None:
        """Check the value of a variable that this receiver needs.

        Raises:
            ValueError: The secret is not what this receiver needs. The message does not quote it.
        """


class WebhookSection(ReceiverSection):
    """`webhook` of `[[sinks]]`: a POST to an address."""

    url: str | None = Field(default=None, repr=False)
    """The address."""
    url_env: SecretVariable | None = None
    """The variable with the address, if the address is a secret, as the addresses of Slack are."""
    body: Literal["plain", "slack", "ntfy"] = "plain"
    """The form of the body."""
    secret_env: SecretVariable | None = None
    """The variable with the secret for the signatures of Standard Webhooks: `whsec_` and random bytes in Base64."""
    token_env: SecretVariable | None = None
    """The variable with a token for the header `Authorization: Bearer`."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.url is None) == (self.url_env is None):
            raise ValueError("set exactly one of url and url_env")
        if self.url is not None:
            self.check_url(self.url)
        return self

    def check_url(self, url: str) -> Endpoint:
        """Return the endpoint of an address.

        Raises:
            ValueError: The URL cannot be the address of this webhook.
        """
        from blackboard.system.webhook_requests import Endpoint  # most files have no sinks

        endpoint = Endpoint.parse(url)
        if not endpoint.is_https and not self.private_networks:
            raise ValueError("the address must start with https://; http:// is allowed only if private_networks is set")
        if self.body == "ntfy" and not re.fullmatch(r"/[A-Za-z0-9_-]{1,64}", endpoint.target):
            raise ValueError("the address of ntfy ends with the topic, such as https://ntfy.sh/my-topic")
        return endpoint

    def check_secret(self, name: str, value: str) -> None:
        """Check an address, a secret or a token. No message quotes it."""
        if name == self.url_env:
            self.check_url(value)
        if name == self.secret_env:
            from blackboard.system.webhook_requests import check_secret

            check_secret(value)
        if name == self.token_env and not all("!" <= sign <= "~" for sign in value):
            raise ValueError("a token has only visible ASCII characters")

    def signing_problem(self) -> str | None:
        """Return what is missing here to sign the posts of this webhook; None if nothing is, or if it signs none."""
        from blackboard.system.webhook_requests import signing_problem

        return None if self.secret_env is None else signing_problem()


class MailSection(ReceiverSection):
    """`mail` of `[[sinks]]`: a mail by SMTP."""

    to: tuple[str, ...] = Field(min_length=1, max_length=50)
    """The addresses of the receivers."""
    sender: str = Field(alias="from")
    """The address of the sender."""
    server: str = Field(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9._:-]+$")
    """The host of the SMTP server."""
    port: int | None = Field(default=None, ge=1, le=65535)
    """Its port; by default 587 for `starttls`, 465 for `tls` and 25 for `none`."""
    encryption: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is encrypted. `none` is only for a server in `private_networks`, and has no password."""
    user: str | None = Field(default=None, min_length=1)
    """The name to log in with."""
    password_env: SecretVariable | None = None
    """The variable with the password."""

    @field_validator("to", "sender")
    @classmethod
    def _check_addresses(cls, value: Any) -> Any:
        for text in (value,) if isinstance(value, str) else value:
            _check_address(text)
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.user is None) != (self.password_env is None):
            raise ValueError("user and password_env belong together; set both or neither")
        if self.encryption == "none" and not self.private_networks:
            raise ValueError(
                "encryption 'none' is only for a server in private_networks; name its network there,"
                " or use starttls or tls"
            )
        if self.encryption == "none" and self.user is not None:
            raise ValueError(
                "a password is not sent without encryption; use starttls or tls, or remove user and password_env"
            )
        return self

    @property
    def port_or_default(self) -> int:
        """The port."""
        return self.port or {"starttls": 587, "tls": 465, "none": 25}[self.encryption]


def _check_address(text: str) -> None:
    from email.headerregistry import Address

    try:
        address = Address(addr_spec=text)
    except (ValueError, IndexError):
        raise ValueError(f"{text!r} is not an address, such as ada@example.org") from None
    if not address.domain or not text.isascii() or not text.isprintable():
        raise ValueError(f"{text!r} is not an address, such as ada@example.org")


class SinkSection(SinkSpec):
    """An item of `[[sinks]]`."""

    name: str = Field(min_length=1, max_length=50)
    """The name of the sink."""
    webhook: WebhookSection | None = None
    mail: MailSection | None = None
    command: tuple[str, ...] | None = Field(default=None, min_length=1)
    """A program with its arguments, which gets the message as JSON on its standard input. No shell runs it."""
    environment: tuple[VariableName, ...] = ()
    """The variables of the environment that `command` gets, in addition to PATH, HOME, LANG and TZ."""
    timeout: Duration = Microseconds(20 * SECOND)
    """The longest time of one attempt."""

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if not NAME_CHARACTERS.issuperset(name):
            raise ValueError(f"{name!r} is not the name of a sink, which has only letters, digits, - and _")
        return name

    @field_validator("command")
    @classmethod
    def _check_command(cls, command: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if command is not None and (not command[0] or any("\0" in part for part in command)):
            raise ValueError(
                f"a command begins with the name of a program, not with {command[0]!r}, and has no zero byte"
            )
        return command

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        ways = [name for name in ("webhook", "mail", "command") if getattr(self, name) is not None]
        if len(ways) != 1:
            raise ValueError(f"a sink has exactly one of webhook, mail and command, not {' and '.join(ways) or 'none'}")
        if self.environment and self.command is None:
            raise ValueError("'environment' is for a sink with 'command'; remove it, or set 'command'")
        if not 0 < self.timeout <= MAX_ATTEMPT:
            raise ValueError(
                "'timeout', the longest time of an attempt, must be above 0s and at most"
                f" {format_duration(MAX_ATTEMPT)}, not {format_duration(self.timeout)}"
            )
        return self

    @property
    def spec(self) -> SinkSpec:
        """The part of this section that the board stores."""
        return SinkSpec(**{name: getattr(self, name) for name in SinkSpec.model_fields})

    def check_secrets(self, environ: Mapping[str, str]) -> tuple[list[str], list[str]]:
        """Return the variables that are not set, and the mistakes in the others. No message quotes a secret."""
        missing: list[str] = []
        wrong: list[str] = []
        receiver = self.webhook or self.mail
        for name in () if receiver is None else receiver.secrets():
            try:
                if receiver is not None and receiver.secret(name, environ) is None:
                    missing.append(name)
            except ConfigurationError as error:
                wrong += [f"{mistake.place}: {mistake.message}" for mistake in error.mistakes]
            except ValueError as error:
                wrong.append(str(error))
        return missing, wrong


def secret_of(name: str, environ: Mapping[str, str]) -> str | None:
    """Return the secret in a variable, or in the file that the variable NAME_FILE names; None if neither is set.

    Raises:
        ConfigurationError: The file cannot be read. The message does not quote it.
    """
    if value := environ.get(name, "").strip():
        return value
    if path := environ.get(f"{name}_FILE", "").strip():
        return read_text(Path(os.path.expanduser(path)), f"{name}_FILE ({path})").strip() or None
    return None
