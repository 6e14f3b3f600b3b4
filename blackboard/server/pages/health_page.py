"""The page of the board's health: workers, the clock, the sizes of files, the outbox, dead letters, and `doctor`."""

from __future__ import annotations

from blackboard.board.diagnosis.doctor import examine_board
from blackboard.board.diagnosis.worker_findings import MODEL
from blackboard.board.facade import Blackboard
from blackboard.board.result_types.message_results import OutboxMessage
from blackboard.board.result_types.status_texts import describe_clock
from blackboard.core.records.finding import Finding
from blackboard.core.records.states import UNDELIVERED
from blackboard.presentation.json_shapes import summary
from blackboard.server.pages.page_definition import LivePage, PageCall, PageContent, PageFields

MAX_MESSAGES = 50
MAX_DEAD = 20


def show_health(call: PageCall[PageFields]) -> PageContent:
    """Return the state of the board, and the findings of `doctor` with their remedies."""
    board = call.board
    findings = examine_board(board, is_thorough=False)
    if all(finding.name != MODEL for finding in findings):
        findings.append(Finding(MODEL, "note", call.model))
    order = {"wrong": 0, "note": 1, "ok": 2}
    status = summary(board.status(), board.location, call.model)
    return PageContent(
        {
            "status": status,
            "clock": describe_clock(status.doubted_clock),
            "findings": sorted(findings, key=lambda finding: order[finding.state]),
            "messages": _undelivered_messages(board),
            "dead": board.activations(state=["dead", "quarantined", "held"], limit=MAX_DEAD),
        }
    )


def _undelivered_messages(board: Blackboard) -> list[OutboxMessage]:
    """Return the newest undelivered messages that nobody has given up."""
    messages = [message for state in UNDELIVERED for message in board.outbox(state=state, limit=MAX_MESSAGES)]
    return sorted(messages, key=lambda message: message.id, reverse=True)[:MAX_MESSAGES]


PAGE = LivePage(
    "health",
    "/health",
    "Health",
    read=show_health,
    about="The state of the board and its workers, and what to do about problems.",
)
