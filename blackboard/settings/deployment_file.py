"""The deployment file: its location, its contents with overrides, and its mistakes, each with its location."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from blackboard.core.specs.agent_spec import Budget
from blackboard.core.validation_problems import problem_text, unknown_field
from blackboard.errors import ConfigurationError, Mistake
from blackboard.llm.model_settings import ModelSettings
from blackboard.settings.environment import VARIABLE_PREFIX, Variable, depth_of, merge_overrides, read_variables
from blackboard.settings.sections import (
    AgentSection,
    AuthorSection,
    DaemonSection,
    DatabaseSection,
    DeploymentSection,
    KindSection,
    ServerSection,
    Trust,
)
from blackboard.settings.sink_sections import SinkSection
from blackboard.settings.trusted_folders import check_found
from blackboard.system.files.packaged_files import config_file
from blackboard.system.files.settings_files import read_toml

CONFIG = VARIABLE_PREFIX + "CONFIG"
LOCAL_FILE = "blackboard.toml"


NEED_RESTART = ("database", "model", "daemon", "server")
"""The sections that a running daemon does not apply at a reload."""


class Settings(BaseModel):
    """The contents of a deployment file. Variables such as `BLACKBOARD_DATABASE__URL` take precedence over the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    database: DatabaseSection = DatabaseSection()
    deployment: DeploymentSection = DeploymentSection()
    kinds: dict[str, KindSection] = Field(default_factory=dict)
    agents: dict[str, AgentSection] = Field(default_factory=dict)
    authors: dict[str, AuthorSection | Trust] = Field(default_factory=dict)
    """The trust in each author, a factor of at least 0 on the intensity of its deposits, or a table that also has
    limits."""
    model: ModelSettings = ModelSettings()
    budget: Budget = Budget()
    daemon: DaemonSection = DaemonSection()
    server: ServerSection = ServerSection()
    sinks: tuple[SinkSection, ...] = ()
    """The receivers of messages outside the board, with their topics and addresses."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Settings of the agents, which the blackboard does not interpret."""

    _path: Path = PrivateAttr(default=Path(LOCAL_FILE))

    @property
    def path(self) -> Path:
        """The path of the file."""
        return self._path

    @property
    def names_agents(self) -> bool:
        """Whether the file names any agents or kinds, or declares a remote agent or a kind by its schema."""
        return (
            bool(self.deployment.agents or self.deployment.kinds)
            or any(agent.remote for agent in self.agents.values())
            or any(kind.payload_schema is not None for kind in self.kinds.values())
        )

    @property
    def is_executable(self) -> bool:
        """Whether the file decides what this user runs or sends: it imports code, or has sinks."""
        return self.names_agents or bool(self.sinks)

    def needing_restart(self, started: Settings) -> list[str]:
        """Return the changed settings that a running daemon does not apply at a reload."""
        return [
            f"[{section}] {name}"
            for section in NEED_RESTART
            for name in type(getattr(self, section)).model_fields
            if getattr(getattr(self, section), name) != getattr(getattr(started, section), name)
        ]

    @classmethod
    def read(cls, path: Path, values: Mapping[str, Any]) -> Self:
        """Return the settings in `values`, read from `path`."""
        read = cls(**values)
        read._path = path
        return read


