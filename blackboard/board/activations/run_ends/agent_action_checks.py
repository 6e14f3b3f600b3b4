"""The checks of the actions that an agent returned, before the transaction that applies them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from blackboard.board.activations.run_ends.agent_actions import (
    AgentAction,
    AgentDeposit,
    place_of_item,
    undeclared_withdrawal,
)
from blackboard.core.agents.mark_actions import Action, Reinforce, Withdraw
from blackboard.core.built_in_marks import Decision, Need
from blackboard.core.marks.deposit_requests import DepositRequest
from blackboard.core.marks.mark_checks import check_if_event, check_increase, check_intensity, check_subject
from blackboard.core.marks.mark_model import Mark, alternative_of, was_read
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.errors import AgentError, BlackboardError, Undeclared, UsageError, nearest
from blackboard.system.error_descriptions import class_name


def items_of_result(agent_spec: AgentSpec, result: Any) -> list[Action]:
    """Return the items that an agent returned as a list; a generator runs only now.

    Raises:
        AgentError: The result is not a mark, an action, or several of these, or it has too many marks.
    """
    if result is None:
        return []
    if isinstance(result, Action):
        return [result]
    if isinstance(result, str | bytes | Mapping | BaseModel):  # Python would iterate over its parts
        raise _not_actions(result)
    limit = agent_spec.settings.max_marks
    try:
        items = iter(result)
    except TypeError:
        raise _not_actions(result) from None
    actions: list[Action] = []
    for item in items:
        if len(actions) == limit:
            problem = f"it returned more than {limit} marks (max_marks)"
            raise AgentError(problem, shown=problem)
        actions.append(item)
    return actions


def prepare(
    agent_spec: AgentSpec, activation_id: int, items: Sequence[Action], places: Sequence[str] = ()
) -> list[AgentAction]:
    """Check the items that an agent returned, without a read of the board, and return the actions to apply.

    An error names an item by its place in `places`, or by its number.

    Raises:
        BlackboardError: An item is invalid. The error names each such item and its field.
    """
    actions: list[AgentAction] = []
    mistakes: list[BlackboardError] = []
    for number, item in enumerate(items, 1):
        try:
            actions.append(_prepare_one(agent_spec, activation_id, item))
        except (UsageError, AgentError) as error:
            error.place = place_of_item(number, len(items), places)
            mistakes.append(error)
    if len(mistakes) == 1:
        raise mistakes[0]
    if mistakes:
        text = "; ".join(map(str, mistakes))
        raise AgentError(text, shown=f"{len(mistakes)} of the {len(items)} items that it returned are invalid")
    _check_total(agent_spec, actions)
    _check_needs(actions, places)
    return actions


def _prepare_one(agent_spec: AgentSpec, activation_id: int, item: Action) -> AgentAction:
    """Return an action in the form that is applied, after checking that the agent may do it."""
    if isinstance(item, Mark):
        return _prepare_deposit(agent_spec, activation_id, item)
    if not isinstance(item, Withdraw | Reinforce):
        raise _not_actions(item, " among its marks")
    name = type(item).__name__
    if not isinstance(item.mark, Mark) or not was_read(item.mark):
        problem = f"{name}.mark must be a mark that the agent was given or has read"
        raise AgentError(problem, shown=problem)
    if item.if_event is not None:
        check_if_event(item.if_event, lowest=1)
    if isinstance(item, Withdraw):
        _check_withdrawal(agent_spec, item.mark)
    else:
        check_increase(item.by)
    return item


def _check_withdrawal(agent_spec: AgentSpec, mark: Mark) -> None:
    """Check that an agent may withdraw a mark, as far as the mark shows that.

    A mark does not show whether an agent or a person of the same name deposited it; the board checks that later.
    """
    if mark.kind not in agent_spec.withdraws and mark.author not in (agent_spec.name, agent_spec.renamed_from):
        raise undeclared_withdrawal(agent_spec, mark)


def _prepare_deposit(agent_spec: AgentSpec, activation_id: int, mark: Mark) -> AgentDeposit:
    """Return the deposit of a mark and of its alternative, after checking that the agent declares their kinds."""
    writes = agent_spec.writes
    if not isinstance(mark, Mark):  # an alternative
        raise _not_actions(mark, " among its marks")
    if mark.kind not in writes:
        raise Undeclared(
            f"it returned a mark of the kind {mark.kind!r}, which it does not declare in writes"
            f"{nearest(mark.kind, writes)}",
            shown="it returned a kind that it does not declare in writes",
        )
    check_subject(mark.subject)
    check_intensity(mark.intensity)
    mark = _with_answering_agents(agent_spec, mark)
    request = DepositRequest.of(mark, agent_spec.name)._replace(activation_id=activation_id)
    _check_size(agent_spec, request)
    alternative = alternative_of(mark)
    return AgentDeposit(
        request,
        None if alternative is None else _prepare_deposit(agent_spec, activation_id, alternative),
        mark.need if isinstance(mark, Decision) else None,
    )


def _with_answering_agents(agent_spec: AgentSpec, mark: Mark) -> Mark:
    """Return a mark. If it is a need that names no answering agents, add those of the setting `answerable_by`."""
    if isinstance(mark, Need) and agent_spec.settings.answerable_by and "answerable_by" not in mark.model_fields_set:
        return mark.model_copy(update={"answerable_by": list(agent_spec.settings.answerable_by)})
    return mark


def _not_actions(result: object, where: str = "") -> AgentError:
    rest = f"{where}; an agent returns marks, Withdraw, Reinforce or None"
    message, shown = (f"it returned {name}{rest}" for name in (type(result).__name__, class_name(type(result))))
    return AgentError(message, shown=shown)


def _check_size(agent_spec: AgentSpec, request: DepositRequest) -> None:
    limit, size = agent_spec.settings.max_payload, _size(request)
    if size > limit:
        problem = (
            f"it returned a mark of the kind {request.kind!r} with a payload of {size} bytes; at most {limit} are"
            " allowed (max_payload)"
        )
        raise AgentError(problem, shown=problem)


def _check_total(agent_spec: AgentSpec, actions: Sequence[AgentAction]) -> None:
    total = agent_spec.settings.max_total
    if sum(map(_size, _requests(actions))) > total:
        problem = f"the payloads of its marks have more than {total} bytes in total (max_total)"
        raise AgentError(problem, shown=problem)


def _check_needs(actions: Sequence[AgentAction], places: Sequence[str]) -> None:
    """Check that no need is answered twice."""
    answered: set[int] = set()
    for number, action in enumerate(actions, 1):
        needs = {choice.need_id for choice in action.choices()} - {None} if isinstance(action, AgentDeposit) else set()
        if twice := answered.intersection(needs):
            problem = f"Decision.need: it answers need {min(twice)} twice"
            where = place_of_item(number, len(actions), places)
            raise AgentError(problem, shown="it answers a need twice", place=where)
        answered |= {need for need in needs if need is not None}


def _requests(actions: Sequence[AgentAction]) -> Iterator[DepositRequest]:
    for action in actions:
        if isinstance(action, AgentDeposit):
            yield from (choice.request for choice in action.choices())


def _size(request: DepositRequest) -> int:
    return len(request.payload_text.encode())
