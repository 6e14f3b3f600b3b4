"""The settings of an agent as keyword arguments of `agent`, for editors and type checkers.

`AgentSettings` in `agent_spec` describes and checks each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict

from blackboard.core.specs.agent_spec import Budget, ModelChoice
from blackboard.core.specs.watch_spec import CatchUp, OnGuard, Per
from blackboard.durations import DurationLike


class BudgetOptions(TypedDict, total=False):
    """The limits of an agent's model calls, as a dictionary; see `Budget`."""

    mode: Literal["hold", "warn"]
    usd_per_activation: float | None
    usd_per_hour: float | None
    usd_per_day: float | None
    calls_per_activation: int | None
    calls_per_hour: int | None
    calls_per_day: int | None


class ModelOptions(TypedDict, total=False):
    """A model for some activations, as a dictionary; see `ModelChoice`."""

    model: str
    below: float | None


class AgentOptions(TypedDict, total=False):
    """The settings of an agent. Lengths of time are text such as "30s", or a `timedelta`."""

    batch: int | None
    """The largest number of marks in one activation; None for 100, or all for a watch over the board."""
    per: Per | None
    """What an activation takes; None as the condition decides."""
    batch_window: DurationLike
    """The longest wait for a fuller batch."""
    urgent_above: float | None
    """The strength of a mark that ends the batch window."""
    cooldown: DurationLike
    """How long the agent is neither woken nor retried after a success."""
    cooldown_per: Literal["agent", "subject"] | None
    """Whether the cooldown applies to the agent, or to the subjects that succeeded."""
    concurrency: int
    """The largest number of its activations that run at the same time, in all daemons together."""
    timeout: DurationLike
    """The longest run of one activation."""
    max_attempts: int
    """The number of failures after which a batch is split, or a single mark or subject is dead."""
    retry_after: DurationLike
    """The wait after the first failure. It doubles with each failure."""
    when_faded: Literal["keep", "drop"]
    """What happens to marks that faded below the threshold before the agent could start."""
    max_marks: int
    """The largest number of marks that one activation may deposit."""
    max_payload: int
    """The largest payload that the agent may deposit, in bytes of JSON in UTF-8."""
    max_total: int
    """The largest size of all payloads of one activation together, in bytes of JSON in UTF-8."""
    max_chain: int
    """The largest number of activations in a chain: the marks of each wake the next."""
    max_activations_per_hour: int | None
    """The largest number of activations in an hour; None for no limit."""
    answerable_by: Sequence[str]
    """The agents that may answer the needs of this agent. A need that names agents itself takes precedence."""
    catch_up: CatchUp
    """How the agent's schedules treat missed instants."""
    on_guard: OnGuard
    """How a crossing is treated while the guard is closed."""
    held_for: DurationLike
    """How long the condition must have held."""
    rewake_every: DurationLike | None
    """The time after which the agent wakes again while the condition holds; None for never."""
    clear_below: float | None
    """A rising value must have been below this number before its watch wakes the agent again."""
    clear_above: float | None
    """A falling value must have reached this number before its watch wakes the agent again."""
    cooldown_after_failures: int
    """The number of failures in a row after which the agent has a cooldown."""
    model: str | None
    """The name of the model; None for the deployment's model."""
    models: Sequence[ModelChoice | ModelOptions]
    """Other models by the strength of the strongest mark. The first that applies is used."""
    max_tokens: int | None
    """The largest number of tokens of an answer; None for the deployment's limit."""
    use_batch_api: bool
    """Whether calls go through the Message Batches API."""
    batch_api_below: float | None
    """A call also goes through the Message Batches API if its strongest mark is below this strength."""
    on_unknown: Literal["retry", "hold"]
    """What happens to a call that may have been answered and paid for."""
    give_up_after: DurationLike | None
    """How long calls that were certainly not answered are retried; None for no limit."""
    budget: Budget | BudgetOptions
    """The limits of the agent's model calls."""
