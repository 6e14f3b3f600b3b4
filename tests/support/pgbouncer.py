"""PgBouncer in its transaction mode, before the database server of the tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import make_url

from tests.support.postgresql import USER

__all__ = ["pooler_program", "start_pooler"]

CONFIGURATION = """
[databases]
* = host={host} port={port} user=postgres
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = {folder}
unix_socket_mode = 0777
auth_type = any
pool_mode = transaction
default_pool_size = 2
max_client_conn = 100
ignore_startup_parameters = extra_float_digits
"""


def pooler_program() -> str | None:
    """Return the path of PgBouncer, or None if it is not installed."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def start_pooler(program: str, url: str) -> Iterator[str]:
    """Run a pooler with two connections to the database server, and stop it at the end.

    Yields:
        The URL of the same database behind the pooler.
    """
    target = make_url(url)
    folder = Path(tempfile.mkdtemp(prefix="blackboard-pgbouncer-"))
    os.chmod(folder, 0o777)
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(
        CONFIGURATION.format(host=target.query["host"], port=target.query["port"], folder=folder), "utf-8"
    )
    arguments = [program, *(["-u", USER] if os.geteuid() == 0 else []), str(configuration)]
    try:
        with subprocess.Popen(
            arguments, stderr=subprocess.PIPE, text=True, cwd="/", env={"PATH": os.defpath}
        ) as process:
            assert process.stderr is not None
            try:
                lines = []
                for line in process.stderr:
                    lines.append(line)
                    if "process up" in line:
                        break
                else:
                    raise RuntimeError(f"PgBouncer does not start: {''.join(lines)}")
                yield target.set(query={"host": str(folder), "port": "6432"}).render_as_string(hide_password=False)
            finally:
                process.terminate()
                process.stderr.read()
    finally:
        shutil.rmtree(folder)
