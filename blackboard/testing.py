"""Tools for tests of agents: marks as if read from a board, a context, and a model that answers from a script."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import math
import os
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, JsonValue

from blackboard.board.blackboard import Blackboard
from blackboard.clock import Instant, ManualClock, instant_of, iso, to_datetime
from blackboard.core.agents.agent_context import single_subject
from blackboard.core.agents.agent_definition import Agent, require_done
from blackboard.core.authors import MAX_AUTHOR_CHARACTERS, check_text
from blackboard.core.deployment import Per
from blackboard.core.marks.mark_model import Mark, StoredMark, attach_stored, check_subject, normalize_subject
from blackboard.core.marks.scopes import GroupValue
from blackboard.daemon.daemon import Daemon, build_daemon
from blackboard.durations import DurationLike, parse_duration
from blackboard.errors import AgentError, InvalidMark, ModelError, UsageError, nearest
from blackboard.llm.client import client_from
from blackboard.llm.client_protocol import BatchItem, ModelClient
from blackboard.llm.failures import (
    CallFailure,
    KeyRefused,
    ModelUnavailable,
    NotSent,
    OutcomeUnknown,
    Overloaded,
    RequestRejected,
    SpendLimit,
)
from blackboard.llm.model_server import serve_model
from blackboard.llm.model_settings import ModelSettings
from blackboard.llm.reply import Reply, parse_answer
from blackboard.llm.request import request_text
from blackboard.settings.deployment_resolver import ResolvedDeployment, resolve_file

__all__ = [
    "CallFailure",
    "KeyRefused",
    "ModelUnavailable",
    "NotSent",
    "OutcomeUnknown",
    "Overloaded",
    "RequestRejected",
    "ScriptedAnswer",
    "ScriptedModel",
    "SentRequest",
    "SpendLimit",
    "StandaloneContext",
    "context",
    "mark",
    "replay",
    "serve_model",
]

M = TypeVar("M", bound=Mark)
A = TypeVar("A", bound=BaseModel)

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
"""The default instant of marks and contexts, at which a `ManualClock` starts too."""

_ids = itertools.count(1)


def mark(
    kind: type[M],
    subject: str = "test",
    *,
    strength: float | None = None,
    id: int | None = None,  # noqa: A002 (the name of the attribute)
    author: str = "test",
    occurred_at: datetime | None = None,
    deposited_at: datetime | None = None,
    reinforced_at: datetime | None = None,
    **fields: object,
) -> M:
    """Return a mark like those that an activation receives: with `id`, `strength`, `author` and times.

    Args:
        kind: The class of the mark.
        subject: Its subject.
        strength: Its strength now; by default weight x intensity, as of a mark that has not faded.
        id: Its id on the board; by default the next free number of this process.
        author: Who deposited it.
        occurred_at: When the shown deposit occurred; a naive datetime is UTC. By default the instant of
            `reinforced_at`.
        deposited_at: When the board recorded its first deposit; by default when it occurred or was reinforced, or
            2026-01-05 09:00.
        reinforced_at: When the board recorded its last deposit; by default when it recorded the first.
        **fields: The fields of its class, and perhaps `intensity`.

    Raises:
        InvalidMark: The mark is impossible on a board: for example, it has no subject or was recorded before it
            occurred.
        InvalidTime: A value is not a time.
    """
    if not (isinstance(kind, type) and issubclass(kind, Mark)):
        raise InvalidMark(f"mark() takes a class of marks, such as Smoke, not {kind!r}")
    values: dict[str, Any] = {**fields, "subject": check_subject(subject)}
    made = kind(**values)
    strength = made.defaults.weight * made.intensity if strength is None else strength
    if not (isinstance(strength, int | float) and math.isfinite(strength) and strength >= 0):
        raise InvalidMark(f"the strength of a mark is a number of at least 0, not {strength!r}")
    id_ = next(_ids) if id is None else id
    if not (isinstance(id_, int) and id_ >= 1):
        raise InvalidMark(f"the id of a mark is a number of at least 1, not {id_!r}")
    check_text("author", author, MAX_AUTHOR_CHARACTERS)
    first = instant_of(deposited_at or occurred_at or reinforced_at or START)
    last = first if reinforced_at is None else instant_of(reinforced_at)
    occurred = last if occurred_at is None else instant_of(occurred_at)
    if max(first, occurred) > last:
        raise InvalidMark(f"reinforced_at {iso(last)} is before the first deposit or before the mark occurred")
    return attach_stored(made, StoredMark(id_, id_, author, strength, first, last, int(last > first), occurred))


@dataclass(frozen=True)
class ScriptedAnswer:
    """One answer of a scripted model.

    Attributes:
        content: The text or the pydantic model that the language model wrote, or the failure of the call.
        input_tokens: The tokens of the prompt that the provider reports.
        output_tokens: The tokens of the answer that it reports.
        delay: How long the call takes on the model's clock.
        stop_reason: Why the answer ends, such as `end_turn`, `max_tokens` or `refusal`.
    """

    content: BaseModel | str | CallFailure
    input_tokens: int = 100
    output_tokens: int = 20
    delay: DurationLike = "0s"
    stop_reason: str = "end_turn"


@dataclass(frozen=True)
class SentRequest:
    """A request that a scripted model has received.

    Attributes:
        model: The name of the language model.
        system: The system prompt.
        data: The data that the agent gave.
        max_tokens: The longest answer in tokens.
    """

    model: str
    system: str
    data: JsonValue
    max_tokens: int


class ScriptedModel:
    """A model that gives the answers of a script in turn. Use it as the `client` of a `Daemon`, or with `context`.

    A call after the last answer is rejected. Its activation fails, and the error says so.

    Args:
        *script: Answers: pydantic models, texts, failures such as `Overloaded("busy")`, or `ScriptedAnswer`s.
        clock: The clock that the delays of answers advance.

    Attributes:
        requests: The requests that it has received, oldest first.

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
            if min(answer.input_tokens, answer.output_tokens) < 0:
                raise UsageError(f"answer {number} of the script has a negative number of tokens")
            if parse_duration(answer.delay) and clock is None:
                raise UsageError("an answer with a delay needs a clock; write ScriptedModel(..., clock=clock)")
        self.requests: list[SentRequest] = []
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
            self.requests.append(_sent(request))
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


