"""The model call of an activation: planned, sent and answered. Each step is committed before the next.

No call waits for its own retry: a `Deferral` puts the activation back.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import takewhile
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel

from blackboard.board.daemon_work import CallWait, Claim, ModelCall, ModelCallTransactions, RunKey
from blackboard.board.facade import Blackboard
from blackboard.clock import Instant, microseconds_in
from blackboard.core.agents.agent_definition import require_done
from blackboard.core.backoff import backoff
from blackboard.core.failure_texts import with_quotation
from blackboard.core.records.states import CallApi, CallState
from blackboard.core.specs.agent_spec import AgentSettings
from blackboard.daemon import run_traces
from blackboard.daemon.model_requests.answer_recorder import AnswerRecorder
from blackboard.durations import SECOND, Duration, format_duration
from blackboard.errors import UnknownName
from blackboard.llm.answer_parser import parse_answer
from blackboard.llm.call_failures import (
    CallFailure,
    KeyRefused,
    ModelUnavailable,
    NotSent,
    OutcomeUnknown,
    Overloaded,
    RequestRejected,
    SpendLimit,
    Unusable,
)
from blackboard.llm.model_client import ModelClient
from blackboard.llm.model_request import is_same_answer, request_text
from blackboard.llm.model_settings import ModelSettings
from blackboard.system.failpoints import failpoint
from blackboard.system.log_queue import Log

A = TypeVar("A", bound=BaseModel)
log = Log("blackboard")

MAX_JITTER: Duration = SECOND
"""The largest random addition to the delay that the API asked for, so that many calls do not come together."""
BUILT_ANEW = "the request was built anew"
OTHER_ANSWER = "the agent now asks for another answer"


class BuiltRequest(NamedTuple):
    """A request that the agent's code has built now."""

    model: str
    body: str
    api: CallApi


class Deferral(BaseException):
    """A request to put the activation back. Not an Exception, so that no agent catches it by mistake.

    Args:
        reason: A text for people. It must not quote a payload, unless `shown` is given.
        until: The instant of the next attempt; None if only a person or another event releases the activation.
        is_held: Whether such an event may also release it before that instant.
        shown: What the log shows instead of the reason.
    """

    def __init__(self, reason: str, until: Instant | None, *, is_held: bool = False, shown: object = None) -> None:
        super().__init__(reason)
        self.reason, self.until, self.is_held = reason, until, is_held
        self.shown = reason if shown is None else shown


def _pause_deferral(wait: CallWait) -> Deferral:
    """Return the deferral for a paused model. Its reason may quote the provider."""
    return Deferral(wait.reason, wait.until, is_held=wait.is_held, shown=wait.problem)


def _unknown_deferral(row: ModelCall) -> Deferral:
    known = f"the outcome of call {row.id} is unknown"
    return Deferral(with_quotation(known, f"{row.error}; retry or discard it"), None, is_held=True, shown=known)


def _batch_deferral() -> Deferral:
    return Deferral("it waits for the Batch API", None, is_held=True)


