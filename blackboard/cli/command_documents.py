"""The documents that commands print as JSON, if the server has no operation for the command.

`presentation/json_shapes.py` has the documents that are also responses of the server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from blackboard.board.result_types.administration_results import Backup, ErasureReport
from blackboard.board.result_types.remote_work_results import RemoteActivation
from blackboard.presentation.json_shapes import Erasure, erasure

if TYPE_CHECKING:
    from blackboard.board.deposited_files.loaded_files import KeptMark
    from blackboard.core.records.states import MessageState
    from blackboard.testing.scenario_runs import UnmetExpectation


@dataclass(frozen=True)
class RunCommands:
    """The commands that continue or end a run."""

    finish: str
    heartbeat: str
    fail: str


@dataclass(frozen=True, kw_only=True)
class ClaimedRun(RemoteActivation):
    """The document of `claim`: an activation, with the commands for its run."""

    commands: RunCommands


@dataclass(frozen=True)
class Restoration(Backup):
    """The document of `restore`: the restored board, with the forgotten subjects that its backup brought back."""

    previous: Path | None
    """The path of the board that was replaced; None if there was none."""
    back: Sequence[str]
    """The subjects that are back."""
    forgotten: Sequence[Erasure]
    """The subjects that were forgotten again."""


@dataclass(frozen=True)
class LoadDocument:
    """The document of `load`."""

    encoding: str | None
    """The encoding in which the file was read; None if it had no rows."""
    loaded: int
    """The number of rows that became deposits. The next five are these rows by outcome."""
    deposited: int
    reinforced: int
    unchanged: int
    duplicate: int
    stale: int
    skipped: int
    """The number of rows without the tags of `--tag`."""
    tags: Mapping[str, Mapping[str, int]]
    """The values of each tag, with the number of rows that have them."""
    withdrawn: int
    """The number of marks of an earlier load that were withdrawn."""
    kept: Sequence[KeptMark]
    """The marks of an earlier load that were not withdrawn."""
    rejected: int
    rejects: Path | None
    """The file with the rejected rows; None if there are none."""
    crossed: Mapping[str, int]
    """The agents whose watches crossed, with the number of deposits that made them cross."""


@dataclass(frozen=True)
class MessageChange:
    """A message to people outside that a person sent again or gave up."""

    id: int
    state: MessageState


@dataclass(frozen=True)
class NewToken:
    """The document of `token create`."""

    name: str
    token: str


@dataclass(frozen=True)
class RevokedToken:
    """The document of `token revoke`."""

    name: str
    state: Literal["revoked"] = "revoked"


@dataclass(frozen=True)
class InitializedBoard:
    """The document of `init`."""

    written: Path | None
    """The example that was written as the deployment file; None if none was wanted."""
    board: str
    """The location of the board."""
    deployment: int
    """The version of the active deployment."""
    changed: Sequence[str]
    """Each change of the deployment, in words."""


@dataclass(frozen=True)
class NewFolder:
    """The document of `new`."""

    folder: str
    module: str
    files: Sequence[str]
    board: str
    """The file of the board, in the folder."""


@dataclass(frozen=True)
class ScenarioResult:
    """An entry in the document of `test`: a file, with its expectations that were not met."""

    file: str
    unmet: Sequence[UnmetExpectation]


def restoration(
    restored: Backup, previous: Path | None, back: Sequence[str], forgotten: Mapping[str, ErasureReport]
) -> Restoration:
    """Return the document of `restore`."""
    reports = [erasure(subject, report) for subject, report in forgotten.items()]
    return Restoration(**vars(restored), previous=previous, back=back, forgotten=reports)