def _sent(request: dict[str, Any]) -> SentRequest:
    system = request.get("system", "")
    if not isinstance(system, str):  # blocks, where the prompt is long enough for the cache
        system = "".join(block["text"] for block in system)
    data = json.loads(request["messages"][0]["content"])
    return SentRequest(request["model"], system, data, request["max_tokens"])


class StandaloneContext:
    """A `Context` without a board. Use `context` to make one."""

    def __init__(
        self,
        agent: Agent | str,
        *,
        reads: Iterable[Mark],
        settings: Mapping[str, Any],
        model: ScriptedModel | None,
        now: datetime,
        scheduled_for: datetime | None,
        per: Per,
        subjects: Sequence[str],
        group: GroupValue | None,
    ) -> None:
        self.agent: str = agent if isinstance(agent, str) else agent.name
        self.activation_id: int = 1
        self.attempt: int = 1
        self.watch: str = "watch"
        self.reason: str = ""
        self.now: datetime = _aware(now)
        self.scheduled_for: datetime | None = None if scheduled_for is None else _aware(scheduled_for)
        self.subjects: tuple[str, ...] = tuple(dict.fromkeys(map(check_subject, subjects)))
        self.group: GroupValue | None = group
        self.board_id: str = "test"
        self.settings: Mapping[str, Any] = settings
        self.offline: bool = model is None
        self._definition = None if isinstance(agent, str) else agent
        found = set() if isinstance(agent, str) else {read.kind for read in agent.spec.reads if read.search_from}
        # A mark without a strength was not made with `mark`. It raises here, rather than in the agent.
        self._reads = sorted(reads, key=lambda item: -item.strength * (item.kind not in found))
        self._model, self._asked, self._per = model, False, per

    @property
    def subject(self) -> str:
        """The subject that the context was given.

        Raises:
            AgentError: It was given no subject, or the subjects of a batch or a group.
        """
        is_scheduled = self.scheduled_for is not None
        return single_subject(self.agent, self._per, self.subjects, self.group, is_scheduled=is_scheduled)

    def read(self, kind: type[Mark] | str, subject: str | None = None) -> list[Any]:
        """Return the marks of a kind that the context was given, of one subject or of all.

        They are strongest first. Those of a kind that the agent searches are in the order in which they were given.

        Raises:
            AgentError: The agent does not declare that it reads this kind.
        """
        name = kind if isinstance(kind, str) else kind.kind
        if self._definition is not None and name not in (
            declared := {read.kind for read in self._definition.spec.reads}
        ):
            raise AgentError(f"agent {self.agent!r} does not declare that it reads {name!r}{nearest(name, declared)}")
        subject = None if subject is None else normalize_subject(subject)
        return [item for item in self._reads if item.kind == name and subject in (None, item.subject)]

    def ask(self, system: str, data: Any, answer: type[A], offline: Callable[[Any], A] | None = None) -> A:
        """Ask the scripted model, or the offline rule if there is no model.

        Raises:
            AgentError: The agent has already asked, or there is neither a model nor a rule.
            ModelError: The script has a failure here, or its answer does not fit.
        """
        if self._asked:
            raise AgentError(f"agent {self.agent!r} asked twice in one activation; it can ask once")
        self._asked = True
        if self._model is None:
            if offline is None:
                raise AgentError(f"agent {self.agent!r} asks without an offline rule; use context(model=...)")
            return require_done(offline(data), "offline")
        settings = ModelSettings()
        own = None if self._definition is None else self._definition.spec.settings.max_tokens
        body = request_text(
            system=system,
            data=data,
            answer=answer,
            model=settings.model,
            max_tokens=own or settings.max_tokens,
            cache=False,
        )
        return parse_answer(self._model.send(body).raw, answer)


