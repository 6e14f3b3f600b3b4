"""OpenAI Agents: each agent hands off to the next, with the prompt prefix that its documentation recommends.

It starts at sales without a triage agent, because every task is a lead.
"""

from __future__ import annotations

from agents import Agent, Runner, function_tool, set_tracing_disabled
from agents.extensions.handoff_prompt import prompt_with_handoff_instructions
from agents.models.openai_chatcompletions import OpenAIChatCompletionsModel
from openai import AsyncOpenAI
from team_input import BOOK, PROMPTS, WHAT_FOR, Office
from team_run import Talk, run


def start(url: str, office: Office, lasting: bool) -> Talk:
    set_tracing_disabled(True)
    model = OpenAIChatCompletionsModel("scripted", AsyncOpenAI(base_url=url, api_key="offline"))

    @function_tool(name_override="book", description_override=BOOK)
    def book(slot: str) -> str:
        return office.book(slot)

    def agent(name: str, **more: object) -> Agent:
        instructions = prompt_with_handoff_instructions(PROMPTS[name])
        return Agent(name, instructions=instructions, handoff_description=WHAT_FOR[name], model=model, **more)

    coordinator = agent("coordinator")
    scheduler = agent("scheduler", tools=[book], handoffs=[coordinator])
    coordinator.handoffs.append(scheduler)
    sales = agent("sales", handoffs=[scheduler])
    analyst = Agent("analyst", instructions=PROMPTS["analyst"], model=model)
    thread: list = []

    def talk(text: str) -> str:
        nonlocal thread
        said = (thread if lasting else []) + [{"role": "user", "content": text}]
        result = Runner.run_sync(analyst if text.startswith('{"outcomes"') else sales, said, max_turns=20)
        thread = result.to_input_list()
        return "\n".join(_text(item) for item in thread[len(said) :])

    return talk


def _text(item: dict) -> str:
    content = item.get("content") or item.get("output") or ""
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)


run(start)
