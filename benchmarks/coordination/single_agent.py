"""A single agent with one tool for all work: the control without coordination. Each task is one lead.

It uses the real SDK. In a lasting thread, the text of every lead is sent again with each later call.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.coordination.chat import Reply, from_messages
from benchmarks.coordination.controls import MAX_TOKENS, MODEL
from benchmarks.coordination.leads import Enquiry
from benchmarks.coordination.outcome import Cost, Outcome, check
from benchmarks.coordination.rivals.team_input import ALONE, BOOK, PROMPTS, Office, office_of
from benchmarks.coordination.team_model import next_message
from blackboard.llm.anthropic_client import AnthropicClient
from tests.support.messages_api import MessagesApi

__all__ = ["blocks", "run_single", "scripted_blocks"]

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
    """Return a reply as the content of a message of the Messages API."""
    found: list[dict[str, Any]] = [{"type": "text", "text": reply.text}] if reply.text else []
    return found + [
        {"type": "tool_use", "id": f"toolu_{at}", "name": call.name, "input": dict(call.arguments)}
        for at, call in enumerate(reply.calls)
    ]


def scripted_blocks(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Answer as the scripted team, for the local server of the Messages API."""
    return blocks(next_message(from_messages(body)))


def run_single(leads: Sequence[Enquiry], *, lasting: bool = False) -> Cost:
    """Run a single agent, with a fresh thread for each lead or with a lasting thread, and check the outcome.

    Raises:
        WrongOutcome: The outcome is wrong.
    """
    office, outcome = office_of(leads), Outcome()
    with MessagesApi(scripted_blocks) as api:
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
        check(outcome, leads)
        return Cost(api.paid, api.usage.prompt_tokens, api.usage.output_tokens)


def _task(client: AnthropicClient, thread: list[dict[str, Any]], text: str, system: str, office: Office) -> str:
    """Call the model and its tool until it gives an answer."""
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
            result = office.book(use["input"]["slot"])
            results.append({"type": "tool_result", "tool_use_id": use["id"], "content": result})
        thread.append({"role": "user", "content": results})
