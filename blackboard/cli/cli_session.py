"""The session of a command: its board and deployment, from its options, the environment and the deployment file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blackboard.cli.terminal.output import print_note
from blackboard.errors import ConfigurationError, UnknownName, UsageError

if TYPE_CHECKING:
    from blackboard.board import Blackboard
    from blackboard.board.deployments.deployer import Deployer
    from blackboard.board.result_types.administration_results import DeployResult
    from blackboard.client import Client
    from blackboard.core.marks.mark_model import Mark
    from blackboard.core.specs.deployment import Deployment
    from blackboard.settings.deployment_file import Settings
    from blackboard.settings.deployment_resolver import ResolvedDeployment


URL_VARIABLE, TOKEN_VARIABLE, TOKEN_FILE_VARIABLE = "BLACKBOARD_URL", "BLACKBOARD_TOKEN", "BLACKBOARD_TOKEN_FILE"
UNIX = "unix:"
"""The beginning of an address that is a Unix socket."""

_NEEDS_FILES = "it works on the files of the board, so run it on their machine"
NOT_OVER_HTTP = {
    "init": "the deployment file and its code belong to the machine of the board",
    "run": "a daemon works on the board itself",
    "serve": "a server needs the board itself",
    "check": "it reads the deployment file of the board's machine",
    "backup": _NEEDS_FILES,
    "restore": _NEEDS_FILES,
    "compact": _NEEDS_FILES,
    "copy": "it reads the whole board, so run it where the board is",
    "token": "tokens are made and revoked on the machine of the board, so that no token can make another token",
}
"""Why a command does not work on the board of a server."""


class HookExitCode(IntEnum):
    """The exit codes of a hook of a coding agent. The coding agent defines the meaning of these codes."""

    DONE = 0
    FAILED = 1
    """An error, such as wrong usage: only the user sees its message."""
    HAS_WORK = 2
    """There is work: the agent continues, and reads stderr."""


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
    server: str | None = None
    """The address of a server, as `--url` gives it."""
    token_file: Path | None = None
    command: str = ""
    """The name of the command, for messages."""

    @cached_property
    def settings(self) -> Settings:
        """The deployment file, without the agents that it names.

        Raises:
            ConfigurationError: The file has mistakes.
        """
        from blackboard.settings.deployment_file import load_settings

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

    def configured_model(self) -> str:
        """Return, as text, the model that a daemon with this deployment file would use, if no daemon runs."""
        from blackboard.llm.anthropic_client import client_from, describe_model

        try:
            model = self.settings.model
            answers = describe_model(model, client_from(model, os.environ))
        except ConfigurationError as error:
            answers = f"none: {error}"
        return f"{answers} (no daemon runs)"

    def deploy(self, board: Blackboard, resolved: ResolvedDeployment, deployer: Deployer) -> DeployResult | None:
        """Deploy the file, and return the result; None if it names no agents and the board has a deployment.

        Raises:
            AgentInUse: A living worker serves an agent that would be removed or replaced.
        """
        from blackboard.board.file_deployment import deploy_file

        deployment = self.deployment_of(resolved, board)
        return None if deployment is None else deploy_file(board, deployer, deployment)

    def deployment_of(self, resolved: ResolvedDeployment, board: Blackboard) -> Deployment | None:
        """Return the deployment that `deploy` would make active; None if it would change nothing."""
        return resolved.merged_with(board.deployment) if board.deployment.version else resolved.deployment

    @property
    def server_url(self) -> str | None:
        """The address of the server that has the board; None for a board of this machine."""
        return self.server or (os.environ.get(URL_VARIABLE) or None if self.database is None else None)

    def require_board(self) -> None:
        """Check that the command works on a board of this machine.

        Raises:
            UsageError: The user named a server, and the command works only on a board of this machine.
        """
        if self.server_url is not None:
            why = NOT_OVER_HTTP.get(self.command, "the server does not offer it")
            source = "--url" if self.server else URL_VARIABLE
            raise UsageError(f"'blackboard {self.command}' does not work with {source}: {why}")

    @property
    def url(self) -> str:
        """The URL of the board, or the path of an SQLite file.

        Raises:
            UsageError: The user named a server.
        """
        self.require_board()
        return self.database or self.settings.database.url

    @contextmanager
    def board_or_client(
        self, *, create: bool | None = False, report: Callable[[str], None] = print_note
    ) -> Iterator[Blackboard | Client]:
        """Open the board, or a client of the server that has it. See `board`."""
        if self.server_url is None:
            with self.board(create=create, report=report) as board:
                yield board
        else:
            with self.client() as client:
                yield client

    def client(self, **options: Any) -> Client:
        """Return a client of the server.

        Raises:
            UsageError: The address is not the address of a server, or an option contradicts it.
        """
        from blackboard.client import Client

        address = self.server_url or ""
        for option, value, why in (
            ("--database", self.database, "name a board of this machine or a server, not both"),
            ("--author", self.author, "the token determines the author"),
        ):
            if value is not None:
                raise UsageError(f"{option} cannot be combined with {'--url' if self.server else URL_VARIABLE}: {why}")
        if address.startswith(UNIX):
            return Client(uds=address.removeprefix(UNIX), token=self._token(), **options)
        return Client(address, token=self._token(), **options)

    def _token(self) -> str:
        """Return the token of the server, from its file or the environment.

        Raises:
            UsageError: The user named no token, or its file cannot be read.
        """
        from blackboard.system.files.settings_files import read_text

        if self.token_file is None and (token := os.environ.get(TOKEN_VARIABLE)):
            return token.strip()
        named = os.environ.get(TOKEN_FILE_VARIABLE)
        path = self.token_file or (Path(named) if named else None)
        if path is None:
            raise UsageError(
                f"a server needs a token; name its file with --token-file or {TOKEN_FILE_VARIABLE}, "
                f"or set {TOKEN_VARIABLE}"
            )
        return read_text(path, f"{'--token-file' if self.token_file else TOKEN_FILE_VARIABLE} {path}").strip()

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
        report: Callable[[str], None] = print_note,
    ) -> Iterator[Blackboard]:
        """Open the board. The first command that may create a board deploys the deployment file on it.

        A note says if the board was upgraded, or created, because its path may be mistyped.

        Args:
            create: Whether to create the database and its folder if there is none; None for "if it is a file".
            upgrade: Whether to upgrade the schema of an older version; None for "if it is a file".
            deploy: Whether to deploy the file on a new board; None for "if `create` allows to create the board".
            report: Called with notes; by default they go to stderr.

        Raises:
            ConfigurationError: The deployment file or the URL of the database is wrong.
            StoreError: The database cannot be used.
        """
        from blackboard.board import known_classes

        settings = self.settings
        with self._open(create=create, upgrade=upgrade, report=report) as board:
            known_classes.load_classes_from(board, self.classes)
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
                    hint = "; this board has no kinds and no agents yet; name a deployment file with --config"
                    raise UsageError(f"{error}{hint}") from None
                raise

    def _open(self, *, create: bool | None, upgrade: bool | None, report: Callable[[str], None]) -> Blackboard:
        """Open the board, and report the warnings about its files. See `board`."""
        from blackboard.board import Blackboard, board_addresses
        from blackboard.durations import Microseconds

        settings = self.settings
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            opened = Blackboard.open(
                self.url,
                author=settings.database.author if self.author is None else self.author,
                create=create,
                upgrade=board_addresses.creates_on_demand(self.url) if upgrade is None else upgrade,
                leap=Microseconds(settings.daemon.leap),
                writes=False,  # a command that writes fails later, if the board cannot be written
                **settings.database.connection_options,
            )
        for text in dict.fromkeys(str(warning.message) for warning in caught):
            report(f"warning: {text}")
        return opened


def no_agents_note(settings: Settings) -> str | None:
    """Return a text about a deployment file that names no agents; None if it names some."""
    if settings.names_agents:
        return None
    return f"{settings.path} names no agents; add them, or name another deployment file with --config"


def _schema_note(board: Blackboard) -> str | None:
    """Return a text about the change of the schema when the board was opened; None if there was none."""
    if (change := board.schema_change) is None:
        return None
    location = board.location
    if change.before is None:
        return f"{location} is a new board"
    copy = f"{change.backup} is a backup from before" if change.backup else "no backup was made on PostgreSQL"
    return f"the schema of {location} was upgraded from {change.before} to {change.after}; {copy}"


def session_of(context: typer.Context) -> CommandSession:
    """Return the session of the running command, which must work with the board that the user named.

    Raises:
        UsageError: The command does not work with a server, and the user named one.
    """
    session = context.find_object(CommandSession)
    assert session is not None  # the callback of the root command creates the session
    if session.command in NOT_OVER_HTTP:
        session.require_board()
    return session
