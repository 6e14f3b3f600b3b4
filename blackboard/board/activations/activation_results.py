"""Results of activations: success, failure, deferral and recovery, each applied in one transaction or not at all."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import chain

from blackboard.backoff import backoff
from blackboard.board.activations import agent_actions, loop_detection, model_calls
from blackboard.board.activations.agent_actions import AgentAction
from blackboard.board.mark_storage.mark_class_registry import MarkClasses
from blackboard.board.result_types import Receipt
from blackboard.board.transactions import agent_state
from blackboard.board.transactions.activation_inputs import ABSORBED
from blackboard.board.transactions.activation_rows import (
    get_activation,
    insert_activation,
    set_marks,
    set_state,
    subjects_of,
)
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches import rising_crossings, subject_cooldowns
from blackboard.board.worker_registry import served_agents
from blackboard.clock import Instant
from blackboard.deployment import AgentSpec
from blackboard.errors import NotFound, WorkError
from blackboard.failpoints import failpoint
from blackboard.states import RETRIABLE, SUSPECT_DEATHS, UNFINISHED, ActivationState, CrossingState
from blackboard.store.rows import ActivationRow, CrossingRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, MODEL_CALLS

OVER = (ActivationState.DONE, ActivationState.DEAD, ActivationState.QUARANTINED, ActivationState.DISCARDED)
"""The states in which an activation has an end."""

MAX_CONFLICTS = 5
"""Conflicts in a row of an activation after which it fails."""

INTERRUPTED = "its worker died during the call"


@dataclass(frozen=True, slots=True)
class Failure:
    """The failure of a run.

    Attributes:
        error: The whole error, for a person to read.
        hopeless: Whether it would certainly happen again with the same marks, so that they are split at once.
        divides: Whether the marks are split although it may succeed with all of them. A single mark keeps its attempts,
            and so do the parts.
        counts: Whether it counts towards a cooldown, because the agent itself failed.
        bad_answer: Whether the model's answer is to blame, so that it is not used again.
    """

    error: str
    hopeless: bool = False
    divides: bool = False
    counts: bool = True
    bad_answer: bool = False


def finish(
    txn: BoardTransaction,
    row: ActivationRow,
    agent: AgentSpec,
    actions: Sequence[AgentAction],
    classes: MarkClasses,
) -> list[Receipt] | None:
    """End an activation with success, and return the receipts of its deposits.

    Returns None, and changes nothing, if the worker has lost the activation.

    Raises:
        BlackboardError: One of the actions is refused. The transaction must be rolled back.
    """
    if (current := _current(txn, row)) is None:
        return None
    receipts = agent_actions.apply(txn, current, agent, actions, classes)
    model_calls.mark_applied(txn, row.id)
    failpoint("apply.within")
    _end(txn, current, ActivationState.DONE, marks_deposited=len(receipts))
    _start_cooldown(txn, current, agent)
    _test_unclaimed(txn, current)
    _close_crossings(txn, current, CrossingState.DONE)
    return receipts


def fail(
    txn: BoardTransaction, row: ActivationRow, agent: AgentSpec, failure: Failure, rng: random.Random
) -> ActivationState | None:
    """End an attempt with a failure: retry it later, split its marks in halves, or give it up as dead.

    Returns the new state, or None, without a change, if the worker has lost the activation.
    """
    current = _current(txn, row)
    return None if current is None else _fail(txn, current, agent, failure, rng)


def put_back(
    txn: BoardTransaction, row: ActivationRow, agent: AgentSpec, conflict: str, rng: random.Random
) -> ActivationState | None:
    """Put an activation back whose result was in conflict with the board. It is ready at once.

    Its next claim reads its marks again, and its agent asks again: the answer so far is not used. No attempt is
    counted. After `MAX_CONFLICTS` in a row it is a failure.

    Returns the new state, or None, without a change, if the worker has lost the activation.
    """
    if (current := _current(txn, row)) is None:
        return None
    model_calls.mark_unusable(txn, row.id, conflict)
    current = current._replace(conflicts=current.conflicts + 1, reads_again=1, deaths=None)
    if current.conflicts >= MAX_CONFLICTS:
        error = f"{conflict}; that was conflict {current.conflicts} in a row"
        return _fail(txn, current, agent, Failure(error, counts=False), rng)
    _end(txn, current, ActivationState.READY, error=conflict, retry_at=txn.now, attempt=current.attempt - 1)
    return ActivationState.READY


def _fail(
    txn: BoardTransaction, current: ActivationRow, agent: AgentSpec, failure: Failure, rng: random.Random
) -> ActivationState:
    current = current._replace(deaths=None, conflicts=0)  # the worker survived the run
    settings = agent.settings
    if failure.counts:
        _count_failure(txn, current, agent)
    parts = _divisible_parts(txn, current)
    divides = failure.divides and len(parts) > 1
    if current.attempt < settings.max_attempts and not failure.hopeless and not divides:
        delay = backoff(settings.retry_after, current.attempt, rng)
        _end(txn, current, ActivationState.READY, error=failure.error, retry_at=txn.now + delay)
        return ActivationState.READY
    if len(parts) < 2:
        set_marks(txn, current.id)  # so that the marks of a watch over the board are named, too
        _end(txn, current, ActivationState.DEAD, error=failure.error)
        _test_unclaimed(txn, current)
        return ActivationState.DEAD
    # Each half gets one more attempt, so a batch of n with one bad mark costs about log2(n) further failures.
    attempt = min(current.attempt, settings.max_attempts - 1) if divides else settings.max_attempts - 1
    _halve(txn, current, parts, attempt=attempt, error=failure.error)
    return ActivationState.READY


def _halves(parts: Sequence[Sequence[int]]) -> tuple[Sequence[Sequence[int]], Sequence[Sequence[int]]]:
    """Return the two halves of a failing batch, which are retried separately. The first half may be one mark longer."""
    middle = (len(parts) + 1) // 2
    return parts[:middle], parts[middle:]


def _halve(
    txn: BoardTransaction, row: ActivationRow, parts: Sequence[Sequence[int]], *, attempt: int, error: str
) -> None:
    """Split the marks of a running activation in two. Both halves are ready at once."""
    _, moved = _halves(parts)
    split(txn, row, list(chain.from_iterable(moved)), attempt=attempt, error=error)
    _end(txn, row, ActivationState.READY, error=error, retry_at=txn.now, attempt=attempt)
    set_marks(txn, row.id)


def isolate(txn: BoardTransaction, row: ActivationRow, marks: Collection[int]) -> set[int] | None:
    """Move each of these marks to an activation of its own, and return the marks that moved.

    The sides of an `&` move together, and the activation keeps at least one part. Returns None, without a change, if
    the worker has lost the activation.
    """
    if (current := _current(txn, row)) is None:
        return None
    parts = _divisible_parts(txn, current, between_marks=True)
    isolated = [part for part in parts if not set(part).isdisjoint(marks)]
    if len(isolated) == len(parts):
        isolated = isolated[1:]
    for part in isolated:
        split(txn, current, part)
    moved = set(chain.from_iterable(isolated))
    set_marks(txn, row.id)
    return moved


def keep_strongest_part(
    txn: BoardTransaction, row: ActivationRow, *, halve_rest: bool, retry_at: Instant, error: str
) -> bool:
    """Leave the strongest part of its marks to a running activation; the others are ready again at an instant.

    The others stay together, or become two activations. Returns False, without a change, if the activation has only
    one part or the worker has lost it.
    """
    current = _current(txn, row)
    if current is None or len(parts := _divisible_parts(txn, current)) < 2:
        return False
    others = parts[1:]
    for half in _halves(others) if halve_rest else [others]:
        if marks := list(chain.from_iterable(half)):
            split(txn, current, marks, error=error, retry_at=retry_at)
    set_marks(txn, row.id)
    return True


def is_divisible(txn: BoardTransaction, row: ActivationRow) -> bool:
    """Return whether the marks of an activation can be split."""
    return len(_divisible_parts(txn, row)) > 1


def divide_waiting(txn: BoardTransaction, row: ActivationRow, marks: int) -> None:
    """Split a waiting activation in two that are ready at once, if it has several parts and this number of marks."""
    parts = _divisible_parts(txn, row)
    if len(parts) > 1 and sum(map(len, parts)) == marks:
        _halve(txn, row, parts, attempt=row.attempt, error=row.error or "")


def give_back_attempts(txn: BoardTransaction, agent: str, suspect: int) -> None:
    """Set the attempts of an agent's activations back to 0, because their marks were not to blame.

    If the suspected activation is dead, it becomes ready again.
    """
    row = get_activation(txn, suspect)
    if row is not None and row.state == ActivationState.DEAD:
        _end(txn, row, ActivationState.READY, error=row.error, retry_at=txn.now)
    txn.sql.run(ACTIVATIONS.give_back_attempts, agent=agent)


def _divisible_parts(txn: BoardTransaction, row: ActivationRow, *, between_marks: bool = False) -> list[list[int]]:
    """Return the parts into which an activation can be split, strongest first: single marks, or all of a subject.

    The marks of one subject stay together if the watch needs several sides of them, which an `&` joins. They also fail
    together if the watch wakes its agent per subject; single marks are then split off only `between_marks`.
    """
    watch = txn.active.watches.get(row.watch_id)
    stays_together = watch is not None and (watch.condition.is_joint or (watch.is_per_subject and not between_marks))
    parts: dict[object, list[int]] = {}
    for mark in txn.sql.all(ACTIVATIONS.inputs, activation_id=row.id):
        if mark.role == ABSORBED:
            subject = None if mark.event is None else mark.event.subject
            parts.setdefault(subject if stays_together else mark.mark_id, []).append(mark.mark_id)
    return list(parts.values())


def split(
    txn: BoardTransaction,
    row: ActivationRow,
    marks: Sequence[int],
    *,
    attempt: int = 0,
    error: str | None = None,
    retry_at: Instant | None = None,
) -> int:
    """Move some of an activation's marks to a new activation that is ready at an instant, by default at once.

    Returns the id of the new activation.
    """
    model_calls.end_calls_of_split(txn, row.id, error or "its marks were split")
    part = row._replace(
        started_at=None,
        finished_at=None,
        retry_at=txn.now if retry_at is None else retry_at,
        attempt=attempt,
        error=error,
        worker=None,
        lease_until=None,
        fence=0,
        split_from=row.id,
        split_after_call=txn.sql.value(MODEL_CALLS.last_call_id),
    )
    part = insert_activation(txn, part, ActivationState.READY)
    for mark_id in marks:
        txn.sql.run(ACTIVATIONS.move_input, from_id=row.id, mark_id=mark_id, to_id=part.id)
        txn.sql.run(CROSSINGS.move_crossing, from_id=row.id, mark_id=mark_id, to_id=part.id)
    txn.sql.run(CROSSINGS.move_crossings_without_marks, from_id=row.id, to_id=part.id)
    txn.sql.run(ACTIVATIONS.copy_reads, from_id=row.id, to_id=part.id)
    set_marks(txn, part.id)
    return part.id


def defer(txn: BoardTransaction, row: ActivationRow, *, until: Instant | None, reason: str, held: bool = False) -> bool:
    """Return an activation to the agenda, without counting a failed attempt, until an instant.

    A `held` activation waits for a budget or, without an instant, for a person: time alone does not let it continue.
    Returns False, without a change, if the worker has lost the activation.
    """
    if (current := _current(txn, row)) is None:
        return False
    state = ActivationState.HELD if held else ActivationState.READY
    _end(txn, current, state, error=reason or None, retry_at=until, attempt=current.attempt - 1)
    return True


def hand_back(txn: BoardTransaction, row: ActivationRow) -> bool:
    """Hand an activation back because its worker stops. It is ready at once."""
    return defer(txn, row, until=txn.now, reason="")


def recover(
    txn: BoardTransaction,
    dead: Sequence[str],
    *,
    expired: bool,
    is_lost: Callable[[ActivationRow], bool] = lambda row: False,
    expiry_is_death: bool = False,
) -> int:
    """Recover the activations that no worker runs any more, and return their number.

    These are the activations of `dead` workers, those for which `is_lost` returns true because their worker lives and
    does not run them, and with `expired` those whose lease has expired. `is_lost` is called after the running
    activations were read. With `expiry_is_death`, as on a server, an expired lease is the only sign of a death.
    """
    count = 0
    for row in txn.sql.all(ACTIVATIONS.running):
        late = expired and row.lease_until is not None and row.lease_until <= txn.now
        if row.worker in dead or late or is_lost(row):
            _recover_one(txn, row, died=row.worker in dead or (late and expiry_is_death))
            count += 1
    failpoint("recovery.within")
    for worker in dead:
        served_agents.remove_worker(txn, worker, is_dead=True)
    return count


def _recover_one(txn: BoardTransaction, row: ActivationRow, *, died: bool) -> None:
    """Make an interrupted activation ready again.

    If a model call was under way and the agent sets `on_unknown = "hold"`, it is held for a person. An activation whose
    worker `died` again and again may be the reason: it next runs alone, and after one more death it has failed.
    """
    agent = txn.deployment.agents.get(row.agent)
    deaths = (row.deaths or 0) + died
    row = row._replace(interruptions=row.interruptions + 1, deaths=deaths or None)
    attempt = row.attempt - 1
    is_unknown = model_calls.mark_unknown(txn, row.id, INTERRUPTED)
    if is_unknown and agent is not None and agent.settings.on_unknown == "hold":
        held = f"the outcome of a call is unknown: {INTERRUPTED}; retry or discard it"
        _end(txn, row, ActivationState.HELD, error=held, attempt=attempt)
    elif died and deaths > SUSPECT_DEATHS:
        _blame(txn, row, agent, attempt)
    else:
        error = f"{_deaths(row)}; it runs alone" if deaths >= SUSPECT_DEATHS else row.error
        _end(txn, row, ActivationState.READY, error=error, retry_at=txn.now, attempt=attempt)


def _blame(txn: BoardTransaction, row: ActivationRow, agent: AgentSpec | None, attempt: int) -> None:
    """Fail an activation whose worker died although it ran nothing else: split its marks, or quarantine a single mark.

    The parts run alone from the start, so one further death is enough to tell which of them is to blame.
    """
    if agent is not None:
        _count_failure(txn, row, agent)
    parts = _divisible_parts(txn, row)
    if len(parts) > 1:
        error = f"{_deaths(row)}; its marks were split"
        _halve(txn, row._replace(deaths=SUSPECT_DEATHS), parts, attempt=attempt, error=error)
        return
    subject = set_marks(txn, row.id)
    error = f"{_deaths(row)}; the last time it ran alone"
    _end(txn, row, ActivationState.QUARANTINED, error=error, attempt=attempt)
    _test_unclaimed(txn, row)
    loop_detection.ask_person(txn, subject or f"agent/{row.agent}", f"activation {row.id} of {row.agent}: {error}")


def _deaths(row: ActivationRow) -> str:
    return f"its worker died {row.deaths} times in a row during the run"


def retry(txn: BoardTransaction, activation_id: int) -> ActivationRow:
    """Make a dead, held or quarantined activation ready again, and count its attempts from 0.

    Raises:
        NotFound: There is no such activation.
        WorkError: It did not fail.
    """
    row = _stuck(txn, activation_id)
    model_calls.reopen(txn, row.id)
    model_calls.record_reserved_costs(txn, row.id)
    row = row._replace(deaths=None)
    _end(txn, row, ActivationState.READY, retry_at=txn.now, attempt=0, error=row.error)
    return row


def discard(txn: BoardTransaction, activation_id: int) -> ActivationRow:
    """Give up a dead, held or quarantined activation for good. Its marks stay absorbed.

    Raises:
        NotFound: There is no such activation.
        WorkError: It did not fail.
    """
    row = _stuck(txn, activation_id)
    model_calls.mark_unknown(txn, row.id, INTERRUPTED)
    model_calls.record_reserved_costs(txn, row.id)
    model_calls.discard_calls(txn, row.id)
    _end(txn, row, ActivationState.DISCARDED, error=row.error)
    _close_crossings(txn, row, CrossingState.DISCARDED)
    return row


def find_activation(txn: BoardTransaction, activation_id: int) -> ActivationRow:
    """Return an activation.

    Raises:
        NotFound: There is no such activation.
    """
    row = get_activation(txn, activation_id)
    if row is None:
        raise NotFound(f"there is no activation {activation_id}; 'blackboard activations' lists them")
    return row


def is_stuck(row: ActivationRow) -> bool:
    """Return whether a person may retry or discard an activation."""
    return row.state in RETRIABLE or (row.state == ActivationState.READY and bool(row.error))


def _stuck(txn: BoardTransaction, activation_id: int) -> ActivationRow:
    """Return an activation that a person may retry or discard."""
    row = find_activation(txn, activation_id)
    if not is_stuck(row):
        raise WorkError(
            f"activation {activation_id} is {row.state};"
            " only one that failed, is held or is quarantined can be retried or discarded"
        )
    return row


def still_runs(txn: BoardTransaction, row: ActivationRow) -> bool:
    """Return whether the worker of a run still has its activation."""
    return _current(txn, row) is not None


def _current(txn: BoardTransaction, row: ActivationRow) -> ActivationRow | None:
    """Return the stored row if its worker still holds it. A process that resumes too late finds a newer fence."""
    current = get_activation(txn, row.id)
    if current is None or current.state != ActivationState.RUNNING:
        return None
    return current if (current.worker, current.fence) == (row.worker, row.fence) else None


def _end(
    txn: BoardTransaction,
    row: ActivationRow,
    state: ActivationState,
    *,
    error: str | None = None,
    retry_at: Instant | None = None,
    attempt: int | None = None,
    marks_deposited: int = 0,
) -> None:
    """Record how an attempt ended."""
    over = state in OVER
    set_state(
        txn,
        row,
        state,
        finished_at=txn.now if over else None,
        retry_at=retry_at,
        error=error,
        attempt=row.attempt if attempt is None else attempt,
        worker=row.worker if over else None,
        lease_until=None,
        marks_deposited=marks_deposited,
        interruptions=row.interruptions,
        deaths=row.deaths,
    )


def _close_crossings(txn: BoardTransaction, row: ActivationRow, state: CrossingState) -> None:
    """Close the crossings of an activation. A crossing of several marks that were split ends with the last part."""
    if row.split_from is not None or txn.sql.one(ACTIVATIONS.split_from, id=row.id) is not None:
        for crossing in txn.sql.all(CROSSINGS.crossings_of_activation, activation_id=row.id):
            if not crossing.is_per_mark and (heir := _last_part(txn, row, crossing)) is not None:
                txn.sql.run(CROSSINGS.give_crossing, id=crossing.id, activation_id=heir)
    txn.sql.run(CROSSINGS.finish_crossings, activation_id=row.id, state=state, at=txn.now)


def _last_part(txn: BoardTransaction, row: ActivationRow, crossing: CrossingRow) -> int | None:
    """Return the newest unfinished part of the same original that has marks of a crossing, if any.

    The newest part usually ends last. So a batch that splits into thousands is searched a few times, and not at the
    end of each part.
    """
    root = _original(txn, row)
    if crossing.is_over_board:
        parts = [root]
        for part in parts:  # the list grows
            parts += txn.sql.all(ACTIVATIONS.split_from, id=part.id)
        return max((part.id for part in parts if part.id != row.id and part.state in UNFINISHED), default=None)
    for part in txn.sql.all(ACTIVATIONS.unfinished_of_subject, watch_id=row.watch_id, subject=crossing.subject):
        if part.id != row.id and _original(txn, part).id == root.id:
            return int(part.id)
    return None


def _original(txn: BoardTransaction, row: ActivationRow) -> ActivationRow:
    """Return the activation from which an activation was split, directly or not, or else the activation itself."""
    while row.split_from is not None and (parent := get_activation(txn, row.split_from)) is not None:
        row = parent
    return row


def _start_cooldown(txn: BoardTransaction, row: ActivationRow, agent: AgentSpec) -> None:
    cooldown, watch = agent.settings.cooldown, txn.active.watches.get(row.watch_id)
    per = agent.cooldown_per_of(None if watch is None else watch.spec)
    state = agent_state.get(txn, agent.name)
    until = None if state.failures else state.cooldown_until  # another activation may have set it with its success
    if per == "agent":
        until = txn.now + cooldown if cooldown else None
    agent_state.set_cooldown(txn, agent.name, until, 0)
    if cooldown and per == "subject":
        subject_cooldowns.start(txn, agent, subjects_of(txn, row))


def _count_failure(txn: BoardTransaction, row: ActivationRow, agent: AgentSpec) -> None:
    """Count a failure in a row, and start a cooldown that grows with each further failure (a circuit breaker)."""
    state = agent_state.get(txn, agent.name)
    failures = state.failures + 1
    excess = failures - agent.settings.cooldown_after_failures
    until = state.cooldown_until  # another activation may have set it with its success
    if excess >= 0:
        until = max(until or 0, txn.now + backoff(agent.settings.retry_after, excess + 1, random.Random(row.id)))
    agent_state.set_cooldown(txn, agent.name, until, failures)


def _test_unclaimed(txn: BoardTransaction, row: ActivationRow) -> None:
    """Test the watch again on the marks of its subjects, or of the board, that the claim did not absorb."""
    watch = txn.active.watches.get(row.watch_id)
    if watch is None or not watch.absorbs or watch.condition.is_per_mark:
        return
    for subject in subjects_of(txn, row):
        rising_crossings.evaluate(txn, watch, subject)
