"""One agent with one tool, which does everything: the control without any coordination. One lead in a task.

It speaks to the real SDK. In a lasting thread every lead's words are sent again with each later call.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.coordination.chat import Reply, from_messages
from benchmarks.coordination.controls import MAX_TOKENS, MODEL
from benchmarks.coordination.leads import Enquiry
from benchmarks.coordination.outcome import Cost, Outcome, checked
from benchmarks.coordination.rivals.office import ALONE, BOOK, PROMPTS, Office, office_of
from benchmarks.coordination.team import said
from blackboard.llm.client import AnthropicClient
from tests.support.messages_api import MessagesApi

__all__ = ["blocks", "run_single", "talking"]

_TOOL = {
    "name": "book",
    "description": BOOK,
    "input_schema": {
        "type": "object",
        "properties": {"slot": {"type": "string"}},
        "required": ["slot"],
        "additionalProperties": False,
    },
}


def blocks(reply: Reply) -> list[dict[str, Any]]:
    """A reply as the content of a message of the Messages API."""
    found: list[dict[str, Any]] = [{"type": "text", "text": reply.text}] if reply.text else []
    return found + [
        {"type": "tool_use", "id": f"toolu_{at}", "name": call.name, "input": dict(call.arguments)}
        for at, call in enumerate(reply.calls)
    ]


def talking(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The scripted team, for the local server of the Messages API."""
    return blocks(said(from_messages(body)))


def run_single(leads: Sequence[Enquiry], *, lasting: bool = False) -> Cost:
    """Have one agent do the work, in a fresh thread for each lead or in one that lasts.

    Raises:
        WrongOutcome: the work was not done.
    """
    office, outcome = office_of(leads), Outcome()
    with MessagesApi(talking) as api:
        client = AnthropicClient("offline", api.url)
        try:
            thread: list[dict[str, Any]] = []
            for lead in leads:
                thread = thread if lasting else []
                office.current = lead.number
                verdict = json.loads(_task(client, thread, office.task(lead.data), ALONE, office))
                office.judged(lead.data, verdict)
                outcome.qualified[lead.number] = verdict["score"] >= 0.5
            thread = thread if lasting else []
            text = _task(client, thread, f"{PROMPTS['analyst']}\n{office.outcomes()}", ALONE, office)
        finally:
            client.close()
        outcome.slots, outcome.insights = dict(office.slots), office.insights(text)
        checked(outcome, leads)
        return Cost(api.paid, api.usage.prompt_tokens, api.usage.output_tokens)


def _task(client: AnthropicClient, thread: list[dict[str, Any]], text: str, system: str, office: Office) -> str:
    """The agent's loop: ask, use the tool, ask again, until it has its say."""
    thread.append({"role": "user", "content": text})
    while True:
        body = {"model": MODEL, "max_tokens": MAX_TOKENS, "system": system, "tools": [_TOOL], "messages": thread}
        content = json.loads(client.send(json.dumps(body)).raw)["content"]
        thread.append({"role": "assistant", "content": content})
        uses = [block for block in content if block["type"] == "tool_use"]
        if not uses:
            return str(content[0]["text"])
        results = []
        for use in uses:
            told = office.book(use["input"]["slot"])
            results.append({"type": "tool_result", "tool_use_id": use["id"], "content": told})
        thread.append({"role": "user", "content": results})
