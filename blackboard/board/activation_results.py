"""The end of an activation: what the agent left, what it absorbed and its state, in one transaction or not at all."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from blackboard.board import crossings, model_calls
from blackboard.board.activations import insert_activation, set_state
from blackboard.board.board_transaction import BoardTransaction
from blackboard.board.deposits import PreparedDeposit, UniqueConflict, deposit
from blackboard.board.results import Receipt
from blackboard.deployment import AgentSpec
from blackboard.errors import NotFound
from blackboard.failpoints import reach
from blackboard.priorities import backoff, halves
from blackboard.states import RETRIABLE, UNFINISHED, ActivationState, CrossingState
from blackboard.store.rows import ActivationRow
from blackboard.store.statements import ACTIVATIONS, CROSSINGS, MODEL_CALLS

__all__ = ["AgentDeposit", "defer", "discard", "fail", "finish", "hand_back", "isolate", "recover", "retry", "split"]

INTERRUPTED = "its worker was gone while the call was under way"


class AgentDeposit:
    """A mark that an agent leaves, with what to leave instead if its unique value is taken."""

    __slots__ = ("alternative", "mark")

    def __init__(self, mark: PreparedDeposit, alternative: AgentDeposit | None = None) -> None:
        self.mark, self.alternative = mark, alternative


def finish(
    txn: BoardTransaction, row: ActivationRow, agent: AgentSpec, deposits: Sequence[AgentDeposit]
) -> list[Receipt] | None:
    """End a run with success; None, and nothing happens, if it is no longer this worker's to end.

    What the marks wake, they wake by themselves. That there is room for another run is for the caller to tell.
    """
    if not _is_current(txn, row):
        return None
    receipts = [_deposit(txn, item) for item in deposits]
    model_calls.mark_applied(txn, row.id)
    reach("apply.within")
    _end(txn, row, ActivationState.DONE, marks_deposited=len(receipts))
    _start_cooldown(txn, row, agent)
    _test_leftovers(txn, row)
    _close_crossings(txn, row, CrossingState.DONE)
    return receipts


def fail(
    txn: BoardTransaction,
    row: ActivationRow,
    agent: AgentSpec,
    error: str,
    rng: random.Random,
    *,
    hopeless: bool = False,
) -> ActivationState | None:
    """End a run with a failure: try again later, or in halves, or set it aside as dead. Returns the new state.

    `hopeless` says that trying the same marks again would fail again, so that halves come at once.
    """
    if not _is_current(txn, row):
        return None
    settings = agent.settings
    _count_failure(txn, row, agent)
    if row.attempt < settings.max_attempts and not hopeless:
        wait = backoff(settings.retry_after, row.attempt, rng)
        _end(txn, row, ActivationState.READY, error=error, retry_at=txn.now + wait)
        return ActivationState.READY
    inputs = txn.tx.all(ACTIVATIONS.inputs, activation_id=row.id)
    marks = [mark.input_mark_id for mark in inputs if mark.role == "absorbed"]
    if len(marks) < 2:
        _end(txn, row, ActivationState.DEAD, error=error)
        _test_leftovers(txn, row)
        return ActivationState.DEAD
    keep, move = halves(marks)
    # Each half gets one try more, so a batch of n with one bad mark costs about log2(n) further failures.
    other = split(txn, row, move, attempt=settings.max_attempts - 1, error=error)
    _end(txn, row, ActivationState.READY, error=error, retry_at=txn.now, attempt=settings.max_attempts - 1)
    txn.tx.run(ACTIVATIONS.set_marks_absorbed, id=row.id, marks_absorbed=len(keep))
    txn.tx.run(ACTIVATIONS.set_marks_absorbed, id=other, marks_absorbed=len(move))
    return ActivationState.READY


def isolate(txn: BoardTransaction, row: ActivationRow, marks: Sequence[int]) -> bool:
    """Give each of these marks an activation of its own; False if the run is no longer this worker's."""
    if not _is_current(txn, row):
        return False
    for mark_id in marks:
        split(txn, row, [mark_id])
    txn.tx.run(ACTIVATIONS.set_marks_absorbed, id=row.id, marks_absorbed=row.marks_absorbed - len(marks))
    return True


def split(
    txn: BoardTransaction, row: ActivationRow, marks: Sequence[int], *, attempt: int = 0, error: str | None = None
) -> int:
    """Move some of an activation's marks to a new one that is ready at once; returns its id."""
    model_calls.mark_too_large(txn, row.id, error or "its marks were parted")
    part = row._replace(
        started_at=None, finished_at=None, retry_at=txn.now, attempt=attempt, error=error, worker=None,
        lease_until=None, fence=0, marks_absorbed=len(marks), created_at=txn.now, split_from=row.id,
        split_after_call=txn.tx.value(MODEL_CALLS.last_call_id) or 0,
    )  # fmt: skip
    new_id = insert_activation(txn, part, ActivationState.READY).id
    for mark_id in marks:
        txn.tx.run(ACTIVATIONS.move_input, from_id=row.id, mark_id=mark_id, to_id=new_id)
        txn.tx.run(CROSSINGS.move_crossing, from_id=row.id, mark_id=mark_id, to_id=new_id)
    txn.tx.run(ACTIVATIONS.copy_reads, from_id=row.id, to_id=new_id)
    return new_id


