"""Calls of a language model: planned as frozen text, sent once, parsed without trust.

model_settings   the provider, the model, and the source of the key
answer_schema    the JSON schema of an answer's pydantic model, as the API accepts it
request          a call as canonical text, its largest size and its highest cost
prices           the dated price table, and the cost of a call in whole micro-dollars
client_protocol  the interface of a client
client           the client of Anthropic's API, the only importer of `anthropic`, which it imports at the first call
message_batches  the texts of the Message Batches API
reply            the raw answer, its metadata, and its parsing into a pydantic model
failures         every way in which a call can give no usable answer
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from blackboard.llm.client import AnthropicClient, client_from
    from blackboard.llm.client_protocol import BatchItem, Client
    from blackboard.llm.failures import (
        CallFailure,
        KeyRefused,
        NotSent,
        OutcomeUnknown,
        Overloaded,
        Rejected,
        SpendLimit,
        Unusable,
    )
    from blackboard.llm.model_settings import ModelSettings
    from blackboard.llm.prices import Api, Price, Prices, load_prices
    from blackboard.llm.reply import Reply, Usage, parse
    from blackboard.llm.request import estimate_tokens, highest_cost, plan

__all__ = [
    "AnthropicClient",
    "Api",
    "BatchItem",
    "CallFailure",
    "Client",
    "KeyRefused",
    "ModelSettings",
    "NotSent",
    "OutcomeUnknown",
    "Overloaded",
    "Price",
    "Prices",
    "Rejected",
    "Reply",
    "SpendLimit",
    "Unusable",
    "Usage",
    "client_from",
    "estimate_tokens",
    "highest_cost",
    "load_prices",
    "parse",
    "plan",
]

_HOME = {
    "client": ("AnthropicClient", "client_from"),
    "failures": (
        "CallFailure", "KeyRefused", "NotSent", "OutcomeUnknown", "Overloaded", "Rejected", "SpendLimit", "Unusable",
    ),
    "prices": ("Api", "Price", "Prices", "load_prices"),
    "client_protocol": ("BatchItem", "Client"),
    "reply": ("Reply", "Usage", "parse"),
    "request": ("estimate_tokens", "highest_cost", "plan"),
    "model_settings": ("ModelSettings",),
}  # fmt: skip


def __getattr__(name: str) -> Any:  # most processes call no model
    for home, names in _HOME.items():
        if name in names:
            return getattr(importlib.import_module(f"blackboard.llm.{home}"), name)
    raise AttributeError(f"module 'blackboard.llm' has no attribute {name!r}")
