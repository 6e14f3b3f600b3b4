"""One transaction of a board: its instant, the active deployment, and the laws and totals that it has read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from blackboard.board.transactions import activity_log, search_docs
from blackboard.board.transactions.active_deployment import ActiveDeployment
from blackboard.board.transactions.backfill_targets import BackfillTarget
from blackboard.board.transactions.law_cache import LawCache
from blackboard.board.transactions.rows_read_ahead import RowsReadAhead
from blackboard.board.transactions.running_sums import RunningSums
from blackboard.board.transactions.window_events import WindowReading, fading_events
from blackboard.clock import LAST_INSTANT, Instant
from blackboard.core.conditions.condition_types import Condition, Measure
from blackboard.core.deployment import Deployment
from blackboard.core.marks.kinds import Kind
from blackboard.core.marks.measure_scopes import Group, group_of, is_group
from blackboard.core.marks.reinforcement import FadingMark, FadingState
from blackboard.core.marks.tags import TagFilter, Tags
from blackboard.store.query_rows import LiveMark
from blackboard.store.rows import ActivityEventRow, AgentStateRow, BackfillRow, EventRow, MarkRow
from blackboard.store.statement_file import Statement
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, MARKS
from blackboard.store.transaction import Transaction

MARKS_PER_QUERY = 1000
"""The number of marks that a walk over all live marks of a kind reads at once."""
KEPT_TAGS = 8
"""The number of marks whose tags a transaction keeps: those of one mark before and after a change, with room."""


class EventDetails(NamedTuple):
    """The part of an event that does not follow from the mark: its author, and the data of a deposit."""

    event_id: int
    author: str
    """The author who signs the event. The mark may show another author."""
    payload: str | None = None
    intensity: float | None = None
    """The intensity of the deposit alone."""
    activation_id: int | None = None
    shown_event_id: int | None = None
    """The deposit that the mark shows, if it is another deposit."""
    traceparent: str | None = None
    """The trace context of a deposit."""


class BoardTransaction:
    """An open transaction with its instant and the deployment that is active at that instant.

    Attributes:
        sql: The transaction of the store, which runs statements.
        active: The active deployment.
        laws: The laws that marks refer to.
        now: The board's time: the latest of the clock, the last recorded instant, and the last instant used by this
            process.
        recorded: The last instant that the board recorded.
        next_end: The earliest `evaporates_at` in the table; it may be past. None if no mark ever evaporates.
        pause: The reason of the board's pause, "" without a reason; None if the board is not paused.
        agent_states: The states of agents that this transaction has read. Only `agent_state` uses them.
        doubted: The instant that the clock shows if it is too far ahead to be believed; otherwise None.
        totals: The sums that this transaction has read, by watch and scope, then by kind and law. They are written
            once, at its end.
        search_changes: The new texts of marks, by their documents. They are written at its end, too.
        activity: The entries of the activity that this transaction makes. They are written at its end, too.
        read_ahead: The rows that were read together before they are needed; None if there are none.
    """

    __slots__ = (
        "_last_event",
        "_tags",
        "active",
        "activity",
        "agent_states",
        "doubted",
        "laws",
        "next_end",
        "now",
        "pause",
        "read_ahead",
        "recorded",
        "search_changes",
        "sql",
        "totals",
    )

    def __init__(
        self,
        sql: Transaction,
        active: ActiveDeployment,
        laws: LawCache,
        now: Instant,
        last_event: int,
        recorded: Instant,
        next_end: Instant | None,
        pause: str | None = None,
    ) -> None:
        self.sql, self.active, self.laws, self.now = sql, active, laws, now
        self.recorded, self.next_end = recorded, next_end
        self.pause = pause
        self.agent_states: dict[str, AgentStateRow] = {}
        self._last_event = last_event
        self._tags: dict[tuple[str, str], Tags] = {}
        self.doubted: Instant | None = None
        self.totals: dict[tuple[int, str], dict[tuple[str, str], RunningSums]] = {}
        self.search_changes: dict[int, search_docs.Change] = {}
        self.activity: list[ActivityEventRow] = []
        self.read_ahead: RowsReadAhead | None = None

    @property
    def deployment(self) -> Deployment:
        """The active deployment."""
        return self.active.deployment

    @property
    def board_id(self) -> str:
        """The id of the board, which no other board has."""
        return self.sql.existing(ACTIVATIONS.board).uid

    @property
    def last_event(self) -> int:
        """The id of the last event; 0 on an empty board."""
        return self._last_event

    @property
    def has_evaporated_marks(self) -> bool:
        """Whether the table holds marks that have evaporated."""
        return self.next_end is not None and self.next_end <= self.now

    def last_event_before(self, at: Instant) -> int:
        """Return the id of the last event before an instant; 0 if there is none.

        Ids and instants have the same order.
        """
        low, high = 0, self.last_event
        while low < high:
            middle = (low + high + 1) // 2
            event = self.sql.one(MARKS.next_event, id=middle)
            if event is not None and event.recorded_at < at:
                low = max(middle, event.id)
            else:
                high = middle - 1
        return low

    def next_event(self) -> int:
        """Allocate the id of a new event."""
        self._last_event += 1
        return self._last_event

    def kind(self, name: str) -> Kind:
        """Return a registered kind.

        Raises:
            UnknownName: The kind is not registered.
        """
        return self.active.kinds.get(name) or self.deployment.kind(name)

    def migrated(self, row: MarkRow) -> MarkRow:
        """Return a mark in its state after the last change of its kind, without writing it.

        The mark fades by the old law up to the instant of the change and by the new law after it, without a jump. A
        mark with a law of its own keeps it. A new floor moves only the evaporation.
        """
        change = self.active.law_changes.get((row.kind, row.law))
        if change is None or row.anchored_at >= change.changed_at or not row.is_live(change.changed_at):
            return row  # deposited after the change, or evaporated before it
        at = change.changed_at
        state = FadingState(row.intensity, row.anchored_at, self.laws.get(self.sql, row.law))
        law = row.law if row.own_law else change.new_law
        if law != row.law:
            state = FadingState(state.remaining(at), at, self.laws.get(self.sql, law))
        evaporates_at = state.evaporates_at(self.kind(row.kind))
        return row._replace(
            intensity=state.intensity,
            law=law,
            anchored_at=state.at,
            evaporates_at=None if evaporates_at is None else max(at, evaporates_at),
            order_key=state.law.order_key(state.intensity, state.at),
        )

    def live(self, rows: Iterable[MarkRow], at: Instant | None = None) -> list[MarkRow]:
        """Return the rows that are live at an instant (default: now), in their state after changes of their kinds."""
        at = self.now if at is None else at
        return [row for row in map(self.migrated, rows) if row.is_live(at)]

    def stored_marks(self, kinds: Iterable[str], scope: str | None) -> list[MarkRow]:
        """Return the stored marks of some kinds, evaporated or not, of a subject, a group or (None) the board."""
        rows: list[MarkRow] = []
        for kind in kinds:
            if scope is None:
                rows += self.sql.all(MARKS.marks_of_kind, kind=kind)
            elif (group := group_of(scope)) is not None:
                found = self.sql.all(MARKS.marks_of_group, kind=kind, tag=group.tag, key=group.key)
                rows += [row for row in found if self.is_in_group(row, group)]
            else:
                rows += self.marks_of_subject(kind, scope)
        return rows

    def reading_ahead(self) -> RowsReadAhead | None:
        """Return the rows that are read ahead, to read more; None in a file, where this would cost more than it saves.

        On a server, each answer costs a round trip.
        """
        if self.read_ahead is None and self.sql.dialect.is_remote:
            self.read_ahead = RowsReadAhead()
        return self.read_ahead

    def marks_of_subject(self, kind: str, subject: str) -> list[MarkRow]:
        """Return the stored marks of a kind and subject, evaporated or not, newest first."""
        if self.read_ahead is not None and (known := self.read_ahead.marks_of(kind, subject)) is not None:
            return known
        return self.sql.all(MARKS.marks_of_subject, kind=kind, subject=subject)

    def is_in_group(self, row: MarkRow, group: Group) -> bool:
        """Return whether a mark that has the tag of a group belongs to it. A mark with a list of texts does not."""
        if not self.kind(row.kind).tag_schema.may_have_lists:
            return True
        tags = self.tags(row.kind, row.payload)
        return tags is not None and tags.group(group.tag) == group

    def live_batches(self, kind: str) -> Iterator[list[MarkRow]]:
        """Yield the live marks of a kind, in their state after changes of the kind, with one query for each batch."""
        after = 0
        while rows := self.sql.all(
            MARKS.marks_changed_between, kind=kind, after=after, up_to=self.last_event, limit=MARKS_PER_QUERY
        ):
            yield self.live(rows)
            after = rows[-1].event_id

    def fading_marks(
        self, condition: Condition, scope: str | None, at: Instant | None = None, *, whole: bool = False
    ) -> list[FadingMark]:
        """Return the marks of a condition's kinds that are live at an instant, by default now.

        A measure over the board sees every subject, and so do all measures if the scope is None. The deposits in its
        windows are among them: all if `whole`, otherwise as many as decide whether the condition holds, and until when.
        """
        measures = [comparison.measure for comparison in condition.comparisons()]
        places = dict.fromkeys(
            (kind, None if measure.over == "board" else scope)
            for measure in measures
            if measure.within is None
            for kind in measure.kinds
        )
        found: dict[int, FadingMark] = {}
        for kind, place in places:
            group = place if place is not None and is_group(place) else None
            for row in self.live(self.stored_marks([kind], place), at):
                if group is not None or row.id not in found:
                    found[row.id] = self.fading(row, group)
        marks = [*found.values()]
        if condition.has_window:
            reading = WindowReading(self.now if at is None else at, scope, is_whole=whole)
            marks += self.fading_events(condition, reading)
        return marks

    def fading_events(self, condition: Condition, reading: WindowReading) -> list[FadingMark]:
        """Return the deposits in the windows of a condition; see `window_events.fading_events`."""
        return fading_events(self.sql, condition, lambda kind: self.kind(kind).weight, self.filter_of, reading)

    def filter_of(self, kind: str, measure: Measure) -> TagFilter | None:
        """Return the filter of a kind's marks or deposits for the tags of a measure; None if it counts all of them."""
        return None if measure.where is None else self.kind(kind).tag_schema.filter_of(measure.where)

    def exact_until(self, kind: str) -> Instant:
        """Return the instant up to which `evaporates_at` is exact for a kind; 0 while its marks are being migrated."""
        return 0 if kind in self.active.migrating else self.now

    def state(self, row: MarkRow) -> FadingState:
        """Return the part of a mark that fades."""
        row = self.migrated(row)
        return FadingState(row.intensity, row.anchored_at, self.laws.get(self.sql, row.law))

    def strength(self, row: MarkRow, at: Instant | None = None) -> float:
        """Return a mark's strength at an instant, by default this transaction's. The mark need not be live then."""
        at = self.now if at is None else at
        weight = self.kind(row.kind).weight
        if at == row.anchored_at == self.now:
            return weight * row.intensity  # it was just deposited, so nothing has faded
        return weight * self.state(row).remaining(at)

    def live_strength(self, row: MarkRow) -> float:
        """Return the strength of a mark now; 0 if it is no longer live."""
        return self.strength(row) if row.is_live(self.now) else 0.0

    def marks_with_strength(self, statement: Statement[LiveMark], **values: Any) -> list[LiveMark]:
        """Return the live marks of a statement that computes their strengths.

        Raises:
            InvalidLaw: A mark has a decay law that this process does not know.
        """
        rows = self.sql.all(statement, **values)
        for row in rows:
            if row.strength is None:
                self.state(row.mark)  # raises the error that names the law
        return rows

    def fading(self, row: MarkRow, group: str | None = None) -> FadingMark:
        """Return a mark as the forecast needs it. `group` is the group whose marks were read."""
        row = self.migrated(row)
        return FadingMark(
            row.kind,
            row.subject,
            self.kind(row.kind).weight,
            self.state(row),
            row.evaporates_at,
            row.changed_at,
            tags=self.tags(row.kind, row.payload),
            group=group,
        )

    def tags(self, kind: str, payload: str | None) -> Tags | None:
        """Return the tags of a mark with a payload; None if its kind has none, or the payload was erased.

        The last few are kept, because every watch on the kind asks for those of the same mark.
        """
        schema = self.kind(kind).tag_schema
        if not schema.names or payload is None:
            return None
        found = self._tags.get((kind, payload))
        if found is None or found.schema is not schema:
            if len(self._tags) >= KEPT_TAGS:
                self._tags.clear()
            found = self._tags[kind, payload] = Tags(schema, payload)
        return found

    def shown_event(self, row: MarkRow) -> int:
        """Return the deposit whose payload a mark shows."""
        last = self.sql.existing(MARKS.get_event, id=row.event_id)
        return last.id if last.shown_event_id is None else last.shown_event_id

    def insert_mark(self, row: MarkRow) -> None:
        """Insert a mark."""
        self.sql.put(MARKS.insert_mark, row)
        if self.read_ahead is not None:
            self.read_ahead.note_new(row)

    def update_mark(self, row: MarkRow) -> None:
        """Write the part of a mark that a reinforcement changes."""
        self.sql.run(MARKS.update_mark, **row._asdict())
        if self.read_ahead is not None:
            self.read_ahead.note_change(row)

    def delete_mark(self, row: MarkRow) -> None:
        """Remove a mark from the live board."""
        self.sql.run(MARKS.delete_mark, id=row.id)
        if self.read_ahead is not None:
            self.read_ahead.note_gone(row)

    def rebase(self, row: MarkRow) -> None:
        """Write the fading part of a mark that continues from another instant or under another law."""
        self.sql.run(MARKS.rebase_mark, **row._asdict())
        if self.read_ahead is not None:
            self.read_ahead.note_change(row)

    def record_time(self, at: Instant) -> None:
        """Record an instant that no event of a mark carries."""
        self.sql.run(MARKS.record_time, at=at)
        self.recorded = at

    def record(
        self,
        row: MarkRow,
        event: str,
        *,
        recorded_at: Instant | None = None,
        occurred_at: Instant | None = None,
        details: EventDetails | None = None,
    ) -> None:
        """Write an event of a mark, with the state that it produced.

        Args:
            row: The mark after the event.
            event: The name of the event, such as `deposited`.
            recorded_at: The instant of a change that was in effect earlier than this transaction.
            occurred_at: When the event happened, if it is recorded later.
            details: The author of the event and the data of a deposit; by default the author that the mark shows.
        """
        if recorded_at is None:
            recorded_at = self.now
        elif self.recorded < self.now:
            self.record_time(self.now)
        if details is None:
            details = EventDetails(self.next_event(), row.author)
        self.sql.put(
            MARKS.insert_event,
            EventRow(
                id=details.event_id,
                recorded_at=recorded_at,
                mark_id=row.id,
                kind=row.kind,
                subject=row.subject,
                event=event,
                intensity=row.intensity,
                law=row.law,
                evaporates_at=row.evaporates_at,
                author=details.author,
                activation_id=details.activation_id,
                payload=details.payload,
                own_law=row.own_law,
                occurred_at=recorded_at if occurred_at is None else occurred_at,
                anchored_at=row.anchored_at,
                deposited_intensity=details.intensity,
                shown_event_id=details.shown_event_id,
                traceparent=details.traceparent,
            ),
        )

    def plan_backfill(self, target: BackfillTarget) -> None:
        """Plan a backfill over the marks as they are now."""
        self._plan_backfill(target, self.now, self.last_event)

    def continue_backfill(self, row: BackfillRow, target: BackfillTarget) -> None:
        """Replace a backfill by its rest, which waits behind the other backfills."""
        self.sql.run(CROSSINGS.delete_backfill, id=row.id)
        self._plan_backfill(target, row.at, row.up_to)

    def end_backfill(self, row: BackfillRow) -> None:
        """Delete a backfill that is done. With the last backfill, the list of states that follow it is deleted, too."""
        self.sql.run(CROSSINGS.delete_backfill, id=row.id)
        if self.sql.one(CROSSINGS.backfills) is None:
            self.sql.run(CROSSINGS.delete_followed)

    def _plan_backfill(self, target: BackfillTarget, at: Instant, up_to: int) -> None:
        row = {"task": target.task, "name": target.name, "at": at, "up_to": up_to, "position": 0}
        self.sql.run(CROSSINGS.insert_backfill, **row)

    def delete_totals(self, watch_id: int, before: Instant = LAST_INSTANT) -> None:
        """Delete the sums of a watch in all scopes, or those that were last brought up to date before an instant."""
        self.sql.run(CROSSINGS.delete_watch_totals, watch_id=watch_id, before=before)
        for key in [key for key in self.totals if key[0] == watch_id]:
            if all(sums.evaporated_through < before for sums in self.totals[key].values()):
                del self.totals[key]

    def save(self) -> None:
        """Write the activity, and the sums and the documents of the full-text index that this transaction has changed.

        The sums of groups without marks are deleted.
        """
        if self.activity:
            activity_log.write(self)
        if self.search_changes:
            search_docs.write(self)
        for (watch_id, scope), by_law in self.totals.items():
            if scope and by_law and not any(sums.marks for sums in by_law.values()):
                self.sql.run(CROSSINGS.delete_totals_of_scope, watch_id=watch_id, scope=scope)
                by_law.clear()
            for (kind, law_key), sums in by_law.items():
                if sums.changed:
                    key = {"watch_id": watch_id, "scope": scope, "kind": kind, "law": law_key}
                    self.sql.run(CROSSINGS.set_watch_total, **key, **vars(sums))
                    sums.changed = False
