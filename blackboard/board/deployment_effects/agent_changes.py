"""Changes of agents: their watches are registered, and the crossings of changed watches are tested again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from blackboard.board import open_needs
from blackboard.board.deployment_effects.kind_changes import KindChanges
from blackboard.board.mark_tables.mark_states import tags_of
from blackboard.board.mark_tables.marks_in_scopes import live_batches
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch, live_sums_id
from blackboard.board.watches.measurements import watch_states, window_totals
from blackboard.board.watches.measurements.collected_sums import CollectedSums
from blackboard.board.watches.waiting_crossings import crossing_retests, scheduled_crossings, watch_guards
from blackboard.board.work_tables import agent_states
from blackboard.board.work_tables.backfill_rows import plan_backfill
from blackboard.core.agent_declaration_mistakes import mistakes_in
from blackboard.core.conditions.condition_parser import parse_condition
from blackboard.core.conditions.condition_types import Condition
from blackboard.core.conditions.measures import Measure
from blackboard.core.marks.tags import WhereClause
from blackboard.core.records.backfill_targets import BackfillTarget, BackfillTask
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.watch_spec import Timing, WatchSpec
from blackboard.errors import ConfigurationError
from blackboard.store.row_types.watch_row_types import WatchRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, WINDOWS


class _WatchChange(NamedTuple):
    """A watch of a new deployment, with its row and its former settings."""

    agent_spec: AgentSpec
    spec: WatchSpec
    row: WatchRow | None
    """The watch as the board stores it; None if the board never had it."""
    agent_before: AgentSpec | None
    """The agent in the former deployment; None if the agent is new."""
    is_retagged: bool
    """Whether the values of tags in its condition are compared in another way, so other marks may count."""

    @property
    def spec_before(self) -> WatchSpec | None:
        """The watch in the former deployment; None if the watch is new."""
        watches = () if self.agent_before is None else self.agent_before.watches
        return next((spec for spec in watches if spec.name == self.spec.name), None)

    @property
    def timing(self) -> Timing | None:
        """The timing of the watch in the new deployment."""
        return self.agent_spec.timing_of(self.spec)

    @property
    def timing_before(self) -> Timing | None:
        """The timing of the watch in the former deployment."""
        before = self.spec_before
        return None if self.agent_before is None or before is None else self.agent_before.timing_of(before)

    @property
    def begins_anew(self) -> bool:
        """Whether the watch is new, returns, or has another condition."""
        before = self.spec_before
        if self.row is None or not self.row.active or before is None or self.is_retagged:
            return True
        return _differs(before, self.spec) or self.timing != self.timing_before

    @property
    def measures_another_value(self) -> bool:
        """Whether the watch compares another value than before."""
        before = self.spec_before
        return before is None or self.is_retagged or _measures(before.condition) != _measures(self.spec.condition)

    @property
    def keeps_states(self) -> bool:
        """Whether the states of the watch are also true for its new form.

        With another condition, two kinds of states stay true: the state of a falling watch that measures the same
        value, and the state of a window that has crossed. The states of other rising watches may be wrong, because the
        threshold may differ.
        """
        spec, before = self.spec, self.spec_before
        if before is None or self.timing_before is None or self.timing is None or self.measures_another_value:
            return False
        if spec.condition.is_falling or not _differs(before, spec):
            return True
        return spec.condition.has_window and before.include_own == spec.include_own

    @property
    def has_new_dropping_guard(self) -> bool:
        """Whether a guard drops crossings that would have stayed before."""
        before = self.spec_before
        if self.agent_before is None or before is None or self.agent_spec.on_guard_of(self.spec) != "drop":
            return False
        return self.spec.guard != before.guard or self.agent_before.on_guard_of(before) == "defer"


def register_agents(txn: BoardTransaction, old: Deployment, new: Deployment, kinds: KindChanges) -> list[str]:
    """Register the agents and their watches, close the watches that are gone, and return the changes in words.

    Raises:
        ConfigurationError: An agent that is new or changed has settings that cannot work together.
    """
    added = [agent_spec for name, agent_spec in new.agents.items() if old.agents.get(name) != agent_spec]
    if mistakes := [mistake for agent_spec in added for mistake in mistakes_in(agent_spec)]:
        raise ConfigurationError(mistakes)
    changed = _rename_agents(txn, new)
    known = {(row.agent, row.name): row for row in txn.sql.all(CROSSINGS.all_watches)}
    changed += _close_watches(txn, new, known.values())
    for agent_spec in new.agents.values():
        before = old.agents.get(agent_spec.name) or old.agents.get(agent_spec.renamed_from or "")
        if before != agent_spec:
            changed.append(
                f"agent {agent_spec.name}: {'new' if before is None else agent_spec.differing_fields(before)}"
            )
        for watch in agent_spec.watches:
            is_retagged = not kinds.retagged.isdisjoint(_compared_tags(watch))
            change = _WatchChange(agent_spec, watch, known.get((agent_spec.name, watch.name)), before, is_retagged)
            _register_watch(txn, change, kinds.revalued)
    return changed


def _compared_tags(watch_spec: WatchSpec) -> set[tuple[str, str]]:
    """Return the kinds and tags whose values decide whether a watch counts a mark, or in which group."""
    measures = [comparison.measure for comparison in watch_spec.condition.comparisons()]
    return {(kind, tag) for measure in measures for kind in measure.kinds for tag in measure.tags}


def _rename_agents(txn: BoardTransaction, new: Deployment) -> list[str]:
    """Rename the agents that name a predecessor, if the board knows a watch of the predecessor."""
    changed = []
    for agent_spec in new.agents.values():
        former = agent_spec.renamed_from
        if not former or former in new.agents:
            continue
        if any(row.agent == former for row in txn.sql.all(CROSSINGS.all_watches)):
            _rename(txn, former, agent_spec)
            changed.append(f"agent {agent_spec.name}: formerly {former}")
    return changed


def _rename(txn: BoardTransaction, former: str, agent_spec: AgentSpec) -> None:
    """Move everything of the former name to a renamed agent: watches, unfinished work, cooldowns and own marks."""
    txn.sql.run(CROSSINGS.rename_agent_of_watches, former=former, agent=agent_spec.name)
    txn.sql.run(ACTIVATIONS.rename_unfinished, former=former, agent=agent_spec.name)
    txn.sql.run(WINDOWS.rename_agent_in_windows, former=former, agent=agent_spec.name)
    open_needs.rename_agent(txn, former, agent_spec.name)
    window_totals.delete_all(txn)
    agent_states.rename(txn, former, agent_spec.name)
    txn.sql.run(ACTIVATIONS.delete_subject_cooldowns, agent=agent_spec.name)
    txn.sql.run(ACTIVATIONS.rename_subject_cooldowns, former=former, agent=agent_spec.name)
    excluding = {watch.name for watch in agent_spec.watches if not watch.include_own}
    for row in txn.sql.all(CROSSINGS.all_watches):
        if row.agent == agent_spec.name and row.name in excluding:
            # Marks signed with the former name are the agent's own, so they count as absorbed.
            txn.sql.run(CROSSINGS.absorb_marks_of_author, watch_id=row.id, author=former)


def _close_watches(txn: BoardTransaction, new: Deployment, known: Iterable[WatchRow]) -> list[str]:
    """End the watches that the new deployment does not have.

    If the agent stays, the waiting crossings of such a watch end. The waiting work of a gone agent stays.
    """
    wanted = {(agent_spec.name, watch.name) for agent_spec in new.agents.values() for watch in agent_spec.watches}
    unwanted = [row for row in known if (row.agent, row.name) not in wanted]
    gone = [row for row in unwanted if row.active]
    for row in gone:
        txn.sql.run(CROSSINGS.set_watch_active, id=row.id, active=0)
        watch_states.delete_of_watch(txn, row.id)
        txn.changes_of(CollectedSums).delete(txn, row.id)
        txn.changes_of(CollectedSums).delete(txn, live_sums_id(row.id))
    for row in unwanted:
        if row.agent in new.agents:
            txn.sql.run(CROSSINGS.close_watch, watch_id=row.id, at=txn.now)
    return [f"watch {row.name} of {row.agent}: gone" for row in gone]


def _register_watch(txn: BoardTransaction, change: _WatchChange, revalued: set[str]) -> None:
    """Register a watch, and plan the backfills that follow from its change and from changes of its kinds."""
    watch_id = _add_watch(txn, change) if change.row is None else _update_watch(txn, change, change.row)
    spec, before = change.spec, change.spec_before
    if change.begins_anew:
        _begin_anew(txn, watch_id, change)
    elif revalued & set(spec.condition.kinds):
        _test_anew(txn, BackfillTask.VALUES, watch_id, spec)
    guard_kinds = set() if spec.guard is None else set(spec.guard.kinds)
    if before is not None and (spec.guard != before.guard or revalued & guard_kinds):
        watch_guards.release(txn, RegisteredWatch(watch_id, change.agent_spec, spec))


def _add_watch(txn: BoardTransaction, change: _WatchChange) -> int:
    """Store a watch that the board never had, and return its id."""
    agent, name = change.agent_spec.name, change.spec.name
    txn.sql.run(CROSSINGS.insert_watch, agent=agent, name=name, condition=change.spec.when, active=1, watermark=0)
    return txn.sql.value(CROSSINGS.find_watch, agent=agent, name=name)


def _update_watch(txn: BoardTransaction, change: _WatchChange, row: WatchRow) -> int:
    """Store the new form of a watch, keep or drop its states and waiting crossings, and return its id."""
    if not row.active:  # the agent was gone, and the watch or its marks may have changed since
        crossing_retests.plan(txn, row.id, parse_condition(row.condition))
    _keep_absorbed(txn, row, change.spec.condition)
    txn.sql.run(CROSSINGS.set_watch_condition, id=row.id, condition=change.spec.when, active=1)
    if (before := change.spec_before) is not None:
        _keep_waiting(txn, row.id, before, change)
        _keep_states(txn, row.id, before, change)
    return row.id


def _keep_waiting(txn: BoardTransaction, watch_id: int, before: WatchSpec, change: _WatchChange) -> None:
    """Plan a retest of the crossings that wait for a changed watch. A changed guard that drops counts as a change."""
    if _differs(before, change.spec) or change.is_retagged or change.has_new_dropping_guard:
        crossing_retests.plan(txn, watch_id, before.condition)
    if change.measures_another_value:
        # A prediction is computed from the value of the watch, which is different now.
        txn.sql.run(CROSSINGS.delete_predicted_of_watch, watch_id=watch_id)


def _keep_states(txn: BoardTransaction, watch_id: int, before: WatchSpec, change: _WatchChange) -> None:
    """Delete the states of a changed watch, unless they are also true for its new form, and plan their next check."""
    timing, timing_before = change.timing, change.timing_before
    if timing_before is None and timing is None:
        return
    if not change.keeps_states:
        watch_states.delete_of_watch(txn, watch_id)
    elif timing != timing_before:
        txn.sql.run(CROSSINGS.recheck_states, watch_id=watch_id, at=txn.now)
    if timing is not None and timing.held_for > (0 if timing_before is None else timing_before.held_for):
        crossing_retests.plan(txn, watch_id, before.condition)


def _keep_absorbed(txn: BoardTransaction, row: WatchRow, new_condition: Condition) -> None:
    """Replace a watermark by single absorbed marks if a watch over the board gains a kind or other tags or scopes.

    The watermark holds for all marks alike, but the watch never absorbed older marks of the kind or tag that it gains.
    """
    if not row.watermark:
        return
    old = parse_condition(row.condition)  # the last condition of the watch, which may have been gone since
    if (
        set(new_condition.kinds) <= set(old.kinds)
        and new_condition.is_over_board
        and _filters(old) == _filters(new_condition)
    ):
        return
    for kind in new_condition.kinds:
        if kind in old.kinds and old.has_where:
            _absorb_counted(txn, row, old, kind)
        elif kind in old.kinds:
            txn.sql.run(CROSSINGS.absorb_up_to, watch_id=row.id, kind=kind, watermark=row.watermark)
        else:  # the watch may have had this kind before
            txn.sql.run(CROSSINGS.absorb_inputs, watch_id=row.id, kind=kind)
    txn.sql.run(CROSSINGS.set_watermark, id=row.id, watermark=0)


def _absorb_counted(txn: BoardTransaction, row: WatchRow, old_condition: Condition, kind: str) -> None:
    """Record the marks of a kind up to a watermark as absorbed, mark by mark, if the watch has counted them."""
    measures = [comparison.measure for comparison in old_condition.comparisons()]
    for batch in live_batches(txn, kind):
        for mark in batch:
            is_new = mark.event_id > row.watermark
            if is_new or txn.sql.one(CROSSINGS.get_absorbed, watch_id=row.id, mark_id=mark.id) is not None:
                continue
            tags = tags_of(txn, kind, mark.payload)
            if any(measure.includes(kind, mark.subject, tags) for measure in measures):
                absorbed = {"watch_id": row.id, "mark_id": mark.id, "event_id": mark.event_id}
                txn.sql.run(CROSSINGS.set_absorbed, **absorbed, activation_id=0, given_event_id=mark.event_id)


def _filters(condition: Condition) -> list[WhereClause | None]:
    return [comparison.measure.where for comparison in condition.comparisons()]


def _begin_anew(txn: BoardTransaction, watch_id: int, change: _WatchChange) -> None:
    """Begin a watch that is new, has changed, or is in the deployment again.

    A condition is tested on the live marks; a schedule begins.
    """
    condition, before = change.spec.condition, change.spec_before
    # The sums over all live marks are of the kinds that the watch measured before.
    txn.changes_of(CollectedSums).delete(txn, live_sums_id(watch_id))
    if condition.has_window or condition.by is not None:
        txn.changes_of(CollectedSums).delete(txn, watch_id)
    if condition.is_schedule:
        _begin_schedule(txn, watch_id, change)
        return
    if before is not None and before.condition.is_schedule:
        txn.sql.run(CROSSINGS.forget_schedule, id=watch_id)
    _test_anew(txn, BackfillTask.WATCH, watch_id, change.spec)


def _begin_schedule(txn: BoardTransaction, watch_id: int, change: _WatchChange) -> None:
    """Begin a schedule. Its interval counts from its first deployment."""
    txn.changes_of(CollectedSums).delete(txn, watch_id)
    txn.sql.run(CROSSINGS.set_scheduled_from, id=watch_id, at=txn.now)
    scheduled_from = txn.sql.existing(CROSSINGS.get_watch, id=watch_id).scheduled_from
    scheduled_crossings.begin(txn, RegisteredWatch(watch_id, change.agent_spec, change.spec, scheduled_from or 0))


def _test_anew(txn: BoardTransaction, task: BackfillTask, watch_id: int, spec: WatchSpec) -> None:
    """Plan the test of a watch on live marks, and on deposits of subjects that no longer have marks."""
    plan_backfill(txn, BackfillTarget(task, watch_id))
    if spec.condition.has_window and not spec.condition.is_over_board and spec.condition.by is None:
        plan_backfill(txn, BackfillTarget(BackfillTask.WINDOW, watch_id))


def _measures(condition: Condition) -> tuple[bool, list[Measure]]:
    return condition.is_falling, [comparison.measure for comparison in condition.comparisons()]


def _differs(old_spec: WatchSpec, new_spec: WatchSpec) -> bool:
    return (old_spec.condition, old_spec.include_own) != (new_spec.condition, new_spec.include_own)
