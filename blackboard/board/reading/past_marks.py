"""The marks at a past instant, from the history."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from blackboard.board.mark_tables.mark_rows import with_shown_payload
from blackboard.board.mark_tables.mark_states import backfilled_row
from blackboard.board.mark_tables.strongest_marks import strongest
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Instant
from blackboard.core.marks.fading_marks import FadingState
from blackboard.core.marks.tags import TagFilter
from blackboard.core.records.event_kinds import DEPARTURES, JOINS
from blackboard.core.specs.deployment import Deployment
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow, mark_after
from blackboard.store.statements import DEPLOYMENTS, MARKS

MAX_LATER_EVENTS = 10_000
"""If at most this many events followed an instant, the board of that instant is computed from the present marks."""


class MarkAt(NamedTuple):
    """A mark at an instant."""

    row: MarkRow
    weight: float
    """The weight of its kind."""
    strength: float
    as_of: Instant


def all_at(
    txn: BoardTransaction, kind: str | None, subject: str | None, at: Instant, tags: TagFilter | None
) -> Iterator[MarkAt]:
    """Yield the marks that were live at a past instant, with the weights of that time, from the history.

    The payloads of the marks decide whether they pass a filter by the tags that the kind has today.
    """
    versions = _versions(txn, at)
    options = {name: value for name, value in (("kind", kind), ("subject", subject)) if value is not None}
    for event in txn.sql.all(MARKS.last_events_up_to.using(*options), at=at, **options):
        item = _after(txn, event, versions, at)
        if item is not None and (tags is None or tags.matches(json.loads(item.row.payload))):
            yield item


def strongest_at(txn: BoardTransaction, kind: str, limit: int, at: Instant) -> list[MarkAt] | None:
    """Return the strongest marks of a kind at a past instant, from the present marks and the changes since.

    If a mark has no event after the instant, only its fading has changed since. So the recent past of a board of any
    size can be read quickly. Return None if too many events followed, or if a deployment did.
    """
    newest = txn.sql.all(DEPLOYMENTS.newest_deployments, limit=1)
    is_changed = any(name == kind for name, _ in txn.active.law_changes) or kind in txn.active.kinds_in_backfill
    if is_changed or any(row.deployed_at > at for row in newest):
        return None
    changed = _changed_since(txn, at)
    if changed is None:
        return None
    own = {mark_id: subject for mark_id, (name, subject) in changed.items() if name == kind}
    found = []
    versions = _versions(txn, at)
    for mark_id, subject in own.items():
        event = txn.sql.one(MARKS.state_of_mark_at, subject=subject, mark_id=mark_id, at=at)
        if event is not None and (item := _after(txn, event, versions, at)) is not None:
            found.append(item)
    weight = txn.kind(kind).weight
    for row, strength in strongest(txn, kind, limit + len(own), oldest_first=True, as_of=at):
        if row.id in own:
            continue
        if not backfilled_row(txn, row).is_live(at):  # a new floor moved the end after the row was written
            return None
        found.append(MarkAt(row, weight, strength, at))
    return found


def _changed_since(txn: BoardTransaction, at: Instant) -> dict[int, tuple[str, str]] | None:
    """Return the kind and the subject of each mark with an event after an instant; None if these are too many.

    A change may have an earlier instant than its transaction. A deposit never has: all events before it are at least as
    old. Marks that were gone by then are left out.
    """
    changed: dict[int, tuple[str, str]] = {}
    gone = set()
    events = txn.sql.all(MARKS.newest_events, limit=MAX_LATER_EVENTS + 1)
    is_complete = len(events) <= MAX_LATER_EVENTS
    for event in events:
        if event.event in JOINS and event.recorded_at <= at:
            is_complete = True
            break
        changed[event.mark_id] = (event.kind, event.subject)
        if event.event in DEPARTURES and event.recorded_at <= at:
            gone.add(event.mark_id)
    return {number: found for number, found in changed.items() if number not in gone} if is_complete else None


def _after(
    txn: BoardTransaction, event: EventRow, versions: list[tuple[int, Deployment]], at: Instant
) -> MarkAt | None:
    """Return a mark at an instant, after `event`, its last event until then; None if it had evaporated."""
    fading = _fading(txn, event, versions, at)
    if not fading.is_live(at):
        return None
    row = _with_deposits(txn, fading, event, at)
    weight = next((then.kinds[row.kind].weight for _, then in versions[::-1] if row.kind in then.kinds), 1.0)
    state = FadingState(row.intensity, row.anchored_at, txn.laws.get(txn.sql, row.law))
    return MarkAt(row, weight, weight * state.remaining(at), at)


def _with_deposits(txn: BoardTransaction, fading: MarkRow, event: EventRow, at: Instant) -> MarkRow:
    """Return a mark in its state after its deposits up to an instant. `event` is the last event of its fading part."""
    deposits = [
        deposit
        for deposit in txn.sql.all(MARKS.deposits_of_mark, subject=event.subject, mark_id=event.mark_id)
        if deposit.recorded_at <= at
    ] or [event]
    shown = with_shown_payload(txn, deposits[-1])
    return fading._replace(
        payload=shown.payload or "{}",
        author=shown.author,
        activation_id=shown.activation_id,
        occurred_at=shown.occurred_at,
        event_id=deposits[-1].id,
        deposited_at=deposits[0].recorded_at,
        reinforced_at=deposits[-1].recorded_at,
        reinforcements=len(deposits) - 1,
    )


def _fading(txn: BoardTransaction, event: EventRow, versions: list[tuple[int, Deployment]], at: Instant) -> MarkRow:
    """Return the fading part of a mark after an event, with the changes of its floor and law up to an instant."""
    row = mark_after(event)
    state = FadingState(event.intensity, event.anchored_at, txn.laws.get(txn.sql, event.law))
    floor: float | None = None
    for since, then in versions:
        if event.kind not in then.kinds:
            continue
        kind = then.kind(event.kind)
        if floor not in (None, kind.floor) and since > event.recorded_at and (row.evaporates_at or since + 1) > since:
            ends = state.evaporates_at(kind)
            row = row._replace(evaporates_at=None if ends is None else max(since, ends))
        floor = kind.floor
    change = txn.active.law_changes.get((event.kind, event.law))
    return row if change is None or change.changed_at > at else backfilled_row(txn, row)


def _versions(txn: BoardTransaction, at: Instant) -> list[tuple[int, Deployment]]:
    """Return every deployment that became active up to an instant, oldest first, with its beginning."""
    return [
        (row.deployed_at, Deployment.model_validate_json(row.content))
        for row in txn.sql.all(DEPLOYMENTS.deployments.using("at"), at=at)
    ]
