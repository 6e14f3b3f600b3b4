"""Changes of the deployment: each is one recorded event at one instant, which marks then follow in a backfill."""

from __future__ import annotations

from collections.abc import Iterable

from blackboard.authors import agent_name_problem
from blackboard.board.registration import backfill, unique_values
from blackboard.board.result_types import DeployResult
from blackboard.board.transactions import agent_state
from blackboard.board.transactions.active_deployment import RegisteredWatch
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches import (
    crossing_retests,
    guards,
    predicted_crossings,
    scheduled_crossings,
    watch_states,
    window_totals,
)
from blackboard.canonical_schema import canonical_form
from blackboard.conditions import Condition, Measure, exact_digits
from blackboard.deployment import (
    AgentSpec,
    Budget,
    Deployment,
    DepositLimits,
    KindSpec,
    Timing,
    WatchSpec,
    mistakes_in,
)
from blackboard.durations import format_duration
from blackboard.errors import ConfigurationError, Mistake
from blackboard.parsing import parse
from blackboard.store.rows import WatchRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, DEPLOYMENTS, MARKS, MODEL_CALLS, WINDOWS

MARKS_PER_BATCH = 1000
"""Marks that one batch of an earlier backfill reads before a new change."""


def register(txn: BoardTransaction, new: Deployment) -> DeployResult:
    """Make a deployment active. Equal content changes nothing.

    Kinds that the board knows and the new deployment does not are kept, because the board may hold marks of them.

    Raises:
        ConfigurationError: A new agent has a name that is not an identifier or is reserved, or an agent that is new or
            changed has settings that cannot work together.
    """
    old = txn.deployment
    _check_names(old, new)
    new = complete(txn, new)
    if not is_change(txn, new):
        return DeployResult(old.version, ())
    apply_due_changes(txn)
    version = old.version + 1
    txn.sql.run(DEPLOYMENTS.insert_deployment, version=version, deployed_at=txn.now, content=new.content())
    txn.sql.run(DEPLOYMENTS.set_version, version=version, at=txn.now)
    revalued: set[str] = set()
    changed = _register_kinds(txn, old, new, revalued)
    changed += _register_agents(txn, old, new, revalued)
    _fill_windows(txn, old, new)
    changed += _trust_changes(old, new)
    for author in sorted({*old.limits, *new.limits}):
        if differences := new.limits.get(author, DepositLimits()).changes_from(old.limits.get(author, DepositLimits())):
            changed.append(f"limits of {author}: {differences}")
    if old.budget != new.budget:
        changed.append(f"budget: {new.budget.changes_from(old.budget)}")
    if old.max_skew != new.max_skew:
        changed.append(f"max_skew: {format_duration(new.max_skew)} instead of {format_duration(old.max_skew)}")
    if _budgets(old) != _budgets(new):
        # Whether there is room now is decided when a call is about to be sent, as always.
        txn.sql.run(ACTIVATIONS.recheck_held, at=txn.now)
        txn.sql.run(MODEL_CALLS.clear_all_errors)
    return DeployResult(version, tuple(changed))


def _fill_windows(txn: BoardTransaction, old: Deployment, new: Deployment) -> None:
    """Record the deposits that new or longer windows count, as far as the history reaches."""
    before = old.longest_windows()
    for kind, length in new.longest_windows().items():
        if length > before.get(kind, 0):
            after = txn.now - length
            txn.sql.run(WINDOWS.fill_window, kind=kind, after=after, since=txn.last_event_before(after))


def _trust_changes(old: Deployment, new: Deployment) -> list[str]:
    factors = {name: (old.trust.get(name, 1.0), new.trust.get(name, 1.0)) for name in sorted({*old.trust, *new.trust})}
    return [
        f"trust in {name}: {exact_digits(new_)} instead of {exact_digits(old_)}"
        for name, (old_, new_) in factors.items()
        if old_ != new_
    ]


