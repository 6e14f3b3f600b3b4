"""Results of a person's acts: tokens, deployments, backups, erasure and compaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class AccessToken:
    """The record of a token for the server. The token itself is shown only when it is made."""

    name: str
    author: str
    """Who signs what its holder deposits and answers."""
    scopes: tuple[str, ...]
    """What its holder may do, such as `read` and `deposit:lead`."""
    state: Literal["valid", "expired", "revoked"]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True)
class DeploymentRecord:
    """A version of the deployment."""

    version: int
    deployed_at: datetime
    active: bool
    """Whether this version is active."""
    agents: tuple[str, ...]
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class DeployResult:
    """The outcome of a deployment."""

    version: int
    changed: tuple[str, ...]
    """Each change, in words; empty if the deployment was already active."""


@dataclass(frozen=True)
class Backup:
    """A backup, or the board that was restored from it."""

    path: Path
    bytes: int
    """The size of the file."""
    marks: int
    events: int
    last_recorded_at: datetime
    """The latest time that the board recorded. The backup has no later change."""


@dataclass(frozen=True)
class BackupMention:
    """A backup that still contains the subject."""

    path: Path
    events: int | None
    """The number of the subject's events in the backup; None if the backup cannot be read."""


@dataclass(frozen=True)
class ErasureReport:
    """The marks, events and other rows that were erased."""

    name: str
    """The random name that replaces the subject; empty if it was forgotten before, and only the file was compacted."""
    live: int
    """The number of live marks that were removed."""
    events: int
    """The number of events whose payload was erased."""
    activations: int
    """The number of activations that were given or deposited a mark of the subject."""
    calls: tuple[int, ...]
    """The model calls whose request and answer were erased."""
    named_in: tuple[int, ...]
    """Marks of other subjects that name this subject. They are kept for a person to judge."""
    backups: tuple[BackupMention, ...] = ()
    """The known backups that still contain the subject."""
    out_of_reach: tuple[str, ...] = ()
    """Other places that may contain words of the subject, and that this program cannot change."""
    not_compacted: str | None = None
    """Why unused parts of the file may still contain words of the subject; None if they do not."""


@dataclass(frozen=True)
class CompactionReport:
    """The size of a board's file before and after it was compacted."""

    bytes_before: int
    bytes_after: int
