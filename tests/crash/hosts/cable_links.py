"""The links between hosts in network namespaces and a PostgreSQL server in another: cables, which can be pulled.

A cable that is pulled is a silent cut: the systems of both machines notice it by the timeouts that the program sets. A
closed cut is a route that refuses new connections immediately; open ones are silent.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from tests.crash.hosts.host_links import Cut
from tests.support.host_networks import HostNetwork

__all__ = ["CableLinks"]


class CableLinks:
    """The links of some hosts to one server.

    Args:
        network: The network of the hosts.
    """

    name = "in network namespaces"
    cuts: Collection[Cut] = ("closed", "silent")

    def __init__(self, network: HostNetwork) -> None:
        self._network = network
        self._cuts: dict[int, set[Cut]] = {}

    def url(self, host: int, database: str) -> str:
        """Return the URL of a database, as a host reaches it."""
        return self._network.url(host, database)

    def entrance(self, host: int) -> Callable[[], None]:
        """Return a function that moves a process with a single thread to a host."""
        return partial(_enter, self._network.files(host))

    def cut(self, host: int, how: Cut) -> None:
        """Cut the link of a host."""
        cuts = self._cuts.setdefault(host, set())
        if how == "silent":
            self._network.pull(host)
        elif how not in cuts:
            self._network.refuse(host)
        cuts.add(how)

    def mend(self, host: int) -> None:
        """Mend the link of a host."""
        for how in self._cuts.pop(host, set()):
            if how == "silent":
                self._network.plug(host)
            else:
                self._network.accept(host)


def _enter(namespaces: list[Path]) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    files = [os.open(path, os.O_RDONLY) for path in namespaces]  # before the first is entered, which hides the others
    for file in files:
        if library.setns(file, 0):
            raise OSError(ctypes.get_errno(), "this process cannot enter a namespace")
        os.close(file)
