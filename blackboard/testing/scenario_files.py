"""Files of scenarios, `*.board.toml`: which marks are deposited when, and which wakes or marks must follow.

A file describes one scenario, which tests a deployment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
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

from blackboard.clock import DEFAULT_START
from blackboard.core.validation_problems import describe_problem
from blackboard.durations import parse_duration
from blackboard.errors import ConfigurationError, InvalidDuration, Mistake, nearest
from blackboard.settings.deployment_resolver import ResolvedDeployment
from blackboard.system.files.settings_files import read_toml


def _time_or_length(value: object) -> object:
    if isinstance(value, str | date):
        return value
    raise ValueError("is neither a length of time, such as 90s, nor a time with its date")


At = Annotated[str | datetime, BeforeValidator(_time_or_length)]
"""A time, or a length of time from the start."""


class _ScenarioSection(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GivenStep(_ScenarioSection):
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


class Expectation(_ScenarioSection):
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


class Scenario(_ScenarioSection):
    """A scenario: what is given, and what must follow."""

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


def read_scenario(path: Path) -> Scenario:
    """Read the file of a scenario.

    Raises:
        ConfigurationError: The file has mistakes; all are listed.
    """
    values = read_toml(path)
    try:
        scenario = Scenario.model_validate(values)
    except ValidationError as error:
        raise ConfigurationError(_mistakes(path, error)) from None
    if mistakes := [Mistake(f"{path}: {place}", text) for place, text in _misplaced(scenario)]:
        raise ConfigurationError(mistakes)
    return scenario


def unknown_names(path: Path, scenario: Scenario, resolved: ResolvedDeployment) -> Iterator[Mistake]:
    """Yield each name that the deployment does not have. A scenario with such a name would test nothing."""
    kinds, agents = resolved.deployment.kinds, resolved.deployment.agents
    for number, given in enumerate(scenario.given, 1):
        if given.kind not in kinds:
            yield Mistake(f"{path}: given {number}", f"there is no kind {given.kind!r}{nearest(given.kind, kinds)}")
    for number, expected in enumerate(scenario.expect, 1):
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


def _misplaced(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Yield the mistakes in the times of a file: a time before the start, or a time that is never reached."""
    for place, at in _instants(scenario):
        try:
            if scenario.instant(at) < scenario.start:
                yield place, "is earlier than the start"
        except InvalidDuration as error:
            yield place, f"{error}; a time is written without quotes"
        except OverflowError:
            yield place, "is after the year 9999"
    for number, given in enumerate(scenario.given, 1):
        with suppress(InvalidDuration):
            try:
                for _ in scenario.deposits_of(given):
                    pass
            except OverflowError:
                yield f"given {number} times", "the last time is after the year 9999"
    for number, expected in enumerate(scenario.expect, 1):
        with suppress(InvalidDuration, OverflowError):
            if expected.after is not None and scenario.instant(expected.after) >= scenario.instant(expected.by):
                yield f"expect {number} after", "is not earlier than 'by'"


def _instants(scenario: Scenario) -> Iterator[tuple[str, str | datetime]]:
    for number, given in enumerate(scenario.given, 1):
        yield f"given {number} at", given.at
        yield f"given {number} every", given.every
    for number, expected in enumerate(scenario.expect, 1):
        yield f"expect {number} by", expected.by
        if expected.after is not None:
            yield f"expect {number} after", expected.after


def _mistakes(path: Path, error: ValidationError) -> Iterator[Mistake]:
    for problem in error.errors(include_url=False):
        steps = [step + 1 if isinstance(step, int) else step for step in problem["loc"]]
        place = f"{path}: {' '.join(map(str, steps)) or 'the file'}"
        yield Mistake(place, describe_problem(Scenario, problem))
