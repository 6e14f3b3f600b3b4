"""A change of the deployment: one recorded event at one instant, which marks then follow in bounded batches."""

from __future__ import annotations

from dataclasses import dataclass

from blackboard.board import backfill, predicted_crossings
from blackboard.board.board_transaction import BoardTransaction
from blackboard.conditions import Condition
from blackboard.deployment import AgentSpec, Budget, Deployment, WatchSpec
from blackboard.parsing import parse
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, DEPLOYMENTS, MARKS, MODEL_CALLS

__all__ = ["Change", "register"]


@dataclass(frozen=True)
class Change:
    """What registering a deployment changed, in words."""

    version: int
    changed: tuple[str, ...]


def register(txn: BoardTransaction, new: Deployment) -> Change:
    """Put a deployment in force. Equal content changes nothing.

    Kinds that the board knows and the new deployment does not are kept: marks of them may lie there.
    """
    old = txn.deployment
    kinds = {**old.kinds, **new.kinds}
    new = Deployment(version=old.version, kinds=kinds, agents=new.agents, trust=new.trust, budget=new.budget)
    if old.version and new.content() == old.content():
        return Change(old.version, ())
    # One change at a time: the marks of an earlier one arrive first, and what came due before is settled.
    _later_than_all(txn)
    while backfill.run_batch(txn, 1000) or predicted_crossings.fire_due(txn):
        pass
    version = old.version + 1
    txn.tx.run(DEPLOYMENTS.insert_deployment, version=version, deployed_at=txn.now, content=new.content())
    txn.tx.run(DEPLOYMENTS.set_version, version=version, at=txn.now)
    retest: set[str] = set()
    changed = _kinds(txn, old, new, retest)
    changed += _agents(txn, old, new, retest)
    if old.trust != new.trust:
        changed.append("trust")
    if old.budget != new.budget:
        changed.append("budget")
    if _budgets(old) != _budgets(new):
        # Whether there is room now is found out as ever: when the call is about to be sent.
        txn.tx.run(ACTIVATIONS.recheck_held, at=txn.now)
        txn.tx.run(MODEL_CALLS.clear_all_errors)
    return Change(version, tuple(changed))


def _budgets(deployment: Deployment) -> tuple[Budget, dict[str, Budget]]:
    return deployment.budget, {name: agent.settings.budget for name, agent in deployment.agents.items()}


def _later_than_all(txn: BoardTransaction) -> None:
    """A change lies after every event before it, so the instant alone tells which marks have to follow."""
    if (last := txn.tx.one(MARKS.get_event, id=txn.last_event)) is not None:
        txn.now = max(txn.now, last[1] + 1)


def _kinds(txn: BoardTransaction, old: Deployment, new: Deployment, retest: set[str]) -> list[str]:
    changed = []
    for name, spec in new.kinds.items():
        kind = new.kind(name)
        law = txn.laws.key(txn.tx, kind.decay)
        before = txn.tx.one(DEPLOYMENTS.get_kind, name=name)
        if before is None:
            txn.tx.run(MARKS.insert_kind, name=name, weight=kind.weight, floor=kind.floor, law=law)
            changed.append(f"kind {name}: new")
            continue
        known = old.kinds.get(name)
        if known == spec:
            continue
        changed.append(f"kind {name}" if known is None else f"kind {name}: {spec.differs(known)}")
        txn.tx.run(MARKS.update_kind, name=name, weight=kind.weight, floor=kind.floor, law=law)
        if before[2] != law:
            txn.tx.run(DEPLOYMENTS.insert_law_change, kind=name, law=before[2], new_law=law, changed_at=txn.now)
            _add_backfill(txn, "law", f"{name} {before[2]}")
        if before[1] != kind.floor:
            _refloor(txn, name)
        if before[0] != kind.weight or before[2] != law or before[1] != kind.floor:
            retest.add(name)
    return changed


def _refloor(txn: BoardTransaction, kind: str) -> None:
    """A new floor moves the instants of evaporation, whatever law the marks are under."""
    law = ""
    while (values := txn.tx.one(MARKS.next_law_in_use, kind=kind, after=law)) is not None:
        law = values[0]
        if txn.tx.one(DEPLOYMENTS.get_law_change, kind=kind, law=law) is None:
            txn.tx.run(DEPLOYMENTS.insert_law_change, kind=kind, law=law, new_law=law, changed_at=txn.now)
    _add_backfill(txn, "floor", kind)


