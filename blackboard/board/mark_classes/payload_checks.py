"""The check of a payload by the registered JSON schema of its kind, if this process has no class for the kind.

Like the class, the check accepts text for a number, and refuses text that does not have the format of its field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Annotated, Any
from uuid import UUID

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError as SchemaMistake
from jsonschema.exceptions import ValidationError as SchemaViolation
from jsonschema.validators import extend
from pydantic import AnyUrl, Field, TypeAdapter, ValidationError
from pydantic_core import SchemaError

from blackboard.core.marks.mark_error_texts import printable_text
from blackboard.errors import InvalidMark

MAX_PROBLEMS = 10
"""The largest number of wrong fields that a message names."""

_SCALARS: Mapping[str, type] = {"integer": int, "number": float, "boolean": bool}
_FORMATS: Mapping[str, Any] = {
    "date-time": datetime,
    "date": date,
    "time": time,
    "duration": timedelta,
    "decimal": Decimal,
    "uuid": UUID,
    "uri": AnyUrl,
    "ipv4": IPv4Address,
    "ipv6": IPv6Address,
    "ipv4network": IPv4Network,
    "ipv6network": IPv6Network,
}
_CHECKER = FormatChecker()  # also has formats that need no conversion, such as email


@cache
def _pattern(pattern: str) -> Callable[[str], bool]:
    """Return the search for a pattern by pydantic's engine, which the class also uses.

    The search takes time linear in the length of the text.

    If this engine does not know a pattern, such as one with a look-ahead, the class has chosen Python's engine.
    """
    try:
        adapter = TypeAdapter(Annotated[str, Field(pattern=pattern)])
    except SchemaError:
        return lambda text: re.search(pattern, text) is not None

    def occurs(text: str) -> bool:
        try:
            adapter.validate_python(text, strict=True)
        except ValidationError:
            return False
        return True

    return occurs


def _check_pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[SchemaViolation]:
    if isinstance(instance, str) and not _pattern(pattern)(instance):
        yield SchemaViolation(f"{instance[:100]!r} does not match {pattern!r}")


def _check_pattern_properties(
    validator: Any, patterns: Mapping[str, Any], instance: Any, schema: Any
) -> Iterator[SchemaViolation]:
    for pattern, subschema in patterns.items() if isinstance(instance, dict) else ():
        for name, item in instance.items():
            if _pattern(pattern)(name):
                yield from validator.descend(item, subschema, path=name, schema_path=pattern)


_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _check_pattern, "patternProperties": _check_pattern_properties}
)


def schema_problem(schema: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a payload schema that a person wrote; None if nothing is."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaMistake as error:
        return f"it is not a JSON schema: {'.'.join(map(str, error.absolute_path)) or 'schema'}: {error.message[:200]}"
    if schema.get("type", "object") != "object":
        return f"a payload is an object, not {schema['type']!r}"
    if foreign := next((text for text in _references(schema) if not text.startswith("#")), None):
        return f"it refers to {foreign!r}; a schema must be complete, with references that begin with #"
    return None


def _references(part: Any) -> Iterator[str]:
    """Yield the references in a part of a schema."""
    if isinstance(part, Mapping):
        for name, item in part.items():
            if name in ("$ref", "$dynamicRef") and isinstance(item, str):
                yield item
            yield from _references(item)
    elif isinstance(part, list):
        for item in part:
            yield from _references(item)


def convert_payload(kind: str, payload: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a payload with its text converted to the types of a schema.

    Raises:
        InvalidMark: The payload does not fit the schema; the message names each wrong field.
    """
    try:
        converted: dict[str, Any] = _Converter(schema).convert(dict(payload), schema)
    except RecursionError:
        raise InvalidMark(f"the payload does not fit kind {kind!r}: it is nested too deeply") from None
    if problems := problems_of(converted, schema):
        raise InvalidMark(f"the payload does not fit kind {kind!r}: {'; '.join(problems)}")
    return converted


def problems_of(payload: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """Return the wrong fields of a payload, each with the reason; an empty list if it fits the schema."""
    validator = _Validator(schema, format_checker=_CHECKER)
    try:
        errors = sorted(validator.iter_errors(payload), key=str)
    except RecursionError:
        return ["it is nested too deeply"]
    return [
        printable_text(f"{'.'.join(str(step) for step in error.absolute_path) or 'payload'}: {error.message[:200]}")
        for error in errors[:MAX_PROBLEMS]
    ]


class _Converter:
    """The conversion of a payload by one schema, which may refer to its own parts."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._validator = _Validator(root, format_checker=_CHECKER)

    def convert(self, value: Any, schema: Any) -> Any:
        """Return a value with the type of the schema; unchanged if it cannot be converted."""
        if not isinstance(schema, Mapping):
            return value
        if "$ref" in schema:
            value = self.convert(value, self._resolve(schema["$ref"]))
        for part in schema.get("allOf", ()):
            value = self.convert(value, part)
        for choices in ("anyOf", "oneOf"):
            if choices in schema:
                value = self._choose(value, schema[choices])
        if isinstance(value, dict):
            return self._object(value, schema)
        if isinstance(value, list):
            return self._array(value, schema)
        if (target := _SCALARS.get(str(schema.get("type")))) is not None:
            is_number = target is float and type(value) is int
            return value if type(value) is target or is_number else _try(_adapter(target).validate_python, value)
        if isinstance(value, str) and (target := _FORMATS.get(str(schema.get("format")))) is not None:
            return _try(lambda text: _normal(target, text), value)
        return value

    def _choose(self, value: Any, choices: list[Any]) -> Any:
        """Return the value in the form of the first choice that it fits, converted if that is necessary."""
        for choice in choices:
            if self._fits(value, choice):
                return self.convert(value, choice)
        for choice in choices:
            if self._fits(converted := self.convert(value, choice), choice):
                return converted
        return value

    def _object(self, value: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        return {name: self.convert(item, known.get(name, others)) for name, item in value.items()}

    def _array(self, value: list[Any], schema: Mapping[str, Any]) -> list[Any]:
        first, others = schema.get("prefixItems", []), schema.get("items")
        return [self.convert(item, first[place] if place < len(first) else others) for place, item in enumerate(value)]

    def _fits(self, value: Any, schema: Any) -> bool:
        return bool(self._validator.evolve(schema=schema).is_valid(value))

    def _resolve(self, reference: str) -> Any:
        schema: Any = self._root
        for step in reference.removeprefix("#").split("/")[1:]:
            schema = schema.get(step.replace("~1", "/").replace("~0", "~"), {})
        return schema


@cache
def _adapter(target: Any) -> TypeAdapter[Any]:
    return TypeAdapter(target)


def _normal(target: Any, text: str) -> Any:
    adapter = _adapter(target)
    return adapter.dump_python(adapter.validate_python(text), mode="json")


def _try(convert: Callable[[Any], Any], value: Any) -> Any:
    try:
        return convert(value)
    except ValidationError:
        return value


def _register_format(name: str, target: Any) -> None:
    def is_of_format(value: object) -> bool:
        if isinstance(value, str):
            _adapter(target).validate_python(value)
        return True

    _CHECKER.checks(name, ValueError)(is_of_format)


for _name, _target in _FORMATS.items():
    _register_format(_name, _target)
