"""The actions that an agent returned, applied in the transaction that ends its activation: all or none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from blackboard.board.mark_changes import (
    change_preparation,
    deposit_checks,
    deposit_intake,
    mark_removals,
    reinforcements,
)
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.mark_tables.mark_rows import EventDetails, record_event
from blackboard.board.need_answers import decisions
from blackboard.board.result_types.mark_results import Receipt
from blackboard.board.transactions.active_deployment import ActiveDeployment
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.agents.mark_actions import Reinforce, Withdraw
from blackboard.core.marks.deposit_requests import DepositRequest
from blackboard.core.marks.mark_model import Mark
from blackboard.core.records.event_kinds import HistoryEvent
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.errors import AgentError, InvalidMark, NotFound, Undeclared, UniqueConflict, UsageError, nearest
from blackboard.store.row_types.activation_row_types import ActivationRow
from blackboard.store.row_types.mark_row_types import MarkRow, mark_after
from blackboard.store.statements import MARKS
from blackboard.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class AgentDeposit:
    """A mark that an agent deposits, with the alternative if its unique value is taken."""

    request: DepositRequest
    """The request to deposit the mark."""
    alternative: AgentDeposit | None = None
    """The mark that is deposited instead."""
    need_id: int | None = None
    """The need that the mark answers, if the mark is a decision."""

    def choices(self) -> Iterator[AgentDeposit]:
        """Yield the deposit and its alternatives, in their order."""
        item: AgentDeposit | None = self
        while item is not None:
            yield item
            item = item.alternative


AgentAction = AgentDeposit | Withdraw | Reinforce


def place_of_item(number: int, total: int, places: Sequence[str] = ()) -> str:
    """Return the name of a returned item in an error: its name in `places`, or its number."""
    return places[number - 1] if places else f"item {number} of {total}"


def undeclared_withdrawal(agent_spec: AgentSpec, mark: Mark | MarkRow) -> Undeclared:
    """Return the error for an agent that withdraws another author's mark without declaring its kind."""
    return Undeclared(
        f"Withdraw.mark: mark {mark.id} was deposited by {mark.author!r}; to withdraw marks of others, the agent"
        f" must declare {mark.kind!r} in withdraws{nearest(mark.kind, agent_spec.withdraws)}",
        shown="it withdraws another author's mark, but does not declare the kind in withdraws",
    )


def read_ahead(transaction: Transaction, active: ActiveDeployment, actions: Sequence[AgentAction]) -> None:
    """Send ahead the reads of the deposits among the items."""
    for action in actions:
        if isinstance(action, AgentDeposit):
            deposit_intake.read_ahead(transaction, active, action.request)


def apply(
    txn: BoardTransaction,
    row: ActivationRow,
    agent_spec: AgentSpec,
    actions: Sequence[AgentAction],
    classes: MarkClasses,
    places: Sequence[str] = (),
) -> list[Receipt]:
    """Apply the items that an agent returned, in their order, and return the receipts of its deposits.

    An error names an item by its place in `places`, or by its number.

    Raises:
        BlackboardError: One of the actions is refused; the error names it. The transaction must be rolled back.
    """
    receipts = []
    for number, action in enumerate(actions, 1):
        try:
            if (receipt := _apply_one(txn, row, agent_spec, action, classes)) is not None:
                receipts.append(receipt)
        except (UsageError, AgentError, NotFound) as error:
            error.place = place_of_item(number, len(actions), places)
            raise
    return receipts


def _apply_one(
    txn: BoardTransaction, row: ActivationRow, agent_spec: AgentSpec, action: AgentAction, classes: MarkClasses
) -> Receipt | None:
    """Apply one action, and return the receipt of a deposit. If the mark has left the board, only record that."""
    if isinstance(action, AgentDeposit):
        if action.alternative is not None:
            _check_payloads(txn, action.alternative, classes)
        return _deposit(txn, agent_spec, action, classes)
    stored = txn.sql.one(MARKS.get_mark, id=action.mark.id)
    if stored is not None:
        _check_board(stored, action)
    try:
        live = change_preparation.row_to_change(txn, action.mark.id, stored, action.if_event)
    except NotFound:
        change_preparation.check_event(action.if_event, f"mark {action.mark.id}", None)
        _record_gone(txn, row, agent_spec, action.mark.id)
        return None
    if isinstance(action, Withdraw):
        _withdraw(txn, row, agent_spec, live)
    else:
        reinforcements.reinforce_live(txn, live, action.by, agent_spec.name, row.id)
    return None


def _check_payloads(txn: BoardTransaction, item: AgentDeposit, classes: MarkClasses) -> None:
    """Check that a deposit and its alternatives fit the limits and the registered schemas of their kinds.

    Raises:
        InvalidMark: A payload does not fit.
    """
    for choice in item.choices():
        request = choice.request
        text = request.payload_text
        deposit_checks.check_payload(txn, request.kind, request.author, text, classes)


def _deposit(txn: BoardTransaction, agent_spec: AgentSpec, item: AgentDeposit, classes: MarkClasses) -> Receipt:
    try:
        if item.need_id is not None:
            return decisions.answer_as_agent(txn, agent_spec, item.request, item.need_id, classes)
        return deposit_intake.check_and_deposit(txn, item.request, classes)
    except UniqueConflict:
        if item.alternative is None:
            raise
        return _deposit(txn, agent_spec, item.alternative, classes)


def _check_board(stored: MarkRow, action: Withdraw | Reinforce) -> None:
    """Check that the mark of an action was read from this board: other boards have the same ids.

    Raises:
        InvalidMark: This board has another mark of that id.
    """
    mark = action.mark
    if (stored.kind, stored.subject) != (mark.kind, mark.subject):
        raise InvalidMark(
            f"{type(action).__name__}.mark: mark {mark.id} of this board is not the {mark.kind} of {mark.subject!r};"
            " it was read from another board"
        )


def _withdraw(txn: BoardTransaction, row: ActivationRow, agent_spec: AgentSpec, live: MarkRow) -> None:
    """Withdraw a mark for an agent.

    Raises:
        Undeclared: The mark is neither the agent's own nor of a kind that the agent declares in `withdraws`.
    """
    if live.kind not in agent_spec.withdraws and not _is_own(agent_spec, live):
        raise undeclared_withdrawal(agent_spec, live)
    mark_removals.withdraw_live(txn, live, agent_spec.name, row.id)


def _is_own(agent_spec: AgentSpec, mark: MarkRow) -> bool:
    """Return whether an activation of the agent, perhaps under its former name, deposited the payload of a mark."""
    return mark.activation_id is not None and mark.author in (agent_spec.name, agent_spec.renamed_from)


def _record_gone(txn: BoardTransaction, row: ActivationRow, agent_spec: AgentSpec, mark_id: int) -> None:
    """Record that an agent acted on a mark that is no longer live, unless the history of the mark was removed."""
    first = txn.sql.one(MARKS.get_event, id=mark_id)
    if first is None or first.mark_id != mark_id:
        return
    last = txn.sql.existing(MARKS.last_event_of_mark, subject=first.subject, mark_id=mark_id)
    details = EventDetails(txn.allocate_event_id(), agent_spec.name, activation_id=row.id)
    record_event(txn, mark_after(last), HistoryEvent.ALREADY_GONE, details=details)
