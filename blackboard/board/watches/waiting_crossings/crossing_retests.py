"""Retests of waiting crossings whose watch has changed: under the new watch, with the strengths at their crossing.

A crossing belongs to the text of its watch. From the change on it cannot be claimed. Each is then tested again: if the
new watch would also have crossed at that instant, the crossing stays; otherwise it ends as skipped, and its marks stay
stimuli. The tests run in bounded batches. A test also runs before one of its marks changes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from blackboard.board.activation_storage.crossing_rows import skip_crossing
from blackboard.board.mark_sets.scope_marks import measure_filter, stored_marks
from blackboard.board.mark_sets.watch_scopes import scope_of
from blackboard.board.mark_sets.window_events import WindowReading, fading_events, scopes_in_windows
from blackboard.board.needs.access import need_access
from blackboard.board.transactions.active_deployment import RegisteredWatch
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.planned_backfills import BackfillTarget, BackfillTask, plan_backfill
from blackboard.board.transactions.shown_payloads import with_shown_payload
from blackboard.board.watches.measurements import watch_states
from blackboard.board.watches.measurements.stimuli import is_stimulus, last_absorbed
from blackboard.board.watches.measurements.watch_states import StateKey
from blackboard.board.watches.waiting_crossings import crossing_records, scheduled_crossings
from blackboard.board.watches.waiting_crossings.crossing_records import Measurement
from blackboard.clock import Instant
from blackboard.core.conditions.condition_types import Condition
from blackboard.core.deployment import Deployment
from blackboard.core.forecasts.strength_forecast import fallen_side, first_true, met_side, value_at
from blackboard.core.marks.fading_marks import FadingMark, FadingState
from blackboard.core.marks.measure_scopes import WHOLE_BOARD, Group, group_of, is_group
from blackboard.store.rows import CrossingRow, EventRow, MarkRow, mark_after
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, DEPLOYMENTS, MARKS

HELD_BY = "retest"
REASON = "watch changed"
"""The reason of a crossing that ended because it does not hold under its new watch."""


class PastMark(NamedTuple):
    """A mark as it was at a crossing."""

    row: MarkRow
    fading: FadingMark


class Holding(NamedTuple):
    """A scope in which a new watch would have crossed, and the id of the mark; 0 if it measures all marks together."""

    scope: str
    mark_id: int
    measured: Measurement


def plan(txn: BoardTransaction, watch_id: int, old: Condition) -> None:
    """Defer the waiting crossings of a watch that changed, and plan their tests."""
    if txn.sql.changed(CROSSINGS.hold_for_retest, watch_id=watch_id):
        plan_backfill(txn, BackfillTarget(BackfillTask.RETEST, watch_id, former_kinds=tuple(old.kinds)))


def run_batch(txn: BoardTransaction, watch: RegisteredWatch, limit: int) -> int:
    """Test up to `limit` crossings of a watch again, and return their number."""
    rows = txn.sql.all(CROSSINGS.held_for_retest, watch_id=watch.id, limit=limit)
    deployments: dict[int, Deployment] = {}
    for row in rows:
        _Retest(txn, watch, row, deployments).run()
    return len(rows)


def retest_before_change(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> None:
    """Retest the crossings of a scope now, if the backfill has not reached them."""
    if watch.id in txn.active.retests:
        for row in txn.sql.all(CROSSINGS.waiting_of_scope, watch_id=watch.id, scope=scope):
            if row.held_by == HELD_BY:
                _Retest(txn, watch, row, {}).run()


class _Retest:
    """The test of one crossing.

    Args:
        txn: The transaction.
        watch: The watch as it is now.
        crossing: The crossing, recorded under the former watch.
        deployments: Deployments that were already read, by version.
    """

    def __init__(
        self, txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow, deployments: dict[int, Deployment]
    ) -> None:
        self.txn, self.watch, self.crossing, self.at = txn, watch, crossing, crossing.crossed_at
        self.deployment = _deployment_at(txn, self.at, deployments)

    def run(self) -> None:
        """Keep the crossing, under the key that the new watch gives it, or end it as skipped."""
        crossing = self.crossing
        if scheduled_crossings.keeps(self.watch, crossing):
            self.txn.sql.run(CROSSINGS.hold_crossing, id=crossing.id, held_by=None, ready_at=crossing.noticed_at)
            return
        if self._holds_too_briefly():
            self._end()
            return
        own_key = crossing.scope, crossing.mark_id
        holdings = sorted(self._holding(), key=lambda holding: (holding.scope, holding.mark_id) != own_key)
        stays = False
        for holding in holdings:
            key = StateKey(self.watch.id, holding.scope, holding.mark_id)
            other = self.txn.sql.one(CROSSINGS.waiting_crossing, **key._asdict())
            if other is not None and other.id != crossing.id:
                self.txn.sql.run(CROSSINGS.antedate_crossing, id=other.id, at=self.at)
            elif stays:
                cause = crossing_records.CrossingCause(crossing.cause, crossing.began_at)
                crossing_records.cross(self.txn, self.watch, key, holding.measured, self.at, cause)
            else:
                self._keep(holding)
                stays = True
        if not stays:
            self._end()

    def _end(self) -> None:
        skip_crossing(self.txn, self.watch, self.crossing, REASON)

    def _holds_too_briefly(self) -> bool:
        """Return whether the change made `held_for` longer. The longer time counts from the change on."""
        timing = self.watch.timing
        if timing is None or not timing.held_for:
            return False
        before = self.deployment.agents.get(self.watch.agent.name)
        specs = () if before is None else before.watches
        former = [before.timing_of(spec) for spec in specs if before and spec.name == self.watch.spec.name]
        return not any(earlier is not None and earlier.held_for >= timing.held_for for earlier in former)

    def _keep(self, holding: Holding) -> None:
        self.txn.sql.run(
            CROSSINGS.restate_crossing,
            id=self.crossing.id,
            scope=holding.scope,
            mark_id=holding.mark_id,
            **crossing_records.side_columns(self.watch, holding.measured),
            **crossing_records.columns(
                self.txn, self.watch, holding.measured, self.at, noticed_at=self.crossing.noticed_at
            ),
        )

    def _holding(self) -> Iterator[Holding]:
        """Yield each scope or mark of the old crossing where the new watch would also have crossed."""
        watch = self.watch
        if watch.is_falling and watch.spans_subjects and not self._has_same_scope():
            return  # the strength of one subject does not determine the strength of the board or of a group
        before = self.txn.active.retests.get(watch.id, frozenset())
        counted = not before.isdisjoint(watch.condition.kinds_in_windows)
        for scope, mark_id, marks in self._marks_by_scope():
            is_concerned = counted or any(mark.row.kind in before for mark in marks)
            measured = self._measured(scope, marks) if is_concerned else None
            if measured is not None and (not watch.drops or self._guard_was_open(scope)):
                yield Holding(scope, mark_id, measured)

    def _marks_by_scope(self) -> Iterator[tuple[str, int, list[PastMark]]]:
        """Yield each scope that the new watch measures, with its marks; or each mark with its id, for a `strength`."""
        watch, crossing = self.watch, self.crossing
        if watch.condition.is_per_mark:
            for mark in self._marks():
                if not crossing.is_per_mark or mark.row.id == crossing.mark_id:
                    yield mark.row.subject, mark.row.id, [mark]
            return
        by_scope: dict[str | None, list[PastMark]] = {WHOLE_BOARD: []} if watch.is_over_board else {}
        for mark in self._marks():
            by_scope.setdefault(scope_of(self.txn, watch, mark.row), []).append(mark)
        for scope in self._scopes_in_windows():
            by_scope.setdefault(scope, [])
        yield from ((scope, 0, marks) for scope, marks in by_scope.items() if scope is not None)

    def _has_same_scope(self) -> bool:
        """Return whether the crossing is about the board or a group as the new watch measures it."""
        group = group_of(self.crossing.scope)
        if self.watch.by is None:
            return self.crossing.is_over_board
        return group is not None and group.tag == self.watch.by

    def _guard_was_open(self, scope: str) -> bool:
        """Return whether the guard of the new watch was met at the crossing.

        If not, a watch whose guard drops would not have crossed.
        """
        if (guard := self.watch.spec.guard) is None:
            return True
        measures_board = any(comparison.measure.over == "board" for comparison in guard.comparisons())
        rows = self._rows(guard.kinds, WHOLE_BOARD if measures_board else scope)
        marks = [
            replace(self._fading(row), group=scope if scope_of(self.txn, self.watch, row) == scope else None)
            for row in rows
            if row.is_live(self.at)
        ]
        marks += self._deposits(guard, scope)
        return guard.holds(lambda measure: value_at(measure, marks, self.at, scope))

    def _measured(self, scope: str, marks: list[PastMark]) -> Measurement | None:
        """Return the value of the new watch at the crossing; None if it would not have crossed."""
        condition, fading = self.watch.condition, [mark.fading for mark in marks]
        fading += self._deposits(condition, scope, ignored=self.watch.ignored_in_windows)
        if self.watch.is_falling:
            is_below = first_true(condition, fading, self.at) == self.at
            side = fallen_side(condition, fading, self.at, self.at) if is_below else None
        else:
            side = met_side(condition, fading, self.at)
        if side is None:
            return None
        strongest = max((mark.strength(self.at) for mark in fading), default=0.0)
        return Measurement(side.value, len(fading), [mark.row for mark in marks], strongest, comparison=side.comparison)

    def _deposits(self, condition: Condition, scope: str, *, ignored: str = "") -> list[FadingMark]:
        """Return the deposits that the windows of a condition counted at the crossing."""
        if not condition.has_window:
            return []
        up_to = self.txn.last_event_before(self.at + 1)
        reading = WindowReading(self.at, scope, ignored=ignored, up_to=up_to, is_whole=True)
        return fading_events(
            self.txn.sql,
            condition,
            lambda kind: self._past_deployment(kind).kind(kind).weight,
            partial(measure_filter, self.txn),
            reading,
        )

    def _scopes_in_windows(self) -> Iterator[str]:
        """Yield the scopes without marks that the new watch may measure."""
        if not self.watch.has_window or self.watch.is_over_board:
            return
        group = group_of(self.crossing.scope)
        if self._has_same_scope() if self.watch.by is not None else group is None and not self.crossing.is_over_board:
            yield self.crossing.scope
        else:
            yield from scopes_in_windows(self.txn.sql, self.watch.condition)

    # -- the marks at the crossing -----------------------------------------------------------------------------------

    def _marks(self) -> Iterator[PastMark]:
        """Yield the marks that the new watch would have measured: for a rising watch, the stimuli that were live then.

        A mark may fall below the threshold of a falling watch just by its evaporation.
        """
        watch = self.watch
        for row in self._rows(watch.kinds_of_marks, self.crossing.scope):
            if need_access.counts(self.txn, watch, row) and (
                watch.is_falling or (row.is_live(self.at) and self._counted(row))
            ):
                yield PastMark(row, self._fading(row))

    def _fading(self, row: MarkRow) -> FadingMark:
        """Return a mark with the weight that its kind had at the crossing."""
        deployment = self._past_deployment(row.kind)
        state = FadingState(row.intensity, row.anchored_at, self.txn.laws.get(self.txn.sql, row.law))
        tags = self.txn.tags(row.kind, row.payload)
        return FadingMark(row.kind, row.subject, deployment.kind(row.kind).weight, state, row.evaporates_at, tags=tags)

    def _past_deployment(self, kind: str) -> Deployment:
        """Return the deployment whose weight of a kind counted at the crossing."""
        return self.deployment if kind in self.deployment.kinds else self.txn.deployment

    def _rows(self, kinds: Collection[str], scope: str) -> Iterator[MarkRow]:
        """Yield the marks of some kinds in a scope, as they were at the crossing."""
        group = group_of(scope)
        for row in self._marks_of_group(kinds, scope) if group else stored_marks(self.txn, kinds, scope):
            past = self._past(row)
            if past is not None and (group is None or self._was_in(past, group)):
                yield past
        for evaporated in self._evaporated_since(kinds, scope):
            if evaporated.kind in kinds and (event := self._event(evaporated.subject, evaporated.mark_id)):
                past = self._row_of(event)
                if group is None or self._was_in(past, group):
                    yield past

    def _marks_of_group(self, kinds: Collection[str], scope: str) -> list[MarkRow]:
        """Return the stored marks of a group, and those that may have left it since the crossing."""
        changed = self.txn.sql.all(MARKS.marks_changed_since, since=self._last_event())
        rows = [*stored_marks(self.txn, kinds, scope), *(row for row in changed if row.kind in kinds)]
        return list({row.id: row for row in rows}.values())

    def _was_in(self, past: MarkRow, group: Group) -> bool:
        tags = self.txn.tags(past.kind, past.payload)
        return tags is not None and tags.group(group.tag) == group

    def _past(self, row: MarkRow) -> MarkRow | None:
        """Return a stored mark as it was at the crossing; None if it was not there yet."""
        if row.deposited_at > self.at:
            return None
        if row.changed_at <= self.at:
            return row
        event = self._event(row.subject, row.id)
        return None if event is None else self._row_of(event)

    def _event(self, subject: str, mark_id: int) -> EventRow | None:
        return self.txn.sql.one(MARKS.state_of_mark_at, subject=subject, mark_id=mark_id, at=self.at)

    def _last_event(self) -> int:
        """Return an event of the board that comes before everything that happened after the crossing."""
        cause = self.txn.sql.one(MARKS.get_event, id=self.crossing.event_id)
        # The event of a crossing that was renewed is later than the crossing.
        return cause.id if cause and cause.recorded_at <= self.at else self.txn.last_event_before(self.at)

    def _evaporated_since(self, kinds: Collection[str], scope: str) -> list[EventRow]:
        txn, since = self.txn, self._last_event()
        if scope != WHOLE_BOARD and not is_group(scope):
            return txn.sql.all(MARKS.evaporations_of_subject, subject=scope, since=since)
        return [event for kind in kinds for event in txn.sql.all(MARKS.evaporations_since, kind=kind, since=since)]

    def _counted(self, row: MarkRow) -> bool:
        return watch_states.counts(self.txn, self.watch, row) if self.crossing.cause else self._was_stimulus(row)

    def _was_stimulus(self, row: MarkRow) -> bool:
        """Return whether a mark could still cause a crossing, because the watch has not absorbed it.

        The record that a mark was absorbed is deleted with the mark. Then the inputs of past activations decide.
        """
        absorbed = last_absorbed(self.txn, self.watch, row.id)
        if not row.is_live(self.txn.now):
            values = {"watch_id": self.watch.id, "mark_id": row.id}
            absorbed = max(absorbed, self.txn.sql.value(ACTIVATIONS.last_absorbed_event, **values) or 0)
        return is_stimulus(self.txn, self.watch, row, absorbed)

    def _row_of(self, event: EventRow) -> MarkRow:
        """Return the mark in its state after an event; its `other_event_id` is an event of another author."""
        row = mark_after(event)
        selects = self.watch.has_where or (self.watch.spec.guard is not None and self.watch.spec.guard.has_where)
        if selects or self.watch.by is not None or is_group(self.crossing.scope):
            row = row._replace(payload=with_shown_payload(self.txn, event).payload or row.payload)
        if event.author != self.watch.ignored_author:
            return row
        values = {"subject": event.subject, "mark_id": event.mark_id, "author": event.author, "up_to": event.id}
        return row._replace(other_event_id=self.txn.sql.value(MARKS.last_deposit_of_others.using("up_to"), **values))


def _deployment_at(txn: BoardTransaction, at: Instant, known: dict[int, Deployment]) -> Deployment:
    """Return the deployment that was active at an instant, whose weights counted then."""
    row = txn.sql.one(DEPLOYMENTS.deployment_at, at=at)
    if row is None:
        return txn.deployment
    if row.version not in known:
        known[row.version] = Deployment.model_validate_json(row.content)
    return known[row.version]