def defer(txn: BoardTransaction, row: ActivationRow, *, until: int | None, reason: str, held: bool = False) -> bool:
    """Put a run back on the agenda until an instant, without counting it as a failure.

    `held` says that neither time nor work alone will let it go on (a budget, a person); with `until` None it then
    waits for a person.
    """
    if not _is_current(txn, row):
        return False
    _end(
        txn,
        row,
        ActivationState.HELD if held else ActivationState.READY,
        error=reason or None,
        retry_at=until,
        attempt=row.attempt - 1,
    )
    return True


def hand_back(txn: BoardTransaction, row: ActivationRow) -> bool:
    """Give a run up because its worker stops: the next one takes it up at once."""
    return defer(txn, row, until=txn.now, reason="")


def recover(
    txn: BoardTransaction,
    dead: Sequence[str],
    *,
    expired: bool,
    lost: Callable[[ActivationRow], bool] = lambda row: False,
) -> int:
    """Take up what workers left behind that are dead, or (`expired`) whose lease has run out; returns how many.

    Args:
        lost: says of what runs whether its worker, though alive, no longer runs it.
    """
    count = 0
    for values in txn.tx.all(ACTIVATIONS.running):
        row = ActivationRow(*values)
        late = expired and row.lease_until is not None and row.lease_until <= txn.now
        if row.worker in dead or late or lost(row):
            _recover_one(txn, row)
            count += 1
    reach("recovery.within")
    for worker in dead:
        txn.tx.run(ACTIVATIONS.delete_worker, id=worker)
    return count


def _recover_one(txn: BoardTransaction, row: ActivationRow) -> None:
    """Let an interrupted run be begun again, unless a call was under way and the agent wants a person to decide."""
    agent = txn.deployment.agents.get(row.agent)
    held = (
        model_calls.mark_unknown(txn, row.id, INTERRUPTED) and agent is not None and agent.settings.on_unknown == "hold"
    )
    _end(
        txn,
        row,
        ActivationState.HELD if held else ActivationState.READY,
        error=f"the outcome of a call is unknown: {INTERRUPTED}; retry or discard it" if held else row.error,
        retry_at=None if held else txn.now,
        attempt=row.attempt - 1,
        interruptions=row.interruptions + 1,
    )


def retry(txn: BoardTransaction, activation_id: int) -> ActivationRow:
    """A person wants a dead, held or quarantined activation tried again, with all its attempts.

    Raises:
        NotFound: no such activation, or not one that can be retried.
    """
    row = _stuck(txn, activation_id)
    model_calls.reopen(txn, row.id)
    model_calls.record_reserved_costs(txn, row.id)
    _end(txn, row, ActivationState.READY, retry_at=txn.now, attempt=0, error=row.error)
    return row


def discard(txn: BoardTransaction, activation_id: int) -> ActivationRow:
    """A person gives up on a dead, held or quarantined activation: its marks stay absorbed.

    Raises:
        NotFound: no such activation, or not one that can be discarded.
    """
    row = _stuck(txn, activation_id)
    model_calls.mark_unknown(txn, row.id, INTERRUPTED)
    model_calls.record_reserved_costs(txn, row.id)
    model_calls.discard_calls(txn, row.id)
    _end(txn, row, ActivationState.DISCARDED, error=row.error)
    _close_crossings(txn, row, CrossingState.DISCARDED)
    return row


def _stuck(txn: BoardTransaction, activation_id: int) -> ActivationRow:
    values = txn.tx.one(ACTIVATIONS.get_activation, id=activation_id)
    if values is None:
        raise NotFound(f"there is no activation {activation_id}; 'blackboard activations' lists them")
    row = ActivationRow(*values)
    if row.state not in RETRIABLE and not (row.state == ActivationState.READY and row.error):
        raise NotFound(f"activation {activation_id} is {row.state}; only one that failed can be retried or discarded")
    return row


def _is_current(txn: BoardTransaction, row: ActivationRow) -> bool:
    """Whether the run is still this worker's: a paused process that wakes late finds a newer fence."""
    values = txn.tx.one(ACTIVATIONS.get_activation, id=row.id)
    now = None if values is None else ActivationRow(*values)
    return (
        now is not None and now.state == ActivationState.RUNNING and now.worker == row.worker and now.fence == row.fence
    )


