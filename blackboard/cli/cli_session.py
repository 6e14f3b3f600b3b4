"""Which board and which deployment a command works on: from its options, the environment and the deployment file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from blackboard.cli.output import note
from blackboard.errors import StoreMissing, UnknownName, UsageError

if TYPE_CHECKING:
    from blackboard.board import Blackboard
    from blackboard.board.results import DeployResult
    from blackboard.settings import Resolved, Settings

__all__ = ["Session", "session_of"]


@dataclass
class Session:
    """What the common options say."""

    config: Path | None = None
    database: str | None = None
    author: str | None = None
    debug: bool = False

    @cached_property
    def settings(self) -> Settings:
        """The deployment file, without the agents that it names.

        Raises:
            ConfigurationError: what is wrong with it.
        """
        from blackboard.settings import load_settings

        return load_settings(self.config)

    def resolve(self) -> Resolved:
        """The deployment file with its agents and kinds, read afresh; `put_in_force` registers it.

        Raises:
            ConfigurationError: what is wrong with it.
        """
        from blackboard.settings import resolve_file

        return resolve_file(self.config)

    def deploy(self, board: Blackboard, resolved: Resolved) -> DeployResult | None:
        """Register what the file says; None where it names no deployment and the board has one.

        Such a file, like the packaged default, says where a board is: it is not meant to take its agents away.
        """
        if not resolved.settings.names_agents and board.deployment.version:
            return None
        return board.deploy(resolved.deployment)

    @property
    def url(self) -> str | Path:
        """Where the board is: a URL, or the path of an SQLite file, in which no character means anything else."""
        url = self.database or self.settings.database.url
        if url.startswith((":memory:", "file:")):
            url = f"sqlite:///{url}"  # which is refused in words
        return url if "://" in url else Path(url)

    @contextmanager
    def board(self, *, create: bool | None = None, folder: bool = False, register: bool = True) -> Iterator[Blackboard]:
        """The board, open. The first command on a new one registers what the deployment file names.

        A board that was made is told of on stderr: its path may be mistyped.

        Args:
            create: whether a database may be made; by default, an embedded one.
            folder: whether the folder that it is to lie in may be made too.
            register: whether to; a command that registers by itself does without.

        Raises:
            ConfigurationError: the deployment file or the database's URL is wrong.
            StoreError: the database cannot be used.
        """
        from blackboard.board import Blackboard
        from blackboard.durations import Microseconds

        settings = self.settings
        made = self._missing(folder=folder)
        with Blackboard.open(
            self.url,
            author=self.author or settings.database.author,
            create=create,
            leap=Microseconds(settings.daemon.leap),
        ) as board:
            if made:
                note(f"{board.database.where} is a new board")
            if register and settings.names_agents and board.deployment.version == 0:
                board.deploy(self.resolve().deployment)
            try:
                yield board
            except UnknownName as error:
                if not settings.names_agents and not board.deployment.agents:
                    hint = "; nothing is registered on this board yet: name a deployment file with --config"
                    raise UsageError(f"{error}{hint}") from None
                raise

    def _missing(self, *, folder: bool) -> bool:
        """Whether there is no board yet, in a folder where one may be made.

        Raises:
            StoreMissing: there is no such folder.
        """
        from blackboard.store.database import path_in

        url = self.url
        path = url.absolute() if isinstance(url, Path) else path_in(url)
        if path is None or path.exists():
            return False
        if not folder and not path.parent.exists():
            raise StoreMissing(
                f"there is no board at {path}, and no folder {path.parent}; 'blackboard init' makes both"
            )
        return True


def session_of(context: typer.Context) -> Session:
    """The session of the command that runs."""
    session = context.find_object(Session)
    assert session is not None  # the callback of the root command made it
    return session
