"""A model that answers from a script, without a network."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, JsonValue

from blackboard.clock import Instant, ManualClock
from blackboard.durations import DurationLike, parse_duration
from blackboard.errors import ModelError, UsageError
from blackboard.llm.answer_parser import Reply
from blackboard.llm.call_failures import CallFailure, RequestRejected
from blackboard.llm.model_client import BatchItem


@dataclass(frozen=True)
class ScriptedAnswer:
    """One answer of a scripted model."""

    content: BaseModel | str | CallFailure
    """The text or the pydantic model that the language model wrote, or the failure of the call."""
    input_tokens: int = 100
    """The tokens of the prompt that the provider reports."""
    output_tokens: int = 20
    """The tokens of the answer that the provider reports."""
    delay: DurationLike = "0s"
    """How long the call takes on the model's clock."""
    stop_reason: str = "end_turn"
    """Why the answer ends, such as `end_turn`, `max_tokens` or `refusal`."""


@dataclass(frozen=True)
class SentRequest:
    """A request that a scripted model has received."""

    model: str
    """The name of the language model."""
    system: str
    """The system prompt."""
    data: JsonValue
    """The data that the agent gave."""
    max_tokens: int
    """The longest answer in tokens."""


class ScriptedModel:
    """A model that gives the answers of a script in turn. Use it as the `client` of a `Daemon`, or with `context`.

    A call after the last answer is rejected. Its activation fails, and the error says so.

    Args:
        *script: Answers: pydantic models, texts, failures such as `Overloaded("busy")`, or `ScriptedAnswer`s.
        clock: The clock that is advanced by the delays of answers.

    Raises:
        UsageError: An answer has the wrong type, or has a delay and there is no clock.
    """

    def __init__(
        self, *script: ScriptedAnswer | BaseModel | str | CallFailure, clock: ManualClock | None = None
    ) -> None:
        answers = [item if isinstance(item, ScriptedAnswer) else ScriptedAnswer(item) for item in script]
        for number, answer in enumerate(answers, 1):
            if not isinstance(answer.content, BaseModel | str | CallFailure):
                raise UsageError(
                    f"answer {number} of the script must be a pydantic model, a text or a failure such as"
                    f" Overloaded('busy'), not {answer.content!r}"
                )
            if (tokens := min(answer.input_tokens, answer.output_tokens)) < 0:
                raise UsageError(f"answer {number} of the script has a negative number of tokens: {tokens}")
            if parse_duration(answer.delay) and clock is None:
                raise UsageError("an answer with a delay needs a clock; write ScriptedModel(..., clock=clock)")
        self.requests: list[SentRequest] = []
        """The requests that it has received, oldest first."""
        self._answers, self._clock = answers, clock
        self._batches: dict[str, dict[str, Reply | ModelError]] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"ScriptedModel({len(self.requests)} of {len(self._answers)} answers given)"

    def send(self, body: str) -> Reply:
        """Return the next answer of the script.

        Raises:
            CallFailure: The script has a failure here, or no more answers.
        """
        request = json.loads(body)
        with self._lock:
            position = len(self.requests)
            self.requests.append(_sent_request(request))
        if position >= len(self._answers):
            text = f"the script has {len(self._answers)} answers, and this is call {position + 1}"
            raise RequestRejected(text, certain=True, shown=text)
        answer = self._answers[position]
        if self._clock is not None and (delay := parse_duration(answer.delay)):
            self._clock.set(self._clock.now() + delay)
        if isinstance(answer.content, CallFailure):
            raise answer.content
        return Reply.of(_message(answer, answer.content, request["model"]), f"scripted-{position + 1}")

    def submit_batch(self, items: Sequence[BatchItem]) -> str:
        """Answer each request of a batch from the script, and return the id of the batch."""
        results: dict[str, Reply | ModelError] = {}
        for item in items:
            try:
                results[item.custom_id] = self.send(item.body)
            except CallFailure as failure:
                results[item.custom_id] = failure
        with self._lock:
            name = f"batch-{len(self._batches) + 1}"
            self._batches[name] = results
        return name

    def find_batch(self, custom_ids: Collection[str], since: Instant) -> str | None:
        """Return the id of the batch with exactly these custom ids; None if there is none."""
        wanted = set(custom_ids)
        with self._lock:
            return next((name for name, results in self._batches.items() if results.keys() == wanted), None)

    def batch_results(self, batch_id: str) -> dict[str, Reply | ModelError] | None:
        """Return the results of a batch, which has ended as soon as it is submitted."""
        return self._batches[batch_id]

    def close(self) -> None:
        """Do nothing: there is no connection."""


def _message(answer: ScriptedAnswer, content: BaseModel | str, model: str) -> str:
    text = content if isinstance(content, str) else content.model_dump_json(by_alias=True)
    return json.dumps(
        {
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [{"type": "text", "text": text}],
            "stop_reason": answer.stop_reason,
            "usage": {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens},
        }
    )


def _sent_request(request: dict[str, Any]) -> SentRequest:
    system = request.get("system", "")
    if not isinstance(system, str):  # blocks, where the prompt is long enough for the cache
        system = "".join(block["text"] for block in system)
    data = json.loads(request["messages"][0]["content"])
    return SentRequest(request["model"], system, data, request["max_tokens"])