def _check_names(old: Deployment, new: Deployment) -> None:
    problems = {name: agent_name_problem(name) for name in new.agents.keys() - old.agents.keys()}
    if mistakes := [Mistake(f"agent {name!r}", text) for name, text in sorted(problems.items()) if text]:
        raise ConfigurationError(mistakes)


def complete(txn: BoardTransaction, new: Deployment) -> Deployment:
    """Return the deployment that becomes active.

    Kinds that the new deployment does not name stay. A schema keeps its text if the new text differs only in words, or
    because another version of pydantic wrote it.
    """
    old = txn.deployment
    kinds = {**old.kinds, **{name: _with_known_schema(spec, old.kinds.get(name)) for name, spec in new.kinds.items()}}
    return new.model_copy(update={"version": old.version, "kinds": kinds})


def _with_known_schema(spec: KindSpec, known: KindSpec | None) -> KindSpec:
    if known is None or spec.payload == known.payload or canonical_form(spec.payload) != canonical_form(known.payload):
        return spec
    return spec.model_copy(update={"payload": known.payload})


def is_change(txn: BoardTransaction, new: Deployment) -> bool:
    """Return whether registering a complete deployment changes anything."""
    return not txn.deployment.version or new.content() != txn.deployment.content()


def apply_due_changes(txn: BoardTransaction) -> None:
    """Finish the backfills of earlier changes and fire predicted crossings that are due.

    The board's time moves past the last event. So no event has the instant of the next change, and that instant alone
    tells which marks have to follow it.
    """
    if (last := txn.sql.one(MARKS.get_event, id=txn.last_event)) is not None:
        txn.now = max(txn.now, last.recorded_at + 1)
    while backfill.run_batch(txn, MARKS_PER_BATCH) or predicted_crossings.fire_due(txn):
        pass


def _budgets(deployment: Deployment) -> tuple[Budget, dict[str, Budget]]:
    return deployment.budget, {name: agent.settings.budget for name, agent in deployment.agents.items()}


def _register_kinds(txn: BoardTransaction, old: Deployment, new: Deployment, revalued: set[str]) -> list[str]:
    """Register new and changed kinds; add to `revalued` the kinds whose marks have other strengths or ends."""
    changed = []
    for name, spec in new.kinds.items():
        kind, known = new.kind(name), old.kinds.get(name)
        law = txn.laws.register(txn.sql, kind.decay)
        row = txn.sql.one(DEPLOYMENTS.get_kind, name=name)
        if row is None:
            txn.sql.run(MARKS.insert_kind, name=name, weight=kind.weight, floor=kind.floor, law=law)
            changed.append(f"kind {name}: new")
            continue
        if known == spec:
            continue
        changed.append(f"kind {name}" if known is None else f"kind {name}: {spec.differing_fields(known)}")
        changed += unique_values.follow(txn, name, known or KindSpec(), spec)
        if known is not None and known.on_repeat != spec.on_repeat:
            changed += _repeat_change(txn, name, known, spec)
        txn.sql.run(MARKS.update_kind, name=name, weight=kind.weight, floor=kind.floor, law=law)
        if (row.law, row.floor) != (law, kind.floor):
            _plan_backfill(txn, name, None if row.law == law else law, new_floor=row.floor != kind.floor)
        if (row.weight, row.floor, row.law) != (kind.weight, kind.floor, law):
            revalued.add(name)
    return changed


def _repeat_change(txn: BoardTransaction, name: str, old: KindSpec, new: KindSpec) -> list[str]:
    """Say what becomes of the marks of a kind whose `on_repeat` changes: all stay, and only later deposits differ."""
    live = txn.sql.existing(MARKS.count_live, kind=name, now=txn.now)
    if not live.marks:
        return []
    if new.on_repeat == "separate":
        later = "a later deposit joins none of them"
    elif old.on_repeat == "separate" and live.marks > live.subjects:
        later = f"they have {live.subjects} subjects, and a later deposit joins the latest mark of its subject"
    else:
        later = f"a later deposit joins the mark of its subject by {new.on_repeat!r}"
    return [f"kind {name}: its live marks stay as they are ({live.marks}); {later}"]


