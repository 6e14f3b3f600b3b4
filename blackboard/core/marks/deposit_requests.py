"""Requests of deposits: plain data, made before a transaction, with the digest that is stored with a key.

Every deposit makes some of these. Here their fields are passed by position, in their order, because named arguments
take two to four times as long.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import JsonValue

from blackboard.clock import Instant, When, instant_of
from blackboard.core.authors import check_author
from blackboard.core.marks.decay import Decay, law_from
from blackboard.core.marks.mark_checks import check_if_event, normalize_subject
from blackboard.core.marks.mark_error_texts import not_json
from blackboard.core.marks.mark_model import NO_OPTIONS, DepositOptions, Mark, StandIn, options_of
from blackboard.core.marks.payload_json import dump_payload, given_payload
from blackboard.core.marks.payload_round_trip import write_mark
from blackboard.errors import InvalidMark
from blackboard.system.tracing import current_traceparent, read_traceparent


@dataclass(frozen=True)
class Deposit:
    """A mark to deposit by the name of its kind, without its class."""

    kind: str
    subject: str
    payload: Mapping[str, JsonValue]
    intensity: float = 1.0
    key: str | None = None
    source: str | None = None
    """The file that it is loaded from, by its name in `loaded_files`. The board stores the name with the key."""
    occurred_at: When | None = None
    """When it occurred; by default when the board records it."""
    decay: Decay | str | None = None
    """A decay law for this mark only."""
    until: When | None = None
    """The mark keeps its full strength until this time and then evaporates; instead of `decay`."""
    if_event: int | None = None
    """Deposit it only if the live mark that it joins is still at this event; 0 if there must be none."""
    author: str | None = None
    """Who signs it; by default the author of the board's handle."""
    traceparent: str | None = None
    """The trace context in which it is made, in the form of W3C Trace Context; by default that of the current span."""


_ENCODER = json.JSONEncoder(sort_keys=True)
_NOT_ARGUMENTS = frozenset({"kind", "author", "key", "text", "activation_id", "source", "traceparent"})
"""The fields that the digest of a request leaves out: the owner of its key, and the fields that the board adds."""


def deposited_item(mark: Mark | str, subject: str, payload: Mapping[str, JsonValue] | None) -> Mark | Deposit:
    """Return the item that the arguments of `Blackboard.deposit` name.

    Raises:
        InvalidMark: A subject or a payload is given in addition to a mark.
    """
    if isinstance(mark, str):
        return Deposit(mark, subject, {} if payload is None else payload)
    if subject or payload is not None:
        raise InvalidMark(
            "subject and payload belong to a deposit by the name of a kind; a mark has its own, so leave them out"
        )
    return mark


def deposit_options(
    *,
    key: str | None = None,
    decay: Decay | str | None = None,
    until: When | None = None,
    occurred_at: When | None = None,
    if_event: int | None = None,
) -> DepositOptions:
    """Return options as a program gives them.

    Raises:
        InvalidMark: `if_event` is not a whole number of at least 0.
        InvalidLaw: `decay` is not a valid law.
        InvalidDuration: A duration in `decay` is not valid.
        InvalidTime: `until` or `occurred_at` is not a time.
    """
    return DepositOptions(  # by position, for speed
        key,  # key
        None if decay is None else law_from(decay),  # decay
        None if until is None else instant_of(until),  # until
        None if occurred_at is None else instant_of(occurred_at),  # occurred_at
        None if if_event is None else check_if_event(if_event),  # if_event
    )


