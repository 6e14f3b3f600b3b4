"""Runs one activation: the agent's function on its marks, outside any transaction, and then its end in one."""

from __future__ import annotations

import asyncio
import inspect
import random
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import structlog

from blackboard.agent_definition import Agent
from blackboard.board import activation_results, model_calls
from blackboard.board.activation_results import AgentDeposit
from blackboard.board.blackboard import Blackboard
from blackboard.board.board_transaction import BoardTransaction
from blackboard.board.claims import Claim
from blackboard.board.deposits import PreparedDeposit
from blackboard.board.inputs import ActivationInput
from blackboard.board.results import Receipt
from blackboard.daemon import telemetry
from blackboard.daemon.model_caller import ModelCaller, Postponed
from blackboard.daemon.run_context import RunContext
from blackboard.errors import AgentError, BlackboardError, InvalidMark, ModelError, StoreError, Undeclared, nearest
from blackboard.failpoints import reach
from blackboard.llm import Rejected, Unusable
from blackboard.marks import Mark, StoredMark, check_intensity, check_subject, dump_payload

__all__ = ["ActivationRunner"]

log = structlog.get_logger("blackboard")

ClaimNext = Callable[[BoardTransaction], bool]


class NextClaimFailed(Exception):
    """What should have been claimed in the transaction of an end could not be."""


