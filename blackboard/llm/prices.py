"""The dated price table and the costs of calls, in whole micro-dollars, rounded up. No price is ever guessed.

The cost of a call with a model that has no price cannot be estimated, so `without_price` reports such a model.

A price in US dollars per million tokens equals a price in micro-dollars per token, so no conversion is needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from blackboard.core.records.states import CallApi
from blackboard.core.specs.deployment import Deployment
from blackboard.core.validation_problems import problem_text
from blackboard.errors import ConfigurationError, Mistake, UnknownName, nearest
from blackboard.llm.answer_parser import Usage
from blackboard.llm.model_settings import ModelSettings
from blackboard.system.files.packaged_files import config_file
from blackboard.system.files.settings_files import read_toml

USD = Annotated[Decimal, Field(ge=0)]
"""US dollars per million tokens, equal to micro-dollars per token."""


class Rates(BaseModel):
    """The prices of each type of token."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: USD
    output: USD
    cache_write: USD
    """The price of the cache with a lifetime of 5 minutes. Requests use no other cache."""
    cache_read: USD
    batch_input: USD
    batch_output: USD

    def exact_cost(self, usage: Usage, api: CallApi) -> Decimal:
        """Return the exact cost in micro-dollars."""
        # The batch discount applies on top of the cache prices.
        discount = self.batch_input / self.input if api == "batch" and self.input else Decimal(1)
        return (
            usage.input * (self.batch_input if api == "batch" else self.input)
            + usage.output * (self.batch_output if api == "batch" else self.output)
            + (usage.cache_creation * self.cache_write + usage.cache_read * self.cache_read) * discount
        )


class LongPrompt(Rates):
    """The rates of a call whose prompt is longer than `over` tokens. They apply to the whole call and its answer."""

    over: int = Field(ge=1)


class Price(Rates):
    """The price of a model."""

    also: tuple[str, ...] = ()
    """Other names of the same model, such as a dated name."""
    min_cacheable_tokens: int | None = Field(default=None, ge=1)
    """The shortest prefix that the model caches, in tokens. If it is None, requests do not use the cache."""
    long_prompt: LongPrompt | None = None

    def cost(self, usage: Usage, api: CallApi = "messages") -> int:
        """Return the cost of a call in micro-dollars, rounded up."""
        return math.ceil(self.rates(usage.prompt).exact_cost(usage, api))

    def rates(self, prompt: int) -> Rates:
        """Return the rates for a prompt of this many tokens, including cached tokens."""
        return self.long_prompt if self.long_prompt is not None and prompt > self.long_prompt.over else self


class Prices(BaseModel):
    """A price table. `as_of` is the day when its prices were last checked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    as_of: date
    models: Mapping[str, Price]

    def of(self, model: str) -> Price:
        """Return the price of a model, by any of its names.

        Raises:
            UnknownName: The table has no price for the model.
        """
        if (price := self.models.get(model)) is not None:
            return price
        for price in self.models.values():
            if model in price.also:
                return price
        raise UnknownName("model", model, self.names, f"the model {model!r} has no price in the table of prices")

    @property
    def names(self) -> list[str]:
        """Every model name that has a price."""
        return sorted([*self.models, *(name for price in self.models.values() for name in price.also)])


def load_prices(path: Path | None = None) -> Prices:
    """Load a price table from a TOML file; by default, load the packaged table.

    Raises:
        ConfigurationError: The file cannot be read or is not a price table; all mistakes are listed.
    """
    path = path or config_file("prices.toml")
    try:
        return Prices.model_validate(read_toml(path, parse_float=Decimal))
    except ValidationError as error:
        raise ConfigurationError(
            Mistake(f"{path}, {'.'.join(map(str, problem['loc']))}", problem_text(problem))
            for problem in error.errors()
        ) from None


def without_price(deployment: Deployment, settings: ModelSettings, prices: Prices) -> list[Mistake]:
    """Return a mistake for each setting that names a model without a price."""
    known = prices.names
    return [
        Mistake(
            place,
            f"model {model!r} has no price{nearest(model, known)} (or name your own price table in [model] prices)",
        )
        for place, model in models_of(deployment, settings)
        if model not in known
    ]


def models_of(deployment: Deployment, settings: ModelSettings) -> Iterator[tuple[str, str]]:
    """Yield the models that the agents may use, each with the setting that names it."""
    yield "model.model", settings.model
    for name, agent in deployment.agents.items():
        if agent.settings.model is not None:
            yield f"agents.{name}.model", agent.settings.model
        for choice in agent.settings.models:
            yield f"agents.{name}.models", choice.model
