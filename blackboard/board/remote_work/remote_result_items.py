"""The items of a result, as the actions of its agent, and the model calls that it reports."""

from __future__ import annotations

from collections.abc import Iterator

from blackboard.board.activations.call_records.model_calls import CallCost, ReportedCall
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.work_tables.activation_inputs import ActivationInput
from blackboard.core.agents.mark_actions import Action, Reinforce, Withdraw
from blackboard.core.agents.remote_results import RemoteResult, ReportedUsage, ReturnedMark
from blackboard.core.marks.mark_model import Mark
from blackboard.core.micro_dollars import from_usd
from blackboard.errors import BlackboardError, InvalidMark


def marks_of(inputs: tuple[ActivationInput, ...], classes: MarkClasses) -> Iterator[Mark]:
    """Yield the marks of inputs. Their classes do not check them, because no payload is read here."""
    for item in inputs:
        yield classes.make_stand_in(item.event, item.stored)


def actions_of(
    txn: BoardTransaction, result: RemoteResult, known: dict[int, Mark], classes: MarkClasses
) -> Iterator[Action]:
    """Yield the items of a result in the order in which they are applied, the order of `places_of`."""
    places = iter(places_of(result))
    for withdrawal in result.withdrawals:
        yield Withdraw(_known_mark(known, withdrawal.mark_id, next(places)), withdrawal.if_event)
    for reinforcement in result.reinforcements:
        yield Reinforce(
            _known_mark(known, reinforcement.mark_id, next(places)), reinforcement.by, reinforcement.if_event
        )
    for returned, place in zip(result.marks, places, strict=True):
        try:
            yield _mark(txn, returned, classes)
        except BlackboardError as error:
            error.place = place
            raise


def places_of(result: RemoteResult) -> list[str]:
    """Return the name of each item of a result in errors: its list, and its number there."""
    lists = {"withdrawals": result.withdrawals, "reinforcements": result.reinforcements, "marks": result.marks}
    return [f"{name}, item {number}" for name, items in lists.items() for number in range(1, len(items) + 1)]


def _known_mark(known: dict[int, Mark], mark_id: int, place: str) -> Mark:
    if mark_id not in known:
        raise InvalidMark(f"the agent was not given mark {mark_id} and has not read it", place=place)
    return known[mark_id]


def _mark(txn: BoardTransaction, returned: ReturnedMark, classes: MarkClasses) -> Mark:
    mark = classes.new_mark(returned.kind, returned.payload, returned.subject, returned.intensity, txn.deployment)
    mark = mark.with_options(
        key=returned.key,
        decay=returned.decay,  # type: ignore[arg-type]
        until=returned.until,
        occurred_at=returned.occurred_at,
        if_event=returned.if_event,
    )
    return mark if returned.or_else is None else mark.or_else(_mark(txn, returned.or_else, classes))


def reported_calls(usage: ReportedUsage) -> list[ReportedCall]:
    """Return the model calls that a result reports, with their costs in micro-dollars."""
    return [
        ReportedCall(
            call.model,
            CallCost(
                call.input_tokens,
                call.cache_read_tokens,
                call.cache_write_tokens,
                call.output_tokens,
                from_usd(call.usd),
            ),
        )
        for call in usage
    ]
