"""Hosts with networks of their own, in network namespaces: each reaches PostgreSQL by a cable that can be pulled.

The database server also runs in a namespace, so that its own timeouts notice a host that is gone. Everything is in one
user namespace, which systems often allow to every user.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import make_url

from tests.support.postgresql import start_postgresql

__all__ = ["HostNetwork", "namespaces_are_allowed"]

TOOLS = ("ip", "nsenter", "unshare")
IN_NAMESPACE = ("unshare", "--user", "--map-root-user", "--net")
LIFE = "echo ready; read -r _"
"""A shell that keeps a namespace until its input ends."""


def namespaces_are_allowed() -> bool:
    """Return whether this user may create networks of hosts."""
    if any(shutil.which(tool) is None for tool in TOOLS):
        return False
    trial = [*IN_NAMESPACE, "ip", "link", "add", "s0", "type", "veth", "peer", "name", "h0"]
    return subprocess.run(trial, stderr=subprocess.DEVNULL, check=False).returncode == 0


class HostNetwork:
    """The namespaces of a database server and some hosts, and the cables between them.

    Args:
        hosts: The number of hosts.
    """

    def __init__(self, hosts: int) -> None:
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as unless_ready:
            unless_ready.callback(self.close)
            self._server = self._start(*IN_NAMESPACE)
            self._hosts = [self._start(*_enter(self._server), "unshare", "--net") for _ in range(hosts)]
            for number, holder in enumerate(self._hosts):
                peer = ("peer", "name", "h0", "netns", str(holder))
                self._ip("link", "add", f"s{number}", "type", "veth", *peer)
                self._ip("address", "add", f"{self._address(number)}/30", "dev", f"s{number}")
                self._ip("link", "set", f"s{number}", "up")
                self._ip("address", "add", f"10.77.{number}.2/30", "dev", "h0", host=number)
                self._ip("link", "set", "h0", "up", host=number)
                self._ip("link", "set", "lo", "up", host=number)
            unless_ready.pop_all()

    def close(self) -> None:
        """Remove the namespaces."""
        self._stack.close()

    def enter(self, host: int) -> list[str]:
        """Return the beginning of a command that runs on a host."""
        return _enter(self._hosts[host])

    def files(self, host: int) -> list[Path]:
        """Return the files of the user and network namespaces of a host, in the order in which they are entered."""
        return [Path(f"/proc/{self._hosts[host]}/ns/{name}") for name in ("user", "net")]

    def url(self, host: int, database: str) -> str:
        """Return the URL of a database, as a host reaches it."""
        return make_url(database).set(host=self._address(host), port=5432, query={}).render_as_string()

    def pull(self, host: int) -> None:
        """Pull the cable of a host. Nobody is told."""
        self._ip("link", "set", f"s{host}", "down")

    def plug(self, host: int) -> None:
        """Plug the cable in again."""
        self._ip("link", "set", f"s{host}", "up")

    def refuse(self, host: int) -> None:
        """Let a host have no route to the database server, so that new connections fail immediately."""
        self._ip("route", "add", "prohibit", f"{self._address(host)}/32", host=host)

    def accept(self, host: int) -> None:
        """Let a host have a route to the database server again."""
        self._ip("route", "delete", "prohibit", f"{self._address(host)}/32", host=host)

    @contextlib.contextmanager
    def server(self, programs: Path, settings: dict[str, str] | None = None) -> Iterator[str]:
        """Run a database server that all hosts reach, and yield the URL of a database on its Unix socket."""
        values = {"listen_addresses": "*", **(settings or {})}
        with start_postgresql(programs, settings=values, enter=self.enter_server()) as url:
            yield url

    def enter_server(self) -> list[str]:
        """Return the beginning of a command that runs beside the database server.

        It takes itself for that of a common user, because PostgreSQL refuses to run as root.
        """
        return [*_enter(self._server), "unshare", "--user", "--map-user=65534", "--map-group=65534"]

    def _start(self, *command: str) -> int:
        """Start a process that keeps a namespace, and return its number."""
        pipe = subprocess.PIPE
        holder = subprocess.Popen([*command, "sh", "-c", LIFE], stdin=pipe, stdout=pipe, start_new_session=True)
        self._stack.callback(holder.wait)
        assert holder.stdin is not None
        assert holder.stdout is not None
        self._stack.callback(holder.stdout.close)
        self._stack.callback(holder.stdin.close)
        if holder.stdout.readline() != b"ready\n":
            raise RuntimeError("this system allows no network namespace")
        return holder.pid

    def _ip(self, *arguments: str, host: int | None = None) -> None:
        where = self._server if host is None else self._hosts[host]
        subprocess.run([*_enter(where), "ip", *arguments], check=True)

    @staticmethod
    def _address(host: int) -> str:
        """Return the address of the database server on the cable of a host."""
        return f"10.77.{host}.1"


def _enter(process: int) -> list[str]:
    return ["nsenter", f"--target={process}", "--user", "--net", "--preserve-credentials"]
