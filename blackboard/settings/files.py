"""Reads a deployment file and what the environment overrides in it; refuses it with every mistake and its place."""

from __future__ import annotations

import os
import tomllib
import types
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, Self, Union, get_args, get_origin

from pydantic import BaseModel, Field, PrivateAttr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from blackboard.deployment import Budget
from blackboard.errors import ConfigurationError, Mistake, nearest
from blackboard.model.settings import ModelSettings
from blackboard.resources import config_file
from blackboard.settings.sections import (
    AgentSection,
    DaemonSettings,
    DatabaseSection,
    DeploymentSection,
    KindSection,
)

__all__ = ["CONFIG", "PREFIX", "Settings", "examine", "find_config", "load_settings"]

PREFIX = "BLACKBOARD_"
CONFIG = PREFIX + "CONFIG"
LOCAL = "blackboard.toml"

_environ: ContextVar[Mapping[str, str] | None] = ContextVar("environ", default=None)

Trust = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


class _Environment(EnvSettingsSource):
    """Environment variables, from whatever mapping is given."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        given = _environ.get()
        return {name.lower(): value for name, value in (os.environ if given is None else given).items()}


class Settings(BaseSettings):
    """Everything that a deployment file may say. `BLACKBOARD_DATABASE__URL` and the like come before the file."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, env_prefix=PREFIX, env_nested_delimiter="__")

    database: DatabaseSection = DatabaseSection()
    deployment: DeploymentSection = DeploymentSection()
    kinds: dict[str, KindSection] = Field(default_factory=dict)
    agents: dict[str, AgentSection] = Field(default_factory=dict)
    authors: dict[str, Trust] = Field(default_factory=dict)
    """A factor, at least 0, on the intensity of what an author deposits; 1 for those who are not named."""
    model: ModelSettings = ModelSettings()
    budget: Budget = Budget()
    daemon: DaemonSettings = DaemonSettings()
    settings: dict[str, Any] = Field(default_factory=dict)
    """For the agents; the blackboard does not look into it."""

    _path: Path = PrivateAttr(default=Path(LOCAL))

    @property
    def path(self) -> Path:
        """The file that was read."""
        return self._path

    @property
    def names_agents(self) -> bool:
        """Whether the file names a deployment at all."""
        return bool(self.deployment.agents or self.deployment.kinds)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return _Environment(settings_cls), init_settings

    @classmethod
    def read(cls, path: Path, values: Mapping[str, Any]) -> Self:
        """The settings in `values`, as they were read from `path`."""
        read = cls(**values)
        read._path = path
        return read


def find_config(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """The deployment file: the one named, or in BLACKBOARD_CONFIG, or ./blackboard.toml, or the packaged default.

    Raises:
        ConfigurationError: the file that is named is not there.
    """
    environ = os.environ if environ is None else environ
    place = "--config"
    if path is None and environ.get(CONFIG):
        path, place = Path(environ[CONFIG]), CONFIG
    if path is None:
        return Path(LOCAL) if Path(LOCAL).is_file() else config_file("default.toml")
    path = path.expanduser()
    if not path.is_file():
        there = "it is no file" if path.exists() else "there is no such file"
        raise ConfigurationError([Mistake(f"{place} {path}", f"{there}; name a deployment file")])
    return path


def load_settings(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read a deployment file.

    Args:
        path: the file; found by `find_config` by default.
        environ: the environment; the process's by default.

    Raises:
        ConfigurationError: the file cannot be read, or every setting in it that is wrong.
    """
    settings, mistakes = examine(find_config(path, environ), environ)
    if mistakes:
        raise ConfigurationError(mistakes)
    return settings


def examine(path: Path, environ: Mapping[str, str] | None = None) -> tuple[Settings, list[Mistake]]:
    """What a file says where it is right, and every mistake where it is wrong.

    Raises:
        ConfigurationError: the file cannot be read at all.
    """
    values = _read(path)
    given = dict(os.environ if environ is None else environ)
    mistakes = list(_unknown_variables(given))
    while True:
        token = _environ.set(given)
        try:
            return Settings.read(path, values), mistakes
        except ValidationError as error:
            for problem in error.errors(include_url=False):
                mistakes.append(_mistake(path, problem, given))
                # Without what is wrong, so that the rest can be looked at too.
                if not (_drop_variable(given, problem["loc"]) | _drop(values, problem["loc"])):
                    return Settings.read(path, {}), mistakes
        except SettingsError as error:
            field = str(error).partition('"')[2].partition('"')[0]
            names = [name for name in given if name.upper().startswith(f"{PREFIX}{field}".upper())]
            mistakes.append(Mistake(", ".join(names), "a list or a table is written as JSON here"))
            for name in names:
                del given[name]
        finally:
            _environ.reset(token)


def _drop_variable(environ: dict[str, str], steps: Sequence[Any]) -> bool:
    found = [name for name in environ if name.upper() == _variable(steps)]
    for name in found:
        del environ[name]
    return bool(found)


def _drop(values: Any, steps: Sequence[Any]) -> bool:
    """Take out the deepest part that the steps lead to: what follows may be names of pydantic's own."""
    holder, last = None, None
    for step in steps:
        try:
            below = values[step]
        except (KeyError, IndexError, TypeError):
            break
        holder, last, values = values, step, below
    if holder is None:
        return False
    del holder[last]
    return True


def _variable(steps: Sequence[Any]) -> str:
    return PREFIX + "__".join(str(step) for step in steps).upper()


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise ConfigurationError([Mistake(str(path), f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        raise ConfigurationError([Mistake(str(path), f"is no UTF-8 text: byte {error.start}")]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([Mistake(str(path), f"is no TOML: {error}")]) from None
    except RecursionError:
        raise ConfigurationError([Mistake(str(path), "is nested too deeply")]) from None


def _unknown_variables(environ: Mapping[str, str]) -> Iterable[Mistake]:
    # pydantic-settings passes over what it does not know; a misspelt override would then silently not count.
    for name in environ:
        section, nested, _ = name.upper().removeprefix(PREFIX).partition("__")
        if name.upper().startswith(PREFIX) and nested and section.lower() not in Settings.model_fields:
            yield Mistake(
                name, f"there is no section {section.lower()!r}{nearest(section.lower(), Settings.model_fields)}"
            )


def _mistake(path: Path, problem: Any, environ: Mapping[str, str]) -> Mistake:
    steps: Sequence[Any] = [step for step in problem["loc"] if step != "[key]"]
    place = f"{path}, {'.'.join(map(str, steps))}"
    if _variable(steps) in {name.upper() for name in environ}:
        place = _variable(steps)
    if problem["type"] == "extra_forbidden":
        name = str(steps[-1])
        return Mistake(place, f"there is no setting {name!r}{nearest(name, _known(Settings, steps[:-1]))}")
    message = str(problem["msg"]).removeprefix("Value error, ")
    given = problem.get("input")
    if problem["type"] != "value_error" and isinstance(given, str | int | float | bool):
        message = f"{message[:1].lower()}{message[1:]}, not {given!r}"
    return Mistake(place, message)


def _known(model: Any, steps: Sequence[Any]) -> Iterable[str]:
    """The names that may stand at a place: follows the annotations down."""
    for step in steps:
        if isinstance(model, type) and issubclass(model, BaseModel) and step in model.model_fields:
            model = model.model_fields[step].annotation
        else:  # a name in a table, or a number in a list
            model = next((part for part in reversed(get_args(model)) if part is not Ellipsis), None)
        if get_origin(model) in (Union, types.UnionType):
            model = next((part for part in get_args(model) if part is not type(None)), None)
    return model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else ()
