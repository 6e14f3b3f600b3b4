"""The intake of deposits: each request is checked against the board, and then its mark is deposited."""

from __future__ import annotations

from collections.abc import Sequence

from blackboard.board.mark_changes import deposit_keys, deposits
from blackboard.board.mark_changes.deposit_checks import check_and_register
from blackboard.board.mark_changes.deposit_keys import KeyedRequest
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.result_types.mark_results import Receipt
from blackboard.board.transactions.active_deployment import ActiveDeployment
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.row_cache import absorbed_by_watches
from blackboard.board.watches.measurements import absorbed_marks
from blackboard.core.marks.deposit_requests import DepositRequest
from blackboard.core.marks.scopes import WHOLE_BOARD
from blackboard.errors import UsageError
from blackboard.store.statements import CROSSINGS, MARKS
from blackboard.store.transaction import Transaction

MAX_WATCHES_READ_TOGETHER = 20
"""If a kind has at most this many watches, their absorbed events are read together, by a statement for each."""


def check_and_deposit(txn: BoardTransaction, request: DepositRequest, classes: MarkClasses) -> Receipt:
    """Check a request against the board, and deposit the mark.

    If the request has a known key, nothing else is checked, and the first receipt is returned. See `Blackboard.deposit`
    for the errors.
    """
    if (first := first_receipt(txn, request)) is not None:
        return first
    receipt = deposits.deposit(txn, check_and_register(txn, request, classes))
    record_key(txn, request, receipt)
    return receipt


def first_receipt(txn: BoardTransaction, request: DepositRequest) -> Receipt | None:
    """Return the receipt of the first request with the same key; None if the request has no key, or its key is new.

    Raises:
        InvalidMark: The key cannot be stored.
        KeyReused: The key was used for another request.
    """
    return None if request.key is None else deposit_keys.find(txn, _keyed_request(request, request.key))


def record_key(txn: BoardTransaction, request: DepositRequest, receipt: Receipt) -> None:
    """Record the receipt of a request under its key, if it has one. `request` is the request before its checks."""
    if request.key is not None:
        deposit_keys.insert(txn, _keyed_request(request, request.key), receipt, request.source)


def _keyed_request(request: DepositRequest, key: str) -> KeyedRequest:
    deposit_keys.check_key(key)
    return KeyedRequest(request.author, request.kind, key, request.digest())


def deposit_batch(
    txn: BoardTransaction, requests: Sequence[DepositRequest | UsageError], classes: MarkClasses, *, raises: bool
) -> list[Receipt | UsageError]:
    """Deposit the requests of one transaction in order.

    Args:
        txn: The transaction.
        requests: The requests. In the place of an invalid request is its error.
        classes: The mark classes that this process knows.
        raises: Whether the first error is raised. If False, each error is returned in the place of a receipt.

    Returns:
        For each request its receipt, or its error.

    Raises:
        UsageError: The first error, if `raises`; its place is the number of the item.
    """
    read_together(txn, [request for request in requests if isinstance(request, DepositRequest)])
    results: list[Receipt | UsageError] = []
    for request in requests:
        try:
            if isinstance(request, UsageError):
                raise request
            results.append(check_and_deposit(txn, request, classes))
        except UsageError as error:
            if raises:
                error.place = f"item {len(results) + 1} of {len(requests)} in its transaction"
                raise
            results.append(error)
    return results


def read_together(txn: BoardTransaction, requests: Sequence[DepositRequest]) -> None:
    """Read together, on PostgreSQL, what the checks of several requests need.

    These are the keys of the requests, the marks that the requests may join, and the absorbed events of these marks.
    """
    if len(requests) < 2 or (cache := txn.row_cache) is None:
        return
    kinds = txn.active.kinds
    joining = [each for each in requests if (kind := kinds.get(each.kind)) and kind.on_repeat != "separate"]
    cache.read_keys(txn.sql, (each.key for each in requests if each.key is not None and _is_printable(each.key)))
    places = {(each.kind, each.subject) for each in joining if _is_printable(each.subject)}
    cache.read_marks(txn.sql, places)
    for name in {name for name, _ in places}:
        if len(watches := txn.active.rising.get(name, ())) <= MAX_WATCHES_READ_TOGETHER:
            rows = [row for place in places if place[0] == name for row in txn.marks_of_subject(*place)]
            absorbed_marks.read_absorbed(txn, watches, rows)


def deposit_as_unit(txn: BoardTransaction, request: DepositRequest, classes: MarkClasses) -> Receipt:
    """Deposit the mark of a request as a unit of work of its own, which may share a commit with other units.

    On PostgreSQL, the reads of such units are sent ahead together. If that was not done for this unit, or if another
    unit has written since, its reads are sent now. See `Blackboard.deposit` for the errors.
    """
    if txn.sql.needs_prefetch:
        read_ahead(txn.sql, txn.active, request)
    return check_and_deposit(txn, request, classes)


def read_ahead(transaction: Transaction, active: ActiveDeployment | None, request: DepositRequest) -> None:
    """Send to PostgreSQL, in one message, the reads that a deposit will probably need, by a deployment that is known.

    The result does not depend on this list, because a read that is missing here is sent when it is needed. Such a read
    needs a message of its own, and `test_a_deposit_is_two_messages` in `tests/postgresql/test_round_trips.py` fails.
    """
    if active is None:
        return
    if request.key is not None:
        transaction.prefetch(MARKS.find_key, key=request.key, author=request.author, kind=request.kind)
    kind = active.kinds.get(request.kind)
    if kind is None:
        return
    if kind.on_repeat != "separate":
        transaction.prefetch(MARKS.marks_of_subject, kind=kind.name, subject=request.subject)
    text = request.text if kind.unique is not None else None
    if text is not None and (value := kind.unique_value_of(text)) is not None:
        transaction.prefetch(MARKS.holders_of_unique_value, kind=kind.name, value=value)
    watches = active.rising.get(kind.name, ())
    for watch in watches:
        if watch.keeps_sums and watch.condition.is_over_board:
            transaction.prefetch(CROSSINGS.watch_totals, watch_id=watch.id, scope=WHOLE_BOARD)
            transaction.prefetch(CROSSINGS.watch_totals, watch_id=watch.over_live_marks.id, scope=WHOLE_BOARD)
    if watches and kind.on_repeat != "separate":
        watch_ids = dict.fromkeys(watch.id for watch in watches)
        statement, values = absorbed_by_watches(transaction, watch_ids, kind.name, request.subject)
        transaction.prefetch(statement, **values)


def _is_printable(text: str) -> bool:
    """Return whether a text can be sent to PostgreSQL before its checks."""
    return "\0" not in text and (text.isascii() or text.isprintable())
