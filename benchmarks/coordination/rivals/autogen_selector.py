"""AutoGen: `SelectorGroupChat` with a planning agent, as in its documentation. A model chooses each speaker."""

from __future__ import annotations

import asyncio

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import MaxMessageTermination, TextMentionTermination
from autogen_agentchat.teams import SelectorGroupChat
from autogen_ext.models.openai import OpenAIChatCompletionClient
from team_input import BOOK, PROMPTS, WHAT_FOR, Office
from team_run import Talk, run

PLANNER = (
    "You plan the work of a sales desk. Your team: {team}. You only plan and hand out tasks; you do none yourself. "
    "When you hand out tasks, write: 1. agent: task. When all is done, say TERMINATE."
)
SELECTOR = (
    "Choose who speaks next.\n\n{roles}\n\nThe conversation so far:\n{history}\n\nChoose one of {participants} for the "
    "next task. The planner hands out tasks before others start, and speaks again when all is done. Name one only."
)


def start(url: str, office: Office, lasting: bool) -> Talk:
    can = dict.fromkeys(("function_calling", "json_output", "structured_output", "multiple_system_messages"), True)
    client = OpenAIChatCompletionClient(
        model="scripted", base_url=url, api_key="offline", model_info={**can, "vision": False, "family": "unknown"}
    )

    async def book(slot: str) -> str:
        return office.book(slot)

    book.__doc__ = BOOK

    def team() -> SelectorGroupChat:
        team_of = "; ".join(f"{name}: {what}" for name, what in WHAT_FOR.items())
        planner = AssistantAgent(
            "planner",
            description="plans; the first to speak on a new task",
            model_client=client,
            system_message=PLANNER.format(team=team_of),
        )
        others = [
            AssistantAgent(
                name,
                description=WHAT_FOR[name],
                model_client=client,
                system_message=words,
                tools=[book] if name == "scheduler" else [],
            )
            for name, words in PROMPTS.items()
        ]
        ending = TextMentionTermination("TERMINATE", sources=["planner"]) | MaxMessageTermination(5_000)
        return SelectorGroupChat(
            [planner, *others],
            model_client=client,
            termination_condition=ending,
            selector_prompt=SELECTOR,
            allow_repeated_speaker=True,
        )

    loop, lasting_team = asyncio.new_event_loop(), team()

    def talk(text: str) -> str:
        group = lasting_team if lasting else team()
        result = loop.run_until_complete(group.run(task=text))
        return "\n".join(message.to_text() for message in result.messages[1:])

    return talk


run(start)
