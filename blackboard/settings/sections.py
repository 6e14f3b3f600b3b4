"""The sections of a deployment file as pydantic models."""

from __future__ import annotations

from typing import Annotated, Any, Self, TypedDict

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from blackboard.clock import DEFAULT_LEAP
from blackboard.core.marks.tags import TagValue
from blackboard.core.specs.agent_spec import AgentSettings, DepositLimits, ReadSpec
from blackboard.core.specs.deployment import MAX_SKEW
from blackboard.core.specs.kind_spec import KindSettings
from blackboard.core.specs.watch_spec import WatchSettings
from blackboard.durations import DAY, SECOND, Duration, Microseconds, PositiveDuration
from blackboard.system.files.private_files import parse_mode


def _none(value: Any) -> Any:
    return None if value == "none" else value


Keep = Annotated[Duration | None, BeforeValidator(_none)]
"""A retention time: a duration, or `none` to keep everything."""


class Section(BaseModel):
    """A section of a deployment file. Unknown settings are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ConnectionOptions(TypedDict):
    """The settings of `[database]` that `Blackboard.open` takes besides the location and the author."""

    mode: int | None
    prepare: bool
    direct_url: str | None
    query_url: str | None


class DatabaseSection(Section):
    """`[database]`: the location of the board, and the author of deposits."""

    url: str = Field(default="sqlite:///board.db", min_length=1)
    """An SQLAlchemy URL. A relative path is resolved from the current folder."""
    author: str | None = Field(default=None, min_length=1, max_length=200)
    """The author of deposits by this process; by default `person:` and the user's name."""
    mode: Annotated[int | None, BeforeValidator(parse_mode)] = None
    """The permissions of the board's files, in octal; without it, only the user who makes them has access."""
    prepare: bool = True
    """Whether PostgreSQL may keep statements and settings for a connection; false behind a pooler of transactions."""
    direct_url: str | None = Field(default=None, min_length=1)
    """The URL of the database server itself, for notifications and the locks of workers, if `url` names a pooler."""
    query_url: str | None = Field(default=None, min_length=1)
    """The URL of the board on PostgreSQL as a user who may only read, for queries in SQL over HTTP."""

    @property
    def connection_options(self) -> ConnectionOptions:
        """The keyword arguments of `Blackboard.open` that these settings give."""
        return ConnectionOptions(
            mode=self.mode, prepare=self.prepare, direct_url=self.direct_url, query_url=self.query_url
        )


class DeploymentSection(Section):
    """`[deployment]`: the agents and kinds to import, each as `module:name`, and settings of the whole board."""

    agents: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    """Mark classes that no agent's module contains."""
    max_skew: Duration = MAX_SKEW
    """How far ahead of the board's time the occurrence of a deposit may be. Such an occurrence counts as now."""


class KindSection(KindSettings):
    """`[kinds.NAME]`: overrides of the kind's class, or a kind without a class."""

    payload_schema: dict[str, Any] | None = None
    """The JSON schema of the payload, for a kind without a class."""


Trust = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


class AuthorSection(DepositLimits):
    """`[authors.NAME]`: the trust in an author, and the limits of its deposits."""

    trust: Trust = 1.0


class WatchSection(WatchSettings):
    """`[agents.NAME.watches.NAME]`: overrides of one watch, or a watch of a remote agent."""

    when: str | None = None
    """The condition. This setting and the next three are for remote agents, which have no declaration in Python."""
    only_if: str | None = None
    """A guard that must hold."""
    unless: str | None = None
    """A guard that must not hold."""
    include_own: bool | None = None
    """Whether the agent's own marks can wake it."""
    threshold: float | None = Field(default=None, gt=0)
    within: Duration | None = None
    """The length of the window, for a condition with a window that is a single comparison."""
    schedule: str | None = None
    """Another schedule for a scheduled watch; under a new name, a schedule that the agent has not declared."""


ONLY_REMOTE = (
    *("writes", "withdraws", "only_if", "unless", "renamed_from"),
    *("webhook", "webhook_secret_env", "webhook_private_networks"),
)
"""The settings of an agent that only a remote agent has."""
DECLARED_IN_WATCHES = ("when", "only_if", "unless", "include_own")
"""The settings of a watch that an agent in Python declares itself."""


class ReadSection(Section):
    """An item of `reads` of `[agents.NAME]`: marks that the agent reads, or (`search`) searches for."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    kind: str | None = None
    """The kind whose strongest marks are read."""
    search: str | None = None
    """The kind that is searched instead."""
    from_: str | None = Field(default=None, alias="from", min_length=1)
    """The field with the text to search for, in the marks that woke the agent."""
    limit: int = Field(default=5, ge=1, le=1000)
    same_subject: bool = False
    """Whether only marks of the subjects that woke the agent are read."""
    where: dict[str, TagValue | tuple[TagValue, ...]] = Field(default_factory=dict)
    """The values that tags of the marks must have."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.kind is None) == (self.search is None):
            raise ValueError("a read needs either 'kind' or 'search', and not both")
        if (self.search is None) != (self.from_ is None):
            raise ValueError("'search' and 'from' belong together: 'from' names the field with the text to search for")
        if self.search is not None and self.same_subject:
            raise ValueError("'same_subject' and 'search' cannot be combined; remove one of them")
        return self

    @property
    def spec(self) -> ReadSpec:
        """The read as data."""
        return ReadSpec(
            kind=self.search or self.kind or "",
            limit=self.limit,
            same_subject=self.same_subject,
            where=self.where,
            search_from=self.from_,
        )


def _watch_sections(value: Any) -> Any:
    """Return the watches of an agent as tables. A text stands for a watch with this condition."""
    if isinstance(value, str):
        value = {"watch": value}
    if not isinstance(value, dict):
        return value
    return {name: {"when": item} if isinstance(item, str) else item for name, item in value.items()}


