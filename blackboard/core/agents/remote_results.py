"""The result of a remote agent as JSON: what it deposits, withdraws and reinforces, and what its model calls used.

The server, the command line and programs read it with the same models. Unknown names are mistakes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from blackboard.core.marks.mark_error_texts import printable_text
from blackboard.core.micro_dollars import MAX_COST_USD
from blackboard.core.request_limits import MAX_ID
from blackboard.core.validation_problems import describe_problem
from blackboard.errors import UsageError

MAX_REPORTED_CALLS = 100
"""The most model calls that one result reports."""

MarkId = Annotated[int, Field(ge=1, le=MAX_ID)]


class ResultPart(BaseModel):
    """A part of a result."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ReturnedMark(ResultPart):
    """A mark that the agent deposits."""

    kind: str = Field(description="The kind, such as verdict; one that the agent writes.")
    subject: str = Field(description="What the mark is about.")
    payload: dict[str, JsonValue] = Field(default_factory=dict)
    intensity: float = Field(default=1.0, ge=0, description="The board multiplies the intensity by the agent's trust.")
    key: str | None = Field(default=None, description="An idempotency key of the agent and the kind.")
    decay: dict[str, JsonValue] | str | None = Field(default=None, description="A decay law for this mark only.")
    until: str | None = Field(default=None, description="Keep the full strength until this time.")
    occurred_at: str | None = Field(default=None, description="When it occurred; by default now.")
    if_event: Annotated[int, Field(ge=0, le=MAX_ID)] | None = Field(
        default=None, description="Only if the live mark that it joins is still at this event; 0 for no such mark."
    )
    or_else: ReturnedMark | None = Field(
        default=None, description="The mark that is deposited instead if its unique value is taken."
    )


class ReturnedWithdrawal(ResultPart):
    """A mark that the agent was given or has read, and takes off the board."""

    mark_id: MarkId = Field(description="The id of the mark.")
    if_event: MarkId | None = Field(default=None, description="Only if the mark is still at this event.")


class ReturnedReinforcement(ResultPart):
    """A mark that the agent was given or has read, and makes stronger."""

    mark_id: MarkId = Field(description="The id of the mark.")
    by: float = Field(default=0.2, gt=0, description="The strength to add.")
    if_event: MarkId | None = Field(default=None, description="Only if the mark is still at this event.")


class ModelUsage(ResultPart):
    """The tokens and the cost of one call of a language model. They count against the budgets."""

    model: Annotated[str, Field(min_length=1, max_length=200)]
    usd: float = Field(ge=0, lt=MAX_COST_USD, description="Its cost in US dollars.")
    input_tokens: Annotated[int, Field(ge=0, le=MAX_ID)] = 0
    cache_read_tokens: Annotated[int, Field(ge=0, le=MAX_ID)] = 0
    cache_write_tokens: Annotated[int, Field(ge=0, le=MAX_ID)] = 0
    output_tokens: Annotated[int, Field(ge=0, le=MAX_ID)] = 0


ReportedUsage = Annotated[
    tuple[ModelUsage, ...], Field(max_length=MAX_REPORTED_CALLS, description="Its model calls, one item for each.")
]


class RemoteResult(ResultPart):
    """The result of a remote agent. Withdrawals and reinforcements come before the marks."""

    marks: tuple[ReturnedMark, ...] = ()
    withdrawals: tuple[ReturnedWithdrawal, ...] = ()
    reinforcements: tuple[ReturnedReinforcement, ...] = ()
    usage: ReportedUsage = ()

    @classmethod
    def of(cls, value: Mapping[str, object]) -> RemoteResult:
        """Return a result from its JSON object.

        Raises:
            UsageError: The object is not a result; the message names each wrong field.
        """
        try:
            return cls.model_validate_json(json.dumps(value), strict=True)
        except (TypeError, ValueError, RecursionError) as error:
            raise UsageError(f"the result of an agent is not valid: {_describe(error)}") from None

    def digest(self) -> str:
        """Return a text that is the same for two results with equal values."""
        text = json.dumps(self.model_dump(mode="json", exclude_defaults=True), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def _describe(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    problems = error.errors(include_url=False, include_input=False)
    parts = [
        f"{'.'.join(map(str, problem['loc'])) or 'result'}: {describe_problem(RemoteResult, problem, 'field')}"
        for problem in problems[:10]
    ]
    return printable_text("; ".join(parts))
