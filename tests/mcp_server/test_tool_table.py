"""What a model reads about the tools before it does anything is short, exact and the same each time."""

from __future__ import annotations

import json

import jsonschema
import pytest

from blackboard import Blackboard
from blackboard.core.token_scopes import Scopes
from blackboard.mcp_server.board_access import BoardAccess
from blackboard.mcp_server.tool_table import TOOLS, Tool, usable_tools

MAX_TOOLS = 8
MAX_TOKENS = 1500
IDS = [tool.name for tool in TOOLS]


def size(tool: Tool) -> int:
    """Return the UTF-8 bytes of what a client puts before the model about a tool."""
    definition = {
        "name": tool.name,
        "description": tool.description,
        "annotations": dict(tool.annotations),
        "inputSchema": tool.input,
    }
    return len(json.dumps(definition, separators=(",", ":"), ensure_ascii=False).encode())


def test_there_are_at_most_eight_tools_of_at_most_1500_tokens() -> None:
    assert len(TOOLS) <= MAX_TOOLS
    assert sum(map(size, TOOLS)) / 4 <= MAX_TOKENS


def test_the_schemas_of_answers_are_small() -> None:
    assert sum(len(json.dumps(tool.output)) for tool in TOOLS) / 4 <= 500


@pytest.mark.parametrize("tool", TOOLS, ids=IDS)
def test_the_schemas_are_valid(tool: Tool) -> None:
    for schema in (tool.input, tool.output):
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object"
    assert "$ref" not in json.dumps(tool.input)
    assert set(tool.input["properties"]) == set(tool.arguments.model_fields)


@pytest.mark.parametrize("tool", TOOLS, ids=IDS)
def test_every_tool_says_what_a_client_may_assume(tool: Tool) -> None:
    assert tool.annotations["openWorldHint"] is False
    assert tool.annotations.get("readOnlyHint", False) or tool.annotations["destructiveHint"] is False


def test_no_argument_says_who_calls() -> None:
    names = {name for tool in TOOLS for name in tool.input["properties"]}
    assert names.isdisjoint({"author", "identity", "user", "token", "as", "worker"})


@pytest.mark.parametrize(
    ("scopes", "tools"),
    [
        (None, "find deposit claim finish agenda explain query"),
        (["read"], "find agenda explain"),
        (["read-redacted"], ""),
        (["deposit:finding"], "deposit"),
        (["claim:review"], "claim finish"),
        (["read", "answer"], "find deposit agenda explain answer"),
        (["sql"], "query"),
    ],
    ids=str,
)
def test_only_tools_that_the_caller_may_use_are_listed(
    scopes: list[str] | None, tools: str, shared_board: Blackboard
) -> None:
    access = BoardAccess(shared_board, None if scopes is None else Scopes(scopes))
    assert [tool.name for tool in usable_tools(access)] == tools.split()
