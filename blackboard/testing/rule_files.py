"""Rules as tests: a `*.board.toml` file says which marks are deposited when, and which wakes or marks must follow.

The file is run by a real daemon with the agents of a deployment file, on a new board and a manual clock.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)

from blackboard.board.explanations.explanation_lines import explanation_lines
from blackboard.board.facade import Blackboard
from blackboard.board.result_types import MarkRecord
from blackboard.clock import DEFAULT_START, ManualClock
from blackboard.core.model_fields import unknown_field
from blackboard.daemon import build_daemon
from blackboard.durations import parse_duration
from blackboard.errors import ConfigurationError, InvalidDuration, InvalidMark, Mistake, UsageError, nearest
from blackboard.settings.deployment_resolver import ResolvedDeployment, resolve_file
from blackboard.system.files.settings_text import read_toml
from blackboard.testing.board_replay import Replay, with_settings
from blackboard.testing.scripted_model import ScriptedModel

MAX_WAKES = 100_000
"""The largest number of an agent's activations that are examined."""

MAX_EXPLAINED_SUBJECTS = 3
"""The largest number of subjects that a failure explains if its rule names no subject."""


def _time_or_length(value: object) -> object:
    if isinstance(value, str | date):
        return value
    raise ValueError("is neither a length of time, such as 90s, nor a time with its date")


At = Annotated[str | datetime, BeforeValidator(_time_or_length)]
"""A time, or a length of time from the start."""


