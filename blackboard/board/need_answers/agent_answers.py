"""The decisions of agents about needs. A decision is checked like the answer of a person, and closes the need."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.mark_deposits import checked_deposits
from blackboard.board.mark_deposits.deposit_requests import DepositRequest
from blackboard.board.need_answers import answer_rules, asked_needs, overdue_needs
from blackboard.board.open_needs import need_access
from blackboard.board.result_types import Receipt
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.marks.payload_json import dump_payload
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.errors import AgentError, InvalidMark, NeedClosed, NotFound
from blackboard.store.rows import MarkRow

NOT_ALLOWED = "it answers a need that it may not answer"


def answer(
    txn: BoardTransaction, agent_spec: AgentSpec, request: DepositRequest, need_id: int, classes: MarkClasses
) -> Receipt:
    """Deposit the decision of an agent about a need, and withdraw the need.

    Raises:
        NeedClosed: The need was answered or withdrawn since the agent was given it.
        AgentError: The agent may not answer the need.
        InvalidMark: No such need was ever deposited, or the decision does not fit it.
    """
    if (first := checked_deposits.first_receipt(txn, request)) is not None:
        return first
    need = _find_open(txn, need_id)
    if (reason := need_access.refusal_of(txn, agent_spec, need)) is not None:
        raise AgentError(f"Decision.need: {reason}", shown=NOT_ALLOWED)
    if request.subject != need.subject:
        raise InvalidMark(f"Decision.subject: need {need_id} is about {need.subject!r}, not {request.subject!r}")
    overdue_needs.deposit_if_due(txn, need_id, classes)
    prepared = checked_deposits.check_and_register(txn, request._replace(text=_with_answer(request, need)), classes)
    receipt = checked_deposits.deposit_checked(txn, request, prepared._replace(text=_with_question(prepared, need)))
    asked_needs.close(txn, need, request.author, request.activation_id)
    return receipt


def _find_open(txn: BoardTransaction, need_id: int) -> MarkRow:
    try:
        return asked_needs.find_open(txn, need_id)
    except NotFound as closed:
        if asked_needs.was_asked(txn, need_id):
            raise NeedClosed(str(closed)) from None
        raise InvalidMark(f"Decision.need: there is no need {need_id}") from None


def _with_answer(request: DepositRequest, need: MarkRow) -> str:
    """Return the payload of a decision with the option in the spelling of the need."""
    payload = json.loads(request.text or "{}")
    with _naming("Decision.answer"):
        return dump_payload(payload | {"answer": answer_rules.checked_answer(need, payload["answer"])})


def _with_question(request: DepositRequest, need: MarkRow) -> str:
    """Return the payload of a decision with the question, which the board has accepted with the need."""
    payload = json.loads(request.text or "{}")
    return dump_payload(payload | {"question": payload["question"] or asked_needs.question_of(need)})


@contextmanager
def _naming(field: str) -> Iterator[None]:
    """Add the name of the field to an error about the value of a decision."""
    try:
        yield
    except InvalidMark as error:
        raise InvalidMark(f"{field}: {error}") from None
