"""The history in partitions, on PostgreSQL: new partitions ahead of need, and the removal of old partitions.

A partition is removed when all its events are old. The events that must stay are first copied in small transactions.
Then the copy replaces the partition. If the partition before is itself a small copy, the new copy replaces both.
`retention` decides which events must stay. Below the removed partitions, it deletes events one by one.
"""

from __future__ import annotations

from enum import Enum, auto

from blackboard.board.board_session import BoardSession
from blackboard.board.search_index import search_documents
from blackboard.board.search_index.search_documents import IndexedText, Phase
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant
from blackboard.durations import Duration
from blackboard.errors import StoreBusy, UsageError
from blackboard.store.event_partitions import Carry, EventPartitions, Partition, Partitioning
from blackboard.store.schema import schema_views
from blackboard.store.statements import DEPLOYMENTS, RETENTION, SEARCH
from blackboard.system.failpoints import failpoint

EVENTS_PER_LIMIT = 4
"""How many events a transaction considers for each row that it may delete: most are only read."""


MIN_EVENTS, MAX_EVENTS = 1_000, 1_000_000_000
"""The least and the largest number of events of a partition."""


class PartitionProgress(Enum):
    """The result of one step."""

    DONE = auto()
    """There is nothing more to do now."""
    MORE = auto()
    """There may be more to do now."""
    LATER = auto()
    """Something prevents the next step for a while."""


def create(session: BoardSession, events: int) -> None:
    """Keep the history of a board on PostgreSQL in partitions, each for `events` events.

    Raises:
        UsageError: The board is in a file, or the number is out of range.
        StoreError: The user does not own the tables.
    """
    if not MIN_EVENTS <= events <= MAX_EVENTS:
        raise UsageError(f"a partition has {MIN_EVENTS:,} to {MAX_EVENTS:,} events, not {events:,}")
    upkeep = session.database.upkeep
    with session.database.exclusive_transaction() as transaction:
        upkeep.partition_history(transaction, events)
        # The views of the former table would read one partition.
        transaction.run(DEPLOYMENTS.set_views_hash, views_hash=None)
        schema_views.rewrite_views(transaction)
    upkeep.analyze_history()


def extend(session: BoardSession) -> int:
    """Create the partitions that new events will need next, and return their number.

    While another session analyzes or changes the table, none is created: a later call creates them.
    """
    if not session.read(lambda txn: _may_change(txn) and _is_short(txn)):
        return 0
    try:
        added = session.write(_add_partitions)
    except StoreBusy:
        return 0
    failpoint("partition.extended")
    return added


def remove_old(session: BoardSession, history: Duration, limit: int) -> PartitionProgress:
    """Do one step of the removal of the oldest partition whose events are all older than `history` microseconds.

    A step is one transaction that considers up to `EVENTS_PER_LIMIT` times `limit` events, or the exchange at the end.
    """
    if not session.read(_may_change):
        return PartitionProgress.DONE
    partitioning = session.read(lambda txn: _partitions(txn).state())
    if (carry := partitioning.carry) is None:
        return _begin(session, history)
    if carry.reached < carry.end:
        session.write(lambda txn: _copy_next(txn, history, limit * EVENTS_PER_LIMIT))
        failpoint("partition.copied")
        return PartitionProgress.MORE
    return _finish(session, history)


def _add_partitions(txn: BoardTransaction) -> int:
    partitions = _partitions(txn)
    partitions.wait_briefly()
    return partitions.add(partitions.state().events)


def _may_change(txn: BoardTransaction) -> bool:
    partitions = txn.sql.partitions
    return partitions is not None and partitions.may_change()


def _partitions(txn: BoardTransaction) -> EventPartitions:
    """Return the partitions of a board that has some."""
    partitions = txn.sql.partitions
    assert partitions is not None
    return partitions


def _is_short(txn: BoardTransaction) -> bool:
    """Return whether fewer ids have a partition ahead of need than one partition has."""
    events = _partitions(txn).state().events
    return _partitions(txn).all()[-1].end <= txn.last_event_id + events


