"""The canonical form of a JSON schema: what it allows, without differences that only the version of pydantic makes.

Two versions of pydantic write different schemas for one class. Schemas are compared by their forms, so that an upgrade
of pydantic changes no kind and no agent's code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

IGNORED_KEYWORDS = frozenset(
    {"title", "description", "examples", "deprecated", "readOnly", "writeOnly", "discriminator", "$defs"}
)
"""Keywords that allow and refuse nothing."""
DECIMAL = "^(?!^[-+.]*$)"
"""The beginning of the patterns that some versions write for a decimal number in text."""
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}


def canonical_form(schema: Any) -> Any:
    """Return the form of a schema. Schemas with equal forms allow the same payloads.

    There is one exception: they may differ in whether objects inside the payload allow further fields.
    """
    root = json.loads(json.dumps(schema))
    return _CanonicalForm(root).of_object(root) if isinstance(root, dict) else root


class _CanonicalForm:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._definitions = root.get("$defs", {})
        self._numbers: dict[str, int] = {}
        """The number that replaces the name of each definition, in the order of their use."""
        self._found: dict[str, Any] = {}

    def of_object(self, root: Mapping[str, Any]) -> dict[str, Any]:
        """Return the form of the whole schema with the definitions that it uses."""
        form = self._schema(root)
        if root.get("additionalProperties") is False:
            form["additionalProperties"] = False
        return {**form, "$defs": self._found} if self._found else form

    def _schema(self, schema: Any) -> Any:
        if not isinstance(schema, dict):
            return schema
        # Sorted, so that definitions are numbered alike: a board stores the names in another order.
        form = {
            name: self._keyword(name, value) for name, value in sorted(schema.items()) if name not in IGNORED_KEYWORDS
        }
        if isinstance(form.get("additionalProperties"), bool):  # some versions of pydantic omit this value
            del form["additionalProperties"]
        if str(form.get("pattern", "")).startswith(DECIMAL):
            del form["pattern"]
        for name in ("anyOf", "oneOf", "allOf"):
            if len(form.get(name, ())) == 1:
                form |= form.pop(name)[0]
        return _with_values(form)

    def _keyword(self, name: str, value: Any) -> Any:
        if name == "properties":
            return {field: self._schema(part) for field, part in sorted(value.items())}
        if name == "$ref":
            return self._reference(value)
        if name == "required":
            return sorted(value)
        if name in ("anyOf", "oneOf", "allOf", "prefixItems"):
            parts = [self._schema(part) for part in value]
            if name == "prefixItems":
                return parts
            return [part for place, part in enumerate(parts) if part not in parts[:place]]
        return self._schema(value) if name in ("items", "additionalProperties", "contains", "not") else value

    def _reference(self, reference: str) -> str:
        name = reference.removeprefix("#/$defs/")
        if name not in self._definitions:
            return reference
        if name not in self._numbers:
            number = self._numbers[name] = len(self._numbers) + 1
            self._found[str(number)] = self._schema(self._definitions[name])
        return f"#/$defs/{self._numbers[name]}"


def _with_values(form: dict[str, Any]) -> dict[str, Any]:
    """Return a form where a list of allowed values is always an `enum`, with its type if the values share one."""
    values = [form.pop("const")] if "const" in form else form.get("enum")
    if values is None:
        return form
    types = {_TYPES.get(type(value)) for value in values}
    return {**form, "enum": values, **({"type": types.pop()} if len(types) == 1 and None not in types else {})}
