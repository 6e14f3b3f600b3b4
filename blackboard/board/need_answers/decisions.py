"""The decisions on needs: the answers of people and of agents, and which answers a need accepts.

The decision of an agent is checked like the answer of a person. Either closes the need.
"""

from __future__ import annotations

import difflib
import json
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from blackboard.board import open_needs
from blackboard.board.board_clock import clock_confirmation
from blackboard.board.deployment_effects.registered_kinds import ensure_kind
from blackboard.board.mark_changes import deposit_intake, deposits
from blackboard.board.mark_changes.deposit_checks import check_and_register, check_signature, check_size
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.need_answers import need_lifecycle, overdue_needs
from blackboard.board.result_types.mark_results import Receipt
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.built_in_marks import Decision, possible_answers
from blackboard.core.marks.deposit_requests import DepositRequest
from blackboard.core.marks.payload_json import dump_payload, payload_text
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.errors import AgentError, InvalidMark, NeedClosed, NotFound
from blackboard.store.row_types.mark_row_types import MarkRow

NOT_ALLOWED = "it answers a need that it may not answer"
MIN_SIMILARITY = 0.7
"""The least similarity at which an answer may be a misspelt option."""


def answer_as_person(
    txn: BoardTransaction, need_id: int, text: str, author: str, classes: MarkClasses, *, any_answer: bool = False
) -> Receipt:
    """Answer a need: deposit a decision on its subject and withdraw the need.

    Raises:
        InvalidAuthor: The author has the name of an agent, or a name that looks like one.
        InvalidMark: The answer is empty, is not one of the need's options, or does not answer the question about the
            clock. `any_answer` allows an answer that is not an option.
        NotFound: There is no such need, or it was answered or withdrawn before.
    """
    check_signature(txn, author)
    need = need_lifecycle.get_open(txn, need_id)
    overdue_needs.deposit_if_due(txn, need_id, classes)
    is_about_clock = clock_confirmation.answer_question(txn, need_id, text)
    ensure_kind(txn, "decision", classes, author)
    text = text if is_about_clock and text.strip() else _checked_answer(need, text, any_answer=any_answer)
    question = need_lifecycle.question_of(need)
    decision = Decision(subject=need.subject, answer=text, need=need_id, question=question)
    own = decision.model_copy(update={"question": ""})  # the board has accepted the question with the need
    check_size(txn.deployment, decision.kind, author, payload_text(own))
    receipt = deposits.deposit(txn, DepositRequest.of(decision, author))
    need_lifecycle.close(txn, need, author)
    return receipt


def answer_as_agent(
    txn: BoardTransaction, agent_spec: AgentSpec, request: DepositRequest, need_id: int, classes: MarkClasses
) -> Receipt:
    """Deposit the decision of an agent about a need, and withdraw the need.

    Raises:
        NeedClosed: The need was answered or withdrawn since the agent was given it.
        AgentError: The agent may not answer the need.
        InvalidMark: No such need was ever deposited, or the decision does not fit it.
    """
    if (first := deposit_intake.first_receipt(txn, request)) is not None:
        return first
    need = _get_open(txn, need_id)
    if (reason := open_needs.refusal_of(txn, agent_spec, need)) is not None:
        raise AgentError(f"Decision.need: {reason}", shown=NOT_ALLOWED)
    if request.subject != need.subject:
        raise InvalidMark(f"Decision.subject: need {need_id} is about {need.subject!r}, not {request.subject!r}")
    overdue_needs.deposit_if_due(txn, need_id, classes)
    prepared = check_and_register(txn, request._replace(text=_with_answer(request, need)), classes)
    receipt = deposits.deposit(txn, prepared._replace(text=_with_question(prepared, need)))
    deposit_intake.record_key(txn, request, receipt)
    need_lifecycle.close(txn, need, request.author, request.activation_id)
    return receipt


def _get_open(txn: BoardTransaction, need_id: int) -> MarkRow:
    try:
        return need_lifecycle.get_open(txn, need_id)
    except NotFound as closed:
        if need_lifecycle.was_asked(txn, need_id):
            raise NeedClosed(str(closed)) from None
        raise InvalidMark(f"Decision.need: there is no need {need_id}") from None


def _with_answer(request: DepositRequest, need: MarkRow) -> str:
    """Return the payload of a decision with the option in the spelling of the need."""
    payload = json.loads(request.text or "{}")
    with _add_field_to_error("Decision.answer"):
        return dump_payload(payload | {"answer": _checked_answer(need, payload["answer"])})


def _with_question(request: DepositRequest, need: MarkRow) -> str:
    """Return the payload of a decision with the question, which the board has accepted with the need."""
    payload = json.loads(request.text or "{}")
    return dump_payload(payload | {"question": payload["question"] or need_lifecycle.question_of(need)})


@contextmanager
def _add_field_to_error(field: str) -> Iterator[None]:
    """Add the name of the field to an error about the value of a decision."""
    try:
        yield
    except InvalidMark as error:
        raise InvalidMark(f"{field}: {error}") from None


def _checked_answer(need: MarkRow, text: str, *, any_answer: bool = False) -> str:
    """Return an answer for the decision: if the need has options, the chosen option in the spelling of the need.

    Args:
        need: The need.
        text: The answer.
        any_answer: Whether the answer may differ from the options.

    Raises:
        InvalidMark: The answer is empty, or not one of the options.
    """
    if not text.strip():
        raise InvalidMark('the answer is empty; say what was decided, such as "Tuesday 15:00 is fine"')
    options = possible_answers(json.loads(need.payload).get("options"))
    return _option(text, options, any_answer=any_answer) if options else text


def _option(text: str, options: Sequence[str], *, any_answer: bool) -> str:
    """Return the option that an answer names, in the spelling of the need. Case, width and spaces do not matter.

    With `any_answer`, an answer that names no option is returned unchanged.

    Raises:
        InvalidMark: The answer names no option.
    """
    by_form = {_form(option): option for option in reversed(options)}
    if text in options:
        return text
    if (option := by_form.get(_form(text))) is not None:
        return option
    if any_answer:
        return text
    near = difflib.get_close_matches(_form(text), by_form, 1, MIN_SIMILARITY)
    meant = f"; did you mean {by_form[near[0]]!r}?" if near else "."
    raise InvalidMark(
        f"{text!r} is not one of the options {', '.join(map(repr, options))}{meant} A person may answer in other words"
        " with --any-answer (any_answer=True)"
    )


def _form(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