def find_config(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """Return the path of the deployment file.

    It is the first of: `path`, BLACKBOARD_CONFIG, ./blackboard.toml, the packaged default.

    Raises:
        ConfigurationError: The named file does not exist.
    """
    return _find(path, os.environ if environ is None else environ)[0]


def _find(path: Path | None, environ: Mapping[str, str]) -> tuple[Path, bool]:
    """Return the path of the deployment file, and whether it was named or is the packaged file."""
    place = "--config"
    if path is None and environ.get(CONFIG):
        path, place = Path(environ[CONFIG]), CONFIG
    if path is None:
        return (Path(LOCAL_FILE), False) if Path(LOCAL_FILE).is_file() else (config_file("default.toml"), True)
    path = Path(os.path.expanduser(path))
    if not path.is_file():
        problem = "is not a file" if path.exists() else "does not exist"
        raise ConfigurationError([Mistake(f"{place} {path}", f"{problem}; name a deployment file")])
    return path, True


def load_settings(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read a deployment file; by default the file that `find_config` finds, and the environment of the process.

    Raises:
        ConfigurationError: The file cannot be read, or it has mistakes; all are listed.
    """
    settings, mistakes = examine_settings(path, environ)
    if mistakes:
        raise ConfigurationError(mistakes)
    return settings


def examine_settings(
    path: Path | None = None, environ: Mapping[str, str] | None = None
) -> tuple[Settings, list[Mistake]]:
    """Return the valid settings of the file that `find_config` finds, and all mistakes in it.

    Raises:
        ConfigurationError: The file cannot be read. Or the file was found, not named; other users can change it; and it
            imports code or has sinks.
    """
    environ = os.environ if environ is None else environ
    path, is_named = _find(path, environ)
    settings, mistakes = _examine(path, environ)
    if settings.is_executable and not is_named:
        check_found(path, environ)
    return settings, mistakes


def _examine(path: Path, environ: Mapping[str, str]) -> tuple[Settings, list[Mistake]]:
    """Return the valid settings of a file and the environment, and all mistakes in them.

    Each round validates all values, and then drops each wrong value from the variable or the file that it came from.
    The next round checks the values that the wrong values hid. The rounds end when the rest is valid, or when there is
    nothing to drop.
    """
    values = read_toml(path)
    overrides, mistakes = read_variables(environ, Settings)
    misspelt: set[Any] = set()
    while True:
        combined = merge_overrides(values, overrides)
        try:
            return Settings.read(path, combined), mistakes
        except ValidationError as error:
            errors = error.errors(include_url=False)
        file_problems = _problems(values)
        problems = _group_by_place(errors, combined)
        misspelt |= {problem["loc"][:-1] for problem in problems if problem["type"] == "extra_forbidden"}
        in_file: list[Sequence[Any]] = []
        for problem in problems:
            steps = problem["loc"]
            is_in_file = (steps, problem["type"]) in file_problems
            sources = _sources(overrides, steps[: depth_of(combined, steps)], in_file=is_in_file)
            # A misspelt name explains a missing name.
            if problem["type"] != "missing" or steps[:-1] not in misspelt:
                mistakes.append(_mistake(path, problem, sources))
            overrides = [variable for variable in overrides if variable not in sources]
            if not sources:
                in_file.append(_removable(values, steps))
        if not all(in_file):
            return Settings.read(path, {}), mistakes
        _drop(values, in_file)


def _group_by_place(problems: Sequence[Any], values: Mapping[str, Any]) -> list[Any]:
    """Return one problem for each place, because pydantic reports a problem for each allowed type."""
    result: dict[Any, Any] = {}
    for problem in problems:
        steps = problem["loc"]
        if problem["type"] != "missing" and steps[-1] != "[key]":
            steps = steps[: depth_of(values, steps)]
        if (first := result.get(steps)) is None:
            result[steps] = {**problem, "loc": steps}
        else:
            first["msg"] += f", or {problem['msg'].removeprefix('Input should be ')}"
    return list(result.values())


def _sources(overrides: Sequence[Variable], place: Sequence[Any], *, in_file: bool) -> list[Variable]:
    """Return the variables that a wrong value came from; an empty list if it came from the file."""
    if exact := [variable for variable in overrides if variable.sets(place)]:
        return exact[-1:]
    return [] if in_file else [variable for variable in overrides if variable.steps[: len(place)] == tuple(place)]


def _problems(values: Mapping[str, Any]) -> set[tuple[Any, str]]:
    """Return the place and type of each problem of the file without overrides."""
    try:
        Settings(**values)
    except ValidationError as error:
        return {(problem["loc"], problem["type"]) for problem in error.errors(include_url=False)}
    return set()


def _removable(values: Any, steps: Sequence[Any]) -> Sequence[Any]:
    """Return the deepest existing part of a path. Later steps can be names that pydantic adds.

    For a path into a table of a list, it is the list: without one value, the table would have further mistakes, and
    without one table, the others would have other numbers.
    """
    place = steps[: depth_of(values, steps)]
    for depth, step in enumerate(place):
        if isinstance(values, list) and isinstance(values[step], dict):
            return place[:depth]
        values = values[step]
    return place


def _drop(values: Any, places: Iterable[Sequence[Any]]) -> None:
    """Delete the values at some places. A deletion moves the later items of a list, so the last place comes first."""
    for *table, last in sorted({tuple(place) for place in places}, key=_order, reverse=True):
        parent = values
        for step in table:
            parent = parent[step]
        del parent[last]


def _order(place: Sequence[Any]) -> list[tuple[bool, Any]]:
    """Return the key of a place for an order in which an item or a table comes before its parts."""
    return [(isinstance(step, str), step) for step in place]


def _mistake(path: Path, problem: Any, sources: Sequence[Variable]) -> Mistake:
    steps: Sequence[Any] = [step for step in problem["loc"] if step != "[key]"]
    place = ", ".join(item.name for item in sources) or f"{path}, {'.'.join(map(str, steps))}"
    if problem["type"] == "extra_forbidden":
        return Mistake(place, unknown_field(Settings, steps))
    message, value = problem_text(problem), problem.get("input")
    if problem["type"] != "value_error" and isinstance(value, str | int | float | bool):
        message = f"{message}, not {_short(value)}"
    return Mistake(place, message)


def _short(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # a hexadecimal number may have more digits than Python writes
        return "a number of too many digits"
    return text if len(text) <= 100 else f"{text[:100]}…"
