"""The run of an activation: the agent's function runs outside any transaction, and one transaction saves its result."""

from __future__ import annotations

import inspect
import random
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Unpack

from blackboard.board.daemon_work import (
    ActivationInput,
    Claim,
    ClaimNext,
    Failure,
    FinishedRun,
    Worker,
    agent_action_checks,
)
from blackboard.clock import iso, seconds_in
from blackboard.core.agents.agent_definition import Agent, require_done
from blackboard.core.agents.mark_actions import Action
from blackboard.core.failure_texts import error_text
from blackboard.core.marks.mark_model import Mark
from blackboard.core.marks.scopes import scope_in, scope_name
from blackboard.core.records.states import MAX_REASON_CHARACTERS, ActivationState
from blackboard.daemon import run_traces
from blackboard.daemon.agent_runs import forked_children
from blackboard.daemon.agent_runs.agent_event_loop import AgentLoop, NoEventLoop
from blackboard.daemon.agent_runs.run_context import RunContext
from blackboard.daemon.agent_set import AgentSet
from blackboard.daemon.daemon_events import DaemonEvent, DaemonEventDetails, DaemonListener
from blackboard.daemon.model_requests.model_caller import Deferral, ModelCaller
from blackboard.errors import BlackboardError, Conflict, InvalidMark, ModelError, StoreError, UnreadableMark
from blackboard.llm.call_failures import RequestRejected, Unusable
from blackboard.system import tracing
from blackboard.system.failpoints import failpoint
from blackboard.system.log_queue import Log

log = Log("blackboard")


MAX_LOGGED_MARKS = 10
"""The number of marks of a failed run that the log names."""


class NextClaimFailed(Exception):
    """A failure of the claim that is made in the transaction of a result."""


class ResultConflict(Exception):
    """A mark that a result names has changed since the agent was given it."""