def context(
    agent: Agent | str = "agent",
    *,
    reads: Iterable[Mark] = (),
    settings: Mapping[str, Any] | None = None,
    model: ScriptedModel | None = None,
    now: datetime = START,
    scheduled_for: datetime | None = None,
    subject: str | None = None,
    subjects: Sequence[str] = (),
    group: str | bool | float | None = None,
) -> StandaloneContext:
    """Return a context for calling an agent as a function.

    Its other attributes, such as `attempt` and `reason`, may be set afterwards.

    Args:
        agent: The agent, which can read only the kinds that it declares; or a name, which can read all.
        reads: The marks that `read` returns, as `mark` makes them.
        settings: The value of `context.settings`.
        model: The model that `ask` calls; without it, the agent's offline rule answers.
        now: The instant of the activation; a naive datetime is UTC.
        scheduled_for: The instant for which a schedule wakes the agent; None if marks do.
        subject: The subject of an activation that is about one.
        subjects: The subjects of an activation that takes a batch or is about a group.
        group: The value of the tag that the marks of an activation share, if its watch measures groups.

    Raises:
        UsageError: Both a subject and subjects or a group are given, or `agent` is neither an agent nor a name.
        InvalidMark: A subject is empty, or a mark in `reads` was not made with `mark`.
    """
    if not isinstance(agent, Agent | str):
        raise UsageError(f"context() takes an agent or the name of one, not {agent!r}; decorate it with @agent")
    if isinstance(subjects, str):
        raise UsageError(f"context(subjects=...) takes a list; for one subject, write subject={subjects!r}")
    if subject is not None and subjects:
        raise UsageError("an activation is about one subject or takes a batch: give context() a subject or subjects")
    if subject is not None and group is not None:
        raise UsageError("an activation about a group has no single subject: give context() a subject or a group")
    per: Per = "batch" if subject is None and group is None else "subject"
    named = subjects if subject is None else [subject]
    return StandaloneContext(
        agent,
        reads=reads,
        settings=settings or {},
        model=model,
        now=now,
        scheduled_for=scheduled_for,
        per=per,
        subjects=named,
        group=group,
    )


