"""The settings of the demo: the section `[settings.demo]` of a deployment file, and the files that it names."""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from blackboard.core.validation_problems import describe_problem
from blackboard.errors import ConfigurationError, Mistake


class Demo(BaseModel):
    """The section `[settings.demo]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    samples: str
    """The rows, as `package:file`."""
    kind: str
    subject: tuple[str, ...] = Field(min_length=1)
    map: dict[str, str] = Field(default_factory=dict)
    author: str = "person:demo"
    """The author of the samples."""
    files: dict[str, str] = Field(default_factory=dict)
    """Files to copy beside the board for the agents: file name -> source, as `package:file`."""
    show: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """The kinds to show at the end, with the fields of each."""

    @classmethod
    def of(cls, settings: Mapping[str, Any], path: object) -> Demo:
        """Return the section from the settings of a deployment file.

        Raises:
            ConfigurationError: The section is missing or has mistakes; all are listed.
        """
        if "demo" not in settings:
            raise ConfigurationError(
                [Mistake(f"{path}, settings.demo", "is missing; it names the samples and their kind")]
            )
        try:
            return cls.model_validate(settings["demo"])
        except ValidationError as error:
            raise ConfigurationError(
                Mistake(f"{path}, settings.demo.{'.'.join(map(str, problem['loc']))}", describe_problem(cls, problem))
                for problem in error.errors()
            ) from None


def file_of(path: str) -> Traversable:
    """Return the file that `package:file` names.

    Raises:
        ConfigurationError: There is no such file.
    """
    package, _, name = path.partition(":")
    try:
        file = importlib.resources.files(package) / name
    except (ImportError, TypeError, ValueError):
        file = None
    if not name or file is None or not file.is_file():
        raise ConfigurationError(
            [
                Mistake(
                    "settings.demo",
                    f"{path!r} is not a file of the form package:file, such as lead_desk.samples:leads.csv",
                )
            ]
        )
    return file
