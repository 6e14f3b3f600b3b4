"""The internals of pydantic that save time when marks are made and written. No other module of the program uses them.

Pydantic does not document them, so a later version may change them. In a version that the tests do not know, the
functions below use no internals: marks take longer, and their values are checked when the marks are deposited.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from pydantic import VERSION, BaseModel

ARE_KNOWN = tuple(map(int, VERSION.split(".")[:2])) <= (2, 14)
"""Whether the tests have run with the installed series of pydantic."""


def set_private_attributes(model: BaseModel, attributes: dict[str, Any]) -> None:
    """Set all attributes of a new model that are not fields. Pydantic's own way takes 2 us."""
    object.__setattr__(model, "__pydantic_private__", attributes)


def private_attribute(model: BaseModel, name: str) -> Any:
    """Return an attribute of a model that is not a field; None if it is not set. Pydantic's own way takes 2 us."""
    if not ARE_KNOWN:
        return getattr(model, name, None)
    private = model.__pydantic_private__
    return None if private is None else private.get(name)


def has_private_attributes_of(model_class: type[BaseModel], base: type[BaseModel]) -> bool:
    """Return whether a class declares the same attributes that are not fields as its base class."""
    return model_class.__private_attributes__ == base.__private_attributes__


def wrapped_hook(model_class: type[BaseModel]) -> object:
    """Return the hook that the `model_post_init` of a class wraps, to set attributes first; None if it is not known."""
    return getattr(model_class.model_post_init, "__wrapped__", None) if ARE_KNOWN else None


@lru_cache(maxsize=1024)
def has_sets(model_class: type[BaseModel]) -> bool:
    """Return whether a class may have a field with a set."""
    if not ARE_KNOWN:
        return True
    parts: list[Any] = [model_class.__pydantic_core_schema__]
    for part in parts:  # the loop adds to this list
        if isinstance(part, dict):
            if part.get("type") in ("set", "frozenset"):
                return True
            parts += [value for key, value in part.items() if key != "metadata"]
        elif isinstance(part, list | tuple):
            parts += part
    return False


def has_only_scalars(model_class: type[BaseModel]) -> bool:
    """Return whether it is known that the fields of a class are scalars, and that the class has no rules of its own."""
    if not ARE_KNOWN:
        return False
    schema: Any = model_class.__pydantic_core_schema__
    if schema["type"] != "model" or schema["schema"]["type"] != "model-fields" or "serialization" in schema:
        return False
    return not schema["custom_init"] and all(map(_is_scalar, schema["schema"]["fields"].values()))


_OF_PLAIN_FIELDS = {"type", "schema", "metadata", "frozen", "validation_alias", "serialization_alias"}
"""What the schema of a field may have. More keys, such as that of `exclude_if`, say what is not written."""


def _is_scalar(schema: Any) -> bool:
    """Return whether a field, or a part of its schema, accepts a scalar without constraints and functions."""
    match schema:
        case {"type": "model-field", "schema": inner}:
            return set(schema) <= _OF_PLAIN_FIELDS and _is_scalar(inner)
        case {"type": "default" | "nullable", "schema": inner}:
            return "serialization" not in schema and _is_scalar(inner)
        case {"type": "str" | "int" | "float" | "bool" | "none" | "date" | "datetime"}:
            return set(schema) <= {"type", "microseconds_precision"}
    return False


def lost_fields(model_class: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Yield each field whose values would not be written, with the reason.

    A field with its own serializer is not among them, because only the written text shows what the serializer loses.
    """
    if ARE_KNOWN:
        yield from _lost(model_class.__pydantic_core_schema__, "")


def _lost(schema: Any, place: str) -> Iterator[tuple[str, str]]:
    """Yield each field in a part of a schema whose values would not be written, with the reason."""
    if isinstance(schema, list | tuple):
        for part in schema:
            yield from _lost(part, place)
    elif isinstance(schema, dict) and "serialization" not in schema:
        if schema.get("type") == "dataclass-field":
            place = f"{place}.{schema['name']}".removeprefix(".")
        if schema.get("serialization_exclude"):
            yield place, "its value is left out when it is written (exclude=True)"
        for key, part in schema.items():
            if key == "fields" and isinstance(part, dict):
                for name, field in part.items():
                    yield from _lost(field, f"{place}.{name}".removeprefix("."))
            elif key != "metadata":
                yield from _lost(part, place)
    elif isinstance(schema, dict):
        function: Any = schema["serialization"].get("function")
        if getattr(function, "__module__", "") == "pydantic.types" and "secret" in function.__name__:
            yield place, "its value is masked when it is written (a secret)"