class ActivationRunner:
    """The runner of activations of one daemon's agents.

    Args:
        worker: The worker that holds the activations.
        model_caller: The model calls of the agents.
        agents: The agents, and the settings that are their `context.settings`.
        rng: The source of the jitter of delays.
        emit: Called with each event of a run.
    """

    def __init__(
        self,
        worker: Worker,
        model_caller: ModelCaller,
        agents: AgentSet,
        rng: random.Random,
        emit: DaemonListener,
    ) -> None:
        self.worker, self.model_caller, self._agents = worker, model_caller, agents
        self._rng, self._emit = rng, emit
        self._event_loop = AgentLoop()

    def run(self, agent: Agent, claim: Claim, claim_next: ClaimNext) -> bool:
        """Run an activation to its end: save its result, defer it, or record its failure.

        `claim_next` is called in the transaction that saves a success, and may claim the next activation.

        Returns:
            The result of `claim_next`; False if it was not called.

        Raises:
            StoreError: The result could not be saved. The activation is recovered later.
            NoEventLoop: The event loop of asynchronous agents could not begin. The caller defers the activation.
        """
        try:
            finished = self._attempt(agent, claim, claim_next)
        except Deferral as deferral:
            self.worker.run_ends.defer(claim, deferral.reason, deferral.until, is_held=deferral.is_held)
            self._report_deferral(claim, deferral.reason, shown=deferral.shown)
            return False
        except ResultConflict as error:
            self._put_back(claim, str(error))
            return False
        except (StoreError, NoEventLoop):
            raise  # the cause is not in the marks, so the activation has not failed
        except BaseException as error:  # even SystemExit of an agent must not end the daemon
            failure = _failure_of(error)
            is_answered = failure.has_bad_answer and not isinstance(error, RequestRejected)
            if not is_answered or not self._hold_answer(claim, failure, error):
                self.fail(claim, failure, shown=error)
            return False
        if finished is None:
            log.warning("a late result was refused", **self._log_fields(claim))
            return False
        for model in finished.resumed_models:
            log.info("the answers of a paused model are usable again", model=model, agent=agent.name)
        marks, deposited = len(claim.inputs), len(finished.receipts)
        log.info(DaemonEvent.DONE, **self._log_fields(claim), marks=marks, deposited=deposited)
        self._emit_of(DaemonEvent.DONE, claim, marks=marks, deposited=deposited, watch=claim.watch)
        return finished.claimed_next

    def time_out(self, claim: Claim) -> None:
        """End a run that is past its timeout. If the run waits for a model, this does not count as a failure."""
        seconds = seconds_in(claim.agent_spec.settings.timeout)
        error = f"it ran past its timeout of {seconds:g} s"
        if not self.model_caller.waits_for_answer(claim):
            self.fail(claim, Failure(error))
            return
        reason = f"{error} while it waited for the model"
        self.worker.run_ends.defer(claim, reason, self.model_caller.retry_at(claim))
        self._report_deferral(claim, reason, shown=reason, report=log.warning)

    def cancel(self, claim: Claim) -> None:
        """Cancel the run of an asynchronous agent. The run of any other agent cannot be ended."""
        self._event_loop.cancel(claim.key)

    def close(self) -> None:
        """Cancel the runs of asynchronous agents, and end their event loop."""
        self._event_loop.close()

    def fail(self, claim: Claim, failure: Failure, shown: BaseException | None = None) -> None:
        """End a run with a failure and report it; see `RunEndTransactions.fail`.

        In place of the error, the log shows the exception `shown`, without its message. Without `shown`, the log shows
        the error, which then must not quote a payload.
        """
        state = self.worker.run_ends.fail(claim, failure, self._rng)
        if state is not None:
            is_over = state in (ActivationState.DEAD, ActivationState.QUARANTINED)
            report = log.error if is_over else log.warning
            mark_ids = [item.event.mark_id for item in claim.inputs[:MAX_LOGGED_MARKS]]
            report(
                DaemonEvent.FAILED,
                **self._log_fields(claim),
                state=str(state),
                marks=mark_ids,
                error=failure.error if shown is None else shown,
            )
            self._emit_of(DaemonEvent.FAILED, claim, state=state, error=failure.error.splitlines()[0])

    def _hold_answer(self, claim: Claim, failure: Failure, error: BaseException) -> bool:
        """Hold a run whose answer is unusable, unless its marks are the cause; return whether it is held."""
        held = self.worker.run_ends.hold_answer(claim, failure, self._rng)
        if held is None:
            return False
        if held.is_new:
            log.error(
                "a model is paused for an agent, because its answers are unusable; it is tried again by itself, and at"
                " once by 'blackboard resume'",
                model=held.model,
                agent=claim.agent_spec.name,
                again_at=iso(held.wait.until),
                reason=error,
            )
        self._report_deferral(claim, held.wait.reason, shown=held.wait.problem)
        return True

    def _put_back(self, claim: Claim, conflict: str) -> None:
        """Put a run back whose result was in conflict with the board, and report it."""
        state = self.worker.run_ends.put_back(claim, conflict, self._rng)
        if state == ActivationState.SKIPPED:
            log.info("the needs for this activation were closed before its answer", **self._log_fields(claim))
            self._emit_of(DaemonEvent.SKIPPED, claim, reason=conflict)
        elif state is not None:
            log.info("a mark has changed since it was read; the marks are read again", **self._log_fields(claim))
            self._emit_of(DaemonEvent.DEFERRED, claim, reason=conflict)

    def _report_deferral(
        self, claim: Claim, reason: str, *, shown: object, report: Callable[..., None] = log.info
    ) -> None:
        """Report that a run is deferred. The log shows `shown` instead of `reason`, which may quote a payload."""
        report(DaemonEvent.DEFERRED, **self._log_fields(claim), reason=shown)
        self._emit_of(DaemonEvent.DEFERRED, claim, reason=reason)

    def _emit_of(self, event: DaemonEvent, claim: Claim, **details: Unpack[DaemonEventDetails]) -> None:
        """Emit an event of a run, with the id of its activation and the name of its agent."""
        self._emit(event, {"id": claim.row.id, "agent": claim.agent_spec.name, **details})

    def _log_fields(self, claim: Claim) -> dict[str, object]:
        """Return the fields of a log line about a run: its activation, agent, subject and seconds."""
        clock = self.worker.board.clock
        microseconds = max(0, clock.now() - (claim.row.started_at or 0))
        return {
            "activation": claim.row.id,
            "agent": claim.agent_spec.name,
            "subject": _subject(claim),
            "seconds": round(seconds_in(microseconds), 3),
        }

    def _attempt(self, agent: Agent, claim: Claim, claim_next: ClaimNext) -> FinishedRun | None:
        """Run an activation once: read and isolate its marks, read further marks, call the agent, save the result.

        Returns:
            The finished run; None if the activation is no longer this worker's.

        Raises:
            UnreadableMark: A mark does not fit its class, and the other marks cannot be used without it.
        """
        readable = self._set_unreadable_apart(claim)
        if readable is None:
            return None
        if not readable and claim.row.scheduled_for is None:  # the payloads were erased
            return self._finish(claim, [], claim_next)
        marks = self._isolate(agent, claim, readable)
        if readable and not marks:
            return None
        kept = {mark.id for mark in marks}
        claim = replace(claim, inputs=tuple(item for item in claim.inputs if item.event.mark_id in kept))
        context = RunContext(claim, self._read_marks(claim), self._agents.settings, self.model_caller)
        failpoint("agent.before")
        with run_traces.activation_span(claim, lambda: self.worker.waking_traceparents(claim)) as traceparent:
            result = forked_children.call(lambda: agent.function(marks, context))
            if inspect.isawaitable(result):
                result = self._event_loop.run(claim.key, agent.name, result)
            items = forked_children.call(lambda: agent_action_checks.items_of_result(claim.agent_spec, result))
        with tracing.within_trace(traceparent):
            return self._finish(claim, items, claim_next)

    def _read_marks(self, claim: Claim) -> dict[str, list[Mark]]:
        """Return the marks that an activation reads besides those that woke its agent, by kind.

        Raises:
            UnreadableMark: A mark does not fit its class.
        """
        marks, unreadable = self._marks(claim, claim.reads)
        if unreadable:
            raise UnreadableMark("; ".join(unreadable.values()))
        by_kind: dict[str, list[Mark]] = {}
        for mark in marks:
            by_kind.setdefault(mark.kind, []).append(mark)
        return by_kind

    def _set_unreadable_apart(self, claim: Claim) -> list[Mark] | None:
        """Move each mark that does not fit its class to an activation of its own.

        Returns:
            The other marks; None if the activation is no longer this worker's.

        Raises:
            UnreadableMark: No mark fits, or each part of the activation has a mark that does not fit.
        """
        marks, unreadable = self._marks(claim, claim.inputs)
        if not unreadable:
            return marks
        if (moved := self.worker.run_ends.isolate(claim, unreadable.keys())) is None:
            return None
        if kept := [error for mark_id, error in unreadable.items() if mark_id not in moved]:
            raise UnreadableMark("; ".join(kept))
        return [mark for mark in marks if mark.id not in moved]

    def _marks(self, claim: Claim, inputs: tuple[ActivationInput, ...]) -> tuple[list[Mark], dict[int, str]]:
        """Return the marks that fit their classes, and for each other mark the reason."""
        marks, unreadable = [], {}
        for item in inputs:
            event = item.event
            if event.payload is None:
                continue  # the payload was erased
            try:
                marks.append(self.worker.mark_of(item, claim.deployment))
            except InvalidMark as error:
                unreadable[event.mark_id] = str(error)
        return marks, unreadable

    def _isolate(self, agent: Agent, claim: Claim, marks: list[Mark]) -> list[Mark]:
        """Move each mark that the agent isolates to an activation of its own, and return the other marks."""
        if agent.isolate is None or len(marks) < 2:
            return marks
        isolate = agent.isolate
        isolated = forked_children.call(lambda: [mark.id for mark in marks if require_done(isolate(mark), "isolate")])
        if len(isolated) == len(marks):
            isolated = isolated[1:]
        if not isolated:
            return marks
        moved = self.worker.run_ends.isolate(claim, isolated)
        return [] if moved is None else [mark for mark in marks if mark.id not in moved]

    def _finish(self, claim: Claim, items: list[Action], claim_next: ClaimNext) -> FinishedRun | None:
        """Apply what an agent returned, and claim its next activation in the same transaction."""
        failpoint("agent.after")
        actions = agent_action_checks.prepare(claim.agent_spec, claim.row.id, items)
        failpoint("apply.before")
        try:
            finished = self.worker.run_ends.finish(claim, actions, claim_next)
        except NextClaimFailed as error:  # the run itself succeeded
            log.error(
                "the next activation could not be claimed with a result",
                agent=claim.agent_spec.name,
                error=error.__cause__ or error,
            )
            finished = self.worker.run_ends.finish(claim, actions)
        except Conflict as conflict:
            raise ResultConflict(error_text(conflict)) from None
        failpoint("apply.after")
        return finished


