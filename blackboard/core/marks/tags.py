"""Tags: fields of a payload by which marks are found. Their values are compared exactly, and by their type.

A value is a text, a number, a boolean or a list of texts. It is stored as its comparison key, so that 1 equals 1.0, but
equals neither true nor "1". A list has the key of each of its texts.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from itertools import islice
from json.encoder import encode_basestring
from typing import Annotated, Any, NamedTuple

from pydantic import Field
from pydantic_core import PydanticSerializationError, to_jsonable_python

from blackboard.core.marks.json_comparison_keys import branches_of, comparison_key
from blackboard.core.marks.scopes import DIGEST, Group
from blackboard.errors import UnknownName, UsageError

TagValue = str | bool | int | Annotated[float, Field(allow_inf_nan=False)]
"""A value that a tag is compared with."""
ReadTagValue = str | bool | Decimal
"""A value of a tag that was read from a text."""
TagChoice = str | bool | float | Decimal | Collection[str | bool | float | Decimal]
"""The value that a tag must have. A collection means any of its values."""
Where = Mapping[str, TagChoice]
"""The values that tags must have, by name."""

MAX_KEY_BYTES = 500
"""The longest key that is stored as it is. An index of PostgreSQL takes no text of more than about 2,700 bytes."""

_TYPES = {"string": "text", "number": "number", "integer": "number", "boolean": "boolean", "array": "list"}
"""The types that a tag may have, in the words of JSON schemas."""
_NAMES_OF_TYPES = {"text": "a text", "number": "a number", "boolean": "true or false", "list": "a list of texts"}
_MAX_DIGITS = 400
"""A whole number with more digits is stored as text."""
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)


class TagFilter(NamedTuple):
    """A filter of the marks of one kind by their tags. For each tag it has the keys that pass."""

    schema: TagSchema
    keys: dict[str, frozenset[str]]

    @property
    def first(self) -> TagFilter:
        """The filter by its first tag alone."""
        return self._replace(keys=dict(islice(self.keys.items(), 1)))

    def matches(self, payload: Mapping[str, Any]) -> bool:
        """Return whether a mark with this payload passes."""
        return self.passes(self.schema.keys(payload))

    def passes(self, found: Mapping[str, frozenset[str]]) -> bool:
        """Return whether a mark whose tags have these keys passes."""
        return all(not keys.isdisjoint(found.get(name, ())) for name, keys in self.keys.items())


@dataclass(frozen=True)
class WhereClause:
    """The values that tags must have in a condition. Clauses of the same meaning are equal and have one text."""

    literals: tuple[tuple[str, tuple[str, ...]], ...]
    """For each tag, in the order of their names, the texts of its values. A mark must have one of them."""

    @classmethod
    def of(cls, where: Where) -> WhereClause:
        """Return the clause for the values that tags must have.

        Raises:
            UsageError: A value cannot be the value of a tag, or a tag has no value.
        """
        literals = []
        for name, value in sorted(where.items()):
            texts = sorted({_literal(name, item) for item in _values_of(name, value)})
            if not texts:
                raise UsageError(f"{name!r} needs a value; marks without the tag cannot be selected")
            literals.append((name, tuple(texts)))
        return cls(tuple(literals))

    @cached_property
    def values(self) -> dict[str, tuple[str | bool | Decimal, ...]]:
        """The values that each tag may have."""
        return {name: tuple(map(_value_of, texts)) for name, texts in self.literals}

    def __str__(self) -> str:
        values = {name: texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]" for name, texts in self.literals}
        return "{" + ", ".join(f"{_quoted(name)}: {text}" for name, text in values.items()) + "}"


@dataclass(frozen=True, eq=False)
class Tags:
    """The tags of a mark. They are read from its payload when a filter first asks for them."""

    schema: TagSchema
    """The tags of its kind."""
    payload: str
    """Its payload, a JSON text."""

    @cached_property
    def keys(self) -> dict[str, frozenset[str]]:
        """The keys of its tags, by name."""
        return self.schema.keys(json.loads(self.payload))

    def group(self, name: str) -> Group | None:
        """Return the group of the mark by one of its tags; None unless the mark has exactly one value of this tag."""
        return Group.of(name, self.keys)

    def match(self, where: WhereClause) -> bool:
        """Return whether the mark has these values."""
        return self.schema.filter_of(where).passes(self.keys)


@dataclass(frozen=True)
class TagSchema:
    """The tags of a kind."""

    kind: str
    """The name of the kind."""
    names: tuple[str, ...]
    """The fields of the payload that are tags."""
    schema: Mapping[str, Any] | None = None
    """The JSON schema of the payload; None if any field may have any value."""

    _filters: dict[WhereClause, TagFilter] = field(default_factory=dict, init=False, repr=False, compare=False)

    def problems(self) -> Iterator[str]:
        """Yield why fields cannot be tags."""
        if len(set(self.names)) < len(self.names):
            yield "tags names a field twice"
        for name in self.names if self.schema is not None else ():
            fields = self.schema.get("properties", {}) if self.schema else {}
            if name not in fields:
                yield str(UnknownName("field", name, fields, f"tags: the payload has no field {name!r}"))
            elif not self._types(name):
                yield f"tags: {name!r} must be a text, a number, a boolean or a list of texts to be a tag"

    def keys(self, payload: Mapping[str, Any]) -> dict[str, frozenset[str]]:
        """Return the keys of the tags that a payload has, by name."""
        found = {}
        for name in self.names:
            value = payload.get(name)
            if isinstance(value, str | int | float):  # a boolean is an int
                found[name] = frozenset((self._key(name, value),))
            elif isinstance(value, list) and (texts := [item for item in value if isinstance(item, str)]):
                found[name] = frozenset(self._key(name, text) for text in texts)
        return found

    @property
    def may_have_lists(self) -> bool:
        """Whether a tag may have a list although no schema says so."""
        return self.schema is None

    def group_problem(self, name: str) -> str | None:
        """Return why a tag cannot define groups; None if it can."""
        if name not in self.names:
            return str(UnknownName("tag", name, self.names, f"there is no tag {name!r} of kind {self.kind!r}"))
        if self.schema is not None and "list" in self._types(name):
            return f"the tag {name!r} of kind {self.kind!r} may be a list; a group needs a tag with one value"
        return None

    def filter(self, where: Where) -> TagFilter:
        """Return the filter for the values that tags must have.

        Raises:
            UnknownName: The kind has no such tag.
            UsageError: A value cannot be stored as a tag.
        """
        return TagFilter(self, {name: frozenset(self._keys_of(name, value)) for name, value in where.items()})

    def filter_of(self, where: WhereClause) -> TagFilter:
        """Return the filter of a clause; each is made once. A tag that the kind does not have matches nothing."""
        found = self._filters.get(where)
        if found is None:
            known = {
                name: frozenset(self._keys_of(name, where.values[name])) for name in where.values if name in self.names
            }
            found = self._filters[where] = TagFilter(
                self, {name: known.get(name, frozenset()) for name in where.values}
            )
        return found

    def mistakes_in(self, where: WhereClause) -> Iterator[str]:
        """Yield why marks of the kind can never have these values: an unknown tag, or a value of another type."""
        for name, values in where.values.items():
            if name not in self.names:
                yield str(UnknownName("tag", name, self.names, f"there is no tag {name!r} of kind {self.kind!r}"))
            else:
                yield from self._mistakes_in_values(name, zip(values, dict(where.literals)[name], strict=True))

    def _mistakes_in_values(self, name: str, values: Iterable[tuple[object, str]]) -> Iterator[str]:
        """Yield which values, given with their texts in the condition, a tag of the kind can never have."""
        types = set(_TYPES.values()) if self.schema is None else self._types(name)
        expected = " or ".join(_NAMES_OF_TYPES[type_] for type_ in sorted(types))
        for value, literal in values:
            given = "text" if isinstance(value, str) else "boolean" if isinstance(value, bool) else "number"
            if given not in types and not (given == "text" and "list" in types):
                found = _NAMES_OF_TYPES[given]
                yield f"the tag {name!r} of kind {self.kind!r} is {expected}, and {literal} is {found}"

    def read(self, name: str, text: str) -> list[ReadTagValue]:
        """Return the values that a text may stand for, by the types that the tag can have.

        Raises:
            UnknownName: The kind has no such tag.
            UsageError: The tag can have no such value.
        """
        self._require(name)
        types = set(_TYPES.values()) if self.schema is None else self._types(name)
        values: list[ReadTagValue] = [text] if types & {"text", "list"} else []
        if "number" in types and _NUMBER.fullmatch(text):
            values.append(Decimal(text))
        if "boolean" in types and text.lower() in ("true", "false"):
            values.append(text.lower() == "true")
        if not values:
            expected = " or ".join(
                {"number": "a number", "boolean": "true or false"}[type_] for type_ in sorted(types, reverse=True)
            )
            raise UsageError(f"{name}={text} of kind {self.kind!r}: expected {expected}")
        return values

    def _require(self, name: str) -> None:
        if name not in self.names:
            raise UnknownName("tag", name, self.names, f"there is no tag {name!r} of kind {self.kind!r}")

    def _keys_of(self, name: str, value: Any) -> Iterator[str]:
        self._require(name)
        for item in _values_of(name, value):
            if is_text(key := self._key(name, item)):
                yield key

    def _key(self, name: str, value: Any) -> str:
        schema = self._schemas[name]
        if schema is None and isinstance(value, str):
            key = encode_basestring(value)  # the result of `comparison_key`, at a fraction of the cost
        else:
            key = comparison_key(value, schema, self.schema or {})
        if len(key) * 4 > MAX_KEY_BYTES and len(key.encode(errors="surrogatepass")) > MAX_KEY_BYTES:
            return f"{DIGEST}{hashlib.sha256(key.encode(errors='surrogatepass')).hexdigest()}"
        return key

    @cached_property
    def _schemas(self) -> dict[str, dict[str, Any] | None]:
        """The schema of the values of each tag and of the items of its lists; None if no text is a number or a time."""
        root = self.schema or {}
        fields = root.get("properties", {})
        schemas = {
            name: {"anyOf": [fields[name], *_items(fields[name], root)] if name in fields else []}
            for name in self.names
        }
        return {
            name: schema if any("format" in branch for branch in branches_of(schema, root)) else None
            for name, schema in schemas.items()
        }

    def _types(self, name: str) -> set[str]:
        """Return the types that a tag can have; none if the field cannot be a tag."""
        root = self.schema or {}
        schema = root.get("properties", {}).get(name)
        types = _types_of(schema, root)
        if "list" in types and any(_types_of(item, root) != {"text"} for item in _items(schema, root)):
            return set()
        return types


def as_data(where: Where) -> dict[str, TagValue | tuple[TagValue, ...]]:
    """Return the values that tags must have, in a form that JSON can represent.

    Raises:
        UsageError: A value cannot be stored as a tag.
    """
    found = {name: tuple(map(_as_json, _values_of(name, value))) for name, value in where.items()}
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _literal(name: str, value: TagValue | Decimal) -> str:
    """Return the text of a value, which is also valid in Python.

    Raises:
        UsageError: No stored payload has such a value.
    """
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        if not is_text(value):
            raise UsageError(f"{name}: {value!r} is not valid text")
        return _quoted(value)
    if math.isinf(float(value)) or math.isnan(value):
        raise UsageError(f"{name}: a tag is compared with a finite number, not {value}")
    return comparison_key(value, None, {})


def _value_of(literal: str) -> str | bool | Decimal:
    if literal in ("True", "False"):
        return literal == "True"
    return json.loads(literal) if literal.startswith('"') else Decimal(literal)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _as_json(value: TagValue | Decimal) -> TagValue:
    if not isinstance(value, Decimal):
        return value
    if value == value.to_integral_value() and value.adjusted() < _MAX_DIGITS:
        return int(value)
    number = float(value)
    return number if Decimal(repr(number)) == value else str(value)  # the schema of a decimal field reads the text


def _values_of(name: str, value: Any) -> Iterator[TagValue | Decimal]:
    """Yield the values that a tag may have, without None: an absent tag matches nothing.

    Raises:
        UsageError: A value cannot be stored as a tag.
    """
    for item in value if isinstance(value, list | tuple | set | frozenset) else [value]:
        try:
            plain = item if isinstance(item, Decimal) else to_jsonable_python(item)
        except PydanticSerializationError:
            plain = item
        if isinstance(plain, str | int | float | Decimal):
            yield plain
        elif plain is not None:
            raise UsageError(
                f"{name}: a tag is compared with a text, a number, a boolean or a list of these, not {item!r}"
            )


def _types_of(schema: Any, root: Mapping[str, Any]) -> set[str]:
    """Return the types that a schema allows, without null; none if it also allows a type that no tag can have."""
    types: set[str] = set()
    for branch in branches_of(schema, root):
        for name in _names_of_types(branch):
            if name not in _TYPES and name != "null":
                return set()
            types |= {_TYPES[name]} if name in _TYPES else set()
        if not any(word in branch for word in ("type", "enum", "const", "$ref", "anyOf", "oneOf", "allOf")):
            return set()  # the schema allows anything
        if branch.get("type") == "array" and not list(_items(branch, root)):
            return set()
    return types


def _names_of_types(branch: Mapping[str, Any]) -> Iterable[str]:
    if "type" in branch:
        named = branch["type"]
        return [named] if isinstance(named, str) else named
    values = branch.get("enum", [branch["const"]] if "const" in branch else [])
    names = {bool: "boolean", int: "number", float: "number", str: "string", type(None): "null"}
    return [names.get(type(value), "object") for value in values]


def _items(schema: Any, root: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the schemas of the items of the lists that a schema allows."""
    for branch in branches_of(schema, root):
        yield from branch.get("prefixItems", ())
        if isinstance(branch.get("items"), Mapping):
            yield branch["items"]


def is_text(text: str) -> bool:
    """Return whether a text has no half of a surrogate pair. No stored payload has one."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
