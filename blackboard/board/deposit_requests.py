"""Requests to deposit a mark: plain data that is made outside the transaction and checked against the board inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from blackboard.board.board_transaction import BoardTransaction
from blackboard.board.declarations import ensure_kind
from blackboard.board.deposits import PreparedDeposit, deposit
from blackboard.board.mark_classes import MarkClasses
from blackboard.board.results import Receipt
from blackboard.clock import Instant, iso
from blackboard.decay import Decay, Step
from blackboard.durations import Microseconds
from blackboard.errors import InvalidMark, UsageError
from blackboard.marks import Mark, check_intensity, check_subject, dump_payload

__all__ = ["Deposit", "DepositRequest", "prepare", "submit", "submit_each"]


@dataclass(frozen=True)
class Deposit:
    """A mark to deposit by the name of its kind, without its class."""

    kind: str
    subject: str
    payload: Mapping[str, JsonValue]
    intensity: float = 1.0
    key: str | None = None


@dataclass(frozen=True)
class DepositRequest:
    """A deposit as it was asked for."""

    kind: str
    subject: str
    payload: Mapping[str, JsonValue]
    author: str
    intensity: float = 1.0
    key: str | None = None
    decay: Decay | None = None
    until: Instant | None = None
    """The instant until which the mark keeps its strength; instead of `decay`."""
    text: str | None = None
    """The payload as JSON text if the mark's class has checked it; None if it is still to be checked."""
    activation_id: int | None = None
    """The activation that deposits the mark; None if the author is not an agent."""

    @classmethod
    def of(
        cls,
        item: Mark | Deposit,
        author: str,
        *,
        intensity: float | None = None,
        key: str | None = None,
        decay: Decay | None = None,
        until: Instant | None = None,
    ) -> DepositRequest:
        """Return the request for a mark.

        Raises:
            InvalidMark: `item` is not a mark, or its payload is not JSON.
        """
        if not isinstance(item, Mark | Deposit):
            raise InvalidMark(f"deposit a mark, such as Smoke(subject=...), not {type(item).__name__}")
        payload = item.payload
        text = dump_payload(item.payload) if isinstance(item, Mark) else None
        if isinstance(item, Deposit) and key is None:
            key = item.key
        intensity = item.intensity if intensity is None else intensity
        return cls(item.kind, item.subject, payload, author, intensity, key, decay, until, text)


def submit(txn: BoardTransaction, request: DepositRequest, classes: MarkClasses) -> Receipt:
    """Check a request against the board, and deposit the mark.

    Raises:
        UnknownName: The kind is not registered, and this process does not know its class.
        InvalidMark: The mark cannot be stored.
    """
    return deposit(txn, prepare(txn, request, classes))


def submit_each(
    txn: BoardTransaction,
    requests: Sequence[DepositRequest | UsageError],
    classes: MarkClasses,
    *,
    raises: bool,
) -> list[Receipt | UsageError]:
    """Submit requests in order.

    Args:
        txn: The open transaction.
        requests: The requests, and errors in the place of requests that could not be made.
        classes: The mark classes of this process.
        raises: Whether to raise the first error; otherwise it takes the place of its receipt.

    Raises:
        UsageError: An item cannot be stored.
    """
    results: list[Receipt | UsageError] = []
    for request in requests:
        try:
            if isinstance(request, UsageError):
                raise request
            results.append(submit(txn, request, classes))
        except UsageError as error:
            if raises:
                raise
            results.append(error)
    return results


def prepare(txn: BoardTransaction, request: DepositRequest, classes: MarkClasses) -> PreparedDeposit:
    """Check a request against the board. Register its kind if only this process knows it.

    Raises:
        UnknownName: The kind is not registered, and this process does not know its class.
        InvalidMark: The author is an agent, or the payload, subject, intensity or end is invalid.
    """
    ensure_kind(txn, request.kind, classes)
    kind = txn.kind(request.kind)
    payload = request.payload
    if request.text is None:
        payload = classes.check(request.kind, payload, txn.deployment)
    if request.activation_id is None and request.author in txn.deployment.agents:
        raise InvalidMark(f"{request.author!r} is an agent of this board; only its activations deposit in that name")
    decay = request.decay
    if request.until is not None:
        if request.until <= txn.now:
            raise InvalidMark(f"until {iso(request.until)} is in the past")
        decay = Step(Microseconds(request.until - txn.now), fixed=True)
    unique = None if kind.unique is None else payload.get(kind.unique)
    return PreparedDeposit(
        request.kind,
        check_subject(request.subject),
        request.text or dump_payload(dict(payload)),
        check_intensity(request.intensity),
        request.author,
        request.key,
        decay,
        None if unique is None else str(unique),
        request.activation_id,
    )
