"""The settings that agents define: sections of `[settings]`, each with a pydantic model that agents declare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from blackboard.core.agents.agent_definition import Agent
from blackboard.core.validation_problems import describe_problem
from blackboard.errors import ConfigurationError, Mistake, nearest

M = TypeVar("M", bound=BaseModel)


def read_section(settings: Mapping[str, Any], name: str, model: type[M]) -> M:
    """Return a section as its model. A missing section has the defaults of all its settings.

    Raises:
        ConfigurationError: The section has mistakes; all are listed.
    """
    place, section = f"settings.{name}", settings.get(name, {})
    if not isinstance(section, Mapping):
        raise ConfigurationError([Mistake(place, f"must be a table; write [{place}], and its settings below")])
    try:
        return model.model_validate(dict(section))
    except ValidationError as error:
        raise ConfigurationError(_mistakes(place, model, error)) from None
    except Exception as error:  # a validator of the model may raise anything
        raise ConfigurationError([Mistake(place, f"{type(error).__name__}: {error}")]) from None


def section_mistakes(agents: Iterable[Agent], settings: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield the mistakes in the sections that agents declare."""
    declared: dict[str, type[BaseModel]] = {}
    for agent in agents:
        for name, model in agent.sections.items():
            if declared.setdefault(name, model) is not model:
                yield Mistake(
                    f"settings.{name}",
                    f"agent {agent.name!r} declares another model for this section than other agents do;"
                    " let all of them declare the same model",
                )
    for name, model in declared.items():
        try:
            read_section(settings, name, model)
        except ConfigurationError as error:
            yield from error.mistakes


def misspelt_sections(agents: Iterable[Agent], settings: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield a warning for each section that no agent declares, if its name is similar to that of a missing section."""
    declared = {name for agent in agents for name in agent.sections}
    for name in settings.keys() - declared:
        if get_close_matches(name, declared - settings.keys()):
            yield Mistake(f"settings.{name}", f"no agent reads this section{nearest(name, declared)}")


def _mistakes(place: str, model: type[BaseModel], error: ValidationError) -> Iterator[Mistake]:
    for problem in error.errors(include_url=False):
        steps = [str(step) for step in problem["loc"] if not str(step).startswith("function-")]
        yield Mistake(".".join([place, *steps]), describe_problem(model, {**problem, "loc": steps}))
