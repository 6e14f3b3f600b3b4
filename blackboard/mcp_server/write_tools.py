"""The tools that write to the board: deposit, answer, claim and finish."""

from __future__ import annotations

from typing import Any

from blackboard import Receipt, RemoteActivation
from blackboard.core.built_in_marks import Decision
from blackboard.errors import NotFound, UsageError
from blackboard.mcp_server.board_access import BoardAccess
from blackboard.mcp_server.labelled_data import NOTE, listed, mark_of, plain
from blackboard.mcp_server.tool_arguments import AnswerArguments, ClaimArguments, DepositArguments, FinishArguments

MAX_DECISIONS = 1000
"""In how many live decisions, the strongest first, a repeated answer looks for itself."""


def deposit(access: BoardAccess, asked: DepositArguments) -> dict[str, Any]:
    """Deposit a mark, and return its receipt.

    Raises:
        AccessDenied: The caller may not deposit it.
        BlackboardError: The board refuses it.
    """
    access.require_deposit(asked.kind, asked.subject)
    receipt = access.board.deposit(
        asked.kind,
        subject=asked.subject,
        payload=asked.payload,
        intensity=asked.intensity,
        key=asked.key,
        if_event=asked.if_event,
    )
    return _receipt(receipt)


def answer(access: BoardAccess, asked: AnswerArguments) -> dict[str, Any]:
    """Answer a need. If it has this answer already, the receipt of that decision is returned: a call can be repeated.

    Raises:
        AccessDenied: The caller may not answer.
        InvalidMark: The answer is not one of the options.
        NotFound: There is no such need, or it was withdrawn or has another answer.
    """
    access.require("answer")
    try:
        receipt = access.board.answer(asked.need, asked.text)
    except NotFound:
        if (earlier := _earlier_answer(access, asked)) is None:
            raise
        return earlier
    return {"need": asked.need, **_receipt(receipt)}


def _earlier_answer(access: BoardAccess, asked: AnswerArguments) -> dict[str, Any] | None:
    """Return the receipt of the live decision that gave a need this answer before; None if there is none."""
    for mark in access.board.marks(Decision.kind, limit=MAX_DECISIONS):
        is_same = str(mark.payload.get("answer", "")).casefold() == asked.text.strip().casefold()
        if mark.payload.get("need") == asked.need and is_same:
            return {"need": asked.need, **_receipt(Receipt(mark.id, mark.event_id, "duplicate", mark.strength))}
    return None


def _receipt(receipt: Receipt) -> dict[str, Any]:
    return dict(plain(receipt))


def claim(access: BoardAccess, asked: ClaimArguments) -> dict[str, Any]:
    """Claim the next activation of a remote agent, or extend the lease of one.

    Raises:
        AccessDenied: The caller may not claim for this agent.
        LeaseLost: The caller does not have the activation that it would extend, or no longer.
        UnknownName: There is no such agent.
        UsageError: The lease is too short or too long, or there is no fence.
        WorkError: The agent is not remote.
    """
    access.require("claim", asked.agent)
    if asked.extend is None:
        return activation_of(access.board.claim(asked.agent, lease=asked.lease))
    if asked.fence is None:
        raise UsageError("to extend a claim, give the fence that it had")
    state = access.board.heartbeat(asked.extend, fence=asked.fence, agent=asked.agent, lease=asked.lease)
    return {"note": "the lease is extended", "claimed": True, **plain(state)}


def activation_of(found: RemoteActivation | None) -> dict[str, Any]:
    """Return a claimed activation with its marks, or that there is none."""
    if found is None:
        return {"note": "there is no work now", "claimed": False}
    marks = listed("marks", found.marks, mark_of, len(found.marks))["marks"]
    reads = listed("reads", found.reads, mark_of, len(found.reads))["reads"]
    return {
        "note": f"{NOTE} End this work with finish, by id and fence, before lease_until.",
        "claimed": True,
        **plain({
            "id": found.id,
            "fence": found.fence,
            "agent": found.agent,
            "attempt": found.attempt,
            "lease_until": found.lease_until,
            "watch": found.watch,
            "reason": found.reason,
            "subjects": found.subjects[: len(marks)],
            "group": found.group,
            "previous_error": found.error,
        }),
        "marks": marks,
        "more_marks": len(found.marks) - len(marks),
        "reads": reads,
    }  # fmt: skip


def finish(access: BoardAccess, asked: FinishArguments) -> dict[str, Any]:
    """Finish a claimed activation with a result, or report that it failed. The same result again changes nothing.

    Raises:
        AccessDenied: The caller may not claim for this agent.
        AgentError: The result is more than the agent may do.
        Conflict: A mark has changed since the event that the result names. The activation is put back.
        LeaseLost: The caller no longer has the activation. Nothing is stored.
        NotFound: There is no such activation.
        UsageError: The result is not valid.
    """
    access.require("claim", asked.agent)
    run: dict[str, Any] = {"fence": asked.fence, "agent": asked.agent}
    if asked.failed is None:
        return dict(plain(access.board.finish(asked.id, asked.result, **run)))
    if asked.result:
        raise UsageError("give either a result or the reason of a failure")
    return dict(plain(access.board.fail(asked.id, asked.failed, retry=asked.retry, **run)))
