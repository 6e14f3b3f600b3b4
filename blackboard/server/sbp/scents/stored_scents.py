"""Scents on the board, which clients register, subscribe to and remove.

They have leases, and are not part of the deployment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from blackboard import Blackboard, MarkRecord
from blackboard.clock import Instant, from_datetime, from_milliseconds, whole_milliseconds_in
from blackboard.durations import MINUTE, Duration
from blackboard.errors import NotFound
from blackboard.server.sbp.sbp_errors import NO_SCENT, UNAUTHORIZED, SbpError
from blackboard.server.sbp.sbp_marks import Scent, fields_of, live_records, retry_conflicts
from blackboard.server.sbp.sbp_parameters import ScentDefinition
from blackboard.server.sbp.scents.condition_evaluation import Evaluation, Observation
from blackboard.server.sbp.scents.scent_conditions import ScentCondition, condition_of, parts_of
from blackboard.server.sbp.scents.scent_states import ScentRules, ScentState

SCENT_LEASE: Duration = 10 * MINUTE
"""How long a scent lives after it was last renewed."""
MAX_SESSIONS = 100
"""How many sessions may wait for one scent."""


def find(board: Blackboard, scent_id: str) -> MarkRecord | None:
    """Return the live mark of a scent; None if there is none."""
    return next(iter(live_records(board, Scent, subject=scent_id)), None)


def register(board: Blackboard, definition: ScentDefinition, session: str) -> tuple[str, ScentCondition]:
    """Register or update a scent for a session.

    Returns:
        `registered` or `updated`, and the condition of the scent.

    Raises:
        SbpError: The condition is not valid, or the scent belongs to another author.
        Conflict: Other programs changed the scent during each attempt.
    """
    condition = condition_of(definition.condition)
    fields = definition.model_dump(exclude={"scent_id"})
    position = board.stream_position().event_id

    def change(old: Mapping[str, Any] | None) -> dict[str, Any]:
        return {**fields, "sessions": _with_session(session, position, {} if old is None else old["sessions"])}

    is_new = _change(board, definition.scent_id, change, creates=True)
    return "registered" if is_new else "updated", condition


def subscribe(board: Blackboard, scent_id: str, session: str) -> None:
    """Send the triggers of a scent to a session from now on, and renew the lease of the scent.

    Raises:
        SbpError: There is no such scent, or it belongs to another author.
        Conflict: Other programs changed the scent during each attempt.
    """
    position = board.stream_position().event_id
    _change(board, scent_id, lambda old: {**old, "sessions": _with_session(session, position, old["sessions"])})


def unsubscribe(board: Blackboard, scent_id: str, session: str) -> None:
    """Send no more triggers of a scent to a session. A scent without sessions stays until its lease ends.

    Raises:
        SbpError: The scent belongs to another author.
        Conflict: Other programs changed the scent during each attempt.
    """
    if find(board, scent_id) is not None:
        _change(
            board,
            scent_id,
            lambda old: {**old, "sessions": {name: at for name, at in old["sessions"].items() if name != session}},
            renews=False,
        )


def deregister(board: Blackboard, scent_id: str) -> bool:
    """Remove a scent, and return whether there was one.

    Raises:
        SbpError: The scent belongs to another author.
    """
    record = find(board, scent_id)
    if record is None:
        return False
    _check_author(board, record)
    try:
        board.withdraw(record.id)
    except NotFound:  # another program was faster
        return False
    return True


def renew(board: Blackboard, record: MarkRecord) -> None:
    """Renew the lease of a scent.

    Raises:
        Conflict: Another program has changed the scent.
    """
    deposit(board, record, {**fields_of(record), "lease_until": from_datetime(record.as_of) + SCENT_LEASE})


def deposit(board: Blackboard, record: MarkRecord, fields: Mapping[str, Any]) -> None:
    """Deposit a scent with other fields.

    Raises:
        Conflict: The scent has changed since it was read.
    """
    board.deposit(mark_of(record.subject, fields, record.event_id))


def mark_of(scent_id: str, fields: Mapping[str, Any], event_id: int) -> Scent:
    """Return the mark of a scent, to be deposited only if the last event of the scent is still the given one."""
    mark = Scent(subject=scent_id, **fields)
    return mark.with_options(until=fields["lease_until"], if_event=event_id)


def rules_of(record: MarkRecord) -> ScentRules:
    """Return the condition of a scent, and when it fires."""
    fields = fields_of(record)
    cooldown = from_milliseconds(fields["cooldown_ms"])
    return ScentRules(condition_of(fields["condition"]), fields["trigger_mode"], cooldown, fields["hysteresis"])


def state_of(record: MarkRecord) -> ScentState:
    """Return the last measurement and the last trigger of a scent."""
    fields = fields_of(record)
    return ScentState(fields["met"], fields["is_armed"], fields["last_triggered_at"])


def condition_state(condition: ScentCondition, seen: Observation, at: Instant) -> dict[str, Any]:
    """Return whether a condition is met, and which of its parts are."""
    results: dict[str, Evaluation] = {str(part): seen.evaluate(part, at) for part in parts_of(condition)}
    partial = {name: result.met for name, result in results.items()}
    return {"met": seen.evaluate(condition, at).met, "partial": partial}


def inspection_of(record: MarkRecord) -> dict[str, Any]:
    """Return a scent as an inspection shows it."""
    fields, state, now = fields_of(record), state_of(record), from_datetime(record.as_of)
    return {
        "scent_id": record.subject,
        "agent_endpoint": fields["agent_endpoint"],
        "condition_met": state.met,
        "in_cooldown": now < state.in_cooldown_until(rules_of(record)),
        "last_triggered_at": None if state.triggered_at is None else whole_milliseconds_in(state.triggered_at),
    }


def _change(
    board: Blackboard,
    scent_id: str,
    change: Callable[[Any], dict[str, Any]],
    *,
    creates: bool = False,
    renews: bool = True,
) -> bool:
    """Change a scent, and return whether it is new. If another program changes it meanwhile, try again.

    Raises:
        SbpError: There is no such scent, and `creates` is not set; or it belongs to another author.
        Conflict: Other programs changed it during each attempt.
    """

    def attempt() -> bool:
        record = find(board, scent_id)
        if record is None and not creates:
            raise SbpError(
                NO_SCENT, f"there is no scent {scent_id!r}; its lease may have ended", {"scent_id": scent_id}
            )
        old = None
        if record is not None:
            _check_author(board, record)
            old = fields_of(record)
        fields = change(old)
        if renews:
            fields["lease_until"] = from_datetime(board.now()) + SCENT_LEASE
        board.deposit(mark_of(scent_id, fields, 0 if record is None else record.event_id))
        return record is None

    return retry_conflicts(attempt)


def _check_author(board: Blackboard, record: MarkRecord) -> None:
    if record.author != board.author:
        raise SbpError(UNAUTHORIZED, f"the scent {record.subject!r} belongs to another author", status=403)


def _with_session(session: str, position: int, sessions: Mapping[str, int]) -> dict[str, int]:
    """Return the sessions of a scent with a further session. An empty name, or a session that is there, adds nothing.

    If there is no room, the session that has waited longest is dropped, because it has most likely ended.
    """
    if not session or session in sessions:
        return dict(sessions)
    by_arrival = sorted(sessions.items(), key=lambda item: item[1])
    return {**dict(by_arrival[1 - MAX_SESSIONS :]), session: position}
