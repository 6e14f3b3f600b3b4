"""The texts of the Message Batches API: the body of a batch, its state and its results. Pure functions."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from blackboard.errors import ModelError
from blackboard.llm.answer_parser import Reply
from blackboard.llm.call_failures import NotSent, OutcomeUnknown, Overloaded, RequestRejected, Unusable
from blackboard.llm.error_responses import failure_of_type
from blackboard.llm.model_client import BatchItem

S = TypeVar("S", bound=BaseModel)

MAX_REQUESTS_PER_BATCH = 100_000
"""The largest number of requests in a batch that the API accepts."""

_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}", re.ASCII)


class BatchState(BaseModel):
    """The state of a batch. The API does not show its requests and their custom ids."""

    id: str
    created_at: datetime
    processing_status: str
    request_counts: dict[str, int]

    @property
    def has_ended(self) -> bool:
        """Whether every request has a result."""
        return self.processing_status == "ended"

    @property
    def size(self) -> int:
        """The number of requests, the same in every state."""
        return sum(self.request_counts.values())


class BatchPage(BaseModel):
    """A page of the list of batches, newest first."""

    data: list[BatchState]
    has_more: bool = False
    last_id: str | None = None


def batch_body(items: Sequence[BatchItem]) -> str:
    """Return the body of a batch. It contains each planned request unchanged.

    Raises:
        RequestRejected: There are no items or too many, or the API would reject their custom ids.
    """
    ids = [item.custom_id for item in items]
    if not 0 < len(ids) <= MAX_REQUESTS_PER_BATCH:
        raise RequestRejected(f"a batch has 1 to {MAX_REQUESTS_PER_BATCH:,} requests, not {len(ids):,}", certain=True)
    if wrong := next((name for name in ids if not _CUSTOM_ID.fullmatch(name)), None):
        raise RequestRejected(
            f"{wrong[:80]!r} is not a custom id; it has 1 to 64 letters, digits, _ or -", certain=True
        )
    if len(set(ids)) < len(ids):
        raise RequestRejected("two requests of a batch have the same custom id", certain=True)
    requests = (f'{{"custom_id":"{name}","params":{body}}}' for name, body in items)
    return f'{{"requests":[{",".join(requests)}]}}'


def read_state(text: str, form: type[S]) -> S:
    """Parse an answer of the API about batches.

    Raises:
        Overloaded: The answer cannot be parsed. It probably comes from a gateway.
    """
    try:
        return form.model_validate_json(text)
    except ValidationError:
        raise Overloaded(f"the API's answer about batches cannot be parsed: {text[:120]!r}") from None


def read_results(lines: str) -> dict[str, Reply | ModelError]:
    """Parse the results of an ended batch, one JSON object in each line, by custom id.

    Raises:
        OutcomeUnknown: A line is not a JSON object with a custom id.
    """
    results: dict[str, Reply | ModelError] = {}
    for line in lines.split("\n"):  # not splitlines: JSON may contain other line separators
        if not line.strip():
            continue
        try:
            item = json.loads(line)
            results[str(item["custom_id"])] = _result(item.get("result"))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise OutcomeUnknown(f"a line of the batch's results cannot be parsed: {line[:120]!r}") from None
    return results


def _result(result: object) -> Reply | ModelError:
    match result:
        case {"type": "succeeded", "message": message}:
            return Reply.of(json.dumps(message, separators=(",", ":")))
        case {"type": "errored", **failed}:
            return failure_of_type(failed.get("error"))
        case {"type": ("canceled" | "expired") as end}:
            return NotSent(f"the request was {end} with its batch, before the model processed it")
        case _:
            return Unusable("junk", f"the batch has no readable result for the request: {str(result)[:120]!r}")