# -- the steps ---------------------------------------------------------------------------------------------------------


def _begin(session: BoardSession, history: Duration) -> PartitionProgress:
    """Begin the removal of the oldest partition, if all its events are old: begin to copy the events that must stay.

    If the removal is not worthwhile, leave the partition as it is.
    """
    chosen = session.read(lambda txn: _choose(txn, txn.now - history))
    if chosen is None:
        return PartitionProgress.DONE
    partition, is_worthwhile = chosen
    first = session.read(lambda txn: _first_with_neighbour(txn, partition)) if is_worthwhile else partition.first

    def begin(txn: BoardTransaction) -> None:
        partitioning = _partitions(txn).state()
        if partitioning.carry is not None or partitioning.carried_to >= partition.end:
            return  # another process was faster
        if is_worthwhile:
            _partitions(txn).begin_copy(_new_carry(txn, first, partition.end))
        else:
            _partitions(txn).end_copy(partition.end)

    session.write(begin)
    failpoint("partition.begun")
    return PartitionProgress.MORE


def _choose(txn: BoardTransaction, before: Instant) -> tuple[Partition, bool] | None:
    """Return the oldest partition not yet treated, and whether its removal is worthwhile; None if it must stay for now.

    The oldest partition must stay while some of its events are not old. Removal is not worthwhile if most of its events
    stay. Then the other events are deleted one by one.
    """
    carried_to = _partitions(txn).state().carried_to
    partition = next(each for each in _partitions(txn).all() if each.end > carried_to)
    if partition.end > txn.last_event_id or _must_wait(txn):
        return None
    newest = txn.sql.one(RETENTION.newest_below, end=partition.end)
    if newest is not None and newest >= before:
        return None
    bounds = _bounds(partition.first, partition.end)
    removable = txn.sql.value(RETENTION.count_old_between, before=before, **bounds)
    return partition, 2 * removable >= txn.sql.value(RETENTION.count_between, **bounds)


def _first_with_neighbour(txn: BoardTransaction, partition: Partition) -> int | None:
    """Return the first id to remove: the first of a partition, or of the partition below that is removed with it.

    The partition below is also removed if it has at most half as many events as a new partition. So there are only a
    few partitions with old events.
    """
    events = _partitions(txn).state().events
    for below in _partitions(txn).all():
        bounds = _bounds(below.first, below.end)
        if below.end == partition.first and 2 * txn.sql.value(RETENTION.count_between, **bounds) <= events:
            return below.first
    return partition.first


def _must_wait(txn: BoardTransaction) -> bool:
    """Return whether a crossing over the board, or an index that is being filled, still needs all history."""
    filled = {Phase.LIVE, Phase.FADED}
    return bool(txn.sql.value(RETENTION.crossing_waits_for_board)) or any(
        row.phase in filled for row in txn.sql.all(SEARCH.kinds)
    )


def _new_carry(txn: BoardTransaction, first: int | None, end: int) -> Carry:
    """Return the state of a copy that begins, or begins anew."""
    newest = txn.sql.existing(RETENTION.newest_work)
    return Carry(
        first=first,
        end=end,
        reached=_bounds(first, end)["first"],
        began_at=txn.now,
        deployment=txn.deployment.version,
        crossing_id=newest.crossing_id or 0,
        activation_id=newest.activation_id or 0,
    )


def _copy_next(txn: BoardTransaction, history: Duration, count: int) -> None:
    """Of the next events, copy those that stay, and remove the texts of the others from the full-text index."""
    carry = _partitions(txn).state().carry
    if carry is None or carry.reached >= carry.end:
        return  # another process was faster
    behind = txn.sql.one(RETENTION.event_behind, first=carry.reached, count=count)
    end = carry.end if behind is None else min(behind, carry.end)
    values = {"first": carry.reached, "end": end, "before": txn.now - history}
    _partitions(txn).copy_events(RETENTION.staying_events, **values)
    if kinds := search_documents.kinds(txn.sql):
        events = txn.sql.all(RETENTION.old_events_of_kinds_between, kinds=txn.sql.list_of(sorted(kinds)), **values)
        search_documents.erase(txn, [IndexedText(event.kind, event.mark_id, event.id) for event in events])
    _partitions(txn).save_copy(carry._replace(reached=end))


