"""One model call for one activation: planned, sent, answered, each committed before the next step.

It never retries by waiting: what should be tried again later goes back on the agenda, by `Postponed`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import takewhile
from typing import Any, TypeVar

import structlog
from pydantic import BaseModel

from blackboard.board import model_calls
from blackboard.board.blackboard import Blackboard
from blackboard.board.claims import Claim
from blackboard.daemon import telemetry
from blackboard.daemon.call_recorder import CallRecorder
from blackboard.deployment import AgentSettings
from blackboard.durations import format_duration
from blackboard.errors import AgentError, UnknownName
from blackboard.failpoints import reach
from blackboard.llm import (
    CallFailure,
    Client,
    KeyRefused,
    ModelSettings,
    NotSent,
    OutcomeUnknown,
    Overloaded,
    Rejected,
    Reply,
    SpendLimit,
    Unusable,
    parse,
    plan,
)
from blackboard.priorities import backoff
from blackboard.states import CallState
from blackboard.store.rows import CallRow

__all__ = ["ModelCaller", "Postponed", "api_for", "model_for"]

A = TypeVar("A", bound=BaseModel)
log = structlog.get_logger("blackboard")


class Postponed(BaseException):
    """The activation goes back on the agenda. Not an Exception, so that no agent swallows it by mistake.

    Args:
        reason: shown on the agenda.
        until: when to try again; None for when a person or something else lets it go on.
        held: whether neither time nor work alone will let it go on.
    """

    def __init__(self, reason: str, until: int | None, *, held: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.until, self.held = reason, until, held


class ModelCaller:
    """Asks the deployment's model, or the offline rules where there is none."""

    def __init__(
        self,
        board: Blackboard,
        client: Client | None,
        settings: ModelSettings,
        recorder: CallRecorder,
        rng: random.Random,
    ) -> None:
        self.board, self.client, self.settings, self.recorder, self.rng = board, client, settings, recorder, rng
        self._under_way: set[int] = set()
        """Calls that threads of this process wait for, those of runs that were given up included."""

    @property
    def offline(self) -> bool:
        """Whether there is no model."""
        return self.client is None

    def ask(self, claim: Claim, system: str, data: Any, answer: type[A], offline: Callable[[Any], A] | None) -> A:
        """The answer to one request: journalled, or new.

        Raises:
            ModelError: the answer is of no use, or the request was rejected.
            Postponed: it has to wait.
        """
        if self.client is None:
            if offline is None:
                raise AgentError(
                    f"agent {claim.agent.name!r} needs a model: set ANTHROPIC_API_KEY, or [model] provider"
                )
            return offline(data)
        row = self._go_on(claim) or self._plan(claim, system, data, answer)
        if row.state != CallState.ANSWERED:
            row = self._send(self.client, claim, row)
        return self._parse(row, answer)

    def _go_on(self, claim: Claim) -> CallRow | None:
        """The call that an earlier run of this activation began, as far as it can be used; None for a new one."""
        under_way = frozenset(self._under_way)  # looked at first: an answer is kept before its call leaves the set
        rows = self.board.read(lambda txn: model_calls.calls_of(txn, claim.row.id))
        # After a split the request would speak of marks that are no longer this activation's.
        rows = [row for row in rows if row.marks == len(claim.inputs)]
        if (row := next((row for row in rows if row.state == CallState.ANSWERED), None)) is not None:
            return row
        if not rows:
            return None
        last = rows[0]
        if last.state == CallState.PLANNED:
            return last
        if last.state == CallState.REJECTED:
            raise Rejected(last.error or "the API does not take the request")
        if last.state == CallState.SENT:
            if last.api == "batch":
                raise self._in_batch_api()
            # Where a run may take less time than a call, the call outlives it; its answer is paid for, and comes yet.
            if last.id in under_way and self.board.session.now() < (last.sent_at or 0) + self.settings.timeout:
                raise Postponed(f"call {last.id} is still under way", self._wait(claim, None))
            last = self._unknown(claim, last, "it was sent, and no answer was kept")
        if last.state == CallState.UNKNOWN and claim.agent.settings.on_unknown == "hold":
            raise self._held_unknown(last)
        # The same request again, to the byte.
        before = last
        return self.board.write(
            lambda txn: model_calls.plan(
                txn, claim.row.id, before.agent, before.model, before.body, before.marks, before.api
            )
        )

    def _plan(self, claim: Claim, system: str, data: Any, answer: type[BaseModel]) -> CallRow:
        settings = claim.agent.settings
        strongest = max((item.strength for item in claim.inputs), default=0.0)
        model = model_for(settings, self.settings.model, strongest)
        try:
            body = plan(
                system=system,
                data=data,
                answer=answer,
                model=model,
                max_tokens=settings.max_tokens or self.settings.max_tokens,
                prices=self.recorder.prices,
            )
        except UnknownName as error:
            raise Postponed(f"{error}; a call without a price is not made", None, held=True) from None
        marks, api = len(claim.inputs), api_for(settings, strongest)
        row = self.board.write(
            lambda txn: model_calls.plan(txn, claim.row.id, claim.agent.name, model, body, marks, api), record=True
        )
        reach("call.planned")
        return row

    def _send(self, client: Client, claim: Claim, row: CallRow) -> CallRow:
        if row.api == "batch":
            raise self._in_batch_api()
        self._reserve(row)
        reach("call.sent")
        self._under_way.add(row.id)
        try:
            return self._sent(client, claim, row)
        finally:
            self._under_way.discard(row.id)

    def _sent(self, client: Client, claim: Claim, row: CallRow) -> CallRow:
        """The call with its answer, once that is kept."""
        try:
            with telemetry.call(row) as record_answer:
                reply = client.send(row.body)
                reach("call.answered")
                record_answer(reply)
        except (KeyRefused, SpendLimit) as failure:
            reason = self.recorder.stop_everything([row], failure)
            raise Postponed(reason, self.board.session.now()) from None
        except (Overloaded, NotSent) as failure:
            self._end(row, CallState.FAILED, failure)
            if (tired := self._given_up(claim, failure)) is not None:
                raise tired from None
            wait = failure.retry_after if isinstance(failure, Overloaded) else None
            raise Postponed(str(failure), self._wait(claim, wait)) from None
        except OutcomeUnknown as failure:
            row = self._unknown(claim, row, str(failure))
            if claim.agent.settings.on_unknown == "hold":
                raise self._held_unknown(row) from None
            raise Postponed(f"the outcome of call {row.id} is unknown: {failure}", self._wait(claim, None)) from None
        except Rejected as failure:
            self._end(row, CallState.REJECTED, failure)
            raise
        self.recorder.keep(row, reply)
        reach("call.kept")
        return _answered(row, reply)

    def _reserve(self, row: CallRow) -> None:
        """Mark the call as sent, with its highest cost reserved.

        Raises:
            Postponed: a budget has no room for it, or its model no price.
        """
        try:
            reserve = self.recorder.reserve(row)
        except UnknownName as error:
            raise Postponed(f"{error}; a call without a price is not made", None, held=True) from None
        over = self.board.write(lambda txn: model_calls.send(txn, row, reserve), record=True)
        if over is None:
            return
        if over.holds:
            raise Postponed(over.reason, over.until, held=True)
        log.warning("a budget that watches would have held a call", call=row.id, agent=row.agent, reason=over.reason)

    def _parse(self, row: CallRow, answer: type[A]) -> A:
        assert row.reply is not None
        try:
            return parse(row.reply, answer)
        except Unusable as error:
            # The answer stays in the journal; a retry asks again, for these words would only read the same.
            why = str(error)
            self.board.write(lambda txn: model_calls.mark_ended(txn, row.id, CallState.UNUSABLE, why))
            raise

    def _end(self, row: CallRow, state: CallState, failure: CallFailure) -> None:
        self.board.write(lambda txn: model_calls.mark_ended(txn, row.id, state, str(failure), failure.request_id))

    def _unknown(self, claim: Claim, row: CallRow, why: str) -> CallRow:
        """Nobody can say whether the provider answered, and was paid. The reserve stays."""
        self.board.write(lambda txn: model_calls.mark_ended(txn, row.id, CallState.UNKNOWN, why), record=True)
        log.warning("a call's outcome is unknown", call=row.id, activation=claim.row.id, agent=row.agent, reason=why)
        return row._replace(state=CallState.UNKNOWN, error=why)

    def _held_unknown(self, row: CallRow) -> Postponed:
        return Postponed(f"the outcome of call {row.id} is unknown: {row.error}; retry or discard it", None, held=True)

    def _given_up(self, claim: Claim, failure: CallFailure) -> Postponed | None:
        """What ends the sending again of calls that came to nothing, once that has gone on for `give_up_after`."""
        limit = claim.agent.settings.give_up_after
        if limit is None:
            return None
        rows = self.board.read(lambda txn: model_calls.calls_of(txn, claim.row.id))
        failed = takewhile(lambda row: row.state == CallState.FAILED, rows)
        now = self.board.session.now()
        if now - min((row.sent_at for row in failed if row.sent_at is not None), default=now) < limit:
            return None
        reason = f"given up after {format_duration(limit)} (give_up_after): {failure}; retry or discard it"
        return Postponed(reason, None, held=True)

    def _in_batch_api(self) -> Postponed:
        return Postponed("it waits for the cheap lane", None, held=True)

    def _wait(self, claim: Claim, retry_after: float | None) -> int:
        now = self.board.session.now()
        if retry_after is not None:
            return now + int(retry_after * 1e6) + self.rng.randrange(1, 1_000_000)
        return now + backoff(claim.agent.settings.retry_after, max(1, claim.row.fence), self.rng)


def model_for(settings: AgentSettings, default: str, strength: float) -> str:
    """The model for an activation whose strongest mark has this strength."""
    for choice in settings.models:
        if choice.below is None or strength < choice.below:
            return choice.model
    return settings.model or default


def api_for(settings: AgentSettings, strength: float) -> str:
    """The lane for an activation whose strongest mark has this strength.

    The strongest decides for all: a weak mark that rides along with a strong one costs less there than alone.
    """
    if settings.use_batch_api or (settings.batch_api_below is not None and strength < settings.batch_api_below):
        return "batch"
    return "messages"


def _answered(row: CallRow, reply: Reply) -> CallRow:
    return row._replace(state=CallState.ANSWERED, reply=reply.raw)
