"""The check for models without a price. A call is not made if its cost cannot be estimated."""

from __future__ import annotations

from collections.abc import Iterator

from blackboard.core.specs.deployment import Deployment
from blackboard.errors import Mistake, nearest
from blackboard.llm.model_settings import ModelSettings
from blackboard.llm.prices import Prices


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