class _RuleSection(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GivenStep(_RuleSection):
    """A mark that is deposited at an instant, or several times."""

    at: At = "0s"
    times: int = Field(default=1, ge=1, le=10_000)
    every: str = "0s"
    """The time between two deposits."""
    kind: str
    subject: str
    payload: dict[str, JsonValue] = Field(default_factory=dict)
    intensity: float = 1.0
    author: str = "test"


class Expectation(_RuleSection):
    """A condition that must be met at an instant: exactly one of `wakes`, `silence`, `mark` and `no_mark`."""

    by: At
    after: At | None = None
    """Only wakes after this instant count; by default all count."""
    wakes: str | None = None
    """The agent that was woken."""
    silence: str | None = None
    """The agent that was not woken."""
    mark: str | None = None
    """The kind of a mark that is live."""
    no_mark: str | None = None
    """The kind that must have no live mark."""
    subject: str = ""
    """The subject of the marks; all if it is empty."""
    times: int | None = Field(default=None, ge=1)
    """How often the agent was woken, or how many such marks are live; by default at least once."""
    payload: dict[str, JsonValue] = Field(default_factory=dict)
    """Fields of the mark."""
    min_strength: float = Field(default=0.0, ge=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _check(self) -> Expectation:
        named = [name for name in ("wakes", "silence", "mark", "no_mark") if getattr(self, name) is not None]
        if len(named) != 1:
            raise ValueError("name exactly one of wakes, silence, mark and no_mark")
        if unused := sorted(self.model_fields_set - {"by", "subject", self.what} - _SETTINGS[self.what]):
            raise ValueError(f"{' and '.join(unused)} would have no effect on {self.what}")
        return self

    @property
    def what(self) -> Literal["wakes", "silence", "mark", "no_mark"]:
        """Which of the four conditions is set."""
        return next(name for name in ("wakes", "silence", "mark", "no_mark") if getattr(self, name) is not None)

    @property
    def name(self) -> str:
        """The name of the agent or kind."""
        return str(getattr(self, self.what))


_SETTINGS: Mapping[str, frozenset[str]] = {
    "wakes": frozenset({"after", "times"}),
    "silence": frozenset({"after"}),
    "mark": frozenset({"times", "payload", "min_strength"}),
    "no_mark": frozenset({"payload", "min_strength"}),
}
"""The settings that only some of the four conditions have."""


class RuleFile(_RuleSection):
    """A file of rules."""

    deployment: str | None = None
    """The deployment file, in the folder of this file; by default the file that commands find."""
    start: datetime = DEFAULT_START
    settings: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Sections of `[settings]` that replace the sections of the deployment file."""
    answers: list[dict[str, JsonValue]] | None = None
    """The answers of the model, in turn; without them, the agents' offline rules answer."""
    given: list[GivenStep] = Field(default_factory=list)
    expect: list[Expectation] = Field(min_length=1)

    @field_validator("start")
    @classmethod
    def _aware(cls, value: datetime) -> datetime:
        return value if value.tzinfo else value.replace(tzinfo=UTC)

    def instant(self, at: str | datetime) -> datetime:
        """Return an instant of the file: a time, or a length of time from the start."""
        if isinstance(at, datetime):
            return at if at.tzinfo else at.replace(tzinfo=UTC)
        return self.start + timedelta(microseconds=parse_duration(at))

    def deposits_of(self, given: GivenStep) -> Iterator[datetime]:
        """Yield the instants when a mark is deposited."""
        first, every = self.instant(given.at), timedelta(microseconds=parse_duration(given.every))
        yield from (first + number * every for number in range(given.times))


@dataclass(frozen=True)
class UnmetExpectation:
    """An expectation that was not met."""

    number: int
    """Its place among the expectations of the file, from 1."""
    message: str
    """The expectation and the finding."""
    explanation: tuple[str, ...]
    """The lines of `blackboard explain` at that instant."""

    def __str__(self) -> str:
        return "\n".join([f"expect {self.number}: {self.message}", *(f"  {line}" for line in self.explanation)])


def read_rules(path: Path) -> RuleFile:
    """Read a file of rules.

    Raises:
        ConfigurationError: It has mistakes; all are listed.
    """
    values = read_toml(path)
    try:
        rules = RuleFile.model_validate(values)
    except ValidationError as error:
        raise ConfigurationError(_mistakes(path, error)) from None
    if mistakes := [Mistake(f"{path}: {place}", text) for place, text in _misplaced(rules)]:
        raise ConfigurationError(mistakes)
    return rules


def run_rules(path: Path, environ: Mapping[str, str] | None = None) -> list[UnmetExpectation]:
    """Run a file of rules, and return the expectations that were not met.

    Agents publish nothing: neither files nor messages leave the board.

    Raises:
        ConfigurationError: The file or its deployment has mistakes, or the file names an unknown kind or agent.
    """
    rules = read_rules(path)
    deployment = None if rules.deployment is None else path.parent / rules.deployment
    if deployment is not None and not deployment.is_file():
        raise ConfigurationError([Mistake(f"{path}: deployment", f"there is no file {rules.deployment!r} beside it")])
    resolved = resolve_file(deployment, os.environ if environ is None else environ)
    resolved = with_settings(_without_publishing(resolved), rules.settings)
    if mistakes := list(_unknown(path, rules, resolved)):
        raise ConfigurationError(mistakes)
    model = None if rules.answers is None else ScriptedModel(*map(json.dumps, rules.answers))
    clock = ManualClock(rules.start)
    with (
        TemporaryDirectory(prefix="blackboard-rules-") as folder,
        Blackboard.open(Path(folder, "board.db"), author="test", clock=clock) as board,
    ):
        board.deploy(resolved.deployment)
        with Replay(board, build_daemon(board, resolved, model)) as replay:
            return list(_run(path, rules, board, replay))


def _run(path: Path, rules: RuleFile, board: Blackboard, replay: Replay) -> Iterator[UnmetExpectation]:
    """Deposit and examine in the order of time. Work that is due at an instant is done before its examination."""
    steps: list[tuple[datetime, int, int, GivenStep | Expectation]] = []
    steps += [(at, 0, number, given) for number, given in enumerate(rules.given, 1) for at in rules.deposits_of(given)]
    steps += [(rules.instant(expected.by), 1, number, expected) for number, expected in enumerate(rules.expect, 1)]
    for at, _, number, step in sorted(steps, key=lambda entry: entry[:3]):
        replay.run_until(at)
        if isinstance(step, GivenStep):
            try:
                board.as_author(step.author).deposit(
                    step.kind, subject=step.subject, payload=step.payload, intensity=step.intensity
                )
            except (InvalidMark, UsageError) as error:
                raise ConfigurationError([Mistake(f"{path}: given {number}", str(error))]) from None
        elif (problem := _problem(rules, board, step)) is not None:
            yield UnmetExpectation(
                number, f"by {at:%Y-%m-%d %H:%M:%S}, {problem}", tuple(_explained(rules, board, step))
            )


def _problem(rules: RuleFile, board: Blackboard, expected: Expectation) -> str | None:
    """Return why an expectation is not met; None if it is met."""
    if expected.what in ("wakes", "silence"):
        return _problem_of_agent(expected, _count_wakes(rules, board, expected))
    return _problem_of_marks(expected, board)


def _problem_of_agent(expected: Expectation, woken: int) -> str | None:
    """Return why the number of wakes of an agent does not meet an expectation; None if it does."""
    is_met = woken == 0 if expected.what == "silence" else _is_met(woken, expected.times)
    if is_met:
        return None
    outcome = f"was woken {_times(woken)}" if woken else "was not woken"
    wanted = "be silent" if expected.what == "silence" else "wake"
    if expected.times is not None:
        wanted += f" {_times(expected.times)}"
    return f"{expected.name} must {wanted}{_subject_text(expected)}, and {outcome}"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _problem_of_marks(expected: Expectation, board: Blackboard) -> str | None:
    """Return why the live marks do not meet an expectation; None if they do."""
    live = board.marks(expected.name, subject=expected.subject or None)
    marks = [mark for mark in live if _fits(mark, expected)]
    is_met = not marks if expected.what == "no_mark" else _is_met(len(marks), expected.times)
    if is_met:
        return None
    wanted = "no mark" if expected.what == "no_mark" else f"{expected.times or 'a'} mark{'s' if expected.times else ''}"
    wanted += f" of {expected.name}{_subject_text(expected)}{f' with {expected.payload}' if expected.payload else ''}"
    wanted += f" of strength {expected.min_strength}" if expected.min_strength else ""
    present = "; ".join(f"{mark.subject}: {mark.payload}, strength {mark.strength:.4g}" for mark in live[:5]) or "none"
    return f"there must be {wanted}, and there is {present}"


def _subject_text(expected: Expectation) -> str:
    return f" about {expected.subject!r}" if expected.subject else ""


def _fits(mark: MarkRecord, expected: Expectation) -> bool:
    return mark.strength >= expected.min_strength and expected.payload.items() <= mark.payload.items()


def _is_met(count: int, times: int | None) -> bool:
    return count >= 1 if times is None else count == times


def _count_wakes(rules: RuleFile, board: Blackboard, expected: Expectation) -> int:
    after = datetime.min.replace(tzinfo=UTC) if expected.after is None else rules.instant(expected.after)
    return sum(
        record.started_at is not None
        and after < record.started_at <= rules.instant(expected.by)
        and (
            not expected.subject or any(mark.subject == expected.subject for mark in board.activation(record.id).marks)
        )
        for record in board.activations(agent=expected.name, limit=MAX_WAKES)
    )


def _explained(rules: RuleFile, board: Blackboard, expected: Expectation) -> Iterator[str]:
    """Yield the explanation of the agent; for a mark, the explanations of all agents that may deposit it."""
    names = [expected.name]
    if expected.what in ("mark", "no_mark"):
        names = [name for name, agent in board.deployment.agents.items() if expected.name in agent.writes]
    given = dict.fromkeys(step.subject for step in rules.given)
    subjects = [expected.subject] if expected.subject else [*given][:MAX_EXPLAINED_SUBJECTS]
    for name in names:
        for subject in subjects or (None,):
            yield from explanation_lines(board.explain(name, subject))


def _without_publishing(resolved: ResolvedDeployment) -> ResolvedDeployment:
    agents = {name: replace(agent, publish=None) for name, agent in resolved.agents.items()}
    return replace(resolved, agents=agents)


def _unknown(path: Path, rules: RuleFile, resolved: ResolvedDeployment) -> Iterator[Mistake]:
    """Yield each name that the deployment does not have. A rule about such a name would always hold, or always fail."""
    kinds, agents = resolved.deployment.kinds, resolved.deployment.agents
    for number, given in enumerate(rules.given, 1):
        if given.kind not in kinds:
            yield Mistake(f"{path}: given {number}", f"there is no kind {given.kind!r}{nearest(given.kind, kinds)}")
    for number, expected in enumerate(rules.expect, 1):
        word, known = ("kind", kinds) if expected.what in ("mark", "no_mark") else ("agent", agents)
        if expected.name not in known:
            text = f"there is no {word} {expected.name!r}{nearest(expected.name, known)}"
            yield Mistake(f"{path}: expect {number}", text)
        elif (fields := _fields(resolved, expected)) is not None:
            for name in sorted(expected.payload.keys() - fields):
                text = f"{expected.name} has no field {name!r}{nearest(name, fields)}"
                yield Mistake(f"{path}: expect {number} payload", text)


def _fields(resolved: ResolvedDeployment, expected: Expectation) -> frozenset[str] | None:
    """Return the fields that the marks of an expectation have; None if they may have any."""
    kind = resolved.deployment.kinds.get(expected.name)
    schema = None if kind is None else kind.payload_schema
    if schema is None or schema.get("additionalProperties", True) is not False:
        return None
    return frozenset(schema.get("properties", {}))


def _misplaced(rules: RuleFile) -> Iterator[tuple[str, str]]:
    """Yield the mistakes in the times of a file: a time before the start, or a time that is never reached."""
    for place, at in _instants(rules):
        try:
            if rules.instant(at) < rules.start:
                yield place, "is earlier than the start"
        except InvalidDuration as error:
            yield place, f"{error}; a time is written without quotes"
        except OverflowError:
            yield place, "is after the year 9999"
    for number, given in enumerate(rules.given, 1):
        with suppress(InvalidDuration):
            try:
                for _ in rules.deposits_of(given):
                    pass
            except OverflowError:
                yield f"given {number} times", "the last time is after the year 9999"
    for number, expected in enumerate(rules.expect, 1):
        with suppress(InvalidDuration, OverflowError):
            if expected.after is not None and rules.instant(expected.after) >= rules.instant(expected.by):
                yield f"expect {number} after", "is not earlier than 'by'"


def _instants(rules: RuleFile) -> Iterator[tuple[str, str | datetime]]:
    for number, given in enumerate(rules.given, 1):
        yield f"given {number} at", given.at
        yield f"given {number} every", given.every
    for number, expected in enumerate(rules.expect, 1):
        yield f"expect {number} by", expected.by
        if expected.after is not None:
            yield f"expect {number} after", expected.after


def _mistakes(path: Path, error: ValidationError) -> Iterator[Mistake]:
    for problem in error.errors(include_url=False):
        steps = [step + 1 if isinstance(step, int) else step for step in problem["loc"]]
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = unknown_field(RuleFile, steps)
        yield Mistake(f"{path}: {' '.join(map(str, steps)) or 'the file'}", message)