def _plan_backfill(txn: BoardTransaction, kind: str, new_law: str | None, *, new_floor: bool) -> None:
    """Plan how the marks of a kind follow a new law (None: they keep theirs), a new floor, or both.

    A mark need not be under the kind's former law to follow: a fixed end makes a law for each mark. A new floor
    concerns the marks with a law of their own, too.
    """
    next_law = MARKS.next_law_in_use if new_floor else MARKS.next_followed_law
    for law in txn.sql.each(next_law, after="", kind=kind):
        change = {"law": law, "new_law": new_law or law, "changed_at": txn.now}
        txn.sql.run(DEPLOYMENTS.insert_law_change, kind=kind, **change)
    _insert_backfill(txn, "kind", kind)


def _register_agents(txn: BoardTransaction, old: Deployment, new: Deployment, revalued: set[str]) -> list[str]:
    added = [agent for name, agent in new.agents.items() if old.agents.get(name) != agent]
    if mistakes := [mistake for agent in added for mistake in mistakes_in(agent)]:
        raise ConfigurationError(mistakes)
    changed = _rename_agents(txn, new)
    known = {(row.agent, row.name): row for row in txn.sql.all(CROSSINGS.all_watches)}
    changed += _close_watches(txn, new, known.values())
    for agent in new.agents.values():
        before = old.agents.get(agent.name) or old.agents.get(agent.renamed_from or "")
        if before is None:
            changed.append(f"agent {agent.name}: new")
        elif before != agent:
            changed.append(f"agent {agent.name}: {agent.differing_fields(before)}")
        for watch in agent.watches:
            _follow_watch(txn, agent, watch, known.get((agent.name, watch.name)), before, revalued)
    return changed


def _rename_agents(txn: BoardTransaction, new: Deployment) -> list[str]:
    """Rename the agents that name a predecessor, if the board knows a watch of the predecessor."""
    changed = []
    for agent in new.agents.values():
        former = agent.renamed_from
        if not former or former in new.agents:
            continue
        if any(row.agent == former for row in txn.sql.all(CROSSINGS.all_watches)):
            _rename(txn, former, agent)
            changed.append(f"agent {agent.name}: formerly {former}")
    return changed


def _close_watches(txn: BoardTransaction, new: Deployment, known: Iterable[WatchRow]) -> list[str]:
    """End the watches that the new deployment does not have.

    With a watch of an agent that stays, what waits for it ends. The waiting work of a gone agent waits for its return.
    """
    wanted = {(agent.name, watch.name) for agent in new.agents.values() for watch in agent.watches}
    unwanted = [row for row in known if (row.agent, row.name) not in wanted]
    gone = [row for row in unwanted if row.active]
    for row in gone:
        txn.sql.run(CROSSINGS.set_watch_active, id=row.id, active=0)
        watch_states.forget_watch(txn, row.id)
        _delete_totals(txn, row.id)
        _delete_totals(txn, -row.id)
    for row in unwanted:
        if row.agent in new.agents:
            txn.sql.run(CROSSINGS.close_watch, watch_id=row.id, at=txn.now)
    return [f"watch {row.name} of {row.agent}: gone" for row in gone]


