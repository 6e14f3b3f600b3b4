"""The tools that write to the board: deposit, answer, claim and finish."""

from __future__ import annotations

from typing import Any

from blackboard import Receipt
from blackboard.errors import NotFound, UsageError
from blackboard.mcp_server.board_access import BoardAccess
from blackboard.mcp_server.tool_arguments import AnswerArguments, ClaimArguments, DepositArguments, FinishArguments
from blackboard.presentation.untrusted_data import activation_of, plain


def deposit(access: BoardAccess, arguments: DepositArguments) -> dict[str, Any]:
    """Deposit a mark, and return its receipt.

    Raises:
        AccessDenied: The caller may not deposit it.
        BlackboardError: The board refuses it.
    """
    access.require_change(arguments.kind, arguments.subject)
    receipt = access.board.deposit(
        arguments.kind,
        subject=arguments.subject,
        payload=arguments.payload,
        intensity=arguments.intensity,
        key=arguments.key,
        if_event=arguments.if_event,
    )
    return _receipt(receipt)


def answer(access: BoardAccess, arguments: AnswerArguments) -> dict[str, Any]:
    """Answer a need. A repeated call gets the receipt of the decision that the first call made.

    Raises:
        AccessDenied: The caller may not answer.
        InvalidMark: The answer is not one of the options.
        NotFound: There is no such need, or it was withdrawn or has another answer.
    """
    access.require("answer")
    try:
        receipt = access.board.answer(arguments.need_id, arguments.text)
    except NotFound:
        if (earlier := _earlier_answer(access, arguments)) is None:
            raise
        return earlier
    return {"need_id": arguments.need_id, **_receipt(receipt)}


def _earlier_answer(access: BoardAccess, arguments: AnswerArguments) -> dict[str, Any] | None:
    """Return the receipt of the live decision that gave a need this answer before; None if there is none."""
    try:
        decision = access.board.decision(arguments.need_id)
        mark = access.board.mark(decision.mark_id)
    except NotFound:
        return None
    if str(mark.payload.get("answer", "")).casefold() != arguments.text.strip().casefold():
        return None
    return {"need_id": arguments.need_id, **_receipt(Receipt(mark.id, decision.id, "duplicate", mark.strength))}


def _receipt(receipt: Receipt) -> dict[str, Any]:
    return dict(plain(receipt))


def claim(access: BoardAccess, arguments: ClaimArguments) -> dict[str, Any]:
    """Claim the next activation of a remote agent, or extend the lease of one.

    Raises:
        AccessDenied: The caller may not claim for this agent.
        LeaseLost: The caller does not have the activation whose lease it wants to extend.
        UnknownName: There is no such agent.
        UsageError: The lease is too short or too long, or there is no fence.
        WorkError: The agent is not remote.
    """
    access.require("claim", arguments.agent)
    if arguments.extend is None:
        return activation_of(access.board.claim(arguments.agent, lease=arguments.lease))
    if arguments.fence is None:
        raise UsageError("to extend a claim, give its fence")
    state = access.board.heartbeat(
        arguments.extend, fence=arguments.fence, agent=arguments.agent, lease=arguments.lease
    )
    return {"note": "the lease is extended", "claimed": True, **plain(state)}


def finish(access: BoardAccess, arguments: FinishArguments) -> dict[str, Any]:
    """Finish a claimed activation with a result, or report that it failed. The same result again changes nothing.

    Raises:
        AccessDenied: The caller may not claim for this agent.
        AgentError: The result does more than the agent may do.
        Conflict: A mark has changed since the event that the result names. The activation is put back.
        LeaseLost: The caller no longer has the activation. Nothing is stored.
        NotFound: There is no such activation.
        UsageError: The result is not valid, or there is neither a result nor the reason of a failure.
    """
    access.require("claim", arguments.agent)
    run: dict[str, Any] = {"fence": arguments.fence, "agent": arguments.agent}
    if arguments.failed is None:
        if arguments.result is None:
            raise UsageError(
                "give a result, or give the reason in 'failed'; the result {} ends the work without a mark"
            )
        return dict(plain(access.board.finish(arguments.id, arguments.result, **run)))
    if arguments.result:
        raise UsageError("give either a result or the reason of a failure, not both")
    return dict(plain(access.board.fail(arguments.id, arguments.failed, retry=arguments.retry, **run)))