def _end(
    txn: BoardTransaction,
    row: ActivationRow,
    state: ActivationState,
    *,
    error: str | None = None,
    retry_at: int | None = None,
    attempt: int | None = None,
    marks_deposited: int = 0,
    interruptions: int | None = None,
) -> None:
    over = state in (ActivationState.DONE, ActivationState.DEAD, ActivationState.DISCARDED)
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
        interruptions=row.interruptions if interruptions is None else interruptions,
    )


def _close_crossings(txn: BoardTransaction, row: ActivationRow, state: CrossingState) -> None:
    """Close what woke it; a crossing over several marks that were parted is closed with the last of its parts."""
    if txn.tx.one(CROSSINGS.subjects_of_activation, activation_id=row.id) is None:
        return  # another part has them
    watch = txn.active.watches.get(row.watch_id)
    if (watch is None or not watch.condition.per_mark) and (heir := _last_part(txn, row)) is not None:
        txn.tx.run(CROSSINGS.move_crossing, from_id=row.id, mark_id=0, to_id=heir)
    txn.tx.run(CROSSINGS.finish_crossings, activation_id=row.id, state=state, at=txn.now)


def _last_part(txn: BoardTransaction, row: ActivationRow) -> int | None:
    """The newest activation, not over yet, of the marks that were once together with these.

    It mostly ends last, so that a batch which falls into thousands is gone through a few times, and not at each end.
    """
    root = row
    while (
        root.split_from is not None
        and (found := txn.tx.one(ACTIVATIONS.get_activation, id=root.split_from)) is not None
    ):
        root = ActivationRow(*found)
    parts = [root]
    for part in parts:  # it grows
        parts += [ActivationRow(*values) for values in txn.tx.all(ACTIVATIONS.split_from, id=part.id)]
    return max((part.id for part in parts if part.id != row.id and part.state in UNFINISHED), default=None)


def _deposit(txn: BoardTransaction, one: AgentDeposit) -> Receipt:
    try:
        return deposit(txn, one.mark)
    except UniqueConflict:
        if one.alternative is None:
            raise
        return _deposit(txn, one.alternative)


def _start_cooldown(txn: BoardTransaction, row: ActivationRow, agent: AgentSpec) -> None:
    cooldown = agent.settings.cooldown
    per_subject = agent.settings.cooldown_per == "subject"
    until = txn.now + cooldown if cooldown and not per_subject else None
    _set_state(txn, agent.name, until, 0)
    if cooldown and per_subject:
        for (subject,) in txn.tx.all(CROSSINGS.subjects_of_activation, activation_id=row.id):
            if (
                txn.tx.run(
                    ACTIVATIONS.update_subject_cooldown, agent=agent.name, subject=subject, until=txn.now + cooldown
                ).rowcount
                == 0
            ):
                txn.tx.run(
                    ACTIVATIONS.insert_subject_cooldown, agent=agent.name, subject=subject, until=txn.now + cooldown
                )


def _count_failure(txn: BoardTransaction, row: ActivationRow, agent: AgentSpec) -> None:
    """A circuit breaker: an agent that fails every time rests, for longer each time."""
    state = txn.tx.one(ACTIVATIONS.get_agent_state, agent=agent.name)
    failures = (0 if state is None else state[4]) + 1
    over = failures - agent.settings.cooldown_after_failures
    until = None if state is None else state[3]  # another run of the agent may have ended with success
    if over >= 0:
        until = max(until or 0, txn.now + backoff(agent.settings.retry_after, over + 1, random.Random(row.id)))
    _set_state(txn, agent.name, until, failures)


def _set_state(txn: BoardTransaction, agent: str, cooldown_until: int | None, failures: int) -> None:
    state = txn.tx.one(ACTIVATIONS.get_agent_state, agent=agent)
    if state is None:
        txn.tx.run(
            ACTIVATIONS.insert_agent_state,
            agent=agent,
            paused=0,
            paused_because=None,
            cooldown_until=cooldown_until,
            failures=failures,
        )
    elif (state[3], state[4]) != (cooldown_until, failures):
        txn.tx.run(ACTIVATIONS.set_cooldown, agent=agent, cooldown_until=cooldown_until, failures=failures)


def _test_leftovers(txn: BoardTransaction, row: ActivationRow) -> None:
    """What the claim left over, of its subjects or of the board, is tested again."""
    watch = txn.active.watches.get(row.watch_id)
    if watch is None or watch.falling or watch.condition.per_mark:
        return
    if watch.over_board:
        crossings.test(txn, watch, "")
        return
    for (subject,) in txn.tx.all(CROSSINGS.subjects_of_activation, activation_id=row.id):
        crossings.test(txn, watch, subject)
