"""The URL of a database: an SQLite file or PostgreSQL, and SQLAlchemy's view of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blackboard.errors import ConfigurationError, MissingPackage, Mistake
from blackboard.store.dialects.dialect import POSTGRESQL, SQLITE
from blackboard.store.dialects.sqlite_library import sqlite
from blackboard.system.files.board_files import path_in, resolved_path

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine


POSTGRESQL_DRIVER = "psycopg"
"""The driver of a board on PostgreSQL."""


class DatabaseUrl:
    """The URL of a database, or the path of an SQLite file.

    Args:
        url: An SQLAlchemy URL, or a path.

    Raises:
        ConfigurationError: The URL cannot be used.
    """

    def __init__(self, url: str | Path) -> None:
        self._parsed: URL | None = None
        """The URL as parsed by SQLAlchemy; None for a path, which needs no SQLAlchemy."""
        self.path = path_in(url)
        """The SQLite file; None on PostgreSQL."""
        if self.path is None:
            self._parse(str(url) if "://" in str(url) else f"sqlite:///{url}")

    def _parse(self, url: str) -> None:
        """Take the file from a URL that only SQLAlchemy can read, and check that its driver is installed."""
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError

        try:
            self._parsed = make_url(url)
            name = self._parsed.database
            if self._parsed.get_backend_name() != SQLITE and self._parsed.get_driver_name() != POSTGRESQL_DRIVER:
                problem = (
                    f"{_shown(url)} cannot be used; a board is in an SQLite file or on a PostgreSQL server, as in"
                    " sqlite:///board.db or postgresql+psycopg://host/database"
                )
                raise ConfigurationError([Mistake("database.url", problem)])
            if self.driver.name != SQLITE:
                return
            if not name or name == ":memory:" or name.startswith("file:"):
                problem = "a board in memory would end with its process; name a file"
                raise ConfigurationError([Mistake("database.url", problem)])
            self.path = resolved_path(name)
            self._parsed = self._parsed.set(database=str(self.path))
        except ImportError as error:
            raise ConfigurationError([Mistake("database.url", _without_driver(url, error))]) from None
        except (ArgumentError, NoSuchModuleError, TypeError) as error:
            raise ConfigurationError([Mistake("database.url", f"{_shown(url)} cannot be used: {error}")]) from None
        except ValueError:  # the message of SQLAlchemy could show a part of a password
            problem = f"{_shown(url)} cannot be used: its port or an option is not a number"
            raise ConfigurationError([Mistake("database.url", problem)]) from None

    @property
    def text(self) -> str:
        """The URL, without its password."""
        return f"sqlite:///{self.path}" if self._parsed is None else self._parsed.render_as_string(hide_password=True)

    @property
    def has_options(self) -> bool:
        """Whether the board was named by a URL, which may have more parts than the path of a file."""
        return self._parsed is not None

    def connect_arguments(self) -> tuple[Sequence[Any], dict[str, Any]]:
        """Return the arguments with which the driver of a URL opens a connection."""
        assert self._parsed is not None
        arguments, options = self.driver.create_connect_args(self._parsed)
        return arguments, dict(options)

    @cached_property
    def driver(self) -> Any:
        """SQLAlchemy's view of the driver."""
        return self.engine().dialect

    def engine(self, connect: Callable[[], Any] | None = None) -> Engine:
        """Return the database for SQLAlchemy. `connect` opens a connection to an SQLite file."""
        from sqlalchemy import URL, create_engine
        from sqlalchemy.pool import NullPool

        url = self._parsed or URL.create(SQLITE, database=str(self.path))
        if url.get_backend_name() != SQLITE:
            return create_engine(url, poolclass=NullPool)
        return create_engine(url, module=sqlite, creator=connect, poolclass=NullPool)


def _without_driver(url: str, error: ImportError) -> str:
    if isinstance(error, ModuleNotFoundError):
        needed = str(MissingPackage(_shown(url), error.name, extra=POSTGRESQL))
    else:
        needed = f"{_shown(url)} needs the library libpq, which psycopg did not find; install it or psycopg[binary]"
    return f"{needed}, or name an SQLite file, as in sqlite:///board.db"


def _shown(url: str) -> str:
    """Return a URL without any part that may be a password, even if the URL cannot be parsed."""
    scheme, _, address = url.rpartition("://")
    host = address.rpartition("@")[2].partition("?")[0]
    return repr(f"{scheme.rpartition(' ')[2]}://{'***@' if '@' in address else ''}{host}" if scheme else host)
