"""The board and the deployment of a command, from its options, the environment and the deployment file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blackboard.cli.output import note
from blackboard.errors import StoreMissing, UnknownName, UsageError

if TYPE_CHECKING:
    from blackboard.board import Blackboard
    from blackboard.board.deployer import Deployer
    from blackboard.board.result_types import DeployResult
    from blackboard.deployment import Deployment
    from blackboard.marks import Mark
    from blackboard.settings.deployment_resolver import ResolvedDeployment
    from blackboard.settings.settings_file import Settings

Replace = Annotated[
    bool, typer.Option("--replace", help="Remove or replace agents even if a running worker serves them.")
]


@dataclass
class Session:
    """The common options of a command."""

    config: Path | None = None
    database: str | None = None
    author: str | None = None
    debug: bool = False

    @cached_property
    def settings(self) -> Settings:
        """The deployment file, without the agents that it names.

        Raises:
            ConfigurationError: The file has mistakes.
        """
        from blackboard.settings.settings_file import load_settings

        return load_settings(self.config)

    def resolve(self) -> ResolvedDeployment:
        """Read the deployment file again, with its agents and kinds.

        Raises:
            ConfigurationError: The file has mistakes.
        """
        from blackboard.settings.deployment_resolver import resolve_file

        return resolve_file(self.config)

    def classes(self) -> tuple[type[Mark], ...]:
        """Return the mark classes that the deployment file names; every command finds them in this way.

        Raises:
            ConfigurationError: The file has mistakes.
        """
        if not self.settings.names_agents:
            return ()
        from blackboard.settings.deployment_resolver import resolve_classes

        return resolve_classes(self.settings)

    def deploy(self, board: Blackboard, resolved: ResolvedDeployment, deployer: Deployer) -> DeployResult | None:
        """Deploy the file, and return the result; None if it names no agents and the board has a deployment.

        Such a file, like the packaged default, only gives the address of a board. It must not remove agents.

        Raises:
            AgentInUse: A living worker serves an agent that would be removed or replaced.
        """
        deployment = self.deployment_of(resolved, board)
        return None if deployment is None else deployer.deploy(board.session, lambda txn: deployment)

    def deployment_of(self, resolved: ResolvedDeployment, board: Blackboard) -> Deployment | None:
        """Return what `deploy` would deploy on a board; None if nothing."""
        if not resolved.settings.names_agents and board.deployment.version:
            return None
        return resolved.deployment

    @property
    def url(self) -> str:
        """The URL of the board, or the path of an SQLite file."""
        return self.database or self.settings.database.url

    @contextmanager
    def board(
        self,
        *,
        create: bool | None = None,
        folder: bool = False,
        register: bool = True,
        report: Callable[[str], None] = note,
    ) -> Iterator[Blackboard]:
        """Open the board. The first command on a new board deploys the deployment file.

        A note says that a board was created, because its path may be mistyped.

        Args:
            create: Whether to create or upgrade the database; by default true for SQLite and false for a server.
            folder: Whether to create the folder of the database too.
            register: Whether to deploy the file on a new board.
            report: Called with the note; by default it goes to stderr.

        Raises:
            ConfigurationError: The deployment file or the URL of the database is wrong.
            StoreError: The database cannot be used.
        """
        from blackboard.board import Blackboard
        from blackboard.durations import Microseconds

        settings = self.settings
        is_new = self._is_missing(folder=folder)
        with Blackboard.open(
            self.url,
            author=settings.database.author if self.author is None else self.author,
            create=create,
            leap=Microseconds(settings.daemon.leap),
        ) as board:
            board.session.classes.load_from(self.classes)
            if is_new:
                report(f"{board.database.where} is a new board")
            elif (change := board.schema_change) is not None and change.before is not None:
                copy = f"{change.backup} is a backup from before" if change.backup else "no backup was made on a server"
                where = board.database.where
                report(f"the schema of {where} was upgraded from {change.before} to {change.after}; {copy}")
            if register and settings.names_agents and board.deployment.version == 0:
                board.deploy(self.resolve().deployment)
            try:
                yield board
            except UnknownName as error:
                if not settings.names_agents and not board.deployment.agents:
                    hint = "; no kind or agent is registered on this board yet; name a deployment file with --config"
                    raise UsageError(f"{error}{hint}") from None
                raise

    def _is_missing(self, *, folder: bool) -> bool:
        """Return whether there is no board yet.

        Raises:
            StoreMissing: The folder does not exist and must not be created.
        """
        from blackboard.board_files import path_in

        path = path_in(self.url)
        if path is None or path.exists():
            return False
        if not folder and not path.parent.exists():
            raise StoreMissing(
                f"there is no board at {path}, and no folder {path.parent}; 'blackboard init' creates both"
            )
        return True


def note_warnings(resolved: ResolvedDeployment) -> None:
    """Print the settings that are allowed but probably not intended on stderr."""
    for warning in resolved.warnings:
        note(f"warning: {warning}")


def session_of(context: typer.Context) -> Session:
    """Return the session of the running command."""
    session = context.find_object(Session)
    assert session is not None  # the callback of the root command creates it
    return session
