"""The page of the board's health: workers, the clock, the sizes of files, the outbox, dead letters, and `doctor`."""

from __future__ import annotations

from blackboard.board.diagnosis.doctor import examine_board
from blackboard.board.diagnosis.worker_findings import MODEL
from blackboard.board.json_shapes import summary
from blackboard.core.records.finding import Finding
from blackboard.server.pages.page_definition import LivePage, PageCall, PageContent

MOST_MESSAGES = 50


def show_health(call: PageCall) -> PageContent:
    """Return the state of the board, and the findings of `doctor` with their remedies."""
    board = call.board
    findings = examine_board(board, is_thorough=False)
    if all(finding.name != MODEL for finding in findings):
        findings.append(Finding(MODEL, "note", call.model))
    order = {"wrong": 0, "note": 1, "ok": 2}
    return PageContent(
        {
            "status": summary(board.status(), board.database.where, call.model),
            "findings": sorted(findings, key=lambda finding: order[finding.state]),
            "messages": [message for message in board.outbox(limit=MOST_MESSAGES) if message.state != "delivered"],
            "dead": board.activations(state=["dead", "quarantined", "held"], limit=20),
        }
    )


PAGE = LivePage(
    "health",
    "/health",
    "Health",
    show_health,
    about="The state of the board and its workers, and what to do about problems.",
)
