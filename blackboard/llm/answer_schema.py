"""An answer's pydantic model as the JSON schema that the API takes; what it cannot express is refused or described.

The API takes a part of JSON Schema: closed objects, no lengths, no ranges. Such limits go into the description, where
the model reads them, and pydantic holds the answer to them afterwards. Titles and defaults are left out: they cost
tokens in every call and tell nothing that the names do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.errors import PydanticInvalidForJsonSchema

from blackboard.errors import AgentError

__all__ = ["answer_schema"]

_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"},
)
_SILENT = frozenset({"title", "default", "examples", "discriminator", "deprecated", "readOnly", "writeOnly"})


def answer_schema(answer: type[BaseModel]) -> dict[str, Any]:
    """The schema of `answer` in the form that `output_config.format` takes.

    Raises:
        AgentError: the model has a field that cannot be asked for, such as `Any` or a mapping.
    """
    try:
        schema = answer.model_json_schema()
    except PydanticInvalidForJsonSchema as error:
        raise AgentError(f"the answer {answer.__name__} cannot be asked for as JSON: {error}") from None
    return _strict(schema, answer.__name__)


def _strict(node: Any, place: str) -> dict[str, Any]:
    if not isinstance(node, Mapping) or not node:
        raise _cannot(place, "it may be anything; give it a type")
    rest = {key: value for key, value in node.items() if key not in _SILENT}
    strict: dict[str, Any] = {}
    if (definitions := rest.pop("$defs", None)) is not None:
        strict["$defs"] = {name: _strict(part, name) for name, part in definitions.items()}
    if (reference := rest.pop("$ref", None)) is not None:
        return strict | {"$ref": reference}

    type_name = rest.pop("type", None)
    described = rest.pop("description", None)
    if not _choice(rest, strict, place):
        if not isinstance(type_name, str):
            raise _cannot(place, "it may be anything; give it a type")
        strict["type"] = type_name
        if type_name == "object":
            _object(rest, strict, place)
        elif type_name == "array":
            _array(rest, strict, place)
        elif type_name == "string" and rest.get("format") in _FORMATS:
            strict["format"] = rest.pop("format")
    # What is left are limits that the API cannot hold the model to: it is told of them instead.
    limits = ", ".join(f"{key}: {value}" for key, value in rest.items())
    if text := " ".join(filter(None, (described, f"({limits})" if limits else ""))):
        strict["description"] = text
    return strict


def _choice(rest: dict[str, Any], strict: dict[str, Any], place: str) -> bool:
    for literal in ("enum", "const"):
        if literal in rest:
            strict[literal] = rest.pop(literal)
            return True
    for union, name in (("anyOf", "anyOf"), ("oneOf", "anyOf"), ("allOf", "allOf")):
        if union in rest:
            strict[name] = [_strict(part, place) for part in rest.pop(union)]
            return True
    return False


def _object(rest: dict[str, Any], strict: dict[str, Any], place: str) -> None:
    if rest.pop("additionalProperties", False) not in (False, True) or "properties" not in rest:
        raise _cannot(place, "it is a mapping; use a list of models with a name and a value")
    strict["properties"] = {name: _strict(part, f"{place}.{name}") for name, part in rest.pop("properties").items()}
    strict["required"] = list(rest.pop("required", ()))
    strict["additionalProperties"] = False


def _array(rest: dict[str, Any], strict: dict[str, Any], place: str) -> None:
    if "prefixItems" in rest or "items" not in rest:
        raise _cannot(place, "it is a list without one type for its items; give it one, or use a model for a tuple")
    strict["items"] = _strict(rest.pop("items"), f"{place}[]")
    if rest.get("minItems") in (0, 1):
        strict["minItems"] = rest.pop("minItems")


def _cannot(place: str, why: str) -> AgentError:
    return AgentError(f"the answer's {place} cannot be asked for: {why}")
