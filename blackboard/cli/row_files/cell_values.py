"""The values of cells: conversion of text in a file to the number, word or list of a field."""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Mapping
from typing import Any

_TRUTH = {
    **dict.fromkeys(("wahr", "ja", "vrai", "oui", "verdadero", "sí", "vero", "sì", "waar", "verdadeiro", "sim"), True),
    **dict.fromkeys(("falsch", "nein", "faux", "non", "falso", "onwaar", "nee", "não"), False),
}
"""The words for true and false in spreadsheets and forms of western languages. Pydantic knows the English words.
"""
_COMMA_NUMBER = re.compile(r"[+-]?(?P<whole>\d+|\d{1,3}(?:[.'\u00a0\u202f ]\d{3})+),(?P<part>\d+)")
_CURRENCY = re.compile(r"^[$£¥\u20a0-\u20cf]\s*(?=[-+\d])|(?<=\d)\s*[$£¥\u20a0-\u20cf]$")
_MINUS_AT_END = re.compile(r"^(\d[\d.,'\u00a0\u202f ]{0,40})-$")
"""The pattern of numbers below zero in files of SAP."""
_POINT_NUMBER = re.compile(r"[+-]?\d{1,3}(?:[,'\u00a0\u202f ]\d{3})+\.\d+")


def json_types(part: Any, root: Mapping[str, Any], depth: int = 0) -> frozenset[str]:
    """Return the JSON types that a part of a schema takes; empty if it may take any."""
    if not isinstance(part, Mapping) or depth > 20:
        return frozenset()
    if isinstance(reference := part.get("$ref"), str):
        target: Any = root
        for name in reference.removeprefix("#/").split("/"):
            target = target.get(name) if isinstance(target, Mapping) else None
        return json_types(target, root, depth + 1)
    stated = part.get("type", ())
    types = {stated} if isinstance(stated, str) else set(stated)
    for choice in (*part.get("anyOf", ()), *part.get("oneOf", ()), *part.get("allOf", ())):
        types |= json_types(choice, root, depth + 1)
    return frozenset(types)


def converted_cell(value: Any, types: frozenset[str], *, decimal_comma: bool) -> Any:
    """Return a value as the type of its field.

    A number in a text field becomes text. A decimal comma becomes a point, a spreadsheet's word for true or false a
    boolean, and a single value for a list field a list of one value.
    """
    takes_number = bool(types & {"number", "integer"})
    if isinstance(value, str) and "string" not in types:
        if takes_number:
            return with_decimal_point(value.strip(), decimal_comma=decimal_comma)
        if "boolean" in types:
            return _TRUTH.get(value.strip().casefold(), value)
        if takes_only_lists(types):
            return _list(value)
    if isinstance(value, int | float) and math.isfinite(value) and "string" in types and not takes_number:
        return value if isinstance(value, bool) and "boolean" in types else json.dumps(value)
    return value


def takes_only_lists(types: frozenset[str]) -> bool:
    """Return whether a field takes a list and takes no text."""
    return "array" in types and "string" not in types


def _list(text: str) -> list[Any]:
    """Return a list from a cell: the array, if the cell is a JSON array, otherwise its text as the only item."""
    if text.lstrip().startswith("["):
        with contextlib.suppress(ValueError, RecursionError):
            return list(json.loads(text))
    return [text]


def with_decimal_point(text: str, *, decimal_comma: bool) -> str:
    """Return a number with a decimal point and without separators of thousands. Any other text stays unchanged.

    `0,8` and `1.234,5` have one meaning, and `1,234` has two. In a file whose columns are separated by semicolons, the
    comma of `1,234` is a decimal comma. In any other file, `1,234` stays unchanged.
    """
    text = _MINUS_AT_END.sub(r"-\1", _CURRENCY.sub("", text))
    if _POINT_NUMBER.fullmatch(text):
        return re.sub(r"[^\d.+-]", "", text)
    if (match := _COMMA_NUMBER.fullmatch(text)) is None:
        return text
    whole, part = match["whole"], match["part"]
    is_ambiguous = whole.isdigit() and len(whole) <= 3 and not whole.startswith("0") and len(part) == 3
    if is_ambiguous and not decimal_comma:
        return text
    return re.sub(r"[^\d,+-]", "", text).replace(",", ".")


def is_blank(value: Any) -> bool:
    """Return whether a cell has no value."""
    return value is None or (isinstance(value, str) and not value.strip())


def text_of(value: Any) -> str:
    """Return the text of a single value; empty if there is none."""
    return "" if value is None or isinstance(value, bool | list | dict) else str(value).strip()