def _finish(session: BoardSession, history: Duration) -> PartitionProgress:
    """Let the copy take the place of the partitions, once every transaction sees all of it."""
    partitioning = session.write(lambda txn: _copy_late(txn, history))
    if partitioning is None:
        return PartitionProgress.LATER
    if partitioning.carry is None or partitioning.carry.reached < partitioning.carry.end:
        return PartitionProgress.MORE
    is_seen = session.database.upkeep.is_copy_seen(partitioning.version)
    failpoint("partition.settled")
    if not is_seen:
        return PartitionProgress.LATER
    try:
        is_done = session.write(lambda txn: _swap(txn, history, partitioning))
    except StoreBusy:
        return PartitionProgress.LATER
    if is_done:
        failpoint("partition.swapped")
    return PartitionProgress.MORE


def _copy_late(txn: BoardTransaction, history: Duration) -> Partitioning | None:
    """Copy the events that newer work makes stay, and return the state afterwards; None if nothing may go now."""
    if (carry := _partitions(txn).state().carry) is not None and carry.reached >= carry.end:
        if _must_wait(txn):
            return None
        if not _is_valid(txn, carry):
            _partitions(txn).save_copy(_new_carry(txn, carry.first, carry.end))
        elif _late_events(txn, history, carry) or _has_newer_work(txn, carry):
            newest = txn.sql.existing(RETENTION.newest_work)
            later = carry._replace(crossing_id=newest.crossing_id or 0, activation_id=newest.activation_id or 0)
            _partitions(txn).save_copy(later._replace(began_at=txn.now))
    return _partitions(txn).state()


def _swap(txn: BoardTransaction, history: Duration, partitioning: Partitioning) -> bool:
    """Exchange the partitions for the copy, unless something has changed since the copy was complete."""
    now = _partitions(txn).state()
    if now.version != partitioning.version or (carry := now.carry) is None or _must_wait(txn):
        return False
    if not _is_valid(txn, carry) or _late_events(txn, history, carry):
        return False
    _partitions(txn).exchange(carry)
    failpoint("partition.swapping")
    return True


def _late_events(txn: BoardTransaction, history: Duration, carry: Carry) -> int:
    """Copy the events that stay because of work since the copy began, and return their number.

    Only two things can make a removable event stay: a new crossing about its subject, or a new activation that has the
    event as an input.
    """
    since = {"crossing_id": carry.crossing_id, "activation_id": carry.activation_id}
    if not (subjects := txn.sql.all(RETENTION.subjects_since, **since)):
        return 0
    values = {**_bounds(carry.first, carry.end), "before": txn.now - history}
    return _partitions(txn).copy_events(
        RETENTION.staying_events_of_subjects, subjects=txn.sql.list_of(subjects), **values
    )


def _has_newer_work(txn: BoardTransaction, carry: Carry) -> bool:
    newest = txn.sql.existing(RETENTION.newest_work)
    return (newest.crossing_id or 0, newest.activation_id or 0) != (carry.crossing_id, carry.activation_id)


def _is_valid(txn: BoardTransaction, carry: Carry) -> bool:
    """Return whether the copy has all events that stay, except those that newer work makes stay.

    A new deployment may give old crossings back to a watch, or index old marks. The newest crossing may have been
    removed, and a later crossing may have its id.
    """
    if carry.deployment != txn.deployment.version:
        return False
    noticed_at = txn.sql.one(RETENTION.noticed_at, id=carry.crossing_id)
    return carry.crossing_id == 0 or (noticed_at is not None and noticed_at <= carry.began_at)


def _bounds(first: int | None, end: int) -> dict[str, int]:
    return {"first": 0 if first is None else first, "end": end}
