"""The table of the tools: the name of each, the scopes that it needs, and its description for models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, get_type_hints

from blackboard.mcp_server import read_tools, write_tools
from blackboard.mcp_server.board_access import BoardAccess
from blackboard.mcp_server.tool_arguments import Arguments, input_schema

READS: Mapping[str, bool] = {"readOnlyHint": True, "openWorldHint": False}
WRITE_HINTS: Mapping[str, bool] = {"destructiveHint": False, "openWorldHint": False}
REPEATABLE: Mapping[str, bool] = {**WRITE_HINTS, "idempotentHint": True}


def _object(required: str, **members: str) -> dict[str, Any]:
    """Return the schema of an answer: an object with members of these types."""
    return {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in members.items()},
        "required": required.split(),
    }


@dataclass(frozen=True)
class Tool:
    """One tool. Its name is the name of its function."""

    verbs: tuple[str, ...]
    """The scopes. A caller who has one of them may use the tool."""
    run: Callable[[BoardAccess, Any], dict[str, Any]]
    """Runs it. The annotation of its parameter `arguments` says what its arguments are."""
    description: str
    """When to use it, and which tool to use next."""
    annotations: Mapping[str, bool]
    """Hints for clients, such as whether it only reads."""
    output: Mapping[str, Any] = field(default_factory=dict)
    """The schema of its answer."""

    @property
    def name(self) -> str:
        """Its name."""
        return self.run.__name__

    @cached_property
    def arguments(self) -> type[Arguments]:
        """The type of its arguments."""
        found: type[Arguments] = get_type_hints(self.run)["arguments"]
        return found

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.annotations.get("readOnlyHint", False)

    @property
    def input(self) -> dict[str, Any]:
        """The JSON schema of its arguments."""
        return input_schema(self.arguments)


RECEIPT = _object("mark_id outcome", mark_id="integer", event_id="integer", outcome="string", crossed="array")

TOOLS = (
    Tool(
        ("read",), read_tools.find,
        "Find marks on the board, strongest first; by words, filters, or a subject's history. Use it before you"
        " deposit or decide. If the answer has next, give it as cursor for more.",
        READS, _object("note", note="string", marks="array", events="array", next="string"),
    ),
    Tool(
        ("deposit", "answer"), write_tools.deposit,
        "Deposit a mark: tell others what you found or want done. It fades; a deposit on the same subject may"
        " reinforce it. Marks that are strong enough wake agents, which the answer names in crossed. A refused"
        " payload is answered with the schema of its kind.",
        REPEATABLE, RECEIPT,
    ),
    Tool(
        ("claim",), write_tools.claim,
        "Take the next work of a remote agent, under a lease. Do it, then call finish with agent, id and fence. While"
        " you work longer, extend the lease. If there is no work, claimed is false: do not poll; run the shell command"
        " 'blackboard claim AGENT --wait 10m' in the background instead.",
        WRITE_HINTS,
        _object("note claimed", note="string", claimed="boolean", id="integer", fence="integer", marks="array"),
    ),
    Tool(
        ("claim",), write_tools.finish,
        "End claimed work: its result is stored immediately, or it failed. If the result is refused, correct it and"
        " call again. If the lease is lost, stop: another worker has it.",
        REPEATABLE, _object("id state", id="integer", state="string", marks="array"),
    ),
    Tool(
        ("read",), read_tools.agenda,
        "List the work that waits and what holds it, and the needs: questions that wait for an answer. Use it when you"
        " are asked what is going on. Then explain says why something waits, and find what a subject is about.",
        READS, _object("note crossings needs", note="string", crossings="array", needs="array", next="string"),
    ),
    Tool(
        ("read",), read_tools.explain,
        "Explain why an agent has or has not woken, for a subject or all that waits. Use it when a deposit crossed"
        " nothing, or work waits for a long time.",
        READS, _object("note agent", note="string", agent="string", watches="array"),
    ),
    Tool(
        ("answer",), write_tools.answer,
        "Answer a need, once a person has told you what to answer. agenda has the ids. It wakes the agent that asked.",
        REPEATABLE, RECEIPT,
    ),
    Tool(
        ("sql",), read_tools.query,
        "Run one SELECT over the views, for counts and questions that find cannot answer. The resource"
        " board://views lists them.",
        READS, _object("note columns rows", note="string", columns="array", rows="array", has_more="boolean"),
    ),
)  # fmt: skip
"""The tools, in the order of the list."""


def usable_tools(access: BoardAccess) -> list[Tool]:
    """Return the tools that a caller may use."""
    return [tool for tool in TOOLS if any(map(access.allows, tool.verbs))]