def _follow_watch(
    txn: BoardTransaction,
    agent: AgentSpec,
    watch: WatchSpec,
    row: WatchRow | None,
    before: AgentSpec | None,
    revalued: set[str],
) -> None:
    """Register a watch, and plan what follows from its change and from changes of its kinds.

    Args:
        txn: The transaction.
        agent: The agent of the watch.
        watch: The watch.
        row: The watch as the board knows it; None if the board never had it.
        before: The agent in the former deployment; None if it is new.
        revalued: The kinds whose marks have other strengths or ends.
    """
    if row is not None and not row.active:
        _keep_waiting_for_return(txn, row.id)
    watch_id = _register_watch(txn, agent, watch, None if row is None else row.id)
    was = None if before is None else next((spec for spec in before.watches if spec.name == watch.name), None)
    timing_before = None if before is None or was is None else before.timing_of(was)
    timing = agent.timing_of(watch)
    if row is not None and was is not None and before is not None:
        is_guard_new = agent.on_guard_of(watch) == "drop" and (
            watch.guard != was.guard or before.on_guard_of(was) == "defer"
        )
        _keep_waiting(txn, watch_id, was, watch, is_guard_new=is_guard_new)
        _keep_states(txn, watch_id, (was, timing_before), (watch, timing))
    if row is None or not row.active or was is None or _differs(was, watch) or timing != timing_before:
        _delete_totals(txn, -watch_id)  # those over all live marks of the kinds that it measured before
        if watch.condition.has_window:
            _delete_totals(txn, watch_id)
        if watch.condition.is_schedule:
            _begin_schedule(txn, watch_id, agent, watch)
        else:
            if was is not None and was.condition.is_schedule:
                txn.sql.run(CROSSINGS.forget_schedule, id=watch_id)
            _test_anew(txn, "watch", watch_id, watch)
    elif revalued & set(watch.condition.kinds):
        _test_anew(txn, "values", watch_id, watch)
    guard_kinds = set() if watch.guard is None else set(watch.guard.kinds)
    if was is not None and (watch.guard != was.guard or revalued & guard_kinds):
        guards.release(txn, RegisteredWatch(watch_id, agent, watch))


def _begin_schedule(txn: BoardTransaction, watch_id: int, agent: AgentSpec, watch: WatchSpec) -> None:
    """Let a schedule begin that is new, has changed or returns. Its interval counts from its first deployment."""
    _delete_totals(txn, watch_id)
    txn.sql.run(CROSSINGS.set_scheduled_from, id=watch_id, at=txn.now)
    scheduled_from = txn.sql.existing(CROSSINGS.get_watch, id=watch_id).scheduled_from
    scheduled_crossings.begin(txn, RegisteredWatch(watch_id, agent, watch, scheduled_from or 0))


def _delete_totals(txn: BoardTransaction, watch_id: int) -> None:
    txn.sql.run(CROSSINGS.delete_board_totals, watch_id=watch_id)
    txn.totals.pop(watch_id, None)


def _register_watch(txn: BoardTransaction, agent: AgentSpec, watch: WatchSpec, watch_id: int | None) -> int:
    """Register a watch, or update it, and return its id."""
    if watch_id is None:
        values = {"agent": agent.name, "name": watch.name, "condition": watch.when, "active": 1, "watermark": 0}
        txn.sql.run(CROSSINGS.insert_watch, **values)
        return txn.sql.value(CROSSINGS.find_watch, agent=agent.name, name=watch.name)
    _keep_absorbed(txn, watch_id, watch.condition)
    txn.sql.run(CROSSINGS.set_watch_condition, id=watch_id, condition=watch.when, active=1)
    return watch_id


def _keep_waiting(txn: BoardTransaction, watch_id: int, old: WatchSpec, new: WatchSpec, *, is_guard_new: bool) -> None:
    """Plan a retest of the crossings that wait for a changed watch. A changed guard that drops counts as a change."""
    if _differs(old, new) or is_guard_new:
        crossing_retests.plan(txn, watch_id, old.condition)
    if _measures(old.condition) != _measures(new.condition):
        # Predictions say that a value was above the threshold. The watch has another value now.
        txn.sql.run(CROSSINGS.delete_predicted_of_watch, watch_id=watch_id)