def _subject(claim: Claim) -> str | None:
    """Return the subject or the group of a run for the log; of several subjects, the first and the number of others."""
    if claim.group is not None:
        return scope_name(scope_in(claim.row.scope))
    subjects = claim.subjects
    if not subjects:
        return claim.row.scope
    return subjects[0] if len(subjects) == 1 else f"{subjects[0]} and {len(subjects) - 1} more"


def _failure_of(error: BaseException) -> Failure:
    return Failure(
        _describe_error(error),
        is_hopeless=_is_hopeless(error),
        divides=isinstance(error, RequestRejected),
        counts=not isinstance(error, UnreadableMark),
        has_bad_answer=isinstance(error, ModelError),
    )


def _is_hopeless(error: BaseException) -> bool:
    """Return whether the same request would certainly fail again. Fewer marks may succeed."""
    match error:
        case RequestRejected():
            return error.certain
        case Unusable():
            return error.reason in ("max_tokens", "context_window")
    return isinstance(error, UnreadableMark)


def _describe_error(error: BaseException) -> str:
    """Return the whole error for a person to read; one line if the agent broke its contract."""
    if isinstance(error, BlackboardError):
        return error_text(error)
    text = "".join(traceback.format_exception(error)).strip()
    return f"{error_text(error)}\n\n{text}"[:MAX_REASON_CHARACTERS]