def replay(
    board: Blackboard,
    agents: Mapping[str, Agent] | Iterable[Agent] | Path,
    events: Iterable[tuple[datetime, Mark]],
    *,
    until: datetime | None = None,
    model: ScriptedModel | Literal["deployed"] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Deposit timed marks one after the other, and let a real daemon do the work that is due at each instant.

    The clock goes from instant to instant: those of the events, and those at which marks fade, windows end and retries
    are due. It stands still while agents run, and never passes the next event; only a `delay` of the model's script
    moves it further. Commits are not flushed to the disk, so a power cut may damage the file of the board.

    Args:
        board: A board on a `ManualClock`. Its author signs the marks.
        agents: The agents that the daemon runs; or the path of a deployment file, which is deployed first.
        events: Instants and marks, in the order of time; naive datetimes are UTC. Marks of one instant are deposited
            together. An iterator is read as time passes.
        until: The instant at which the replay ends; by default that of the last event.
        model: The model that answers; without it, offline rules answer. `"deployed"` is the model of the deployment
            file, asked at the address and with the key that `blackboard run` would use. Such calls cost money.
        settings: The value of `context.settings`; the sections replace those of a deployment file.

    Raises:
        UsageError: The board is not on a `ManualClock`; an event is earlier than the event before it or than the
            board's time; or `model` is "deployed" and no deployment file is given.
        ConfigurationError: The deployment file has mistakes; all are listed.
        BlackboardError: A mark cannot be deposited.
    """
    agents = _checked_agents(agents)
    with contextlib.ExitStack() as stack:
        if isinstance(agents, Path):
            resolved = with_settings(resolve_file(agents), settings or {})
            board.deploy(resolved.deployment)
            client: ModelClient | None = (
                client_from(resolved.settings.model, os.environ) if model == "deployed" else model
            )
            if client is not None:
                stack.callback(client.close)
            daemon = build_daemon(board, resolved, client)
        elif model == "deployed":
            raise UsageError('model="deployed" is the model of a deployment file; give replay() the path of the file')
        else:
            daemon = Daemon(board, agents, client=model, agent_settings=settings)
        replayed = stack.enter_context(Replay(board, daemon))
        latest = board.now()
        for latest, same_instant in itertools.groupby(events, key=lambda event: event[0]):
            replayed.run_until(latest)
            board.deposit_many([mark for _, mark in same_instant])
        replayed.run_until(until or latest)


def _checked_agents(agents: Mapping[str, Agent] | Iterable[Agent] | Path) -> list[Agent] | Path:
    """Return the agents of a replay, or the file that names them.

    Raises:
        UsageError: The value is neither a list of agents nor a path.
    """
    if isinstance(agents, Path):
        return agents
    if isinstance(agents, Mapping):
        agents = agents.values()
    if isinstance(agents, Iterable) and not isinstance(agents, str):
        agents = list(agents)
        if all(isinstance(item, Agent) for item in agents):
            return agents
    raise UsageError(f"replay() takes a list of agents, or the Path of a deployment file, not {agents!r}")


def with_settings(resolved: ResolvedDeployment, sections: Mapping[str, Any]) -> ResolvedDeployment:
    """Return a deployment in which these sections of `[settings]` replace those of its file."""
    settings = resolved.settings.model_copy(update={"settings": {**resolved.settings.settings, **sections}})
    return dataclasses.replace(resolved, settings=settings)


class Replay:
    """A daemon on a manual clock that goes from instant to instant, forward only. It is started within a `with`.

    Raises:
        UsageError: The board is not on a `ManualClock`.
    """

    def __init__(self, board: Blackboard, daemon: Daemon) -> None:
        if not isinstance(board.clock, ManualClock):
            raise UsageError(f"a replay needs a board on a ManualClock, not on {board.clock!r}")
        board.database.skip_disk_flush()
        self._daemon = daemon
        self._latest = board.session.now()

    def __enter__(self) -> Replay:
        """Start the daemon."""
        try:
            self._daemon.start()
        except BaseException:
            self._daemon.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End the daemon."""
        self._daemon.close()

    def run_until(self, at: datetime) -> None:
        """Do the work that is due until an instant; a naive datetime is UTC.

        Raises:
            UsageError: The instant is earlier than the last instant.
        """
        if (instant := instant_of(at)) < self._latest:
            raise UsageError(
                f"a replay goes forward in time: {iso(instant)} is before {iso(self._latest)}, the last instant"
            )
        self._latest = instant
        self._daemon.run_until(to_datetime(instant))


def _aware(at: datetime) -> datetime:
    return to_datetime(instant_of(at))
