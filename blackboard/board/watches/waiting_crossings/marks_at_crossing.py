"""The marks that a watch measures at the instant of a crossing: their strengths, weights and tags of that instant."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from blackboard.board.mark_tables.mark_rows import with_shown_payload
from blackboard.board.mark_tables.mark_states import tags_of
from blackboard.board.mark_tables.marks_in_scopes import measure_filter, stored_marks
from blackboard.board.mark_tables.watch_scopes import scope_of
from blackboard.board.mark_tables.window_deposits import WindowReading, fading_deposits
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.measurements import watch_states, watched_marks
from blackboard.board.watches.measurements.absorbed_marks import last_absorbed
from blackboard.board.watches.measurements.stimuli import is_stimulus
from blackboard.core.conditions.condition_types import Condition
from blackboard.core.marks.fading_marks import FadingMark, FadingState
from blackboard.core.marks.scopes import WHOLE_BOARD, Group, group_of, is_group
from blackboard.core.specs.deployment import Deployment
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow, mark_after
from blackboard.store.row_types.watch_row_types import CrossingRow
from blackboard.store.statements import ACTIVATIONS, MARKS


class PastMark(NamedTuple):
    """A mark as it was at a crossing."""

    row: MarkRow
    fading: FadingMark


class MarksAtCrossing:
    """The marks of a watch at the instant of a crossing.

    Args:
        txn: The transaction.
        watch: The watch as it is now.
        crossing: The crossing, recorded under the former watch.
        deployment: The deployment that was active at the crossing.
    """

    def __init__(
        self, txn: BoardTransaction, watch: RegisteredWatch, crossing: CrossingRow, deployment: Deployment
    ) -> None:
        self.txn, self.watch, self.crossing, self.at = txn, watch, crossing, crossing.crossed_at
        self._deployment = deployment

    def measured_marks(self) -> Iterator[PastMark]:
        """Yield the marks that the new watch would have measured.

        For a rising watch, these are the live stimuli of that instant. For a falling watch, evaporated marks count too,
        because a mark may fall below the threshold just by its evaporation.
        """
        watch = self.watch
        for row in self._rows(watch.condition.kinds_of_marks, self.crossing.scope):
            if watched_marks.is_counted(self.txn, watch, row) and (
                watch.condition.is_falling or (row.is_live(self.at) and self._counted(row))
            ):
                yield PastMark(row, self._fading(row))

    def of_guard(self, guard: Condition, scope: str) -> list[FadingMark]:
        """Return the live marks and the deposits that a guard measured in a scope."""
        measures_board = any(comparison.measure.over == "board" for comparison in guard.comparisons())
        rows = self._rows(guard.kinds, WHOLE_BOARD if measures_board else scope)
        marks = [
            replace(self._fading(row), group=scope if scope_of(self.txn, self.watch, row) == scope else None)
            for row in rows
            if row.is_live(self.at)
        ]
        return marks + self.deposits(guard, scope)

    def deposits(self, condition: Condition, scope: str, *, ignored: str = "") -> list[FadingMark]:
        """Return the deposits that the windows of a condition counted at the crossing."""
        if not condition.has_window:
            return []
        up_to = self.txn.last_event_before(self.at + 1)
        reading = WindowReading(self.at, scope, ignored=ignored, up_to=up_to, is_whole=True)
        return fading_deposits(
            self.txn.sql,
            condition,
            lambda kind: self._past_deployment(kind).kind(kind).weight,
            partial(measure_filter, self.txn),
            reading,
        )

    def _fading(self, row: MarkRow) -> FadingMark:
        """Return a mark with the weight that its kind had at the crossing."""
        deployment = self._past_deployment(row.kind)
        state = FadingState(row.intensity, row.anchored_at, self.txn.laws.get(self.txn.sql, row.law))
        tags = tags_of(self.txn, row.kind, row.payload)
        return FadingMark(row.kind, row.subject, deployment.kind(row.kind).weight, state, row.evaporates_at, tags=tags)

    def _past_deployment(self, kind: str) -> Deployment:
        """Return the deployment whose weight of a kind counted at the crossing."""
        return self._deployment if kind in self._deployment.kinds else self.txn.deployment

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
        tags = tags_of(self.txn, past.kind, past.payload)
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
        return (
            watch_states.is_counted_unabsorbed(self.txn, self.watch, row)
            if self.crossing.cause
            else self._was_stimulus(row)
        )

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
        """Return the mark in its state after an event, with `other_event_id` if the agent of the watch caused it."""
        row = mark_after(event)
        selects = self.watch.condition.has_where or (
            self.watch.spec.guard is not None and self.watch.spec.guard.has_where
        )
        if selects or self.watch.condition.by is not None or is_group(self.crossing.scope):
            row = row._replace(payload=with_shown_payload(self.txn, event).payload or row.payload)
        if event.author != self.watch.ignored_author:
            return row
        values = {"subject": event.subject, "mark_id": event.mark_id, "author": event.author, "up_to": event.id}
        return row._replace(other_event_id=self.txn.sql.value(MARKS.last_deposit_of_others.using("up_to"), **values))
