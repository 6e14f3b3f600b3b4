"""LangChain and LangGraph: a supervisor with each subagent as a tool, the design that its documentation recommends.

A subagent sees only the request and returns its last message, so its own messages do not accumulate.
"""

from __future__ import annotations

from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_core.tools import StructuredTool, tool
from team_input import BOOK, PROMPTS, ROUTER, WHAT_FOR, Office
from team_run import Talk, run


def start(url: str, office: Office, lasting: bool) -> Talk:
    model = ChatAnthropic(model="claude-haiku-4-5", base_url=url, api_key="offline", max_tokens=32_000, max_retries=0)

    @tool(description=BOOK)
    def book(slot: str) -> str:
        return office.book(slot)

    def as_tool(name: str) -> StructuredTool:
        agent = create_agent(model, [book] if name == "scheduler" else [], system_prompt=PROMPTS[name], name=name)

        def work(request: str) -> str:
            result = agent.invoke({"messages": [{"role": "user", "content": request}]})
            return _text(result["messages"][-1].content)

        return StructuredTool.from_function(work, name=name, description=WHAT_FOR[name])

    supervisor = create_agent(model, [as_tool(name) for name in PROMPTS], system_prompt=ROUTER)
    thread: list = []

    def talk(text: str) -> str:
        nonlocal thread
        said = (thread if lasting else []) + [{"role": "user", "content": text}]
        thread = supervisor.invoke({"messages": said}, {"recursion_limit": 100})["messages"]
        return "\n".join(_text(message.content) for message in thread[len(said) :])

    return talk


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content)


run(start)
