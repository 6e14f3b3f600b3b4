"""The work of an agent that a claim can take: its unfinished activations, and the crossings that are ready.

Several claims in one transaction on PostgreSQL read it together, which saves messages.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import chain
from typing import Any, NamedTuple

from blackboard.board.activations.agent_claims import crossing_selection
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.waiting_crossings.crossing_order import FirstCrossings
from blackboard.clock import Instant
from blackboard.core.specs.watch_spec import DEFAULT_BATCH
from blackboard.store.row_types.activation_row_types import AgentLoad
from blackboard.store.row_types.watch_row_types import CrossingRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS
from blackboard.store.transaction import SqlRead


class ClaimableWork(NamedTuple):
    """The work of an agent that a claim can take."""

    load: AgentLoad
    """The unfinished activations of the agent."""
    ready_since: dict[int, Instant | None]
    """When the first ready crossing of each watch became ready; only for the watches that were read."""
    first_crossings: dict[int, FirstCrossings]
    """The crossings that the selection for a watch reads first; only for the watches that were read."""

    def after_claim(self, claimed: Collection[CrossingRow]) -> ClaimableWork | None:
        """Return the work as it is after a claim of some crossings; None if it must be read again.

        With several watches, the claim may have changed which of them has been ready for the longest time.
        """
        if len(self.ready_since) != 1 or self.ready_since.keys() != self.first_crossings.keys():
            return None
        [(watch_id, first)] = self.first_crossings.items()
        if (rest := first.without(claimed)) is None:
            return None
        load = self.load._replace(running=self.load.running + 1)
        return self._replace(load=load, first_crossings={watch_id: rest})


class _WorkQueries(NamedTuple):
    """The queries that find the claimable work of one agent."""

    load: SqlRead
    ready: dict[int, SqlRead]
    """When the first ready crossing of each watch became ready."""
    first: dict[int, SqlRead]
    """The first crossings of each watch."""

    def all(self) -> Iterator[SqlRead]:
        """Yield the queries."""
        yield self.load
        yield from self.ready.values()
        yield from self.first.values()

    def work_from(self, results: Iterator[list[Any]]) -> ClaimableWork:
        """Return the work that the queries have found. The results are in the order of the queries."""
        [load] = next(results)
        since = {watch_id: next(results)[0] for watch_id in self.ready}
        first = {
            watch_id: FirstCrossings.of(next(results), values["limit"]) for watch_id, (_, values) in self.first.items()
        }
        return ClaimableWork(load, since, first)


def _queries_of(txn: BoardTransaction, agent: str, claim_count: int) -> _WorkQueries:
    """Return the queries for some claims of an agent; if `claim_count` is 0, only the queries of `may_claim`."""
    watches = txn.active.watches_by_agent.get(agent, ()) if txn.sql.reads_together else ()
    first = {
        watch.id: crossing_selection.first_read_of_claims(txn, watch, claim_count) for watch in watches if claim_count
    }
    return _WorkQueries(
        (ACTIVATIONS.agent_load, {"agent": agent, "now": txn.now}),
        {watch.id: (CROSSINGS.first_ready, {"watch_id": watch.id, "now": txn.now}) for watch in watches},
        {watch_id: read for watch_id, read in first.items() if read is not None},
    )


def read_claimable_work(txn: BoardTransaction, agent: str, *, with_crossings: bool = True) -> ClaimableWork:
    """Read the work of an agent.

    PostgreSQL gets all queries in one message. In a file, only the load is read: a further query costs little there.
    """
    queries = _queries_of(txn, agent, 1 if with_crossings else 0)
    return queries.work_from(iter(txn.sql.results(*queries.all())))


def _read_together(txn: BoardTransaction, claims_by_agent: Mapping[str, int]) -> dict[str, ClaimableWork]:
    """Read together the work of several agents, on PostgreSQL.

    Whether the agents may run is not checked.

    Args:
        txn: The transaction.
        claims_by_agent: The number of claims of each agent.
    """
    queries = {name: _queries_of(txn, name, number) for name, number in claims_by_agent.items()}
    results = iter(txn.sql.results(*chain.from_iterable(each.all() for each in queries.values())))
    work_by_agent = {name: each.work_from(results) for name, each in queries.items()}
    _read_marks(txn, claims_by_agent, work_by_agent)
    return work_by_agent


def _read_marks(
    txn: BoardTransaction, claims_by_agent: Mapping[str, int], work_by_agent: Mapping[str, ClaimableWork]
) -> None:
    """Read together the marks behind the crossings that will probably be claimed, if each concerns a single mark."""
    ids: list[int] = []
    for name, work in work_by_agent.items():
        for watch_id, first in work.first_crossings.items():
            batch = txn.active.watches[watch_id].batch or DEFAULT_BATCH
            ids += (row.mark_id for row in first.rows[: batch * claims_by_agent[name]] if row.is_per_mark)
    if len(ids) > 1 and txn.row_cache is not None:
        txn.row_cache.read_marks_with_events(txn.sql, ids)


class WorkSource:
    """The source of claimable work. Here, each claim reads the work of its agent for itself."""

    def take(self, txn: BoardTransaction, agent: str) -> ClaimableWork:
        """Return the work of an agent for its next claim."""
        return read_claimable_work(txn, agent)

    def keep_current(
        self, agent: str, work: ClaimableWork, claimed: Collection[CrossingRow]
    ) -> AbstractContextManager[None]:
        """Return a context for a claim that takes these crossings of the work."""
        return nullcontext()


UNSHARED_WORK = WorkSource()
"""The source for claims that share nothing."""


class SharedWork(WorkSource):
    """The work of several agents that claims can take. One message reads it, and each claim brings it up to date.

    Once the transaction has written anything else, this work is no longer used, because such a write may change what
    waits.

    Args:
        txn: The transaction.
        claims_by_agent: The number of claims of each agent that will be tried.
    """

    def __init__(self, txn: BoardTransaction, claims_by_agent: Mapping[str, int]) -> None:
        self._transaction = txn.sql
        self._transaction.prefetch(ACTIVATIONS.last_activation_id)
        self._work_by_agent = _read_together(txn, claims_by_agent)
        self._writes = self._transaction.writes

    @property
    def _is_current(self) -> bool:
        """Whether nothing was written since the work was read, except by claims inside `keep_current`."""
        return self._transaction.writes == self._writes

    def take(self, txn: BoardTransaction, agent: str) -> ClaimableWork:
        """Return the work of an agent for its next claim, and drop it here. If it is out of date, it is read again.

        `keep_current` puts the work back as the claim leaves it.
        """
        if not self._is_current:
            self._work_by_agent.clear()
        work = self._work_by_agent.pop(agent, None)
        return super().take(txn, agent) if work is None else work

    @contextmanager
    def keep_current(self, agent: str, work: ClaimableWork, claimed: Collection[CrossingRow]) -> Iterator[None]:
        """Bring the work up to date with a claim that is made inside the context and takes these crossings.

        If the transaction wrote anything else before the claim, the work stays out of date.
        """
        was_current = self._is_current
        yield
        if was_current:
            if (remaining := work.after_claim(claimed)) is not None:
                self._work_by_agent[agent] = remaining
            self._writes = self._transaction.writes
