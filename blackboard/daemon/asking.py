"""One model call for one activation: planned, sent, answered, each committed before the next step.

It never retries by waiting: what should be tried again later goes back on the agenda, by `Postponed`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from pydantic import BaseModel

from blackboard.agenda import backoff
from blackboard.board import journal
from blackboard.board.claiming import Claim
from blackboard.board.door import Blackboard
from blackboard.deployment import AgentSettings
from blackboard.errors import AgentError, ModelError, UnknownName
from blackboard.failpoints import reach
from blackboard.model import (
    Client,
    KeyRefused,
    ModelSettings,
    NotSent,
    OutcomeUnknown,
    Overloaded,
    Prices,
    Rejected,
    Reply,
    SpendLimit,
    Unusable,
    highest_cost,
    parse,
    plan,
)
from blackboard.store.journal import CallRow

__all__ = ["Asker", "Postponed"]

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


class Asker:
    """Asks the deployment's model, or the offline rules where there is none."""

    def __init__(
        self,
        board: Blackboard,
        client: Client | None,
        settings: ModelSettings,
        prices: Prices | None,
        chance: random.Random,
    ) -> None:
        self.board, self.client, self.settings, self.prices, self.chance = board, client, settings, prices, chance

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
        row = self.board.write(lambda m: journal.latest(m, claim.row.id))
        if row is not None and row.state == "answered":
            return self._parse(row, answer)
        if row is not None and row.state == "sent":
            row = self._unknown(claim, row, "the process died while the call was under way")
        if row is None:
            row = self._plan(claim, system, data, answer)
            reach("call.planned")
        elif row.state != "planned":
            # Tried before: the same request again, to the byte.
            before = row
            row = self.board.write(
                lambda m: journal.plan(m, claim.row.id, before.agent, before.model, before.body, before.lane)
            )
        return self._parse(self._send(claim, row), answer)

    def _plan(self, claim: Claim, system: str, data: Any, answer: type[BaseModel]) -> CallRow:
        settings = claim.agent.settings
        model = model_for(settings, self.settings.model, max((one.strength for one in claim.given), default=0.0))
        body = plan(
            system=system,
            data=data,
            answer=answer,
            model=model,
            max_tokens=settings.max_tokens or self.settings.max_tokens,
            prices=self.prices,
        )
        return self.board.write(lambda m: journal.plan(m, claim.row.id, claim.agent.name, model, body))

    def _send(self, claim: Claim, row: CallRow) -> CallRow:
        assert self.client is not None
        reserve = self._reserve(row)
        self.board.write(lambda m: journal.sent(m, row.id, reserve), record=True)
        reach("call.sent")
        try:
            reply = self.client.send(row.body)
            reach("call.answered")
        except Overloaded as failure:
            wait = self._wait(claim, failure.retry_after)
            raise self._later(row, failure, wait) from None
        except NotSent as failure:
            raise self._later(row, failure, self._wait(claim, None)) from None
        except (KeyRefused, SpendLimit) as failure:
            reason = f"the model's provider refuses: {failure}"
            self.board.write(lambda m: journal.ended(m, row.id, "failed", str(failure), failure.request_id))
            self.board.pause(None, reason)
            log.error("all agents are paused", reason=str(failure), resume="blackboard resume")
            raise Postponed(reason, self.board.clock.now()) from None
        except OutcomeUnknown as failure:
            self._unknown(claim, row, str(failure))
            raise Postponed(f"the outcome of a call is unknown: {failure}", self._wait(claim, None)) from None
        except Rejected as failure:
            self.board.write(lambda m: journal.ended(m, row.id, "failed", str(failure), failure.request_id))
            raise
        return self._keep(row, reply)

    def _keep(self, row: CallRow, reply: Reply) -> CallRow:
        usage = reply.usage
        cost = direct = None
        if usage is not None and self.prices is not None:
            try:
                price = self.prices.of(row.model)
                cost, direct = (
                    price.cost(usage, "batch" if row.lane == "batch" else "direct"),
                    price.cost(usage, "direct"),
                )
            except UnknownName:
                pass  # no price, no guess: the cost stays unknown and the reserve stands
        spent = journal.Spent(
            usage.input if usage else None,
            usage.cache_read if usage else None,
            usage.cache_creation if usage else None,
            usage.output if usage else None,
            cost,
            direct,
        )
        self.board.write(lambda m: journal.answered(m, row.id, reply.raw, reply.request_id, spent), record=True)
        reach("call.kept")
        return row._replace(state="answered", reply=reply.raw)

    def _parse(self, row: CallRow, answer: type[A]) -> A:
        assert row.reply is not None
        try:
            return parse(row.reply, answer)
        except Unusable as error:
            # The answer stays in the journal; asking for it again would only read the same words.
            self.board.write(lambda m: journal.ended(m, row.id, "unusable", str(error)))
            raise

    def _later(self, row: CallRow, failure: ModelError, until: int) -> Postponed:
        self.board.write(
            lambda m: journal.ended(m, row.id, "failed", str(failure), getattr(failure, "request_id", None))
        )
        return Postponed(str(failure), until)

    def _unknown(self, claim: Claim, row: CallRow, why: str) -> CallRow:
        """Nobody can say whether the provider answered, and was paid. The reserve stays."""
        self.board.write(lambda m: journal.ended(m, row.id, "unknown", why))
        log.warning("a call's outcome is unknown", activation=claim.row.id, agent=claim.agent.name, reason=why)
        if claim.agent.settings.on_unknown == "hold":
            raise Postponed(f"the outcome of call {row.id} is unknown: {why}", None, held=True)
        return row._replace(state="unknown")

    def _wait(self, claim: Claim, retry_after: float | None) -> int:
        now = self.board.clock.now()
        if retry_after is not None:
            return now + int(retry_after * 1e6) + self.chance.randrange(1, 1_000_000)
        return now + backoff(claim.agent.settings.retry_after, max(1, claim.row.fence), self.chance)

    def _reserve(self, row: CallRow) -> int:
        if self.prices is None:
            return 0
        try:
            return highest_cost(row.body, self.prices, "batch" if row.lane == "batch" else "direct")
        except UnknownName:
            return 0


def model_for(settings: AgentSettings, default: str, strength: float) -> str:
    """The model for an activation whose strongest mark has this strength."""
    for choice in settings.models:
        if choice.below is None or strength < choice.below:
            return choice.model
    return settings.model or default