class DepositRequest(NamedTuple):
    """A mark to deposit, with the author who signs it."""

    kind: str
    subject: str
    payload: Mapping[str, JsonValue] | None
    """The payload as it was given. None if `text` has the payload, and no key needs a digest of what was given."""
    author: str
    intensity: float = 1.0
    key: str | None = None
    decay: Decay | None = None
    until: Instant | None = None
    """The instant until which the mark keeps its strength; instead of `decay`."""
    text: str | None = None
    """The payload as JSON text, once it has been checked."""
    activation_id: int | None = None
    """The activation that deposits the mark; None if the author is not an agent."""
    source: str | None = None
    """The file that the deposit is loaded from."""
    occurred_at: Instant | None = None
    """When the deposit occurred; None for the instant when the board records it."""
    if_event: int | None = None
    """The event at which the live mark must be; 0 if there must be no live mark, and None to require neither."""
    traceparent: str | None = None
    """The trace context of the deposit."""

    @classmethod
    def of(
        cls,
        item: Mark | Deposit,
        author: str,
        given: DepositOptions = NO_OPTIONS,
        *,
        intensity: float | None = None,
    ) -> DepositRequest:
        """Return the request for a mark. The given intensity and options replace the intensity and options of the item.

        Raises:
            InvalidMark: `item` is not a mark, its kind, subject or key is not text, or its payload is not JSON.
            UsageError: Another field of a `Deposit` is not valid: its law, a time, its event or its author.
        """
        if isinstance(item, Deposit):
            request = cls._of_deposit(item, author, given)
        elif isinstance(item, Mark):
            request = cls._of_mark(item, author, given)
        else:
            raise InvalidMark(f"deposit a mark, such as Smoke(subject=...), not {type(item).__name__}")
        return request if intensity is None else request._replace(intensity=intensity)

    @classmethod
    def _of_deposit(cls, item: Deposit, author: str, given: DepositOptions) -> DepositRequest:
        own = deposit_options(
            key=item.key,
            decay=item.decay,
            until=item.until,
            occurred_at=item.occurred_at,
            if_event=item.if_event,
        )
        _check_is_text("kind", item.kind)
        author = author if item.author is None else check_author(item.author)
        request = cls._with_options(
            item, given.completed_by(own), author=author, payload=item.payload, source=item.source
        )
        traceparent = read_traceparent(item.traceparent)
        return request if traceparent is None else request._replace(traceparent=traceparent)

    @classmethod
    def _of_mark(cls, mark: Mark, author: str, given: DepositOptions) -> DepositRequest:
        options = given.completed_by(options_of(mark))
        if isinstance(mark, StandIn):
            return cls._with_options(mark, options, author=author, payload=mark.payload)
        text = write_mark(mark)
        payload = None if options.key is None else given_payload(mark)
        return cls._with_options(mark, options, author=author, payload=payload, text=text)

    @classmethod
    def _with_options(
        cls,
        item: Mark | Deposit,
        options: DepositOptions,
        *,
        author: str,
        payload: Mapping[str, JsonValue] | None,
        text: str | None = None,
        source: str | None = None,
    ) -> DepositRequest:
        """Return the request for a mark, or for a deposit by the name of its kind."""
        _check_is_text("subject", item.subject)
        if options.key is not None:
            _check_is_text("key", options.key)
        return DepositRequest(  # by position, for speed
            item.kind,  # kind
            normalize_subject(item.subject),  # subject
            payload,  # payload
            author,  # author
            item.intensity,  # intensity
            options.key,  # key
            options.decay,  # decay
            options.until,  # until
            text,  # text
            None,  # activation_id
            source,  # source
            options.occurred_at,  # occurred_at
            options.if_event,  # if_event
            current_traceparent(),  # traceparent
        )

    @property
    def payload_text(self) -> str:
        """The payload as JSON text."""
        if self.text is not None:
            return self.text
        assert self.payload is not None
        return dump_payload(self.payload)

    def digest(self) -> str:
        """Return a text that is the same for two requests that ask for the same deposit.

        An argument with its default value is left out, so a later version may add arguments.

        Raises:
            InvalidMark: The payload is not JSON.
        """
        defaults = self._field_defaults
        arguments: dict[str, Any] = {
            name: value
            for name, value in zip(self._fields, self, strict=True)
            if name not in _NOT_ARGUMENTS and (name not in defaults or value != defaults[name])
        }
        try:
            text = _ENCODER.encode(_canonical(arguments))
        except (RecursionError, ValueError) as error:  # a value may contain itself
            raise not_json(error) from None
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def _check_is_text(label: str, value: object) -> None:
    if not isinstance(value, str):
        raise InvalidMark(f"the {label} must be text, not {value!r}")


def _canonical(value: Any) -> Any:
    """Return a value in a form that equal JSON values share: 1 for 1.0, and sets in one order."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return {str(name): _canonical(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(_ENCODER.encode(_canonical(item)) for item in value)
    if isinstance(value, Decay):
        return _canonical(value.spec())
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if value is None or isinstance(value, bool | int | float) else str(value)
