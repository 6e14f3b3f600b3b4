"""A single agent with ten leads in a task: several tool calls in a turn, and all verdicts in one answer.

This is the cheapest design without coordination, with its scripted model. It works only for as many leads as fit into
one prompt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.coordination.controls import MAX_TOKENS, MODEL
from benchmarks.coordination.leads import Enquiry
from benchmarks.coordination.outcome import Cost, Outcome, check
from benchmarks.coordination.rivals.team_input import ALONE, BOOK, NOW, PROMPTS, Office, office_of
from blackboard.llm.anthropic_client import AnthropicClient
from lead_desk import offline_rules
from tests.support.messages_api import MessagesApi

__all__ = ["run_batching_agent"]

_SYSTEM = f"{ALONE} Do so for every lead in leads, and answer with a list under verdicts."
_TOOL = {
    "name": "book",
    "description": BOOK,
    "input_schema": {
        "type": "object",
        "properties": {"id": {"type": "integer"}, "slot": {"type": "string"}},
        "required": ["id", "slot"],
        "additionalProperties": False,
    },
}
_RESULT = re.compile(r"(\S+) is taken; free near it: (.+)")


def run_batching_agent(leads: Sequence[Enquiry], per_task: int = 10) -> Cost:
    """Run a single agent with several leads at a time, and check the outcome.

    Raises:
        WrongOutcome: The outcome is wrong.
    """
    office, outcome = office_of(leads), Outcome()
    with MessagesApi(_scripted_answer) as api:
        client = AnthropicClient("offline", api.url)
        try:
            for at in range(0, len(leads), per_task):
                part = {lead.number: lead.data for lead in leads[at : at + per_task]}
                answer = json.loads(_task(client, json.dumps({"now": NOW, "leads": list(part.values())}), office))
                for verdict in answer["verdicts"]:
                    office.judged(part[verdict["id"]], verdict)
                    outcome.qualified[verdict["id"]] = verdict["score"] >= 0.5
            text = _task(client, f"{PROMPTS['analyst']}\n{office.outcomes()}", office)
        finally:
            client.close()
        outcome.slots, outcome.insights = dict(office.slots), office.insights(text)
        check(outcome, leads)
        return Cost(api.paid, api.usage.prompt_tokens, api.usage.output_tokens)


def _task(client: AnthropicClient, text: str, office: Office) -> str:
    thread: list[dict[str, Any]] = [{"role": "user", "content": text}]
    while True:
        body = {"model": MODEL, "max_tokens": MAX_TOKENS, "system": _SYSTEM, "tools": [_TOOL], "messages": thread}
        content = json.loads(client.send(json.dumps(body)).raw)["content"]
        uses = [block for block in content if block["type"] == "tool_use"]
        if not uses:
            return str(content[0]["text"])
        thread += [
            {"role": "assistant", "content": content},
            {"role": "user", "content": [_tool_result(use, office) for use in uses]},
        ]


def _tool_result(use: Mapping[str, Any], office: Office) -> dict[str, Any]:
    office.current = use["input"]["id"]
    return {"type": "tool_result", "tool_use_id": use["id"], "content": office.book(use["input"]["slot"])}


def _scripted_answer(body: Mapping[str, Any]) -> list[dict[str, Any]] | dict[str, Any]:
    """Answer as the scripted model: book all qualified leads, then alternatives for taken slots, then give verdicts."""
    text = body["messages"][0]["content"]
    if '{"outcomes":' in text:
        return offline_rules.find_patterns(json.loads(text[text.index('{"outcomes":') :])).model_dump()
    verdicts = offline_rules.judge_leads(json.loads(text)).verdicts
    if len(body["messages"]) == 1:
        asked = {verdict.id: (verdict.times or [""])[0] for verdict in verdicts if verdict.score >= 0.5}
    else:
        asked = _nearest(body["messages"][-2]["content"], body["messages"][-1]["content"])
    if asked:
        return [
            {"type": "tool_use", "id": f"toolu_{number}_{len(body['messages'])}", "name": "book", "input": use}
            for number, slot in asked.items()
            for use in [{"id": number, "slot": slot}]
        ]
    return {"verdicts": [verdict.model_dump() for verdict in verdicts]}


def _nearest(uses: Sequence[Mapping[str, Any]], results: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    found = {}
    for use, result in zip(uses, results, strict=True):
        if match := _RESULT.fullmatch(result["content"]):
            conflict = {"id": 0, "score": 0.5, "wanted": [match[1]], "why": "", "free": match[2].split(", ")}
            found[use["input"]["id"]] = offline_rules.decide_conflicts({"conflicts": [conflict]}).rulings[0].slot or ""
    return found