class AgentSection(AgentSettings):
    """`[agents.NAME]`: overrides of the agent's declaration, or the declaration of a remote agent."""

    enabled: bool = True
    """Whether the agent is part of the deployment."""
    remote: bool = False
    """Whether programs outside the daemon run it. Such an agent is declared here, without Python."""
    webhook: str | None = Field(default=None, repr=False)
    """The address to which the daemon posts the activations of a remote agent."""
    webhook_secret_env: str | None = None
    """The environment variable with the secret that signs these posts."""
    webhook_private_networks: tuple[str, ...] = ()
    """The private networks where the webhook may be."""
    writes: tuple[str, ...] | None = None
    """The kinds that a remote agent may deposit."""
    withdraws: tuple[str, ...] | None = None
    """The kinds whose marks a remote agent may withdraw although other authors deposited them."""
    only_if: str | None = None
    """A guard of all watches of a remote agent, which must hold."""
    unless: str | None = None
    """A guard of all watches of a remote agent, which must not hold."""
    renamed_from: str | None = None
    """The previous name of a remote agent."""
    threshold: float | None = Field(default=None, gt=0)
    """The threshold, for an agent with one watch whose condition is a single comparison."""
    within: Duration | None = None
    """The length of the window, for an agent with one watch that has a window."""
    schedule: str | None = None
    """The schedule, for an agent with one watch that is a schedule."""
    watches: Annotated[dict[str, WatchSection], BeforeValidator(_watch_sections)] = Field(default_factory=dict)
    """The watches by name. For a remote agent, the text of a condition may stand for a whole watch."""
    reads: tuple[ReadSection, ...] | None = None
    """What the agent reads, instead of the `reads` of its declaration."""

    @property
    def only_remote(self) -> list[str]:
        """The settings that only a remote agent has, since any other agent declares them in Python."""
        own = [name for name in ONLY_REMOTE if getattr(self, name)]
        watches = ((name, setting) for name in self.watches for setting in DECLARED_IN_WATCHES)
        return [
            *own,
            *(f"watches.{name}.{setting}" for name, setting in watches if getattr(self.watches[name], setting)),
        ]


class DaemonSection(Section):
    """`[daemon]`: settings of the daemon."""

    tick: PositiveDuration = Microseconds(10 * SECOND)
    """The longest time between two checks of the board without a notification."""
    lease: PositiveDuration = Microseconds(60 * SECOND)
    """How long a silent worker counts as alive."""
    grace: Duration = Microseconds(30 * SECOND)
    """How long running activations may continue after the first stop signal."""
    workers: int = Field(default=8, ge=1, le=256)
    """The number of activations that run at the same time, each in a thread."""
    evaporation_batch: int = Field(default=500, ge=1, le=100_000)
    """The largest number of marks that one transaction moves to the history."""
    checkpoint: PositiveDuration = Microseconds(30 * SECOND)
    """The interval at which the write-ahead log is copied into the database."""
    batch_api_interval: PositiveDuration = Microseconds(60 * SECOND)
    """The interval at which calls are submitted to the Batch API and results are fetched."""
    keep_history: Keep = Microseconds(365 * DAY)
    """How long the events of marks are kept."""
    keep_activations: Keep = Microseconds(90 * DAY)
    """How long ended activations are kept."""
    keep_model_calls: Keep = Microseconds(90 * DAY)
    """How long ended model calls are kept."""
    keep_activity: Keep = Microseconds(30 * DAY)
    """How long the entries of the activity are kept."""
    keep_messages: Keep = Microseconds(90 * DAY)
    """How long ended messages to sinks are kept."""
    leap: Duration = DEFAULT_LEAP
    """The largest forward jump of the clock that is believed."""
    log_payloads: bool = False
    """Whether the log shows the messages of all errors, which may quote payloads and answers."""


class ServerSection(Section):
    """`[server]`: where `blackboard serve` listens, and its limits."""

    listen: str = "127.0.0.1:8787"
    """The address, as `HOST:PORT`."""
    behind_proxy: bool = False
    """Whether clients use a reverse proxy, which adds TLS and may set X-Forwarded-Host, -Proto and -Prefix."""
    hosts: tuple[str, ...] = ()
    """The names that clients use for the server, in addition to this machine's own names."""
    origins: tuple[str, ...] = ()
    """The origins of other pages that may use the board with a token, such as `https://example.org`."""
    tls_certificate: str | None = Field(default=None, min_length=1)
    """The file of a certificate chain, for HTTPS."""
    tls_key: str | None = Field(default=None, min_length=1)
    """The file of its private key, if the chain does not contain it."""
    threads: int = Field(default=32, ge=1, le=1024)
    """The number of requests that use the board at the same time. Further requests wait."""
    requests_per_second: float = Field(default=200.0, gt=0, le=1e6)
    """How often one token may be used, on average. The requests of one second may come all together."""
    max_body: int = Field(default=2 * 1024 * 1024, ge=1024)
    """The largest body of a request, in bytes."""
    max_bulk: int = Field(default=256 * 1024 * 1024, ge=1024)
    """The largest body of a deposit in bulk, in bytes."""
    max_streams: int = Field(default=1000, ge=1, le=1900)
    """The number of event streams that may be open at the same time."""
    sbp: bool = False
    """Whether other programs may use the board by the Stigmergic Blackboard Protocol."""
    sbp_author: str = "sbp"
    """The author of what programs on this machine deposit by that protocol without a token."""
    activity: bool = True
    """Whether the board records what agents and people do, for `GET /v1/events`.

    The setting is part of the deployment, so it applies to every process.
    """
