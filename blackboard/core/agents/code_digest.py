"""The digest of an agent's code, which tells two versions of a module apart.

It covers what the code implements: the names of the watches and their kinds, the reads, the writes, the withdrawals,
the forms of the payload schemas, and the text of the function without comments. It does not cover settings that a
deployment file may change, such as thresholds, weights, laws, budgets and batch sizes. It does not cover the functions
that the agent's function calls either; for them, the declaration names a version.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import io
import json
import textwrap
import tokenize
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from blackboard.core.marks.canonical_json_schema import canonical_form

DIGEST_CHARACTERS = 16
"""Hexadecimal digits of a digest."""


def digest(
    function: Callable[..., Any],
    *,
    watches: Mapping[str, Iterable[str]],
    reads: Iterable[tuple[str, bool | str]],
    writes: Iterable[str],
    withdraws: Iterable[str],
    schemas: Mapping[str, Any],
    version: str | None,
) -> str:
    """Return the digest of an agent's code.

    Args:
        function: The agent's function.
        watches: The kinds of each watch, by its name.
        reads: Each kind that it also reads, with True if only marks of the same subject are read, or with the field
            whose text is searched for.
        writes: The kinds that it may deposit.
        withdraws: The kinds whose marks it may withdraw although other authors deposited them.
        schemas: The payload schemas of its mark classes, by kind.
        version: The version in its declaration; None if it names none.
    """
    content = {
        "watches": {name: sorted(set(kinds)) for name, kinds in watches.items()},
        "reads": sorted(set(reads)),
        "writes": sorted(set(writes)),
        "withdraws": sorted(set(withdraws)),
        "schemas": {kind: canonical_form(schema) for kind, schema in schemas.items()},
        "source": source_of(function),
        "version": version,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:DIGEST_CHARACTERS]


def source_of(function: Callable[..., Any]) -> str | None:
    """Return the text of a function without comments, blank lines and its `@agent(...)`; None if there is no source."""
    try:
        text = textwrap.dedent(inspect.getsource(function))
        nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, _FUNCTIONS)]
    except (OSError, TypeError, SyntaxError):
        return None
    if not nodes:
        return None
    first = nodes[0]  # ast.walk is breadth first, so this is the outermost node
    if isinstance(first, ast.Lambda):
        # Only the text of the lambda, because the line around it may hold thresholds. If the line has several lambdas,
        # it is not known which of them is the agent's.
        only = ast.get_source_segment(text, first) if len(nodes) == 1 else None
        return None if only is None else _without_comments(f"({only})")
    decorators = [
        f"@{ast.get_source_segment(text, decorator)}" for decorator in first.decorator_list if not _declares(decorator)
    ]
    body = text.splitlines()[first.lineno - 1 : first.end_lineno]
    return _without_comments("\n".join([*decorators, *body]))


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def _declares(decorator: ast.expr) -> bool:
    """Return whether a decorator is the declaration of an agent."""
    return isinstance(decorator, ast.Call) and any(keyword.arg == "watches" for keyword in decorator.keywords)


def _without_comments(text: str) -> str:
    """Return source text without its comments. The rest stays, so that all versions of Python return the same text."""
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    return "\n".join(stripped for line in lines if (stripped := line.rstrip()))
