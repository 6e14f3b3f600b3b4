"""The JSON schema of an answer's pydantic model, as the API accepts it.

The API accepts a subset of JSON Schema: closed objects, no lengths, no ranges. Such limits become part of the
description, which the model reads, and pydantic checks them in the answer. Titles and defaults are omitted: they cost
tokens in every call and add nothing to the names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.errors import PydanticInvalidForJsonSchema

from blackboard.errors import AgentError

_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"},
)
_OMITTED = frozenset({"title", "default", "examples", "discriminator", "deprecated", "readOnly", "writeOnly"})


def answer_schema(answer: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of `answer` in the form that `output_config.format` accepts.

    Raises:
        AgentError: The model has a field that the API cannot express, such as `Any` or a mapping.
    """
    try:
        schema = answer.model_json_schema()
    except PydanticInvalidForJsonSchema as error:
        problem = "the class of the answer has no JSON schema"
        raise AgentError(f"{problem}: {answer.__name__}: {error}", shown=problem) from None
    return _strict(schema, answer.__name__)


def _strict(node: Any, place: str) -> dict[str, Any]:
    """Return a part of a schema in the form that the API accepts, with its limits in words."""
    if not isinstance(node, Mapping) or not node:
        raise _cannot(place, "it has no type; give the field an annotation")
    keywords = {key: value for key, value in node.items() if key not in _OMITTED}
    strict: dict[str, Any] = {}
    if (definitions := keywords.pop("$defs", None)) is not None:
        strict["$defs"] = {name: _strict(part, name) for name, part in definitions.items()}
    if (reference := keywords.pop("$ref", None)) is not None:
        return strict | {"$ref": reference}

    type_name = keywords.pop("type", None)
    description = keywords.pop("description", None)
    if not _choice(keywords, strict, place):
        _typed(type_name, keywords, strict, place)
    # The remaining keywords are limits that the API cannot enforce, so the description names them.
    limits = ", ".join(f"{key}: {value}" for key, value in keywords.items())
    if text := " ".join(filter(None, (description, f"({limits})" if limits else ""))):
        strict["description"] = text
    return strict


def _choice(keywords: dict[str, Any], strict: dict[str, Any], place: str) -> bool:
    for literal in ("enum", "const"):
        if literal in keywords:
            strict[literal] = keywords.pop(literal)
            return True
    for union, name in (("anyOf", "anyOf"), ("oneOf", "anyOf"), ("allOf", "allOf")):
        if union in keywords:
            strict[name] = [_strict(part, place) for part in keywords.pop(union)]
            return True
    return False


def _typed(type_name: object, keywords: dict[str, Any], strict: dict[str, Any], place: str) -> None:
    if not isinstance(type_name, str):
        raise _cannot(place, "it has no type; give the field an annotation")
    strict["type"] = type_name
    if type_name == "object":
        _object(keywords, strict, place)
    elif type_name == "array":
        _array(keywords, strict, place)
    elif type_name == "string" and keywords.get("format") in _FORMATS:
        strict["format"] = keywords.pop("format")


def _object(keywords: dict[str, Any], strict: dict[str, Any], place: str) -> None:
    if keywords.pop("additionalProperties", False) not in (False, True) or "properties" not in keywords:
        raise _cannot(place, "it is a mapping; use a list of models with a name and a value")
    strict["properties"] = {name: _strict(part, f"{place}.{name}") for name, part in keywords.pop("properties").items()}
    strict["required"] = list(keywords.pop("required", ()))
    strict["additionalProperties"] = False


def _array(keywords: dict[str, Any], strict: dict[str, Any], place: str) -> None:
    if "prefixItems" in keywords or "items" not in keywords:
        raise _cannot(place, "it is a list without one type for all items; give it one, or use a model for a tuple")
    strict["items"] = _strict(keywords.pop("items"), f"{place}[]")
    if keywords.get("minItems") in (0, 1):
        strict["minItems"] = keywords.pop("minItems")


def _cannot(place: str, reason: str) -> AgentError:
    return AgentError(
        f"the API cannot express the answer's {place}: {reason}",
        shown=f"the API cannot express a field of the answer: {reason}",
    )
