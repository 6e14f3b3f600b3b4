"""Checks of a deposit: its author, payload, subject, intensity and times."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from blackboard.board.deployment_effects.registered_kinds import ensure_kind, schemas_of
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant, iso
from blackboard.core.authors import check_author, skeleton
from blackboard.core.marks.decay import Step
from blackboard.core.marks.deposit_requests import DepositRequest
from blackboard.core.marks.mark_checks import check_intensity, check_subject
from blackboard.core.marks.mark_error_texts import printable_text
from blackboard.core.specs.agent_spec import DepositLimits
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.durations import Microseconds, format_duration
from blackboard.errors import InvalidAuthor, InvalidMark, InvalidTime
from blackboard.store.statements import MARKS


def check_and_register(txn: BoardTransaction, request: DepositRequest, classes: MarkClasses) -> DepositRequest:
    """Check a request against the board, and return it as it is stored. Register a kind that only this process knows.

    See `Blackboard.deposit` for the errors.
    """
    ensure_kind(txn, request.kind, classes, request.author)
    kind = txn.kind(request.kind)
    if request.if_event is not None and kind.on_repeat == "separate":
        raise InvalidMark(
            f"if_event: a deposit of {kind.name!r} joins no mark, because the kind is 'separate'; leave if_event out"
        )
    text, subject = request.text, check_subject(request.subject)
    if text is None:
        assert request.payload is not None
        text, subject = classes.check(request.kind, request.payload, subject, txn.deployment)
        subject = check_subject(subject)
    check_payload(txn, request.kind, request.author, text, classes)
    return _complete(txn, request, subject, text)


def _complete(txn: BoardTransaction, request: DepositRequest, subject: str, text: str) -> DepositRequest:
    """Check the author, the times and the intensity of a request, and return it as it is stored."""
    if request.activation_id is None:
        check_signature(txn, request.author)
    occurred_at = None if request.occurred_at is None else _accept_occurrence(txn, request.occurred_at)
    decay = request.decay
    if request.until is not None:
        if decay is not None:
            raise InvalidMark("decay and until each set the law of the mark; use only one of them")
        decay = _law_until(request.until, txn.now if occurred_at is None else occurred_at, txn.now)
    intensity = check_intensity(request.intensity)
    completed = (subject, text, decay, occurred_at)
    given = (request.subject, request.text, request.decay, request.occurred_at)
    if completed == given and intensity is request.intensity:
        return request  # as most are; a new request would take longer than all checks
    return request._replace(subject=subject, text=text, intensity=intensity, decay=decay, occurred_at=occurred_at)


def _law_until(until: Instant, begin: Instant, now: Instant) -> Step:
    """Return the law of a mark that begins at an instant and keeps its full strength until another.

    Raises:
        InvalidMark: The mark would end before it begins.
    """
    if until <= begin:
        past = "in the past" if begin == now else f"not after occurred_at {iso(begin)}"
        raise InvalidMark(f"until {iso(until)} is {past}; give a later time")
    return Step(Microseconds(until - begin), fixed=True)


def _accept_occurrence(txn: BoardTransaction, occurred_at: Instant) -> Instant:
    """Return when a deposit occurred, after checking it against the board's time.

    A time slightly ahead of the board's is replaced by now, and recorded as skew.

    Raises:
        InvalidTime: `occurred_at` is ahead of the board's time by more than `max_skew`.
    """
    ahead = occurred_at - txn.now
    if ahead <= 0:
        return occurred_at
    if ahead > txn.deployment.max_skew:
        because = "" if txn.doubted_clock is None else ", which stands still until a person confirms the clock"
        raise InvalidTime(
            f"occurred_at {iso(occurred_at)} is {format_duration(Microseconds(ahead))} ahead of the board's time"
            f" {iso(txn.now)}{because}; it may be at most {format_duration(txn.deployment.max_skew)} ahead (max_skew)"
        )
    txn.sql.run(MARKS.count_skew, at=txn.now, skew=ahead)
    return txn.now


def check_payload(txn: BoardTransaction, kind: str, author: str, text: str, classes: MarkClasses) -> None:
    """Check a payload that its class accepts against the limits and the registered schema of its kind.

    Raises:
        InvalidMark: The payload does not fit.
    """
    check_size(txn.deployment, kind, author, text)
    classes.check_registered(kind, text, txn.deployment.kinds[kind], lambda: schemas_of(txn, kind))


def check_size(deployment: Deployment, kind: str, author: str, text: str) -> None:
    """Check the text of a payload against the limits of its kind and of its author.

    Raises:
        InvalidMark: The payload is too large, or one of its texts is too long; the message names the limit.
    """
    _check_limits(deployment.kinds[kind], "kind", kind, text)
    if (limits := deployment.limits.get(author)) is not None:
        _check_limits(limits, "author", author, text)


def _check_limits(limits: KindSpec | DepositLimits, owner: str, name: str, text: str) -> None:
    """Check a payload, as JSON text, against the limits of a kind or an author."""
    size, longest = limits.max_payload, limits.max_text
    # A character has at most 4 bytes.
    if size is not None and len(text) * 4 > size and (actual := len(text.encode())) > size:
        raise InvalidMark(
            f"the payload has {actual} bytes; at most {size} are allowed (max_payload of {owner} {name!r})"
        )
    # The JSON of a text is never shorter than the text.
    if longest is None or len(text) <= longest:
        return
    for place, length in _lengths(json.loads(text)):
        if length > longest:
            raise InvalidMark(
                f"{printable_text(place)}: the text has {length} characters; at most {longest} are allowed"
                f" (max_text of {owner} {name!r})"
            )


def _lengths(value: Any) -> Iterator[tuple[str, int]]:
    """Yield the place and the length of each text in a JSON value. The names in an object are also texts."""
    waiting = [("", value)]
    while waiting:
        place, item = waiting.pop()
        if isinstance(item, str):
            yield place, len(item)
        elif isinstance(item, list):
            waiting += [(f"{place}.{index}", part) for index, part in enumerate(item)]
        elif isinstance(item, dict):
            for name, part in item.items():
                inner = f"{place}.{name[:64]}".removeprefix(".")
                yield inner, len(name)
                waiting.append((inner, part))


def check_signature(txn: BoardTransaction, author: str) -> None:
    """Check that a person or a program may sign with a name.

    Raises:
        InvalidAuthor: The name cannot be stored, is reserved, or is or looks like the name of an agent.
    """
    check_author(author)
    if (agent := txn.active.agents_by_skeleton.get(skeleton(author))) is not None:
        looks = "is" if agent == author else f"looks like {agent!r}, which is"
        raise InvalidAuthor(f"{author!r} {looks} an agent of this board; only its activations deposit in that name")