def _agents(txn: BoardTransaction, old: Deployment, new: Deployment, retest: set[str]) -> list[str]:
    changed = []
    known = {(agent, name): (id_, active) for id_, agent, name, active in txn.tx.all(CROSSINGS.all_watches)}
    for agent in new.agents.values():
        former = agent.renamed_from
        if former and former not in new.agents and any(owner == former for owner, _ in known):
            _inherit(txn, former, agent)
            known = {(agent.name if owner == former else owner, name): row for (owner, name), row in known.items()}
            changed.append(f"agent {agent.name}: formerly {former}")
    wanted = {(agent.name, watch.name) for agent in new.agents.values() for watch in agent.watches}
    for key, (id_, active) in known.items():
        if key not in wanted and active:
            txn.tx.run(CROSSINGS.set_watch_active, id=id_, active=0)
            txn.tx.run(CROSSINGS.close_watch, watch_id=id_, at=txn.now)
            txn.tx.run(CROSSINGS.delete_predicted_of_watch, watch_id=id_)
            txn.tx.run(CROSSINGS.delete_board_totals, watch_id=id_)
            txn.totals.pop(id_, None)
            changed.append(f"watch {key[1]} of {key[0]}: gone")
    for agent in new.agents.values():
        before = old.agents.get(agent.name) or old.agents.get(agent.renamed_from or "")
        if before is None:
            changed.append(f"agent {agent.name}: new")
        elif before != agent:
            changed.append(f"agent {agent.name}: {agent.differs(before)}")
        for watch in agent.watches:
            row = known.get((agent.name, watch.name))
            if row is None:
                txn.tx.run(
                    CROSSINGS.insert_watch,
                    agent=agent.name,
                    name=watch.name,
                    condition=watch.when,
                    active=1,
                    watermark=0,
                )
                id_ = txn.tx.one(CROSSINGS.find_watch, agent=agent.name, name=watch.name)[0]
            else:
                id_ = row[0]
                _keep_absorbed(txn, id_, watch.condition)
                txn.tx.run(CROSSINGS.set_watch_condition, id=id_, condition=watch.when, active=1)
            was = None if before is None else next((item for item in before.watches if item.name == watch.name), None)
            if row is None or not row[1] or was is None or _differs(was, watch):
                _add_backfill(txn, "watch", str(id_))
            elif retest & set(watch.condition.kinds):
                _add_backfill(txn, "values", str(id_))
            guard_kinds = set() if watch.guard is None else set(watch.guard.kinds)
            if was is not None and (watch.guard != was.guard or retest & guard_kinds):
                predicted_crossings.release(txn, id_, agent)
    return changed


def _keep_absorbed(txn: BoardTransaction, watch_id: int, new: Condition) -> None:
    """Let a watch over the board go on from what it absorbed, mark by mark, where its watermark would say too much.

    The watermark holds for every kind alike, but older marks of a kind that the watch has just gained were never given.
    """
    condition, watermark = txn.tx.one(CROSSINGS.get_watch_condition, id=watch_id)
    if not watermark:
        return
    old = parse(condition)  # as the watch was last, which may have been out of the deployment meanwhile
    if set(new.kinds) <= set(old.kinds) and new.scope == "board":
        return
    for kind in new.kinds:
        if kind in old.kinds:
            txn.tx.run(CROSSINGS.absorb_up_to, watch_id=watch_id, kind=kind, watermark=watermark)
        else:  # it may have had the kind once before
            txn.tx.run(CROSSINGS.absorb_inputs, watch_id=watch_id, kind=kind)
    txn.tx.run(CROSSINGS.set_watermark, id=watch_id, watermark=0)


def _inherit(txn: BoardTransaction, former: str, agent: AgentSpec) -> None:
    """An agent takes over from its predecessor: what it absorbed, its unfinished work, its rests and its own marks."""
    txn.tx.run(CROSSINGS.rename_agent_of_watches, former=former, agent=agent.name)
    txn.tx.run(ACTIVATIONS.rename_unfinished, former=former, agent=agent.name)
    if txn.tx.one(ACTIVATIONS.get_agent_state, agent=agent.name) is None:
        txn.tx.run(ACTIVATIONS.rename_agent_state, former=former, agent=agent.name)
    txn.tx.run(ACTIVATIONS.delete_subject_cooldowns, agent=agent.name)
    txn.tx.run(ACTIVATIONS.rename_subject_cooldowns, former=former, agent=agent.name)
    for id_, owner, name, _active in txn.tx.all(CROSSINGS.all_watches):
        watch = next((item for item in agent.watches if item.name == name and owner == agent.name), None)
        if watch is not None and not watch.include_own:
            # Marks that it left under its former name are its own: they count as absorbed.
            txn.tx.run(CROSSINGS.delete_absorbed_of_author, watch_id=id_, author=former)
            txn.tx.run(CROSSINGS.absorb_marks_of_author, watch_id=id_, author=former)


def _differs(old: WatchSpec, new: WatchSpec) -> bool:
    return (old.condition, old.include_own) != (new.condition, new.include_own)


def _add_backfill(txn: BoardTransaction, task: str, name: str) -> None:
    txn.tx.run(CROSSINGS.insert_backfill, task=task, name=name, at=txn.now, up_to=txn.last_event, position=0)
