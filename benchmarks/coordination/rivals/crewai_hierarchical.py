"""CrewAI: the hierarchical process, with CrewAI's own manager and a crew to which it delegates.

A crew keeps no thread between kickoffs, so each lead has a fresh thread.
"""

from __future__ import annotations

import os

os.environ.update(CREWAI_DISABLE_TELEMETRY="true", OTEL_SDK_DISABLED="true", CREWAI_TRACING_ENABLED="false")

from crewai import LLM, Agent, Crew, Process, Task
from crewai.events import AgentExecutionCompletedEvent, crewai_event_bus
from crewai.tools import tool
from team_input import BOOK, PROMPTS, WHAT_FOR, Office
from team_run import Talk, run

TASK = "Judge this lead, book it if it qualifies, settle a clash; sort outcomes if that is what this is"


def start(url: str, office: Office, lasting: bool) -> Talk:
    if lasting:
        raise SystemExit("a crew has no lasting thread")
    llm = LLM(model="openai/gpt-4o-mini", base_url=url, api_key="offline")

    @tool("book")
    def book(slot: str) -> str:
        """Book a start."""
        return office.book(slot)

    book.description = BOOK

    def crew(text: str) -> Crew:
        agents = [
            Agent(
                role=name.title(),
                goal=WHAT_FOR[name],
                backstory=words,
                llm=llm,
                tools=[book] if name == "scheduler" else [],
                allow_delegation=False,
            )
            for name, words in PROMPTS.items()
        ]
        task = Task(
            description=f"{TASK}: {text}",
            expected_output="the last specialist's JSON",
        )
        return Crew(agents=agents, tasks=[task], process=Process.hierarchical, manager_llm=llm, verbose=False)

    said: list[str] = []

    @crewai_event_bus.on(AgentExecutionCompletedEvent)
    def keep(source: object, event: AgentExecutionCompletedEvent) -> None:
        said.append(str(event.output))

    def talk(text: str) -> str:
        said.clear()
        final = crew(text).kickoff().raw
        crewai_event_bus.flush()
        return "\n".join([*said, final])

    return talk


run(start)
