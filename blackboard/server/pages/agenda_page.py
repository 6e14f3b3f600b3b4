"""The page of the agenda: what waits, why, what holds it, and until when."""

from __future__ import annotations

from blackboard.board import page_readings
from blackboard.server.pages.live_page import LivePage, Look, PageFields, Sight

MOST_ITEMS = 200


class AgendaFields(PageFields):
    """Which part of the agenda the page shows."""

    agent: str = ""
    held_by: str = ""


def show_agenda(look: Look) -> Sight:
    """Return the waiting crossings, strongest first, and the schedules."""
    parameters: AgendaFields = look.parameters
    if parameters.held_by:  # this is not known before it is computed
        items = look.board.agenda()
    elif parameters.agent:
        items = page_readings.agenda_of(look.board, parameters.agent, MOST_ITEMS + 1)
    else:
        items = look.board.agenda(limit=MOST_ITEMS + 1)
    chosen = [
        item
        for item in items
        if parameters.agent in ("", item.agent) and parameters.held_by in ("", item.held_by or "nothing")
    ]
    reasons = sorted({item.held_by or "nothing" for item in items})
    return Sight(
        {"items": chosen[:MOST_ITEMS], "schedules": look.board.schedules(limit=2)},
        {
            "agents": sorted(look.board.deployment.agents),
            "reasons": [] if look.viewer.caller.is_redacted else reasons,
            "more": len(chosen) > MOST_ITEMS,
        },
    )


PAGE = LivePage(
    "agenda",
    "/agenda",
    "Agenda",
    show_agenda,
    AgendaFields,
    about="Crossings that wait for their agents, strongest first, and what holds each of them.",
    parameters_withheld=("held_by",),
)
