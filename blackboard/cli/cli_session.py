"""The board and the deployment of a command, from its options, the environment and the deployment file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blackboard.cli.terminal.output import note
from blackboard.errors import ConfigurationError, UnknownName, UsageError

if TYPE_CHECKING:
    from blackboard.board import Blackboard
    from blackboard.board.deployments.deployer import Deployer
    from blackboard.board.result_types import DeployResult
    from blackboard.core.deployment import Deployment
    from blackboard.core.marks import Mark
    from blackboard.settings.deployment_resolver import ResolvedDeployment
    from blackboard.settings.settings_file import Settings

Replace = Annotated[
    bool, typer.Option("--replace", help="Remove or replace agents even if a running worker serves them.")
]


@dataclass
class CommandSession:
    """The options, the deployment file and the board of a command."""

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

        Raises:
            AgentInUse: A living worker serves an agent that would be removed or replaced.
        """
        deployment = self.deployment_of(resolved, board)
        return None if deployment is None else deployer.deploy(board.session, lambda txn: deployment)

    def deployment_of(self, resolved: ResolvedDeployment, board: Blackboard) -> Deployment | None:
        """Return the deployment that `deploy` would make active; None if it would change nothing."""
        return resolved.over(board.deployment) if board.deployment.version else resolved.deployment

    @property
    def url(self) -> str:
        """The URL of the board, or the path of an SQLite file."""
        return self.database or self.settings.database.url

    @property
    def overrides(self) -> set[str]:
        """The settings of the file that options of this command override."""
        options = {"[database] url": self.database, "[database] author": self.author}
        return {name for name, value in options.items() if value is not None}

    @contextmanager
    def board(
        self,
        *,
        create: bool | None = False,
        upgrade: bool | None = None,
        deploy: bool | None = None,
        report: Callable[[str], None] = note,
    ) -> Iterator[Blackboard]:
        """Open the board. The first command that may create a board deploys the deployment file on it.

        A note says that a board was created, because its path may be mistyped, or upgraded.

        Args:
            create: Whether to create the database and its folder if there is none; None does so for SQLite only.
            upgrade: Whether to upgrade the schema of an older version; None does so for SQLite only.
            deploy: Whether to deploy the file on a new board; by default if `create` may create it.
            report: Called with notes; by default they go to stderr.

        Raises:
            ConfigurationError: The deployment file or the URL of the database is wrong.
            StoreError: The database cannot be used.
        """
        from blackboard.board import Blackboard
        from blackboard.durations import Microseconds
        from blackboard.system.board_files import is_embedded

        settings = self.settings
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            opened = Blackboard.open(
                self.url,
                author=settings.database.author if self.author is None else self.author,
                create=create,
                upgrade=is_embedded(self.url) if upgrade is None else upgrade,
                leap=Microseconds(settings.daemon.leap),
                mode=settings.database.mode,
                writes=False,  # a command that writes fails when it does
            )
        for warning in caught:
            report(f"warning: {warning.message}")
        with opened as board:
            board.session.classes.load_from(self.classes)
            if (text := _schema_note(board)) is not None:
                report(text)
            if deploy is None:
                deploy = create is not False
            if deploy and settings.names_agents and board.deployment.version == 0:
                board.deploy(self.resolve().deployment)
            try:
                yield board
            except UnknownName as error:
                if not settings.names_agents and not board.deployment.agents:
                    hint = "; no kind or agent is registered on this board yet; name a deployment file with --config"
                    raise UsageError(f"{error}{hint}") from None
                raise


def model_of(session: CommandSession) -> str:
    """Return, as text, the provider and model that a daemon with this file and environment would use."""
    from blackboard.llm.client import client_from, describe_model

    try:
        model = session.settings.model
        answers = describe_model(model, client_from(model, os.environ))
    except ConfigurationError as error:
        answers = f"none: {error}"
    return f"{answers} (no daemon runs)"


def _schema_note(board: Blackboard) -> str | None:
    """Return a text about the change of the schema when the board was opened; None if there was none."""
    if (change := board.schema_change) is None:
        return None
    where = board.database.where
    if change.before is None:
        return f"{where} is a new board"
    copy = f"{change.backup} is a backup from before" if change.backup else "no backup was made on a server"
    return f"the schema of {where} was upgraded from {change.before} to {change.after}; {copy}"


def note_warnings(resolved: ResolvedDeployment) -> None:
    """Print the settings that are allowed but probably not intended on stderr."""
    for warning in resolved.warnings:
        note(f"warning: {warning}")


def session_of(context: typer.Context) -> CommandSession:
    """Return the session of the running command."""
    session = context.find_object(CommandSession)
    assert session is not None  # the callback of the root command creates it
    return session
