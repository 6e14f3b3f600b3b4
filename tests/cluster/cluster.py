"""A PostgreSQL server with three hosts, of which one is cut off and one killed while leads arrive from two of them.

Each host has a network of its own, whose cable to the database server is pulled. Where that is not allowed, it is a
process that reaches the database server through a proxy of its own, which loses its connections while the host is cut
off.
"""

from __future__ import annotations

import contextlib
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from blackboard import Blackboard, SystemClock
from blackboard.clock import sleep_for
from tests.cluster.host import Lead, Reply
from tests.cluster.host_links import Link, ProxyLink
from tests.support.cutting_proxy import CuttingProxy
from tests.support.started_processes import Process, started

__all__ = ["HOSTS", "Outcome", "cut_proxies", "run_cluster"]

HOSTS = ("one", "two", "three")
"""The hosts. Leads are deposited on the first and the third; the second is killed, and the third is cut off."""
BOUND_SECONDS = 180
"""The seconds after which what should happen counts as lost."""
PAUSE_MICROSECONDS = 50_000
"""The pause between two looks at the board."""

GIVEN_TWICE = """
SELECT count(*)
FROM (
  SELECT mark_id
  FROM activation_marks
  WHERE role = 'given' AND state = 'done' AND kind = 'lead'
  GROUP BY mark_id
  HAVING count(*) > 1
) AS twice
"""

WORKERS = "SELECT count(*) FROM worker"

Report = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What came out."""

    leads: int
    """The leads that were deposited."""
    by_host: dict[str, int]
    """The number of replies that each host gave."""
    interruptions: int
    """How often the work of a lost host was taken up by another."""
    refused: int
    """How many deposits failed while their host was cut off, and were repeated."""
    problems: list[str]
    """What was lost, doubled or left over; empty if everything is right."""


def run_cluster(url: str, links: Mapping[str, Link], leads: int, report: Report) -> Outcome:
    """Deposit leads on a new board, lose two hosts on the way, and return what came out.

    Args:
        url: An empty database on PostgreSQL.
        links: The links of the hosts to it.
        leads: How many leads arrive.
        report: Called with each line of progress.

    Raises:
        TimeoutError: The leads were not replied to in time.
    """
    with contextlib.ExitStack() as stack:
        board = stack.enter_context(Blackboard.open(url, create=True))
        started_hosts = {host: stack.enter_context(_host(link, host)) for host, link in links.items()}
        hosts = {host: process for host, (process, _) in started_hosts.items()}
        depositors = [stack.enter_context(_depositor(links[host], host, leads // 2)) for host in (HOSTS[0], HOSTS[2])]
        _wait(board, lambda: _replies(board) >= leads // 6)
        links[HOSTS[2]].cut()
        report(f"{HOSTS[2]} is cut off after {_replies(board)} replies")
        _wait(board, lambda: _replies(board) >= leads // 3)
        hosts[HOSTS[1]].popen.kill()
        report(f"{HOSTS[1]} is killed after {_replies(board)} replies")
        _wait(board, lambda: _replies(board) >= leads // 2)
        links[HOSTS[2]].mend()
        report(f"{HOSTS[2]} is back after {_replies(board)} replies")
        _wait(board, lambda: _replies(board) >= 2 * (leads // 2) and not board.status().activations.get("running"))
        report("every lead has a reply; the two remaining hosts forget the one that was killed")
        # The host that was cut off may have been forgotten too, until it registered again.
        killed = f"{WORKERS} WHERE id = '{started_hosts[HOSTS[1]][1]}'"
        _wait(board, lambda: _number(board, killed) == 0)
        refused = sum(depositor.event("deposited")["refused"] for depositor in depositors)
        for host in (HOSTS[0], HOSTS[2]):
            hosts[host].signal(signal.SIGTERM)
            hosts[host].ends()
        return _examine(board, 2 * (leads // 2), refused)


def cut_proxies(url: str, stack: contextlib.ExitStack) -> dict[str, Link]:
    """Return links of the hosts through proxies, which are closed with the stack."""
    links: dict[str, Link] = {}
    for host in HOSTS:
        proxy = CuttingProxy(url)
        stack.callback(proxy.close)
        links[host] = ProxyLink(proxy)
    return links


@contextlib.contextmanager
def _host(link: Link, name: str) -> Iterator[tuple[Process, str]]:
    """Yield the daemon of a host, and the id of its worker."""
    with started(["-m", "tests.cluster.host", link.url, name], enter=link.enter) as process:
        yield process, process.event("started")["worker"]


def _depositor(link: Link, name: str, leads: int) -> contextlib.AbstractContextManager[Process]:
    return started(["-m", "tests.cluster.lead_depositor", link.url, name, str(leads)], enter=link.enter)


def _replies(board: Blackboard) -> int:
    return _number(board, "SELECT count(*) FROM mark WHERE kind = 'reply'")


def _number(board: Blackboard, query: str) -> int:
    return cast("int", board.query(query)[0][0])


def _wait(board: Blackboard, is_done: Callable[[], bool]) -> None:
    clock = SystemClock()
    end = clock.monotonic() + BOUND_SECONDS * 1_000_000
    while not is_done():
        if clock.monotonic() > end:
            raise TimeoutError(
                f"{_replies(board)} replies and {_number(board, WORKERS)} workers after {BOUND_SECONDS} seconds"
            )
        sleep_for(PAUSE_MICROSECONDS)


def _examine(board: Blackboard, leads: int, refused: int) -> Outcome:
    """Compare what is on the board with what was deposited."""
    deposited = board.marks(Lead, limit=None)
    replies = board.marks(Reply, limit=None)
    per_subject = Counter(lead.subject for lead in deposited)
    per_lead = Counter(reply.lead for reply in replies)
    problems = [
        *_problem("leads are lost", leads - len(per_subject)),
        *_problem("leads are on the board twice", sum(number > 1 for number in per_subject.values())),
        *_problem("leads have no reply", sum(lead.id not in per_lead for lead in deposited)),
        *_problem("leads have two replies", sum(number > 1 for number in per_lead.values())),
        *_problem("leads were given to two activations that ended", _number(board, GIVEN_TWICE)),
        *_problem("workers are left over", _number(board, WORKERS)),
        *(
            problem
            for state, number in board.status().activations.items()
            if state != "done"
            for problem in _problem(f"activations are {state}", number)
        ),
    ]
    interruptions = _number(board, "SELECT coalesce(sum(interruptions), 0) FROM activation")
    by_host = Counter(reply.host for reply in replies)
    return Outcome(len(deposited), {host: by_host[host] for host in HOSTS}, interruptions, refused, problems)


def _problem(what: str, number: int) -> list[str]:
    return [f"{number} {what}"] if number else []
