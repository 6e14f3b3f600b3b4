"""The work of every framework's script: hand over each lead, record its result, and hand over the outcomes.

python openai_agents_handoffs.py URL LEADS.json fresh|lasting
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from team_input import Office, office_of, verdict_in

__all__ = ["run"]

Talk = Callable[[str], str]
"""Gives a task to the team and returns the text of the whole conversation."""


def run(start: Callable[[str, Office, bool], Talk]) -> None:
    """Run the work with the team that `start(url, office, lasting)` returns, and print the outcome as JSON."""
    url, leads_file, thread = sys.argv[1:]
    leads = json.loads(Path(leads_file).read_text("utf-8"))
    office = office_of(SimpleNamespace(**lead) for lead in leads)
    talk, qualified = start(url, office, thread == "lasting"), {}
    for lead in leads:
        office.current = lead["data"]["id"]
        verdict = verdict_in(talk(office.task(lead["data"])))
        office.judged(lead["data"], verdict)
        qualified[office.current] = verdict["score"] >= 0.5
    insights = office.insights(talk(office.outcomes()))
    print(json.dumps({"qualified": qualified, "slots": office.slots, "insights": insights}))