class ActivationRunner:
    """Runs activations of one daemon's agents."""

    def __init__(
        self,
        board: Blackboard,
        model_caller: ModelCaller,
        settings: Mapping[str, Any],
        rng: random.Random,
        emit: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self.board, self.model_caller, self.settings, self.rng, self.emit = (
            board,
            model_caller,
            settings,
            rng,
            emit,
        )

    def run(self, agent: Agent, claim: Claim, claim_next: ClaimNext) -> bool:
        """Run it to its end. Whatever the agent does, the activation ends in the database, or is put back.

        Args:
            onward: asked in the transaction of an end with success; it may claim what comes next.

        Returns:
            What `onward` said.
        """
        try:
            outcome = self._attempt(agent, claim, claim_next)
        except Postponed as postponed:
            wait = postponed
            self.board.write(
                lambda txn: activation_results.defer(
                    txn, claim.row, until=wait.until, reason=wait.reason, held=wait.held
                )
            )
            log.info("postponed", activation=claim.row.id, agent=agent.name, reason=wait.reason)
            self.emit("postponed", {"id": claim.row.id, "agent": agent.name, "reason": wait.reason})
            return False
        except StoreError as error:
            # The end could not be written. The lease runs out, or this worker's next look takes it up again.
            log.error("an activation's end could not be written", activation=claim.row.id, error=str(error))
            raise
        except BaseException as error:  # an agent may raise anything, SystemExit included; none of it ends the daemon
            self.failed(
                agent, claim, _describe(error), unusable=isinstance(error, ModelError), hopeless=_is_hopeless(error)
            )
            return False
        if outcome is None:
            log.warning("a late end was refused", activation=claim.row.id, agent=agent.name)
            return False
        receipts, claimed_next = outcome
        log.info("done", activation=claim.row.id, agent=agent.name, marks=len(claim.inputs), deposited=len(receipts))
        self.emit(
            "done",
            {
                "id": claim.row.id,
                "agent": agent.name,
                "marks": len(claim.inputs),
                "deposited": len(receipts),
                "watch": claim.watch,
            },
        )
        return claimed_next

    def failed(self, agent: Agent, claim: Claim, error: str, *, unusable: bool = False, hopeless: bool = False) -> None:
        """End a run with a failure.

        Args:
            spoiled: the model's answer is to blame, so that it is not used again.
            hopeless: the same marks would fail again for certain, so that they are split at once.
        """

        def work(txn: BoardTransaction) -> str | None:
            state = activation_results.fail(txn, claim.row, claim.agent, error, self.rng, hopeless=hopeless)
            if state is not None and unusable:
                model_calls.mark_unusable(txn, claim.row.id, error)
            return state

        reach("failure.before")
        state = self.board.write(work, record=True)
        reach("failure.after")
        if state is not None:
            log.warning("failed", activation=claim.row.id, agent=agent.name, state=state, error=error.splitlines()[0])
            self.emit(
                "failed", {"id": claim.row.id, "agent": agent.name, "state": state, "error": error.splitlines()[0]}
            )

    def _attempt(self, agent: Agent, claim: Claim, claim_next: ClaimNext) -> tuple[list[Receipt], bool] | None:
        marks = self._marks(claim, claim.inputs)
        if not marks:
            # None of them fits its kind any more, which was logged, or what they said was forgotten.
            return self._finish(claim, [], claim_next)
        if not (marks := self._isolate(agent, claim, marks)):
            return None
        kept = {mark.id for mark in marks}
        claim = replace(claim, inputs=tuple(item for item in claim.inputs if item.event.mark_id in kept))
        reads: dict[str, list[Mark]] = {}
        for mark in self._marks(claim, claim.reads):
            reads.setdefault(mark.kind, []).append(mark)
        context = RunContext(claim, reads, self.settings, self.model_caller)
        reach("agent.before")
        with telemetry.activation(claim):
            result = agent.function(marks, context)
            if inspect.isawaitable(result):
                result = asyncio.run(_awaited(result))
        return self._finish(claim, _collect(claim, result), claim_next)

    def _marks(self, claim: Claim, inputs: tuple[ActivationInput, ...]) -> list[Mark]:
        marks = []
        for item in inputs:
            event = item.event
            if event.payload is None:
                continue  # what it said was forgotten
            trace = StoredMark(
                event.mark_id,
                event.id,
                event.author,
                item.strength,
                item.deposited_at,
                event.recorded_at,
                item.reinforcements,
            )
            try:
                marks.append(
                    self.board.session.classes.make(
                        event.kind, event.subject, event.payload or "{}", event.intensity, trace, claim.deployment
                    )
                )
            except InvalidMark as error:
                log.warning("a mark that no longer fits its kind is skipped", mark=event.mark_id, error=str(error))
        return marks

    def _isolate(self, agent: Agent, claim: Claim, marks: list[Mark]) -> list[Mark]:
        """Marks that the agent wants to see alone get an activation each; the rest stays."""
        if agent.isolate is None or len(marks) < 2:
            return marks
        apart = [mark for mark in marks if agent.isolate(mark)]
        if len(apart) == len(marks):
            apart = apart[1:]
        if not apart:
            return marks
        ids = [mark.id for mark in apart]
        if not self.board.write(lambda txn: activation_results.isolate(txn, claim.row, ids)):
            return []
        return [mark for mark in marks if mark.id not in set(ids)]

    def _finish(self, claim: Claim, marks: list[Mark], claim_next: ClaimNext) -> tuple[list[Receipt], bool] | None:
        reach("agent.after")
        _check(claim, marks)

        def end(claim_next: ClaimNext) -> tuple[list[Receipt], bool] | None:
            def work(txn: BoardTransaction) -> tuple[list[Receipt], bool] | None:
                receipts = activation_results.finish(
                    txn, claim.row, claim.agent, [_agent_deposit(txn, claim, mark) for mark in marks]
                )
                if receipts is None:
                    return None
                return receipts, claim_next(txn)

            return self.board.write(work, record=True, shared=True)

        reach("apply.before")
        try:
            outcome = end(claim_next)
        except NextClaimFailed as error:  # that is no fault of this run, whose end stands
            log.error("the next activation could not be claimed with an end", agent=claim.agent.name, error=str(error))
            outcome = end(lambda txn: False)
        reach("apply.after")
        return outcome


def _collect(claim: Claim, result: Any) -> list[Mark]:
    if result is None:
        return []
    if isinstance(result, Mark):
        return [result]
    limit = claim.agent.settings.max_marks
    try:
        items = iter(result)
    except TypeError:
        raise AgentError(f"it returned {type(result).__name__}; an agent returns marks, or nothing") from None
    marks: list[Mark] = []
    for item in items:
        if len(marks) == limit:
            raise AgentError(f"it leaves more than {limit} marks (max_marks)")
        marks.append(item)
    return marks


def _check(claim: Claim, marks: list[Mark]) -> None:
    writes, limit, room = claim.agent.writes, claim.agent.settings.max_payload, claim.agent.settings.max_total
    for mark in _with_alternatives(marks):
        if not isinstance(mark, Mark):
            raise AgentError(f"it returned {type(mark).__name__} among its marks; an agent returns marks, or nothing")
        if mark.kind not in writes:
            raise Undeclared(
                f"it left a {mark.kind!r}, which it does not declare in writes{nearest(mark.kind, writes)}"
            )
        if (size := len(dump_payload(mark.payload).encode())) > limit:
            raise AgentError(
                f"it left a {mark.kind!r} with a payload of {size} bytes; at most {limit} are kept (max_payload)"
            )
        if (room := room - size) < 0:
            total = claim.agent.settings.max_total
            raise AgentError(f"its marks' payloads are more than {total} bytes together (max_total)")
        check_subject(mark.subject)
        check_intensity(mark.intensity)


def _with_alternatives(marks: list[Mark]) -> list[Any]:
    result: list[Any] = []
    for mark in marks:
        result.append(mark)
        one: Any = mark
        while (one := getattr(one, "_alternative", None)) is not None:
            result.append(one)
    return result


def _agent_deposit(txn: BoardTransaction, claim: Claim, mark: Mark) -> AgentDeposit:
    unique = txn.kind(mark.kind).unique
    payload = mark.payload
    deposit = PreparedDeposit(
        mark.kind,
        mark.subject,
        dump_payload(payload),
        mark.intensity,
        claim.agent.name,
        unique=None if unique is None or payload.get(unique) is None else str(payload[unique]),
        activation_id=claim.row.id,
    )
    return AgentDeposit(deposit, None if mark._alternative is None else _agent_deposit(txn, claim, mark._alternative))


async def _awaited(result: Any) -> Any:
    return await result


def _is_hopeless(error: BaseException) -> bool:
    """Whether asking the same again could only cost again: fewer marks may do better."""
    return isinstance(error, Rejected) or (
        isinstance(error, Unusable) and error.reason in ("max_tokens", "context_window")
    )


def _describe(error: BaseException) -> str:
    """The whole error for the dead letter; one line where the fault is the contract's, not the code's."""
    if isinstance(error, BlackboardError):
        return f"{type(error).__name__}: {error}"
    text = "".join(traceback.format_exception(error)).strip()
    return f"{type(error).__name__}: {error}\n\n{text}"[:20_000]
