"""The mark that results when a deposit joins the live mark of its kind and subject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from blackboard.board.mark_tables.mark_states import fading_state
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant, iso
from blackboard.core.marks.decay import Decay
from blackboard.core.marks.deposit_requests import DepositRequest
from blackboard.core.marks.fading_marks import FadingState, is_live
from blackboard.core.marks.kinds import Kind
from blackboard.core.marks.reinforcement import join_states, may_add, single_state
from blackboard.errors import LawConflict, OutOfOrder
from blackboard.store.row_types.mark_row_types import MarkRow


@dataclass(slots=True)
class NewDeposit:
    """A deposit that is being recorded."""

    request: DepositRequest
    kind: Kind
    state: FadingState
    """The state that the deposit has alone, without the cap of its kind."""
    payload: str
    """The payload as JSON text, written once for all that store it."""

    @classmethod
    def of(cls, txn: BoardTransaction, request: DepositRequest) -> NewDeposit:
        """Return the deposit that a request asks for.

        Raises:
            UnknownName: The kind is not registered.
        """
        kind = txn.kind(request.kind)
        trust = txn.deployment.trust.get(request.author, 1.0)
        occurred_at = txn.now if request.occurred_at is None else request.occurred_at
        state = FadingState(request.intensity * trust, occurred_at, request.decay or kind.decay)
        return cls(request, kind, state, request.payload_text)

    @property
    def has_own_law(self) -> bool:
        """Whether the deposit names another law than its kind has."""
        return self.request.decay is not None and self.request.decay != self.kind.decay


@dataclass(slots=True)
class MarkAfterDeposit:
    """The mark that results from a deposit, alone or joined with a live mark."""

    old: MarkRow | None
    """The live mark that the deposit reinforces; None if the deposit becomes a mark of its own."""
    state: FadingState
    """The state of the mark after the deposit."""
    shown: MarkRow | None = None
    """The old mark, if its payload and author stay because they are of a deposit that occurred later; else None."""

    def holds_value_at(self, kind: Kind, now: Instant) -> bool:
        """Return whether the mark may hold a unique value.

        A deposit may be recorded after its mark has faded. Such a mark holds no value, because another mark may hold
        the value by now.
        """
        return self.state.at == now or is_live(self.state.evaporates_at(kind), now)


class UnchangedMark(NamedTuple):
    """A live mark that a deposit leaves as it is, because the mark is stronger."""

    live: MarkRow


def join_live(txn: BoardTransaction, new_deposit: NewDeposit, live: MarkRow | None) -> MarkAfterDeposit | UnchangedMark:
    """Return the result of a deposit on the live mark of its kind and subject, if there is one.

    Raises:
        LawConflict: The deposit names another law than the mark.
        OutOfOrder: The deposit is older than the mark, and the order of additions matters.
    """
    kind, state = new_deposit.kind, new_deposit.state
    if live is None:
        return MarkAfterDeposit(None, single_state(kind, state))
    before = fading_state(txn, live)
    if kind.on_repeat != "replace" and new_deposit.request.decay is not None:
        _check_law(new_deposit.request.decay, state.at, live, before)
    if kind.on_repeat == "add" and state.at < txn.now:
        _check_order(kind, live, before, state)
        if _has_faded(kind, before.law, state, txn.now):
            return MarkAfterDeposit(None, single_state(kind, state._replace(law=before.law)))
    joined = join_states(kind, before, state, txn.now)
    if joined is None:
        return UnchangedMark(live)
    return MarkAfterDeposit(live, joined, live if state.at < live.occurred_at else None)


def _check_law(named: Decay, at: Instant, old: MarkRow, before: FadingState) -> None:
    """Check that a deposit names the law of the live mark that it joins. Fixed ends are compared by their instants.

    Raises:
        LawConflict: The laws differ.
    """
    law = before.law.continued(at - before.at)
    if named != law:
        raise LawConflict(
            f"mark {old.id} of {old.kind} {old.subject!r} has {_describe_law(law, at)}, and a deposit that joins it"
            f" cannot name {_describe_law(named, at)}; name no law, withdraw the mark first, or set on_repeat"
            " of the kind to 'replace' or 'separate'"
        )


def _describe_law(law: Decay, at: Instant) -> str:
    return f"the end {iso(at + law.length)}" if law.ends_fixed else f"the law {law}"


def _check_order(kind: Kind, live: MarkRow, before: FadingState, new_state: FadingState) -> None:
    """Check that a late deposit may be added to a live mark.

    Raises:
        OutOfOrder: The deposit is older than the mark, and the order of additions matters.
    """
    if may_add(kind, before, new_state.at):
        return
    why = "its kind has a cap" if kind.cap is not None else f"the law {before.law} depends on the order"
    raise OutOfOrder(
        f"mark {live.id} of {live.kind} {live.subject!r} counts from {iso(before.at)}, and a deposit that occurred at"
        f" {iso(new_state.at)} cannot be added to it: {why}; deposit in the order of occurrence, set on_repeat of the"
        " kind to 'max', 'replace' or 'separate', or let it fade exponentially without a cap"
    )


def _has_faded(kind: Kind, law: Decay, new_state: FadingState, now: Instant) -> bool:
    """Return whether a late deposit has already faded.

    A faded deposit becomes a mark of its own, so that the sum does not depend on the order of recording.
    """
    if kind.cap is not None or not law.adds_in_any_order:
        return False
    life = kind.life(law, new_state.intensity)
    return life is not None and 0 < life <= now - new_state.at
