"""The links of hosts to the database server: cables between network namespaces, or proxies between processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tests.support.cutting_proxy import CuttingProxy
from tests.support.host_networks import HostNetwork

__all__ = ["CableLink", "Link", "ProxyLink"]


class Link(Protocol):
    """The link of a host to the database server."""

    url: str
    """The database, as the host reaches it."""
    enter: Sequence[str]
    """The beginning of a command that runs on the host."""

    def cut(self) -> None:
        """Cut the host off."""

    def mend(self) -> None:
        """Connect the host again."""


class ProxyLink:
    """A link of a process on this machine. When it is cut, its connections are lost, and new ones are refused."""

    enter: Sequence[str] = ()

    def __init__(self, proxy: CuttingProxy) -> None:
        self.url, self._proxy = proxy.url, proxy

    def cut(self) -> None:
        self._proxy.refuses = True
        self._proxy.cut_all()

    def mend(self) -> None:
        self._proxy.refuses = False


class CableLink:
    """A link of a host with a network of its own. When it is cut, nothing arrives, and nobody is told."""

    def __init__(self, network: HostNetwork, host: int, database: str) -> None:
        self._network, self._host = network, host
        self.url: str = network.url(host, database)
        self.enter: Sequence[str] = network.enter(host)

    def cut(self) -> None:
        self._network.pull(self._host)

    def mend(self) -> None:
        self._network.plug(self._host)
