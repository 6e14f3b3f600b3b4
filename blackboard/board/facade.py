"""The facade `Blackboard`, which has every operation of a program on a board.

This module opens and closes a board. The package `interface` has the methods, by subject.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from blackboard.board.board_session import BoardSession
from blackboard.board.interface.administration_methods import AdministrationMethods
from blackboard.board.interface.deposit_methods import DepositMethods
from blackboard.board.interface.need_methods import NeedMethods
from blackboard.board.interface.operator_methods import OperatorMethods
from blackboard.board.interface.reading_methods import ReadingMethods
from blackboard.board.interface.remote_work_methods import RemoteWorkMethods
from blackboard.board.interface.status_methods import StatusMethods
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.clock import DEFAULT_LEAP, Clock, SystemClock, to_datetime
from blackboard.core.authors import check_author
from blackboard.core.marks.mark_model import Mark
from blackboard.core.specs.deployment import Deployment
from blackboard.durations import DurationLike, parse_duration
from blackboard.store.database_factory import database_of


class Blackboard(
    DepositMethods,
    ReadingMethods,
    StatusMethods,
    NeedMethods,
    OperatorMethods,
    RemoteWorkMethods,
    AdministrationMethods,
):
    """A board of marks that fade, and of the agents that strong marks wake.

    A board is thread-safe. Its methods are synchronous: when a method returns, its work is done and its change is
    durable. A board holds connections and files until it is closed; a `with` statement closes it at its end.
    """

    @classmethod
    def open(
        cls,
        url_or_path: str | Path = "sqlite:///board.db",
        *,
        author: str | None = None,
        clock: Clock | None = None,
        kinds: Iterable[type[Mark]] = (),
        create: bool | None = None,
        upgrade: bool | None = None,
        leap: DurationLike | None = DEFAULT_LEAP,
        mode: int | None = None,
        writes: bool = True,
        prepare: bool = True,
        direct_url: str | None = None,
        query_url: str | None = None,
    ) -> Self:
        """Open a board.

        Args:
            url_or_path: An SQLAlchemy URL such as `sqlite:///board.db`, or the path of an SQLite file.
            author: The name that signs every deposit; by default `person:` and the user's name.
            clock: The source of time; by default the machine's clock or, on PostgreSQL, that of the database server.
            kinds: Mark classes that this process should know. A deposit makes its own class known.
            create: Whether to create the board if there is none; by default true for SQLite and false for PostgreSQL.
            upgrade: Whether to upgrade a board of an older version; by default the same as `create`.
            leap: How far the clock may be ahead of the last time that the board recorded; None for any distance.
            mode: The permissions of the board's files, such as 0o660 to share them with a group. With None, a new board
                is private, and an existing board keeps its permissions.
            writes: Whether the board must be writable. With False, a board on a read-only mount can be opened.
            prepare: Whether PostgreSQL may keep statements and settings for a connection. Set it to False behind a
                pooler that gives each transaction another connection, such as PgBouncer in its transaction mode.
            direct_url: The URL of the database server itself, for notifications and the locks of workers, if
                `url_or_path` names a pooler.
            query_url: The URL of the same database on PostgreSQL as a user who may only read. Queries that come over
                HTTP run as this user.

        Raises:
            ConfigurationError: The URL cannot be used.
            InvalidDuration: `leap` is not a duration.
            InvalidMark: A class in `kinds` would lose a value of its marks.
            InvalidAuthor: `author` is blank, too long, or reserved for the board itself.
            StoreMissing: There is no board, and none may be created.
            StoreError: The database cannot be opened, is foreign or damaged, or was written by a newer version; or it
                must be upgraded, and a living worker prevents that.

        Warns:
            ForeignFilesWarning: Another user made the database, its log or its locks.
        """
        author = check_author(f"person:{_user()}" if author is None else author)
        session = BoardSession.open(
            database_of(url_or_path, mode, prepare=prepare, direct_url=direct_url, query_url=query_url),
            clock or SystemClock(),
            MarkClasses(kinds),
            None if leap is None else parse_duration(leap),
            create=create,
            upgrade=upgrade,
            writes=writes,
        )
        return cls(session, author)

    def as_author(self, name: str) -> Self:
        """Return a handle on the same board that deposits in another name.

        The handles share their connections; closing one of them closes all.

        Args:
            name: The name that signs the deposits of the handle.

        Raises:
            InvalidAuthor: The name is blank, too long, or reserved for the board itself.
        """
        return type(self)(self.session, check_author(name))

    def close(self) -> None:
        """Close the connections."""
        self.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Blackboard({self.location!r}, author={self.author!r})"

    def now(self) -> datetime:
        """Return the board's time: the latest of the clock, the last recorded time, and the last time used here."""
        return to_datetime(self.session.now())

    @property
    def board_id(self) -> str:
        """The id of this board, which no other board has. It stays the same when the database is moved."""
        return self.session.read(lambda txn: txn.board_id)

    @property
    def url(self) -> str:
        """The URL of the database, without its password."""
        return self.database.url

    @property
    def location(self) -> str:
        """The file or the URL of the database, as messages name it, without a password."""
        return self.database.location

    @property
    def deployment(self) -> Deployment:
        """The active deployment."""
        return self.session.read(lambda txn: txn.deployment)

    def subscribe(self, callback: Callable[[], None], *, every_commit: bool = False) -> Callable[[], None]:
        """Call `callback` after each commit of this process that may wake an agent.

        Args:
            callback: A function without arguments. The thread that commits calls it.
            every_commit: Call it also after the commits that wake no agent.

        Returns:
            A function that unsubscribes.

        Raises:
            TypeError: The callback is a coroutine function, which nobody would await.
        """
        return self.session.subscribe(callback, every_commit=every_commit)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
