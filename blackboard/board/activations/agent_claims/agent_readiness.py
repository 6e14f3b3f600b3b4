"""Readiness of agents: pauses, cooldowns, concurrency, budgets, and the crossings that can be claimed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from itertools import chain
from typing import Any, NamedTuple

from blackboard.board.activations.agent_claims import crossing_selection
from blackboard.board.activations.call_records import budgets
from blackboard.board.transactions import agent_states
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.waiting_crossings.crossing_order import FirstCrossings
from blackboard.clock import Instant
from blackboard.core.records.states import HeldBy
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.core.specs.watch_spec import DEFAULT_BATCH
from blackboard.store.row_types.activation_row_types import AgentLoad
from blackboard.store.row_types.watch_row_types import CrossingRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS
from blackboard.store.transaction import SqlRead


class AgentDeferral(NamedTuple):
    """The reason that keeps an agent or a watch from waking."""

    reason: str
    """A text for people."""
    until: Instant | None
    """The instant when the reason ends; None if only a person can end it."""


class ClaimData(NamedTuple):
    """The data that a claim for an agent needs."""

    load: AgentLoad
    """The unfinished activations of the agent."""
    ready_since: dict[int, Instant | None]
    """Since when the first ready crossing of each watch is ready, for the watches that were read."""
    first_crossings: dict[int, FirstCrossings]
    """The crossings that the selection for a watch reads first, for the watches that were read."""

    def after_claim(self, claimed: Collection[CrossingRow]) -> ClaimData | None:
        """Return the data as it is after a claim of some crossings; None if it must be read again.

        With several watches, the claim may have changed which of them has been ready for the longest time.
        """
        if len(self.ready_since) != 1 or self.ready_since.keys() != self.first_crossings.keys():
            return None
        [(watch_id, first)] = self.first_crossings.items()
        if (rest := first.without(claimed)) is None:
            return None
        load = self.load._replace(running=self.load.running + 1)
        return self._replace(load=load, first_crossings={watch_id: rest})


def may_claim(txn: BoardTransaction, name: str) -> bool:
    """Return whether a claim for the agent could succeed. It is cheap, and needs no writing transaction."""
    agent_spec = txn.deployment.agents.get(name)
    if agent_spec is None or (data := read_for_claim(txn, agent_spec, with_crossings=False)) is None:
        return False
    return bool(data.load.has_due or ready_watches(txn, agent_spec, data))


def has_capacity(txn: BoardTransaction, agent_spec: AgentSpec) -> bool:
    """Return whether an agent may run one more activation.

    It may if nothing defers it, and it runs fewer activations than its concurrency allows.
    """
    if agent_deferral(txn, agent_spec.name) is not None:
        return False
    load = txn.sql.existing(ACTIVATIONS.agent_load, agent=agent_spec.name, now=txn.now)
    return load.running < agent_spec.settings.concurrency


def read_for_claim(txn: BoardTransaction, agent_spec: AgentSpec, *, with_crossings: bool = True) -> ClaimData | None:
    """Read the data that a claim for an agent needs; None if it may run no further activation, see `has_capacity`.

    A server gets all reads in one message. In a file the load is read first, since a read costs little there.
    """
    if agent_deferral(txn, agent_spec.name) is not None:
        return None
    queries = _queries_of(txn, agent_spec.name, 1 if with_crossings else 0)
    data = queries.data_from(iter(txn.sql.results(*queries.all())))
    return None if data.load.running >= agent_spec.settings.concurrency else data


def read_for_claims(txn: BoardTransaction, claims: Mapping[str, int]) -> dict[str, ClaimData]:
    """Read together the data that claims of several agents need, on a server. It does not check whether they may run.

    Args:
        txn: The transaction.
        claims: The number of claims of each agent.
    """
    queries = {name: _queries_of(txn, name, number) for name, number in claims.items()}
    results = iter(txn.sql.results(*chain.from_iterable(each.all() for each in queries.values())))
    data_by_agent = {name: each.data_from(results) for name, each in queries.items()}
    _read_marks(txn, claims, data_by_agent)
    return data_by_agent


def _read_marks(txn: BoardTransaction, claims: Mapping[str, int], data_by_agent: Mapping[str, ClaimData]) -> None:
    """Read together the marks behind the crossings that will probably be claimed, if each concerns a single mark."""
    ids: list[int] = []
    for name, data in data_by_agent.items():
        for watch_id, first in data.first_crossings.items():
            batch = txn.active.watches[watch_id].batch or DEFAULT_BATCH
            ids += (row.mark_id for row in first.rows[: batch * claims[name]] if row.is_per_mark)
    if len(ids) > 1 and txn.row_cache is not None:
        txn.row_cache.read_marks_with_events(txn.sql, ids)


class _ClaimQueries(NamedTuple):
    """The reads of a claim of one agent."""

    load: SqlRead
    ready: dict[int, SqlRead]
    """When the first ready crossing of each watch became ready."""
    first: dict[int, SqlRead]
    """The first crossings of each watch."""

    def all(self) -> Iterator[SqlRead]:
        """Yield the reads."""
        yield self.load
        yield from self.ready.values()
        yield from self.first.values()

    def data_from(self, results: Iterator[list[Any]]) -> ClaimData:
        """Return the results of the reads, which are in their order."""
        [load] = next(results)
        since = {watch_id: next(results)[0] for watch_id in self.ready}
        first = {
            watch_id: FirstCrossings.of(next(results), values["limit"]) for watch_id, (_, values) in self.first.items()
        }
        return ClaimData(load, since, first)


def _queries_of(txn: BoardTransaction, agent: str, claims: int) -> _ClaimQueries:
    """Return the reads of some claims of an agent; without a claim, those of `may_claim`."""
    watches = txn.active.watches_by_agent.get(agent, ()) if txn.reads_together else ()
    first = {watch.id: crossing_selection.first_read(txn, watch, claims) for watch in watches if claims}
    return _ClaimQueries(
        (ACTIVATIONS.agent_load, {"agent": agent, "now": txn.now}),
        {watch.id: (CROSSINGS.first_ready, {"watch_id": watch.id, "now": txn.now}) for watch in watches},
        {watch_id: read for watch_id, read in first.items() if read is not None},
    )


def waiting_work(txn: BoardTransaction) -> dict[str, list[Instant]]:
    """Return the agents with waiting work, ready or not, and the instants when time alone makes more of it ready.

    A quiet board of 1,000 agents needs two queries. A deferral of an agent is not considered; see `next_ready`.
    """
    work: dict[str, list[Instant]] = {}
    deferred, watches = txn.sql.results(
        (ACTIVATIONS.deferred_work, {"now": txn.now}), (CROSSINGS.waiting_watches, {"now": txn.now})
    )
    for row in deferred:
        work.setdefault(row.agent, []).extend(() if row.next_retry is None else (row.next_retry,))
    for waiting in watches:
        if (watch := txn.active.watches.get(waiting.watch_id)) is not None:
            instants = work.setdefault(watch.agent.name, [])
            instants += () if waiting.next_ready is None else (waiting.next_ready,)
    return work


def agents_with_suspects(txn: BoardTransaction) -> set[str]:
    """Return the agents that could now run an activation which its worker must run alone."""
    names = {*txn.sql.all(ACTIVATIONS.agents_with_suspects, now=txn.now)}
    return {name for name in names & txn.deployment.agents.keys() if has_capacity(txn, txn.deployment.agents[name])}


def agent_deferral(txn: BoardTransaction, agent: str) -> AgentDeferral | None:
    """Return why an agent may not wake at all; None if it may wake."""
    if txn.pause is not None:
        return AgentDeferral(f"the board is paused{_because(txn.pause)}", None)
    state = agent_states.get(txn, agent)
    if state.paused:
        return AgentDeferral(f"it is paused{_because(state.paused_because)}", None)
    if state.cooldown_until is not None and state.cooldown_until > txn.now:
        return AgentDeferral("it is in cooldown", state.cooldown_until)
    spec = txn.deployment.agents.get(agent)
    if spec is not None and spec.remote and (exhausted := budgets.find_exhausted(txn, spec)) is not None:
        return AgentDeferral(exhausted.reason, exhausted.until)
    return None


def budget_deferral(txn: BoardTransaction, watch: RegisteredWatch) -> AgentDeferral | None:
    """Return why a budget holds a watch; None if no budget does.

    While an activation of the watch waits for the next window of a budget, no other activation is started. Crossings of
    that time wait on the agenda and are claimed in full batches afterwards.
    """
    row = txn.sql.one(ACTIVATIONS.held_of_watch, agent=watch.agent.name, watch_id=watch.id, now=txn.now)
    return None if row is None else AgentDeferral(row.error or "held", row.retry_at)


def held_by_of(txn: BoardTransaction, crossing: CrossingRow) -> HeldBy | None:
    """Return what defers a waiting crossing, such as `guard`, `rate` or `batch_window`; None if there is none."""
    if crossing.held_by is None and crossing.ready_at is not None and crossing.ready_at > txn.now:
        return HeldBy.BATCH_WINDOW
    return None if crossing.held_by is None else HeldBy(crossing.held_by)


def next_ready(txn: BoardTransaction, agent: str, work: Mapping[str, Sequence[Instant]]) -> Instant | None:
    """Return the next instant when time alone makes work of an agent ready; None if there is none.

    `work` is the waiting work of all agents; see `waiting_work`.
    """
    deferral = agent_deferral(txn, agent)
    return min(work.get(agent, ()), default=None) if deferral is None else deferral.until


def close_earliest_window(txn: BoardTransaction, agents: Set[str]) -> bool:
    """End the earliest batch window of these agents now, and return whether there was one.

    No window ends while an activation runs, or if other work is due before its end, because that may bring more marks.
    Schedules do not count, because a schedule may always be due.
    """
    if txn.sql.one(ACTIVATIONS.running) is not None or txn.sql.one(CROSSINGS.backfills) is not None:
        return False
    names = agents & txn.deployment.agents.keys()
    windows = [
        window
        for watch in txn.active.watches.values()
        if watch.agent.name in names
        and agent_deferral(txn, watch.agent.name) is None
        and budget_deferral(txn, watch) is None
        if (window := txn.sql.one(CROSSINGS.first_window, watch_id=watch.id, now=txn.now)) is not None
    ]
    first = min(windows, key=lambda window: (window.ready_at, window.id), default=None)
    work = waiting_work(txn)
    due = [txn.sql.one(CROSSINGS.next_predicted_fall), *(next_ready(txn, name, work) for name in names)]
    if first is None or any(at is not None and at < first.ready_at for at in due):
        return False
    txn.sql.run(CROSSINGS.defer_crossing, id=first.id, held_by=None, ready_at=txn.now)
    return True


def ready_watches(txn: BoardTransaction, agent_spec: AgentSpec, data: ClaimData) -> list[RegisteredWatch]:
    """Return the agent's watches with a ready crossing. The longest ready comes first, so that none starves."""
    ready: list[tuple[int, int, RegisteredWatch]] = []
    for watch in txn.active.watches_by_agent.get(agent_spec.name, ()):
        if watch.id in data.ready_since:
            since = data.ready_since[watch.id]
        else:
            since = txn.sql.value(CROSSINGS.first_ready, watch_id=watch.id, now=txn.now)
        if since is None and _has_full_batch(txn, watch):
            since = txn.now
        if since is not None and (not data.load.has_held or budget_deferral(txn, watch) is None):
            ready.append((since, watch.id, watch))
    return [watch for _, _, watch in sorted(ready, key=lambda entry: entry[:2])]


def _has_full_batch(txn: BoardTransaction, watch: RegisteredWatch) -> bool:
    if watch.batch is None or not watch.agent.settings.batch_window:
        return False
    if watch.is_per_subject:
        return crossing_selection.full_subject(txn, watch) is not None
    return txn.sql.value(CROSSINGS.count_waiting_marks, watch_id=watch.id, limit=watch.batch) >= watch.batch


def _because(reason: str | None) -> str:
    return f": {reason}" if reason else ""