class ModelCaller:
    """The model calls of agents: they go to the deployment's model, or to the offline rules if there is no client."""

    def __init__(
        self,
        board: Blackboard,
        client: ModelClient | None,
        settings: ModelSettings,
        recorder: AnswerRecorder,
        rng: random.Random,
    ) -> None:
        self.client, self.settings, self.recorder, self._rng = client, settings, recorder, rng
        self._board, self._calls = board, ModelCallTransactions(board)
        self._silent: set[str] = set()
        """The models whose last call was not answered."""
        self._pending: dict[int, RunKey] = {}
        """The run of each call that a thread of this process waits for, by the call. The run may have timed out."""

    @property
    def offline(self) -> bool:
        """Whether the agents' offline rules answer."""
        return self.client is None

    @property
    def board_id(self) -> str:
        """The id of the board."""
        return self._board.board_id

    def waits_for_answer(self, claim: Claim) -> bool:
        """Return whether a run waits for the answer of a model."""
        return claim.key in list(self._pending.values())

    def ask(self, claim: Claim, system: str, data: Any, answer: type[A], offline: Callable[[Any], A] | None) -> A:
        """Return the answer to a request: the recorded answer of an earlier run, or a new answer; see `Context.ask`.

        Raises:
            ModelError: The answer is unusable, or the request was rejected.
            Deferral: The activation is deferred, because of the model or because there is neither a model nor a rule.
        """
        if self.client is None:
            if offline is None:  # the settings are wrong, and the marks are not the cause
                reason = (
                    f"agent {claim.agent_spec.name!r} has no offline rule, and the provider is set to offline: set"
                    " another provider in [model], and restart the daemon"
                )
                raise Deferral(reason, self.retry_at(claim), is_held=True)
            return require_done(offline(data), "offline")
        request = self._request(claim, system, data, answer)
        row = self._take_over_earlier_call(claim, request)
        if row is None or row.state != CallState.ANSWERED:
            if row is not None:  # the outcome of the call is open: repeat the same request, byte for byte
                request = BuiltRequest(row.model, row.body, row.api)
            self._admit(claim, request.model)
            if row is None or row.state != CallState.PLANNED:
                row = self._plan_call(claim, request)
            row = self._send_call(self.client, claim, row)
        return self._parse_answer(row, answer)

    def _request(self, claim: Claim, system: str, data: Any, answer: type[BaseModel]) -> BuiltRequest:
        """Return the request of a call, with the model and the API that the strongest mark selects."""
        settings = claim.agent_spec.settings
        strongest = max((item.strength for item in claim.inputs), default=0.0)
        model = model_for(settings, self.settings.model, strongest)
        try:
            body = request_text(
                system=system,
                data=data,
                answer=answer,
                model=model,
                max_tokens=settings.max_tokens or self.settings.max_tokens,
                prices=self.recorder.prices,
            )
        except UnknownName as error:
            raise Deferral(f"{error}; a call without a price is not sent", None, is_held=True) from None
        return BuiltRequest(model, body, api_for(settings, strongest))

    def _take_over_earlier_call(self, claim: Claim, request: BuiltRequest) -> ModelCall | None:
        """Take over the call of an earlier run, and end the calls that this run cannot use.

        An answered or planned call can be used if it asks for the same as `request`. If it asks for something else, it
        ends as `unusable` or `failed`. A call that was sent and has no answer ends as `unknown`.

        Returns:
            A call that is answered, planned or unknown; None if a new call is needed.

        Raises:
            Deferral: An answer may still arrive, or the outcome is unknown and the agent holds such activations.
            RequestRejected: The marks are the cause of an earlier refusal.
        """
        pending = frozenset(self._pending)  # read first: an answer is recorded before its call is removed from the set
        rows = self._calls.calls_of_claim(claim)
        # After a split, earlier requests contain marks that this activation no longer has.
        rows = [row for row in rows if row.marks == len(claim.inputs)]
        if (answered := self._reuse_answer(rows, request)) is not None:
            return answered
        if not rows:
            return None
        last = rows[0]
        if last.state == CallState.PLANNED:
            return self._reuse_plan(last, request)
        if last.state == CallState.REJECTED:
            self._retry_or_reject(last, request.model)
        if last.state == CallState.SENT:
            last = self._give_up_sent(claim, last, is_pending=last.id in pending)
        if last.state != CallState.UNKNOWN:
            return None
        if claim.agent_spec.settings.on_unknown == "hold":
            raise _unknown_deferral(last)
        return last if is_same_answer(last.body, request.body) else None

    def _reuse_answer(self, rows: list[ModelCall], request: BuiltRequest) -> ModelCall | None:
        """Return the call whose answer is stored and still fits. A call whose answer does not fit ends as unusable."""
        row = next((row for row in rows if row.state == CallState.ANSWERED), None)
        if row is None or is_same_answer(row.body, request.body):
            return row
        self._calls.end(row, CallState.UNUSABLE, OTHER_ANSWER)
        log.warning("an answer is not used, because the agent now asks for a different answer", call=row.id)
        return None

    def _reuse_plan(self, row: ModelCall, request: BuiltRequest) -> ModelCall | None:
        """Return a call that was never sent if its request is still the same; otherwise end the call."""
        if (row.model, row.body, row.api) == (request.model, request.body, request.api):
            return row
        self._calls.end(row, CallState.FAILED, BUILT_ANEW)
        return None

    def _give_up_sent(self, claim: Claim, row: ModelCall, *, is_pending: bool) -> ModelCall:
        """End a call that was sent as `unknown`, and return it.

        Raises:
            Deferral: The answer to the call may still arrive.
        """
        if row.api == "batch":
            raise _batch_deferral()
        # A call can outlive a run that timed out. Its answer is paid for and will still arrive.
        if is_pending and self._calls.now() < (row.sent_at or 0) + self.settings.timeout:
            raise Deferral(f"call {row.id} is still pending", self.retry_at(claim))
        return self._end_as_unknown(claim, row, "it was sent, and no answer was recorded")

    def _retry_or_reject(self, row: ModelCall, model: str) -> None:
        """Allow another try of a refused request, unless a later success shows that its marks are the cause.

        Another model may accept a request that the first model refused.

        Raises:
            RequestRejected: A later call to the model succeeded, so the refusal counts against the marks.
        """
        if not self._calls.decide_refused(row, model):
            raise RequestRejected(row.error or "the API rejects the request")

    def _admit(self, claim: Claim, model: str) -> None:
        """Admit a call, which may be the one that tries a paused model again.

        Raises:
            Deferral: The call is deferred.
        """
        if (wait := self._calls.admit(claim, model, self._rng)) is not None:
            raise _pause_deferral(wait)

    def _plan_call(self, claim: Claim, request: BuiltRequest) -> ModelCall:
        row = self._calls.plan(claim, request.model, request.body, request.api)
        failpoint("call.planned")
        return row

    def _send_call(self, client: ModelClient, claim: Claim, row: ModelCall) -> ModelCall:
        if row.api == "batch":
            raise _batch_deferral()
        self._reserve_cost(claim, row)
        failpoint("call.sent")
        self._pending[row.id] = claim.key
        try:
            return self._ask_model(client, claim, row)
        finally:
            self._pending.pop(row.id, None)

    def _ask_model(self, client: ModelClient, claim: Claim, row: ModelCall) -> ModelCall:
        """Send a call and return it with its recorded answer."""
        try:
            with run_traces.call_span(row) as record_answer:
                reply = client.send(row.body)
                failpoint("call.answered")
                record_answer(reply)
        except (Overloaded, NotSent) as failure:
            if row.model not in self._silent:  # each activation also says why it is deferred
                self._silent.add(row.model)
                log.warning("a model does not answer; its calls are tried again later", model=row.model, reason=failure)
            self._end_call(row, CallState.FAILED, failure)
            self._check_give_up(claim, failure)
            seconds = failure.retry_after if isinstance(failure, Overloaded) else None
            raise Deferral(str(failure), self.retry_at(claim, seconds), shown=failure) from None
        except OutcomeUnknown as failure:
            row = self._end_as_unknown(claim, row, str(failure), failure)
            if claim.agent_spec.settings.on_unknown == "hold":
                raise _unknown_deferral(row) from None
            reason = with_quotation(f"the outcome of call {row.id} is unknown", str(failure))
            raise Deferral(reason, self.retry_at(claim), shown=failure) from None
        except (KeyRefused, SpendLimit, ModelUnavailable, RequestRejected) as failure:
            if isinstance(failure, RequestRejected) and failure.certain:
                self._end_call(row, CallState.REJECTED, failure)
                raise
            wait = self.recorder.pause_model(row, failure)
            raise _pause_deferral(wait) from None
        self.recorder.record(row, reply)
        if row.model in self._silent:
            self._silent.discard(row.model)
            log.info("a model answers again", model=row.model)
        failpoint("call.kept")
        return row._replace(state=CallState.ANSWERED, reply=reply.raw)

    def _reserve_cost(self, claim: Claim, row: ModelCall) -> None:
        """Reserve the highest cost of a call that is about to be sent.

        Raises:
            Deferral: A budget would be exceeded, or the model has no price.
        """
        try:
            cost = self.recorder.highest_cost(row)
        except UnknownName as error:
            raise Deferral(f"{error}; a call without a price is not sent", None, is_held=True) from None
        exceeded = self._calls.reserve(claim, row, cost)
        if exceeded is None:
            return
        if exceeded.defers:
            raise Deferral(exceeded.reason, exceeded.until, is_held=True)
        log.warning("a budget that only warns was exceeded", call=row.id, agent=row.agent, reason=exceeded.reason)

    def _parse_answer(self, row: ModelCall, answer: type[A]) -> A:
        assert row.reply is not None
        try:
            return parse_answer(row.reply, answer)
        except Unusable as error:
            if error.reason == "no_message" and row.api == "messages":
                wait = self.recorder.pause_after_page(row, error)
                raise _pause_deferral(wait) from None
            # A retry asks again: the recorded answer would fail in the same way.
            self._calls.end(row, CallState.UNUSABLE, str(error))
            raise

    def _end_call(self, row: ModelCall, state: CallState, failure: CallFailure) -> None:
        self._calls.end(row, state, str(failure), failure.request_id)

    def _end_as_unknown(self, claim: Claim, row: ModelCall, reason: str, cause: CallFailure | None = None) -> ModelCall:
        """End a call that may have been answered and paid for as `unknown`, and return it. Its reserve stays."""
        row = self._calls.end_as_unknown(row, reason)
        shown = cause or reason
        log.warning("a call's outcome is unknown", call=row.id, activation=claim.row.id, agent=row.agent, reason=shown)
        return row

    def _check_give_up(self, claim: Claim, failure: CallFailure) -> None:
        """Hold the activation if its calls have failed for `give_up_after`.

        Raises:
            Deferral: The time is over.
        """
        limit = claim.agent_spec.settings.give_up_after
        if limit is None:
            return
        rows = self._calls.calls_of_claim(claim)
        failed = takewhile(lambda row: row.state == CallState.FAILED, rows)
        now = self._calls.now()
        if now - min((row.sent_at for row in failed if row.sent_at is not None), default=now) >= limit:
            given_up = f"given up after {format_duration(limit)} (give_up_after)"
            reason = with_quotation(given_up, f"{failure}; retry or discard it")
            raise Deferral(reason, None, is_held=True, shown=given_up) from None

    def retry_at(self, claim: Claim, retry_after: float | None = None) -> Instant:
        """Return when an activation may call the model again; `retry_after` is in seconds, as the API sent it."""
        # A server that always asks for a retry immediately must not be asked without a pause.
        wait = backoff(claim.agent_spec.settings.retry_after, claim.row.fence, self._rng)
        if retry_after is not None and (requested := microseconds_in(retry_after)) >= wait:
            wait = requested + self._rng.randrange(1, MAX_JITTER)
        return self._calls.now() + wait


def model_for(settings: AgentSettings, default: str, strength: float) -> str:
    """Return the model for an activation whose strongest mark has this strength."""
    for choice in settings.models:
        if choice.below is None or strength < choice.below:
            return choice.model
    return settings.model or default


def api_for(settings: AgentSettings, strength: float) -> CallApi:
    """Return the API for an activation whose strongest mark has this strength: `batch` or `messages`.

    The strongest mark decides, because a weak mark costs less in a shared call than in a call of its own.
    """
    if settings.use_batch_api or (settings.batch_api_below is not None and strength < settings.batch_api_below):
        return "batch"
    return "messages"