def _keep_states(
    txn: BoardTransaction,
    watch_id: int,
    old: tuple[WatchSpec, Timing | None],
    new: tuple[WatchSpec, Timing | None],
) -> None:
    """Forget what a changed watch remembers of its condition, unless that is true of the new condition too.

    A rising watch may have another threshold. The state of a falling watch that measures the same value stays true, and
    so does that of a window that has crossed.
    """
    (was, before), (watch, timing) = old, new
    if before is None and timing is None:
        return
    has_other_value = _measures(was.condition) != _measures(watch.condition)
    keeps = watch.condition.is_falling or (watch.condition.has_window and was.include_own == watch.include_own)
    has_other_marks = _differs(was, watch) and not keeps
    if before is None or timing is None or has_other_value or has_other_marks:
        watch_states.forget_watch(txn, watch_id)
    if timing is not None and timing.held_for > (0 if before is None else before.held_for):
        crossing_retests.plan(txn, watch_id, was.condition)


def _keep_waiting_for_return(txn: BoardTransaction, watch_id: int) -> None:
    """Plan a retest of the crossings that waited while the agent was gone. Its watch or its marks may have changed."""
    crossing_retests.plan(txn, watch_id, parse(txn.sql.existing(CROSSINGS.get_watch, id=watch_id).condition))


def _measures(condition: Condition) -> tuple[bool, list[Measure]]:
    return condition.is_falling, [comparison.measure for comparison in condition.comparisons()]


def _keep_absorbed(txn: BoardTransaction, watch_id: int, new: Condition) -> None:
    """Replace a watermark by single absorbed marks if a watch over the board gains a kind or another scope.

    The watermark holds for all kinds alike, but the watch never absorbed older marks of the kind that it gains.
    """
    row = txn.sql.existing(CROSSINGS.get_watch, id=watch_id)
    if not row.watermark:
        return
    old = parse(row.condition)  # the last one of the watch, which may have been out of the deployment since
    if set(new.kinds) <= set(old.kinds) and new.over == "board":
        return
    for kind in new.kinds:
        if kind in old.kinds:
            txn.sql.run(CROSSINGS.absorb_up_to, watch_id=watch_id, kind=kind, watermark=row.watermark)
        else:  # the watch may have had the kind earlier
            txn.sql.run(CROSSINGS.absorb_inputs, watch_id=watch_id, kind=kind)
    txn.sql.run(CROSSINGS.set_watermark, id=watch_id, watermark=0)


def _rename(txn: BoardTransaction, former: str, agent: AgentSpec) -> None:
    """Give a renamed agent what belonged to its former name: watches, unfinished work, cooldowns and own marks."""
    txn.sql.run(CROSSINGS.rename_agent_of_watches, former=former, agent=agent.name)
    txn.sql.run(ACTIVATIONS.rename_unfinished, former=former, agent=agent.name)
    txn.sql.run(WINDOWS.rename_agent_in_windows, former=former, agent=agent.name)
    window_totals.reset(txn)
    agent_state.rename(txn, former, agent.name)
    txn.sql.run(ACTIVATIONS.delete_subject_cooldowns, agent=agent.name)
    txn.sql.run(ACTIVATIONS.rename_subject_cooldowns, former=former, agent=agent.name)
    excluding = {watch.name for watch in agent.watches if not watch.include_own}
    for row in txn.sql.all(CROSSINGS.all_watches):
        if row.agent == agent.name and row.name in excluding:
            # Marks signed with the former name are the agent's own, so they count as absorbed.
            txn.sql.run(CROSSINGS.absorb_marks_of_author, watch_id=row.id, author=former)


def _differs(old: WatchSpec, new: WatchSpec) -> bool:
    return (old.condition, old.include_own) != (new.condition, new.include_own)


def _test_anew(txn: BoardTransaction, task: str, watch_id: int, watch: WatchSpec) -> None:
    """Plan the test of a watch on live marks, and on the deposits of subjects that have no marks any more."""
    _insert_backfill(txn, task, str(watch_id))
    if watch.condition.has_window and watch.condition.over == "subject":
        _insert_backfill(txn, "window", f"{watch_id} ")


def _insert_backfill(txn: BoardTransaction, task: str, name: str) -> None:
    txn.sql.run(CROSSINGS.insert_backfill, task=task, name=name, at=txn.now, up_to=txn.last_event, position=0)
