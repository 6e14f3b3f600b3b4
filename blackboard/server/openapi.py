"""The description of the operations as OpenAPI 3.1, made from the table of all operations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from blackboard.board.error_names import PROBLEM_PREFIX
from blackboard.server import http_problems
from blackboard.server.api_framework.operation_definition import Operation
from blackboard.server.api_framework.response_encoding import EVENT_STREAM
from blackboard.server.operations.operation_table import OPERATIONS
from blackboard.system.files.packaged_files import program_version
from blackboard.system.media_types import JSON_TYPE, NDJSON_TYPE

REFERENCE = "#/components/schemas/{model}"
COMMON_PROBLEMS = (
    "invalid-request", "no-token", "invalid-token", "not-allowed", "withheld", "cross-site", "invalid",
    "too-many-requests", "overloaded", "store-busy", "outcome-unknown", "store-unusable", "storage-full", "internal",
)  # fmt: skip
"""The types of problems that every operation may respond with."""
BODY_PROBLEMS = ("slow-request", "too-large", "wrong-media-type")
"""The types of problems that an operation with a body may also respond with."""

LEAVES_OUT_NULLS = ("WatchExplanation",)
"""The shapes without null: a field that has no value is left out."""

PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "A problem as RFC 9457 defines it.",
    "properties": {
        "type": {"type": "string", "enum": [PROBLEM_PREFIX + name for name in http_problems.PROBLEM_TYPES]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "remedy": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"place": {"type": "string"}, "message": {"type": "string"}},
                "required": ["place", "message"],
            },
        },
    },
    "required": ["type", "title", "status"],
}


def document(prefix: str = "") -> dict[str, Any]:
    """Return the description of a server whose paths begin with a prefix."""
    return {**_document(), "servers": [{"url": prefix or "/"}]}


@cache
def _document() -> dict[str, Any]:
    """Return the OpenAPI document of the operations, as an object."""
    schemas, definitions = _schemas()
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "blackboard",
            "version": program_version(),
            "description": "A board of marks that fade. Every operation needs a token: 'blackboard token create'.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": definitions,
        },
    }


def _schemas() -> tuple[Mapping[Any, Any], dict[str, Any]]:
    """Return the schema of each response and body, and the definitions that they refer to."""
    inputs: list[Any] = []
    for operation in OPERATIONS:
        inputs.append((operation.name, "serialization", TypeAdapter(operation.response)))
        if operation.body is not None:
            inputs.append((operation.name, "validation", TypeAdapter(operation.body)))
    schemas, extra = TypeAdapter.json_schemas(inputs, ref_template=REFERENCE)
    definitions: dict[str, Any] = {**extra.get("$defs", {}), "Problem": PROBLEM}
    for name in LEAVES_OUT_NULLS:
        definitions[name].pop("required", None)
    return schemas, definitions


def _operation(operation: Operation, schemas: Mapping[Any, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"Needs the scope `{operation.scope}`.",
        "parameters": list(_parameters(operation)),
        "responses": _responses(operation, schemas),
    }
    if operation.body is not None:
        media = NDJSON_TYPE if operation.line else JSON_TYPE
        described["requestBody"] = {
            "required": any(field.is_required() for field in operation.body.model_fields.values()),
            "content": {media: {"schema": schemas[operation.name, "validation"]}},
        }
    return described


def _parameters(operation: Operation) -> Iterable[dict[str, Any]]:
    """Yield the parameters of an operation in the form of OpenAPI."""
    schema = TypeAdapter(operation.parameters).json_schema(ref_template=REFERENCE)
    definitions = schema.get("$defs", {})
    for name, shape in schema.get("properties", {}).items():
        in_path = f"{{{name}}}" in operation.path
        shape = _inlined_schema(shape, definitions)
        found = {"name": name, "in": "path" if in_path else "query", "required": in_path, "schema": shape}
        if "description" in shape:
            found["description"] = shape["description"]
        yield found
    if operation.takes_key:
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "The key of the deposit. The same request again changes nothing.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 400},
        }


def _inlined_schema(shape: Any, definitions: Mapping[str, Any]) -> Any:
    """Return the schema of a parameter without null, which a URL cannot express, and without references."""
    if "anyOf" in shape:
        choices = [choice for choice in shape["anyOf"] if choice != {"type": "null"}]
        rest = {name: value for name, value in shape.items() if name not in ("anyOf", "default")}
        shape = {**choices[0], **rest} if len(choices) == 1 else {**rest, "anyOf": choices}
    if "$ref" in shape:
        shape = {**definitions[shape["$ref"].rpartition("/")[2]], **shape}
        del shape["$ref"]
    return {name: value for name, value in shape.items() if name != "title" and (name, value) != ("default", None)}


def _responses(operation: Operation, schemas: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the responses of an operation by status. Problems with the same status are one response."""
    names = [
        *COMMON_PROBLEMS,
        *(BODY_PROBLEMS if operation.body is not None else ()),
        *(("query-stopped",) if operation.scope == "read" else ()),
        *operation.problems,
    ]
    by_status: dict[int, list[str]] = {}
    for name in names:
        by_status.setdefault(http_problems.PROBLEM_TYPES[name].status, []).append(name)
    responses: dict[str, Any] = {
        "200": {
            "description": "The response.",
            "content": {
                EVENT_STREAM if operation.is_event_stream else JSON_TYPE: {
                    "schema": schemas[operation.name, "serialization"]
                }
            },
        }
    }
    if "cursor" in operation.parameters.model_fields:
        responses["200"]["headers"] = {
            "Link": {
                "description": 'The next page, with rel="next"; none after the last.',
                "schema": {"type": "string"},
            }
        }
    if operation.waits:
        responses["204"] = {"description": "There is no work."}
    if operation.state is not None:
        responses["304"] = {"description": "The response would have the ETag that the header If-None-Match names."}
    for status, types in sorted(by_status.items()):
        text = "; ".join(f"{name}: {http_problems.PROBLEM_TYPES[name].title.lower()}" for name in dict.fromkeys(types))
        schema = {"$ref": REFERENCE.format(model="Problem")}
        responses[str(status)] = {"description": f"{text}.", "content": {http_problems.MEDIA_TYPE: {"schema": schema}}}
    return responses
