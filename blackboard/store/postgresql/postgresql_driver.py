"""The driver of PostgreSQL: it opens connections, and its errors are part of the dialect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from blackboard.store.connections.database_url import DatabaseUrl
from blackboard.store.dialects.postgresql_dialect import PostgresqlDialect, PostgresqlErrors


class PostgresqlDriver:
    """The driver that the URL of a database on PostgreSQL names.

    Args:
        url: The URL.
        prepare: Whether the database server may keep statements and settings for a connection.
    """

    def __init__(self, url: DatabaseUrl, *, prepare: bool = True) -> None:
        self.url = url
        self._driver = url.driver.loaded_dbapi
        errors = PostgresqlErrors(self._driver.Error, self._driver.OperationalError)
        self.dialect = PostgresqlDialect(errors, prepare=prepare)
        """The dialect of the database server, with the errors of the driver."""

    def connect(self) -> Any:
        """Open a connection."""
        arguments, options = self.connect_arguments()
        return self._driver.connect(*arguments, **options)

    def connect_arguments(self) -> tuple[Sequence[Any], dict[str, Any]]:
        """Return the arguments with which the driver opens a connection."""
        arguments, options = self.url.connect_arguments()
        return arguments, self.dialect.connect_options(options)
