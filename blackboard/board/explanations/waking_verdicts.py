"""The verdicts of an explanation: what keeps a watch from waking its agent, in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from blackboard.board import worker_registry
from blackboard.board.activations.agent_claims.agent_readiness import agent_deferral, budget_deferral, has_capacity
from blackboard.board.result_types.explanation_results import MeasuredValue, WaitingCrossing, WatchEpisode
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.waiting_crossings import watch_guards
from blackboard.clock import Instant, from_datetime, iso
from blackboard.core.conditions.number_formats import digits_beside, exact_digits
from blackboard.core.records.states import HeldBy
from blackboard.plurals import counted


def verdict_of_waiting(
    txn: BoardTransaction, watch: RegisteredWatch, crossing: WaitingCrossing, dead: Collection[str]
) -> str:
    """Return why a claim would not take a crossing. The agent's reasons come before the crossing's own."""
    agent_spec = watch.agent_spec
    deferral = agent_deferral(txn, agent_spec.name) or budget_deferral(txn, watch)
    if deferral is not None:
        return f"it crossed; {deferral.reason}" + ("" if deferral.until is None else f" until {iso(deferral.until)}")
    until = _text(crossing.ready_at)
    if crossing.held_by == HeldBy.GUARD:
        wait = "is closed, and only new marks can open it" if until is None else f"defers it until {until}"
        return f"it crossed; its guard {wait}"
    if crossing.held_by == HeldBy.COOLDOWN:
        what = "subject" if watch.condition.by is None else "group"
        return f"it crossed; the agent is in cooldown for this {what} until {until}"
    if crossing.held_by == HeldBy.RATE:
        limit = agent_spec.settings.max_activations_per_hour
        return f"it crossed; after {limit} wakes in an hour (max_activations_per_hour), the agent waits until {until}"
    if crossing.held_by == HeldBy.RETEST:
        return "it crossed before its watch was changed; it will soon be tested by the new condition"
    if crossing.held_by == HeldBy.BATCH_WINDOW:
        return f"it crossed; it waits for a fuller batch until {until}"
    if (unserved := worker_registry.unserved_agent(txn, agent_spec.name, dead)) is not None:
        return f"it crossed and is ready, but {unserved.reason}"
    if not has_capacity(txn, agent_spec):
        return (
            f"it crossed and is ready; the agent already runs {counted(agent_spec.settings.concurrency, 'activation')}"
        )
    claimer = "claim of a worker takes" if agent_spec.remote else "free daemon claims"
    return f"it crossed and is ready; the next {claimer} it"


def verdict_of_prediction(txn: BoardTransaction, watch: RegisteredWatch, scope: str, due_at: Instant | None) -> str:
    """Return when a falling watch will cross by fading alone."""
    if due_at is None:
        return "it has not fallen below its threshold, and by fading alone it never will"
    verdict = f"it has not fallen below its threshold; by fading alone it will at {iso(due_at)}"
    if not watch_guards.was_open(txn, watch, scope, due_at):
        verdict += ", but its guard will be closed then"
    return verdict


def verdict_of_episode(watch: RegisteredWatch, episode: WatchEpisode) -> str | None:
    """Return what a watch over time waits for; None if its state says nothing, as before a fall."""
    held = f"its condition has held since {_text(episode.began_at)}"
    if episode.crosses_at is not None and episode.began_at is not None:
        again = "" if episode.crossed_at is None else " again"
        return f"{held}; by fading alone it crosses{again} at {_text(episode.crosses_at)}"
    if episode.crossed_at is not None:
        crossed = f"it crossed at {_text(episode.crossed_at)}"
        clear = None if watch.timing is None else watch.timing.clear
        if clear is not None:
            side = f"{'at least' if watch.condition.is_falling else 'below'} {exact_digits(clear)}"
            return f"{crossed}, and crosses again only after the value has been {side}"
        cause = "after the condition has stopped holding" if watch.condition.has_window else "when there is news"
        return f"{crossed}, and {held}; it crosses again only {cause}"
    if episode.began_at is not None:
        return f"{held}, but without new marks it stops holding before the watch may cross"
    return None


def verdict_of_schedule(upcoming: Sequence[Instant | None] | None) -> str:
    """Return when a schedule is due next."""
    return f"it is due next at {iso(upcoming[0])}" if upcoming else "it is never due again"


def verdict_of_values(values: tuple[MeasuredValue, ...], live_marks: int | None) -> str:
    """Return why the measured values have not made a watch cross."""
    measured = any(value.marks for value in values)
    if all(value.met for value in values):
        if not measured:
            return "no live mark can fall below the threshold"
        return "the live marks meet the condition, but the watch has absorbed them or has crossed on them before"
    if live_marks and not measured:
        return (
            "all live marks are already absorbed or were deposited by this agent;"
            " a new mark, or news on one of them, may cross"
        )
    unmet = [
        f"{value.measure} is {digits_beside(value.value, value.threshold)} of {exact_digits(value.threshold)}"
        for value in values
        if not value.met
    ]
    return "it has not crossed: " + "; ".join(unmet)


def _text(at: datetime | None) -> str | None:
    return None if at is None else iso(from_datetime(at))
