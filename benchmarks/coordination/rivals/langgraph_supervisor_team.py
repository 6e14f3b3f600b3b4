"""LangGraph: `create_supervisor` with its defaults. The supervisor hands the conversation to agents."""

from __future__ import annotations

from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_core.tools import tool
from langgraph_supervisor import create_supervisor
from team_input import BOOK, PROMPTS, ROUTER, Office
from team_run import Talk, run


def start(url: str, office: Office, lasting: bool) -> Talk:
    model = ChatAnthropic(model="claude-haiku-4-5", base_url=url, api_key="offline", max_tokens=32_000, max_retries=0)

    @tool(description=BOOK)
    def book(slot: str) -> str:
        return office.book(slot)

    tools = {"scheduler": [book]}
    team = [create_agent(model, tools.get(name, []), system_prompt=words, name=name) for name, words in PROMPTS.items()]
    app = create_supervisor(team, model=model, prompt=ROUTER).compile()
    thread: list = []

    def talk(text: str) -> str:
        nonlocal thread
        said = (thread if lasting else []) + [{"role": "user", "content": text}]
        thread = app.invoke({"messages": said}, {"recursion_limit": 100})["messages"]
        return "\n".join(_text(message.content) for message in thread[len(said) :])

    return talk


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content)


run(start)
