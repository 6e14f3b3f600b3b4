"""Deposits in a form that another process on the same server can make, and their receipts.

The process that submits a deposit checks the payload, because only it may know the class of the kind. The process that
makes the deposit checks all that depends on the board. It makes no deposit that was checked under another deployment
than the active one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, NoReturn

from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.mark_storage import checked_deposits
from blackboard.board.mark_storage.deposit_requests import DepositRequest
from blackboard.board.result_types import Receipt
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.deployment import Deployment
from blackboard.core.marks.decay import Decay, law_from
from blackboard.core.marks.mark_model import check_intensity, check_subject
from blackboard.errors import UsageError
from blackboard.store.database_server.submission_queue import Submission

_WRITTEN_APART = frozenset({"subject", "payload", "intensity", "decay", "text", "activation_id"})
"""The fields of a request that are checked or written in another form first."""

_FIELDS = tuple(name for name in DepositRequest._fields if name not in _WRITTEN_APART)
"""The fields of a request that are passed on as they are."""

_NOT_OF_REQUEST = frozenset({"version", "law", "digest"})
"""The values that are no fields of a request: they are read apart."""

MAX_DEPOSITS = 64
"""The number of deposits that a process hands to another at once. For more, a transaction of its own is better."""


def of_one(deployment: Deployment, request: DepositRequest, classes: MarkClasses) -> Submission | None:
    """Return one deposit as `of_many` returns several. The result of the submission is its receipt."""
    found = of_many(deployment, [request], classes)
    return None if found is None else found._replace(read=lambda values, _: _receipts(values)[0])


def of_many(
    deployment: Deployment, requests: Sequence[DepositRequest | UsageError], classes: MarkClasses
) -> Submission | None:
    """Return deposits as another process can make them; None if only this process can, or if one is invalid.

    The result of the submission is a list of their receipts.

    Args:
        deployment: The deployment that was active in the last transaction of this process.
        requests: The requests.
        classes: The classes that this process knows.
    """
    if len(requests) > MAX_DEPOSITS:
        return None
    values = [_request_values(deployment, request, classes) for request in requests]
    return None if None in values else Submission(values, lambda receipts, _: _receipts(receipts))


def _request_values(
    deployment: Deployment, request: DepositRequest | UsageError, classes: MarkClasses
) -> dict[str, Any] | None:
    """Return a request as a JSON value; None if only this process can make the deposit, or if it is invalid."""
    if isinstance(request, UsageError) or request.kind not in deployment.kinds or request.activation_id is not None:
        return None
    try:
        checked = _check(deployment, request, classes)
        law = None if request.decay is None else _described(request.decay)
        digest = None if request.key is None else request.digest()
    except UsageError:
        return None  # this process raises the error when it makes the deposit itself
    values: dict[str, Any] = {name: getattr(request, name) for name in _FIELDS}
    values |= {"version": deployment.version, "text": checked.text, "subject": checked.subject, "law": law}
    values |= {"intensity": checked.intensity, "digest": digest}
    return {name: value for name, value in values.items() if value is not None}


def read_ahead(txn: BoardTransaction, submissions: Sequence[Sequence[dict[str, Any]]]) -> None:
    """Read what deposits of several processes need together."""
    requests = []
    for values in (values for each in submissions for values in each):
        with contextlib.suppress(UsageError):  # a law that this process does not know: `perform` raises the error
            requests.append(_request(values))
    checked_deposits.read_ahead(txn, requests)


def perform(txn: BoardTransaction, submissions: Sequence[Sequence[dict[str, Any]]]) -> list[Any] | None:
    """Make the deposits of another process, and return their receipts; None if their deployment is not active.

    Raises:
        UsageError: A deposit cannot be made.
    """
    if any(request["version"] != txn.deployment.version for requests in submissions for request in requests):
        return None
    return [[_values(_deposit(txn, request)) for request in requests] for requests in submissions]


def _check(deployment: Deployment, request: DepositRequest, classes: MarkClasses) -> DepositRequest:
    """Return a request with its payload as text, after checking what does not depend on the board."""
    text, subject = request.text, check_subject(request.subject)
    if text is None:
        text, subject = classes.check(request.kind, request.payload, subject, deployment)
        subject = check_subject(subject)
    classes.check_registered(request.kind, text, deployment.kinds[request.kind], _refuse)
    return request._replace(text=text, subject=subject, intensity=check_intensity(request.intensity))


def _refuse() -> NoReturn:
    """Leave a deposit to this process, because only the board knows the earlier schemas of the kind."""
    raise UsageError("the class of the kind differs from its registered schema")


def _described(law: Decay) -> Any:
    """Return a law as a deployment file writes it.

    Raises:
        UsageError: Another process would not read the same law.
    """
    if law_from(spec := law.spec()) != law:
        raise UsageError(f"{law} has no description")
    return spec


def _request(values: dict[str, Any]) -> DepositRequest:
    """Return the request for its JSON value; `read_ahead` and `perform` each make it."""
    law = values.get("law")
    given = {name: value for name, value in values.items() if name not in _NOT_OF_REQUEST}
    return DepositRequest(payload={}, decay=None if law is None else law_from(law), **given)


def _deposit(txn: BoardTransaction, values: dict[str, Any]) -> Receipt:
    request, digest = _request(values), values.get("digest")
    if (first := checked_deposits.first_receipt(txn, request, digest)) is not None:
        return first
    return checked_deposits.store(txn, request, checked_deposits.prepare_checked(txn, request), digest)


def _values(receipt: Receipt) -> list[Any]:
    return [receipt.mark_id, receipt.event_id, receipt.outcome, receipt.strength, receipt.crossed]


def _receipts(values: list[Any]) -> list[Receipt]:
    return [
        Receipt(mark_id, event_id, outcome, strength, tuple(crossed))
        for mark_id, event_id, outcome, strength, crossed in values
    ]
