"""Deposits: requests, which are plain data, and the deposit of a mark with all that follows in the same transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import JsonValue

from blackboard.authors import check_author, skeleton
from blackboard.board.mark_storage import backfill, deposit_keys, evaporation, unique_values
from blackboard.board.mark_storage.declarations import check_payload, ensure_kind
from blackboard.board.mark_storage.mark_class_registry import MarkClasses, StandIn
from blackboard.board.result_types import Receipt
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.law_cache import law_key
from blackboard.board.watches import crossings, guards, predicted_crossings
from blackboard.clock import Instant, iso
from blackboard.decay import Decay, Step
from blackboard.durations import Microseconds
from blackboard.errors import InvalidAuthor, InvalidMark, LawConflict, UsageError
from blackboard.marks import (
    Kind,
    Mark,
    check_intensity,
    check_subject,
    dump_payload,
    given_payload,
    normalize_subject,
    not_json,
)
from blackboard.payload_round_trip import write_mark
from blackboard.reinforcement import FadingState, reinforce
from blackboard.store.rows import MarkRow
from blackboard.store.statements import MARKS


@dataclass(frozen=True)
class Deposit:
    """A mark to deposit by the name of its kind, without its class."""

    kind: str
    subject: str
    payload: Mapping[str, JsonValue]
    intensity: float = 1.0
    key: str | None = None
    source: str | None = None
    """The file from which it is loaded, by its name in `deposit_sources`. The board remembers it with the key."""


_ENCODER = json.JSONEncoder(sort_keys=True)
_NOT_ARGUMENTS = frozenset({"kind", "author", "key", "text", "activation_id", "source"})
"""The fields of a request that its digest leaves out: what a key belongs to, and what the board adds."""


class DepositRequest(NamedTuple):
    """A mark to deposit, in a name."""

    kind: str
    subject: str
    payload: Mapping[str, JsonValue]
    """The payload as it was given; empty if `text` has it and there is no key."""
    author: str
    intensity: float = 1.0
    key: str | None = None
    decay: Decay | None = None
    until: Instant | None = None
    """The instant until which the mark keeps its strength; instead of `decay`."""
    text: str | None = None
    """The payload as JSON text if it has been checked."""
    activation_id: int | None = None
    """The activation that deposits the mark; None if the author is not an agent."""
    source: str | None = None
    """The file from which the deposit is loaded."""

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
        activation_id: int | None = None,
    ) -> DepositRequest:
        """Return the request for a mark.

        Raises:
            InvalidMark: `item` is not a mark, or its payload is not JSON.
        """
        payload: Mapping[str, JsonValue] = {}
        text = source = None
        if isinstance(item, Deposit):
            payload, key, source = item.payload, item.key if key is None else key, item.source
        elif not isinstance(item, Mark):
            raise InvalidMark(f"deposit a mark, such as Smoke(subject=...), not {type(item).__name__}")
        elif isinstance(item, StandIn):
            payload = item.payload
        else:
            text = write_mark(item)
            payload = {} if key is None else given_payload(item)
        intensity = item.intensity if intensity is None else intensity
        subject = normalize_subject(item.subject) if isinstance(item.subject, str) else item.subject
        return cls(item.kind, subject, payload, author, intensity, key, decay, until, text, activation_id, source)

    def digest(self) -> str:
        """Return a text that two requests share if they ask for the same deposit.

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


def _canonical(value: Any) -> Any:
    """Return a value in a form that equal JSON values share: 1 for 1.0, and the members of a set in one order."""
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


def submit(txn: BoardTransaction, request: DepositRequest, classes: MarkClasses) -> Receipt:
    """Check a request against the board, and deposit the mark.

    If the request has a key that is known, nothing else is checked: the first result stands.

    Raises:
        UnknownName: The kind is not registered, and this process does not know its class.
        InvalidMark: The mark cannot be stored.
        KeyReused: The key stands for another request.
        LawConflict: The deposit names another law than the live mark that it would join.
    """
    if request.key is None:
        return deposit(txn, prepare(txn, request, classes))
    deposit_keys.check_key(request.key)
    key = (request.author, request.kind, request.key, request.digest())
    if (first := deposit_keys.find(txn, *key)) is not None:
        return first
    receipt = deposit(txn, prepare(txn, request, classes))
    deposit_keys.insert(txn, *key, receipt, request.source)
    return receipt


