"""The sections of a deployment file, as data. Nothing here reads a file or looks a name up."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from blackboard.deployment import AgentSettings
from blackboard.durations import Duration, Microseconds, parse_duration
from blackboard.marks import OnRepeat

__all__ = [
    "AgentSection",
    "DaemonSettings",
    "DatabaseSection",
    "DeploymentSection",
    "Keep",
    "KindSection",
    "WatchSection",
]


def _none(value: Any) -> Any:
    return None if value == "none" else value


Keep = Annotated[Duration | None, BeforeValidator(_none)]
"""How long something is kept: a duration, or `none` for as long as the board lives."""


def _length(text: str) -> Microseconds:
    return Microseconds(parse_duration(text))


class Section(BaseModel):
    """Part of a deployment file; it refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DatabaseSection(Section):
    """`[database]`: where the board is, and who this process is."""

    url: str = Field(default="sqlite:///board.db", min_length=1)
    """An SQLAlchemy URL; a relative path starts where the command was started."""
    author: str | None = Field(default=None, min_length=1, max_length=200)
    """Who signs what this process deposits; `person:` and the user's name by default."""


class DeploymentSection(Section):
    """`[deployment]`: what is to be imported, each as `module:name`."""

    agents: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    """Mark classes that no agent's module makes known."""


class KindSection(Section):
    """`[kinds.NAME]`: what is set here takes the place of what the class of the kind says."""

    weight: float = 1.0
    decay: dict[str, Any] | str = "never"
    floor: float = 0.01
    on_repeat: OnRepeat = "max"
    cap: float | None = None
    unique: str | None = None


class WatchSection(Section):
    """`[agents.NAME.watches.NAME]`: what is set here takes the place of what the agent declares."""

    threshold: float | None = Field(default=None, gt=0)
    min_increase: float | None = Field(default=None, gt=0)


class AgentSection(AgentSettings):
    """`[agents.NAME]`: what is set here takes the place of what the agent declares."""

    enabled: bool = True
    """An agent that is not is left out of the deployment."""
    threshold: float | None = Field(default=None, gt=0)
    """For an agent with one watch of a single comparison; others name the watch."""
    watches: dict[str, WatchSection] = Field(default_factory=dict)


class DaemonSettings(Section):
    """`[daemon]`: how the daemon works."""

    tick: Duration = _length("10s")
    """The safety net: how often it looks although nothing told it to."""
    lease: Duration = _length("60s")
    """How long a worker that says nothing is taken to be alive."""
    grace: Duration = _length("30s")
    """How long what runs may go on after the first signal to stop."""
    workers: int = Field(default=8, ge=1, le=256)
    """Activations that run at once, in threads."""
    evaporation_batch: int = Field(default=500, ge=1, le=100_000)
    """Marks that one transaction moves to the history."""
    checkpoint: Duration = _length("30s")
    """How often the write-ahead log is brought into the database."""
    batch_api_interval: Duration = _length("60s")
    """How often calls for the batch API are handed in together, and their answers asked for."""
    keep_history: Keep = _length("365d")
    keep_activations: Keep = _length("90d")
    keep_model_calls: Keep = _length("90d")
    leap: Duration = _length("365d")
    """A clock that jumps ahead by more than this is not believed."""
