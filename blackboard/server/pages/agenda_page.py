"""The page of the agenda: what waits, why, what holds it, and until when."""

from __future__ import annotations

from blackboard.board import page_readings
from blackboard.server.pages.page_definition import LivePage, PageCall, PageContent, PageFields

MAX_AGENDA_ITEMS = 200


class AgendaFields(PageFields):
    """The part of the agenda that the page shows."""

    agent: str = ""
    held_by: str = ""


def show_agenda(call: PageCall[AgendaFields]) -> PageContent:
    """Return the waiting crossings, strongest first, and the schedules."""
    parameters = call.parameters
    if parameters.held_by:  # what holds a crossing is computed, so all crossings are needed
        items = call.board.agenda()
    elif parameters.agent:
        items = page_readings.agenda_of(call.board, parameters.agent, MAX_AGENDA_ITEMS + 1)
    else:
        items = call.board.agenda(limit=MAX_AGENDA_ITEMS + 1)
    chosen = [
        item
        for item in items
        if parameters.agent in ("", item.agent) and parameters.held_by in ("", item.held_by or "nothing")
    ]
    reasons = sorted({item.held_by or "nothing" for item in items})
    return PageContent(
        {"items": chosen[:MAX_AGENDA_ITEMS], "schedules": call.board.schedules(limit=2)},
        {
            "agents": sorted(call.board.deployment.agents),
            "reasons": [] if call.viewer.caller.is_redacted else reasons,
            "more": len(chosen) > MAX_AGENDA_ITEMS,
        },
    )


PAGE = LivePage(
    "agenda",
    "/agenda",
    "Agenda",
    read=show_agenda,
    about="Crossings that wait for their agents, strongest first, and what holds each of them.",
    parameters_withheld=("held_by",),
)