def submit_each(
    txn: BoardTransaction, requests: Sequence[DepositRequest | UsageError], classes: MarkClasses, *, raises: bool
) -> list[Receipt | UsageError]:
    """Submit requests in order. A `UsageError` among them stands for an item that is not a valid request.

    Returns:
        For each request its receipt, or its error.

    Raises:
        UsageError: The first error, if `raises`.
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


def prepare(txn: BoardTransaction, request: DepositRequest, classes: MarkClasses) -> DepositRequest:
    """Check a request against the board, and return it as it is stored. Register a kind that only this process knows.

    Raises:
        UnknownName: The kind is not registered, and this process does not know its class.
        InvalidMark: The payload, subject, intensity or end is invalid.
        InvalidAuthor: The author is an agent.
    """
    ensure_kind(txn, request.kind, classes)
    txn.kind(request.kind)
    text, subject, decay = request.text, check_subject(request.subject), request.decay
    if text is None:
        text, subject = classes.check(request.kind, request.payload, subject, txn.deployment)
        subject = check_subject(subject)
    check_payload(txn, request.kind, request.author, text, classes)
    if request.activation_id is None:
        check_signature(txn, request.author)
    if request.until is not None:
        if request.decay is not None:
            raise InvalidMark("decay and until each set the law of the mark; use only one of them")
        if request.until <= txn.now:
            raise InvalidMark(f"until {iso(request.until)} is in the past")
        decay = Step(Microseconds(request.until - txn.now), fixed=True)
    intensity = check_intensity(request.intensity)
    return request._replace(text=text, subject=subject, intensity=intensity, decay=decay)


def check_signature(txn: BoardTransaction, author: str) -> None:
    """Check that somebody outside the board may sign with a name.

    Raises:
        InvalidAuthor: It cannot be stored, is reserved, or a reader could take it for the name of an agent.
    """
    check_author(author)
    if (agent := txn.active.agents_by_skeleton.get(skeleton(author))) is not None:
        looks = "is" if agent == author else f"looks like {agent!r}, which is"
        raise InvalidAuthor(f"{author!r} {looks} an agent of this board; only its activations deposit in that name")


def deposit(txn: BoardTransaction, request: DepositRequest) -> Receipt:
    """Deposit a mark: join it with a live one, record the event, test the watches and predict crossings.

    A mark below its floor evaporates in the same transaction. It crosses no rising watch. A falling watch fires if the
    live mark that it replaced was above the threshold.

    Raises:
        UnknownName: The kind is not registered.
        LawConflict: The deposit names another law than the live mark that it would join.
        UniqueConflict: The value of the unique field belongs to another live mark.
    """
    kind = txn.kind(request.kind)
    backfill.before_change(txn, request.kind, request.subject)
    new = FadingState(
        request.intensity * txn.deployment.trust.get(request.author, 1.0), txn.now, request.decay or kind.decay
    )
    old = None if kind.on_repeat == "separate" else _take_live(txn, kind, request.subject)
    before = None if old is None else txn.state(old)
    if request.decay is not None and old is not None and before is not None and kind.on_repeat != "replace":
        _check_law(request.decay, txn.now, old, before)
    state = reinforce(kind, before, new)
    if old is not None and state is None:
        return Receipt(old.id, old.event_id, "unchanged", txn.strength(old))
    assert state is not None
    row = _write(txn, request, kind, old, state)
    live = row.is_live(txn.now)
    crossed = crossings.evaluate_deposit(txn, old, row) if live else []
    predicted_crossings.predict(txn, old, row)
    if not live:
        evaporation.evaporate_at_once(txn, old, row)
    guards.release_after_change(txn, row.kind, row.subject)
    return Receipt(
        row.id,
        row.event_id,
        "deposited" if old is None else "reinforced",
        txn.strength(row) if live else 0.0,
        tuple(dict.fromkeys(watch.agent.name for watch in crossed)) if crossed else (),
    )


def _take_live(txn: BoardTransaction, kind: Kind, subject: str) -> MarkRow | None:
    """Return the live mark of a kind and subject, after moving evaporated ones to the history."""
    live = None
    for row in txn.sql.all(MARKS.marks_of_subject, kind=kind.name, subject=subject):
        row = backfill.migrate(txn, row)
        if not row.is_live(txn.now):
            evaporation.evaporate(txn, row)
        elif live is None:
            live = row
    return live


def _check_law(named: Decay, now: int, old: MarkRow, before: FadingState) -> None:
    """Check that a deposit names the law of the live mark that it joins. Fixed ends are compared by their instants.

    Raises:
        LawConflict: The laws differ.
    """
    law = before.law.continued(now - before.at)
    if named != law:
        raise LawConflict(
            f"mark {old.id} of {old.kind} {old.subject!r} has {_describe(law, now)}, and a deposit that joins it cannot"
            f" name {_describe(named, now)}; name no law, withdraw the mark first, or let the kind repeat as 'replace'"
            " or 'separate'"
        )


def _describe(law: Decay, now: int) -> str:
    return f"the end {iso(now + law.length)}" if law.fixed else f"the law {law}"


def _write(
    txn: BoardTransaction, request: DepositRequest, kind: Kind, old: MarkRow | None, state: FadingState
) -> MarkRow:
    """Write a new mark, or the reinforcement of an old one, with its event."""
    text = dump_payload(request.payload) if request.text is None else request.text
    if (value := unique_values.value_of(kind, text)) is not None:
        unique_values.check(txn, kind, value, old)
    law = law_key(state.law)
    if state.law is not kind.decay and state.law != kind.decay and (old is None or law != old.law):
        txn.laws.register(txn.sql, state.law)
    if old is None or kind.on_repeat == "replace":
        own_law = int(request.decay is not None and request.decay != kind.decay)
    else:
        own_law = old.own_law
    event_id = txn.next_event()
    row = MarkRow(
        id=event_id if old is None else old.id,
        kind=request.kind,
        subject=request.subject,
        payload=text,
        author=request.author,
        intensity=state.intensity,
        law=law,
        anchored_at=txn.now,
        event_id=event_id,
        deposited_at=txn.now if old is None else old.deposited_at,
        reinforced_at=txn.now,
        reinforcements=0 if old is None else old.reinforcements + 1,
        evaporates_at=state.evaporates_at(kind),
        order_key=state.law.order_key(state.intensity, txn.now),
        other_event_id=event_id if request.activation_id is None else _last_event_of_others(old, request.author),
        activation_id=request.activation_id,
        own_law=own_law,
    )
    outcome = "deposited" if old is None else "reinforced"
    txn.record(row, outcome, event_id=event_id, activation_id=request.activation_id, payload=row.payload)
    if kind.unique is not None:
        unique_values.hold(txn, row, value, is_new=old is None)
    if old is None:
        txn.sql.put(MARKS.insert_mark, row)
    else:
        txn.sql.run(MARKS.update_mark, **row._asdict())
    return row


def _last_event_of_others(old: MarkRow | None, author: str) -> int | None:
    """Return the last event of a mark, before the deposit of an agent, that is not of this agent; None if all are."""
    if old is None:
        return None
    return old.event_id if old.author != author else old.other_event_id
